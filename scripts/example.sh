#!/bin/sh
# Runs the example dApp until Ctrl-C, on a service of its own: mock prover, nothing kept, a list on which the development
# keys stand. ELIGIBILITY_FILE= takes any account, EXAMPLE_PORT and MOCK_DELAY are as you like. Settings of a real
# service that lie around in the environment do not reach it.
set -eu
cd "$(dirname "$0")/.."

claimprover=${CLAIMPROVER:-bin/claimprover} example=${EXAMPLE:-bin/example} # the programs
made=$("$claimprover" keygen example --quiet)
key=${made%%
*}
log=$(mktemp) service= page=
end() {
	kill $service $page 2>/dev/null || true
	wait
	rm -f "$log"
}
trap end EXIT
trap 'exit 0' INT TERM
env -i PATH="$PATH" HOME="${HOME:-/}" LOG_FORMAT=json PORT=0 ADMIN_ADDR=127.0.0.1:0 SP1_PROVER=mock ALLOW_MOCK=true \
	MOCK_DELAY="${MOCK_DELAY:-8s}" API_KEYS="${made##*
}" CORS_ALLOWED_ORIGINS="*" RATE_LIMIT_MAX_REQUESTS=100 IP_RATE_LIMIT_MAX_REQUESTS=100 SHUTDOWN_TIMEOUT_SECONDS=1 \
	CLAIM_CONTRACT_ADDRESS=0x25e02490ff74668543f167aab838c835ed202db7 CHAIN_ID=84532 \
	ELIGIBILITY_FILE="${ELIGIBILITY_FILE-web/example/list.json}" "$claimprover" serve 2>"$log" &
service=$!

port=
until [ -n "$port" ]; do
	kill -0 "$service" 2>/dev/null || { cat "$log" >&2; exit 1; }
	sleep 0.1
	port=$(sed -n 's/.*"msg":"serving".*"address":"[^"]*:\([0-9]*\)".*/\1/p' "$log")
done
echo "The service is at http://127.0.0.1:$port; its proofs are for trying out, not valid on chain. Ctrl-C ends both."
EXAMPLE_PORT="${EXAMPLE_PORT:-8090}" CLAIMPROVER_URL="http://127.0.0.1:$port" CLAIMPROVER_API_KEY="$key" "$example" &
page=$!
wait "$page"
