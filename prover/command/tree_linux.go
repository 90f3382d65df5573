package command

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ownGroup gives a program a process group of its own, and has the kernel kill it when we are killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// wait runs on a goroutine of its own. It sees the program end without reaping it, so that the process group keeps its
// number until everybody in it was killed.
func (c *child) wait() {
	for unix.Waitid(unix.P_PID, c.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
		continue
	}
	close(c.exited)
	<-c.swept
	_ = c.cmd.Wait()
}

// terminate asks the program and its group to end. Before that it looks who is there: whoever loses his parent now
// would otherwise be known by his mark alone.
func (c *child) terminate() {
	c.look()
	_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGTERM)
}

// killTree kills the program, its group, all its descendants and whatever carries its mark, again and again until there
// is nothing of that left. It must not be called after the program was reaped.
func (c *child) killTree() {
	began := time.Now()
	for {
		found := c.look() // before anybody is killed, for the same reason
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
		for _, p := range found.living {
			p.kill()
		}
		for _, p := range found.orphaned {
			_, _ = syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil)
		}
		took := time.Since(began)
		switch {
		case len(found.living) == 0 && !found.dying && (!found.unclear || took > unsure):
			return
		case took > lost:
			c.log.Error("processes of a prover program cannot be killed", "run", c.run, "count", len(found.living))
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// unsure is how long a process without an environment is looked at again: it may be one that is just being executed.
const unsure = 100 * time.Millisecond

// sighting is what was seen of a program in /proc.
type sighting struct {
	living   []process // what it brought into the world, without the program itself
	orphaned []process // zombies that we inherited as process 1 of a container, this program's or another's
	dying    bool      // the program has not ended, or a zombie not yet lost its parent
	unclear  bool      // a young process shows no environment
}

// look also remembers what it sees.
func (c *child) look() (s sighting) {
	all := processes()
	leader := c.cmd.Process.Pid
	i := slices.IndexFunc(all, func(p process) bool { return p.pid == leader })
	if i < 0 {
		return s // there is no /proc
	}
	began, ours := all[i].started, map[int]bool{leader: true}
	for _, p := range all {
		switch {
		case p.pid == leader || p.group == leader || c.seen[p.pid] == p.started:
			ours[p.pid] = true
		case !p.ended && p.started >= began:
			var bare bool
			ours[p.pid], bare = c.marked(p.pid)
			s.unclear = s.unclear || bare
		}
	}
	for grown := true; grown; { // a child may stand before its parent
		grown = false
		for _, p := range all {
			if !ours[p.pid] && ours[p.parent] {
				ours[p.pid], grown = true, true
			}
		}
	}
	for _, p := range all {
		switch {
		case p.pid == leader:
			s.dying = s.dying || !p.ended
		case p.ended && ours[p.parent]:
			s.dying = true
		case !p.ended && ours[p.pid]:
			s.living = append(s.living, p)
			c.seen[p.pid] = p.started
		case p.ended && p.parent == os.Getpid() && (ours[p.pid] || p.session != ourSession()):
			s.orphaned = append(s.orphaned, p)
		}
	}
	return s
}

// ourSession tells inherited orphans from children: nobody here starts a child in another session.
func ourSession() int {
	id, _ := unix.Getsid(0)
	return id
}

// marked says whether a process was started by the program, however indirectly, or shows no environment at all.
func (c *child) marked(pid int) (marked, bare bool) {
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	return bytes.Contains(environ, []byte(mark+"="+c.run)), err == nil && len(environ) == 0
}

// process is a line of /proc.
type process struct {
	pid, parent, group, session int
	ended                       bool // a zombie
	started                     int  // ticks since boot; with the pid it names a process for good
}

// processes lists what runs; without /proc nothing, and the group is all that can be killed.
func processes() (all []process) {
	proc, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer func() { _ = proc.Close() }()
	names, _ := proc.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			if p, ok := readProcess(pid); ok {
				all = append(all, p)
			}
		}
	}
	return all
}

// readProcess reads proc_pid_stat(5); the program's name, in parentheses, may hold anything.
func readProcess(pid int) (p process, ok bool) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return p, false
	}
	name := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[name+1:])
	if name < 0 || len(fields) < 20 {
		return p, false
	}
	p.pid = pid
	for i, to := range map[int]*int{1: &p.parent, 2: &p.group, 3: &p.session, 19: &p.started} {
		*to, _ = strconv.Atoi(string(fields[i]))
	}
	p.ended = fields[0][0] == 'Z' || fields[0][0] == 'X'
	return p, p.pid > 1
}

// kill kills this process and never one that got its number since: the handle is taken first, then looked at again.
func (p process) kill() {
	handle, err := os.FindProcess(p.pid)
	if err != nil {
		return
	}
	defer func() { _ = handle.Release() }()
	if now, ok := readProcess(p.pid); ok && now.started == p.started {
		_ = handle.Kill()
	}
}
