//go:build unix && !linux

package command

import "syscall"

// ownGroup gives a program a process group of its own. Only Linux can also kill it when we are killed.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// wait runs on a goroutine of its own.
func (c *child) wait() {
	_ = c.cmd.Wait()
	close(c.exited)
	<-c.swept
}

// terminate asks the program and its group to end.
func (c *child) terminate() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGTERM) }

// killTree kills the program's group. What has left it cannot be found here.
func (c *child) killTree() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) }
