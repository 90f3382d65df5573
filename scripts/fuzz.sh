#!/bin/sh
# Fuzzes every target of every package for the given time each.
set -eu
cd "$(dirname "$0")/.."

for file in $(git grep -l '^func Fuzz' -- '*_test.go'); do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/p' "$file"); do
		echo "== $(dirname "$file") $target"
		go test -run '^$' -fuzz "^$target\$" -fuzzminimizetime 1x -fuzztime "${1:-30s}" "./$(dirname "$file")"
	done
done
