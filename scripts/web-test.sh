#!/bin/sh
# Runs the browser side's own tests: the client under node, its types, and the page in Chromium.
set -eu
cd "$(dirname "$0")/.."

npx tsc -p web/tsconfig.json
go build -o tmp/claimprover .
go build -o tmp/example ./web/example
export CLAIMPROVER="$PWD/tmp/claimprover" EXAMPLE="$PWD/tmp/example"

# Proxies that are silent for a minute, networks that are cut: who only waits does so together. The others want the processor.
waiting="web/e2e/proxies.test.js web/e2e/network.test.js web/e2e/hidden.test.js"
busy=
for file in web/e2e/*.test.js; do
	case " $waiting " in *" $file "*) ;; *) busy="$busy $file" ;; esac
done
# shellcheck disable=SC2086 # lists of files
node --test --test-timeout=600000 --test-concurrency=4 $waiting web/client/*.test.js web/unit/*.test.js
# shellcheck disable=SC2086
node --test --test-timeout=600000 --test-concurrency=1 $busy
