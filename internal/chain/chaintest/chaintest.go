// Package chaintest gives tests a chain: a real geth of the version that the service is built with, and the contracts
// that the service talks to, written for this purpose and compiled here.
//
// The contracts have the selectors, views, events, errors and order of checks of TangleMigration and of SP1's gateway
// and verifiers; their storage and the rest of their insides are their own. Everything may be used from many
// goroutines. What a test needs and does not find (geth, solc) fails it and says how to get it: no test is skipped.
package chaintest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"
)

// root is the folder of go.mod, above whichever package's tests run.
var root = sync.OnceValues(func() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the project: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("finding the project: no go.mod above %s", dir)
		}
		dir = filepath.Dir(dir)
	}
})

var required = regexp.MustCompile(`(?m)^\s*github\.com/ethereum/go-ethereum v(\S+)`)

// gethVersion is that of go-ethereum in go.mod.
func gethVersion(dir string) (string, error) {
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return "", fmt.Errorf("reading which geth is needed: %w", err)
	}
	version := required.FindSubmatch(mod)
	if version == nil {
		return "", fmt.Errorf("go.mod names no go-ethereum")
	}
	return string(version[1]), nil
}

// built is where scripts/geth.sh has put a program, by its name and the version of go-ethereum.
func built(format string, args ...any) (string, error) {
	dir, err := root()
	if err != nil {
		return "", err
	}
	version, err := gethVersion(dir)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "bin", fmt.Sprintf(format, append([]any{version}, args...)...))
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s is not there: run make test, or scripts/geth.sh", path)
	}
	return path, nil
}
