#!/bin/sh
# Lays siege to the built program: a thousand hostile connections of each kind at once, ten thousand that come and go, a
# hundred races for three tokens, and a wall clock that jumps. BENCHMARKS.md has what came of it.
set -eu
cd "$(dirname "$0")/.."

if ! command -v slowhttptest >/dev/null; then
	echo "installing slowhttptest"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slowhttptest >/dev/null
fi
go test -race -count=100 -timeout=60m -run '^TestTwoHundredAtOnce$' ./server
crowds() {
	SIEGE=1 go test -race -count=1 -timeout=60m -v "$@" ./internal/e2e >"$log" 2>&1 || failed=1
	grep -E '^(ok|FAIL|panic)|^ *--- (FAIL|SKIP)|^--- PASS|_test.go:' "$log"
}
log=$(mktemp) failed=
trap 'rm -f "$log"' EXIT
# One after another: each crowd is to be alone with the program. The last ones come all at once.
crowds -parallel=1 -run '^(TestSlowHTTPTest|TestIdleConnectionsAreLetGo|TestPeersThatNeverAnswerDelayNoDrain|TestSubscribersThatNeverRead|TestWhatAVisitorUsedComesBack|TestTheWallClockJumps)$'
crowds -parallel=32 -run '^TestHostileHTTP$'
[ -z "$failed" ]
