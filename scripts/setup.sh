#!/bin/sh
# Installs what the tests need: Chromium from Debian, npm packages at their pinned versions, and geth. When all of it is
# there this takes a second.
set -eu
cd "$(dirname "$0")/.."

if ! command -v chromium >/dev/null; then
	echo "installing Chromium"
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi
stamp=node_modules/.claimprover-installed
if [ ! -e "$stamp" ] || [ package-lock.json -nt "$stamp" ]; then
	echo "installing npm packages"
	npm ci --silent
	touch "$stamp"
fi
scripts/geth.sh >/dev/null
