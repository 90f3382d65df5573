#!/bin/sh
# Makes the Go code of the .proto files and writes down what of, in generated.sum. It needs protoc (Debian's
# protobuf-compiler); the plugin's version is that of tools.mod. Run it by go generate.
set -eu
cd "$(dirname "$0")"
plugin=$(mktemp -d)
trap 'rm -r "$plugin"' EXIT
printf '#!/bin/sh\nexec go tool -modfile="%s/tools.mod" protoc-gen-go "$@"\n' "$(go list -m -f '{{.Dir}}')" >"$plugin/protoc-gen-go"
chmod +x "$plugin/protoc-gen-go"
PATH="$plugin:$PATH" protoc --go_out=. --go_opt=paths=source_relative common/common.proto auction/auction.proto base/base.proto
sha256sum */*.proto */*.pb.go >generated.sum
