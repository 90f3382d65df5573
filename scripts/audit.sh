#!/bin/sh
# Holds what the program and its tests are made of against what is written down: modules, tools, npm packages, vendored
# scripts, the image's base. Everything but the last step works without a network once the modules are there.
set -eu
cd "$(dirname "$0")/.."

fail() {
	echo "audit: $*" >&2
	exit 1
}

for modfile in go.mod tools.mod geth.mod; do
	grep -nE '^(replace|exclude)|^\s+.*=>' $modfile && fail "$modfile replaces or leaves out a module"
	grep -E '^toolchain' $modfile && fail "$modfile names a toolchain of its own"
	go mod verify -modfile=$modfile >/dev/null || fail "a module of $modfile is not what $(basename $modfile .mod).sum says"
done
go list -mod=readonly -deps -test ./... >/dev/null || fail "go.mod does not name all that is imported"
go mod tidy -diff >/dev/null || fail "go.mod or go.sum is not as 'go mod tidy' makes it"
echo "modules   are what the sum files say; none is replaced"

grep -nE '@latest|@main|@master|curl .*\| *(ba)?sh' Makefile Dockerfile scripts/*.sh | grep -v '^scripts/audit.sh' && fail "a tool without a version"
grep -nE '^FROM ' Dockerfile | grep -vE 'FROM (scratch|[a-z./-]+:[0-9]+\.[0-9]+\.[0-9]+-[a-z]+( AS [a-z]+)?$|[^ ]+@sha256:[0-9a-f]{64})' && fail "a base of the image is a moving tag"
echo "tools     have versions, and so has the image's base"

node --input-type=module <<'JS' || fail "npm packages are not pinned"
import fs from "node:fs"
const wanted = JSON.parse(fs.readFileSync("package.json")), locked = JSON.parse(fs.readFileSync("package-lock.json")).packages
const wrong = []
for (const [name, version] of Object.entries({...wanted.dependencies, ...wanted.devDependencies}))
  if (!/^\d+\.\d+\.\d+$/.test(version)) wrong.push(`package.json: ${name} ${version} is not one version`)
for (const [path, one] of Object.entries(locked))
  if (path && !one.link && !/^sha512-[A-Za-z0-9+/]{86}==$/.test(one.integrity ?? "")) wrong.push(`package-lock.json: ${path} has no hash`)
for (const line of wrong) console.error(line)
process.exit(wrong.length ? 1 : 0)
JS
echo "npm       packages have one version and a hash each"

for folder in $(git ls-files | sed -n 's,\(.*/vendor\)/.*,\1,p' | sort -u); do
	[ -s "$folder/LICENSE" ] || fail "$folder has no LICENSE"
	for script in "$folder"/*.js; do
		[ -s "$script.sha256" ] || fail "$script has no hash"
		(cd "$folder" && sha256sum --check --quiet "$(basename "$script").sha256") || fail "$script is not what its hash says"
		head -c 400 "$script" | grep -qE '[0-9]+\.[0-9]+\.[0-9]+' || fail "$script does not say which version it is"
	done
done
[ -z "$(git ls-files 'web/static/*.min.js')" ] || fail "a minified script of somebody else stands outside of a vendor folder"
echo "vendored  scripts have version, licence and hash"

# Its database of known vulnerabilities is on the internet; without it nothing is known of them.
if command -v govulncheck >/dev/null; then
	govulncheck ./... || fail "govulncheck found something, or could not ask"
else
	echo "govulncheck is not installed: whether a module has a known vulnerability was not asked"
fi
