#!/bin/sh
# Builds the geth that tests start, of the go-ethereum version in go.mod, and the simulated chain of the same into bin/;
# says where geth is. When they are there already this takes no time; the first build takes some minutes. Their modules
# are in geth.mod, not among the service's.
set -eu
cd "$(dirname "$0")/.."

version=$(sed -n 's/^[[:space:]]*github.com\/ethereum\/go-ethereum v\([^ ]*\).*/\1/p' go.mod)
geth=bin/geth-$version
source=internal/chain/chaintest/simulated/main.go
simulated=bin/simulated-$version-$(sha256sum "$source" | cut -c1-8)

build() { # FILE PACKAGE; whole or not at all, also when two build at once
	if ! grep -q "github.com/ethereum/go-ethereum v$version\$" geth.mod; then
		echo "geth.mod is not at v$version, as go.mod is: go get -modfile=geth.mod github.com/ethereum/go-ethereum@v$version" >&2
		exit 1
	fi
	mkdir -p bin
	go build -modfile=geth.mod -ldflags='-s -w' -o "$1.$$" "$2"
	mv "$1.$$" "$1"
}
[ -x "$geth" ] || build "$geth" github.com/ethereum/go-ethereum/cmd/geth
[ -x "$simulated" ] || build "$simulated" "./$source"
echo "$geth"
