package cli

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestMemoryIsWhatTheSystemGrants(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"a container's limit": {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "268435456\n"}, 256 << 20},
		"a unit's limit, though that of its slice is larger": {map[string]string{
			"proc/self/cgroup": "0::/system.slice/claimprover.service\n", "sys/fs/cgroup/system.slice/claimprover.service/memory.max": "1000\n", "sys/fs/cgroup/system.slice/memory.max": "2000\n"}, 1000},
		"that of a slice, which is smaller": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "2000\n"}, 2000},
		"beside hierarchies of version 1": {map[string]string{
			"proc/self/cgroup": "4:memory:/x\n0::/\n", "sys/fs/cgroup/memory.max": "3000\n", "sys/fs/cgroup/x/memory.max": "1\n"}, 3000},
		"no limit":              {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "max\n"}, 0},
		"version 1 alone":       {map[string]string{"proc/self/cgroup": "4:memory:/\n"}, 0},
		"a system without them": {nil, 0},
		"a file that is none":   {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "much\n"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			for path, text := range c.files {
				root[path] = &fstest.MapFile{Data: []byte(text)}
			}
			require.Equal(t, c.want, grantedMemory(root))
		})
	}
}
