package cli

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// proverModes are the values of SP1_PROVER that this build can run.
const proverModes = "mock, local, network"

// revision is set by the linker, where the Go tool cannot look at the repository.
var revision string

func goVersion() string { return runtime.Version() }

// commit is what the linker or the Go tool recorded of the source.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || revision != "" {
		return cmp.Or(revision, "unknown")
	}
	var seen, dirty string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			seen = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+changes"
		}
	}
	return cmp.Or(seen, "unknown") + dirty
}
