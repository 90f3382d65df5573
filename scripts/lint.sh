#!/bin/sh
# Formatting, vet, staticcheck at the version in tools.mod, and the browser client's types.
set -eu
cd "$(dirname "$0")/.."

unformatted=$(gofmt -l $(git ls-files '*.go'))
if [ -n "$unformatted" ]; then
	echo "gofmt would change:" $unformatted >&2
	exit 1
fi
go vet ./...
go tool -modfile=tools.mod staticcheck ./...
npx tsc -p web/tsconfig.json
