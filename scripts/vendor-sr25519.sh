#!/bin/sh
# Makes web/example/page/vendor/sr25519.js anew: what the example's development keys need of npm @scure/sr25519, with
# what that depends on, in one module that runs as it is served. The versions are fixed, so the bytes are too; a test
# holds their hash. The test itself needs none of this.
set -eu
cd "$(dirname "$0")/.."
to=$PWD/web/example/page/vendor
sr25519=2.3.0 curves=2.3.0 hashes=2.3.0 esbuild=0.28.2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private":true}' >package.json
npm install --silent --save-exact "@scure/sr25519@$sr25519" "@noble/curves@$curves" "@noble/hashes@$hashes" "esbuild@$esbuild"
echo 'export { getPublicKey, secretFromSeed, sign } from "@scure/sr25519"' >entry.js
npx esbuild entry.js --bundle --minify --format=esm --target=es2022 --legal-comments=none --log-level=error \
	--banner:js="/*! @scure/sr25519 $sr25519 with @noble/curves $curves and @noble/hashes $hashes; MIT, (c) Paul Miller: see LICENSE. Made by scripts/vendor-sr25519.sh with esbuild $esbuild. */" \
	--outfile="$to/sr25519.js"
{
	for package in @scure/sr25519 @noble/curves @noble/hashes; do
		printf '%s\n\n' "$package"
		cat "node_modules/$package/LICENSE"
		printf '\n\n'
	done
} >"$to/LICENSE"
cd "$to"
sha256sum sr25519.js >sr25519.js.sha256
