#!/bin/sh
# Runs the browser side's own tests: the client under node, its types, and the page in Chromium.
set -eu
cd "$(dirname "$0")/.."

npx tsc -p web/tsconfig.json
node --test web/client/*.test.js web/unit/*.test.js
node --test --test-concurrency=1 web/e2e/*.test.js
