package cli

import (
	"io/fs"
	"log/slog"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// boundMemory has the garbage collector work harder before the system ends the process for its memory: it aims at nine
// tenths of what the process's cgroup is granted. Whoever sets GOMEMLIMIT has decided himself.
func boundMemory(log *slog.Logger) {
	granted := grantedMemory(os.DirFS("/"))
	if os.Getenv("GOMEMLIMIT") != "" || granted == 0 {
		return
	}
	aim := granted / 10 * 9
	debug.SetMemoryLimit(aim)
	log.Info("memory limit", "granted_bytes", granted, "aim_bytes", aim)
}

// grantedMemory is the least memory.max of the process's cgroup and those around it, in bytes; 0: there is no limit, or
// the system has no cgroup v2.
func grantedMemory(root fs.FS) (least int64) {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(groups)) {
		group, is := strings.CutPrefix(strings.TrimSpace(line), "0::/") // cgroups(7): the hierarchy of version 2
		for is {
			text, err := fs.ReadFile(root, path.Join("sys/fs/cgroup", group, "memory.max"))
			limit, notOne := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64) // "max" is none
			if err == nil && notOne == nil && (least == 0 || limit < least) {
				least = limit
			}
			is = group != "" && group != "."
			group = path.Dir(group)
		}
	}
	return least
}
