package cli

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// proverModes are the values of SP1_PROVER that this build can run.
const proverModes = "mock"

func goVersion() string { return runtime.Version() }

// commit is what the Go tool recorded of the source; a build outside of a checkout has none.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	var revision, dirty string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(len(s.Value), 12)]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+changes"
		}
	}
	return cmp.Or(revision, "unknown") + dirty
}
