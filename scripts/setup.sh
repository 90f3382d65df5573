#!/bin/sh
# Installs what the tests need: Chromium, nginx and Caddy from Debian, npm packages at their pinned versions, and geth.
# When all of it is there this takes a second.
set -eu
cd "$(dirname "$0")/.."

missing=
for program in chromium nginx caddy openssl; do
	command -v "$program" >/dev/null || missing="$missing $program"
done
if [ -n "$missing" ]; then
	echo "installing$missing"
	apt-get update -qq
	# shellcheck disable=SC2086 # each is a package of its own
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
stamp=node_modules/.claimprover-installed
if [ ! -e "$stamp" ] || [ package-lock.json -nt "$stamp" ]; then
	echo "installing npm packages"
	npm ci --silent
	touch "$stamp"
fi
scripts/geth.sh >/dev/null
