package command

import (
	"os"
	"slices"
	"strings"
)

// mark is the environment variable by which everything that a program starts can be found again.
const mark = "CLAIMPROVER_RUN"

// passed are the variables that a program gets, if they are set. None of them holds a secret of ours, and a new setting
// of ours is not passed on by being forgotten here.
var passed = []string{
	"PATH", "HOME", "USER", "TMPDIR", "TZ", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
}

// passedPrefixes are those of SP1's, Rust's and CUDA's tunables; SP1_PROGRAM_VKEY goes with them.
var passedPrefixes = []string{"SP1_", "RUST_", "RAYON_", "CUDA_", "NVIDIA_"}

// kept are names that the prefixes would let through: our own setting, which the SDK would take for its own, and the
// key of the SDK's older network client.
var kept = []string{"SP1_PROVER", "SP1_PRIVATE_KEY"}

// environment is what a program gets of ours, and its mark.
func environment(run string) []string {
	env := []string{mark + "=" + run}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if allowed(name) {
			env = append(env, entry)
		}
	}
	return env
}

func allowed(name string) bool {
	if slices.Contains(passed, name) {
		return true
	}
	return !slices.Contains(kept, name) &&
		slices.ContainsFunc(passedPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}
