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
# One after another: each crowd is to be alone with the program.
SIEGE=1 go test -race -count=1 -timeout=60m -parallel=1 -v \
	-run '^(TestSlowHTTPTest|TestIdleConnectionsAreLetGo|TestPeersThatNeverAnswerDelayNoDrain|TestSubscribersThatNeverRead|TestWhatAVisitorUsedComesBack|TestHostileHTTP|TestTheWallClockJumps)$' \
	./internal/e2e | grep -E '^(ok|FAIL|panic)|^ *--- (FAIL|SKIP)|^--- PASS|_test.go:'
