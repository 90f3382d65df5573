#!/bin/sh
# Builds the geth that tests start, of the go-ethereum version in go.mod, into bin/; says where it is. When it is there
# already this takes no time; the first build takes some minutes. Its modules are in geth.mod, not among the service's.
set -eu
cd "$(dirname "$0")/.."

version=$(sed -n 's/^[[:space:]]*github.com\/ethereum\/go-ethereum v\([^ ]*\).*/\1/p' go.mod)
geth=bin/geth-$version
if [ ! -x "$geth" ]; then
	if ! grep -q "github.com/ethereum/go-ethereum v$version\$" geth.mod; then
		echo "geth.mod is not at v$version, as go.mod is: go get -modfile=geth.mod github.com/ethereum/go-ethereum@v$version" >&2
		exit 1
	fi
	mkdir -p bin
	go build -modfile=geth.mod -ldflags='-s -w' -o "$geth.$$" github.com/ethereum/go-ethereum/cmd/geth
	mv "$geth.$$" "$geth" # whole or not at all, also when two build at once
fi
echo "$geth"
