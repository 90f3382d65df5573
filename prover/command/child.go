package command

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"claimprover/prover"
)

// lost is what a killed program gets to be gone, and its pipes to be drained. Longer takes only one that hangs in the
// kernel, in a GPU's driver for instance.
const lost = 2 * time.Second

// child is a running program. Its methods without a comment on it are called by the goroutine that started it.
type child struct {
	cmd    *exec.Cmd
	run    string // the value of its mark
	grace  time.Duration
	log    *slog.Logger
	stdout *os.File
	stderr *os.File

	messages chan message  // closed after the last one, and when the protocol was broken
	broken   error         // how; set before messages is closed
	deaf     chan struct{} // closed when nobody takes messages any more
	exited   chan struct{} // closed when the program has ended; it stays a zombie, and its pid its own, until swept
	swept    chan struct{} // closed when it may be reaped
	all      sync.WaitGroup

	seen map[int]int // processes that it started, by pid, with the time of each one's start
}

// start starts the program. Its pipes are files of ours, not of package exec, which would wait for whoever holds them.
func (p *Prover) start(in prover.Input) (*child, error) {
	line, err := encodeRequest(in)
	if err != nil {
		return nil, fmt.Errorf("encoding the request: %w", err)
	}
	c := &child{
		cmd: exec.Command(p.path, p.args...), run: rand.Text(), grace: p.grace, log: p.log,
		messages: make(chan message), deaf: make(chan struct{}), exited: make(chan struct{}), swept: make(chan struct{}),
		seen: map[int]int{},
	}
	stdin, stdout, stderr, err := c.pipes(line)
	defer closeAll(stdin, stdout, stderr)
	if err == nil {
		c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = stdin, stdout, stderr
		c.cmd.Env = environment(c.run)
		c.cmd.SysProcAttr = ownGroup()
		err = c.cmd.Start()
	}
	if err != nil {
		closeAll(c.stdout, c.stderr)
		return nil, err
	}
	c.all.Go(c.read)
	c.all.Go(c.readErrors)
	c.all.Go(c.wait)
	return c, nil
}

// pipes gives the program's ends of its pipes and keeps ours. The request is in the first, whose buffer is larger, so
// that nobody has to wait for a program that does not read it.
func (c *child) pipes(line []byte) (stdin, stdout, stderr *os.File, err error) {
	stdin, request, err1 := os.Pipe()
	var err2, err3 error
	c.stdout, stdout, err2 = os.Pipe()
	c.stderr, stderr, err3 = os.Pipe()
	if err = errors.Join(err1, err2, err3); err == nil {
		_, err = request.Write(line)
	}
	closeAll(request)
	return stdin, stdout, stderr, err
}

// closeAll closes files, some of which may be nil.
func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			_ = f.Close()
		}
	}
}

// read runs on a goroutine of its own. After the last word it only drains: a full pipe would keep the program alive.
func (c *child) read() {
	c.broken = c.readMessages()
	close(c.messages)
	_, _ = io.Copy(io.Discard, c.stdout)
}

func (c *child) readMessages() error {
	lines := bufio.NewScanner(c.stdout)
	lines.Buffer(make([]byte, 0, 4096), maxLine)
	for range maxLines {
		if !lines.Scan() {
			return cmp.Or(lines.Err(), errors.New("its output ended without a proof"))
		}
		m, err := decodeMessage(lines.Bytes())
		if err != nil {
			return err
		}
		select {
		case c.messages <- m:
		case <-c.deaf:
			return nil
		}
		if m.Type != typeProgress {
			return nil
		}
	}
	return fmt.Errorf("%d lines of output without a proof", maxLines)
}

// listen gives the program's last word, or why there will be none: ctx has ended, or the program broke the protocol.
func (c *child) listen(ctx context.Context, report func(prover.Progress)) (message, error) {
	told, phases, exited := "", 0, c.exited
	for {
		select {
		case <-ctx.Done():
			return message{}, context.Cause(ctx)
		case <-exited:
			exited = nil
			c.killTree() // what it left behind may hold its output open
			_ = c.stdout.SetReadDeadline(time.Now().Add(lost))
		case m, open := <-c.messages:
			switch {
			case !open:
				return message{}, c.broken
			case m.Type != typeProgress:
				return m, nil
			case m.Phase != told && phases < maxPhases:
				told = m.Phase
				phases++
				report(prover.Progress{Phase: m.Phase})
			}
		}
	}
}

// leave lets a program that has spoken its last word end by itself.
func (c *child) leave(ctx context.Context) {
	grace := time.NewTimer(c.grace)
	defer grace.Stop()
	select {
	case <-c.exited:
	case <-grace.C:
	case <-ctx.Done():
	}
}

// end returns when nothing is left of the program and of what it started.
func (c *child) end() {
	defer closeAll(c.stdout, c.stderr)
	close(c.deaf)
	c.terminate()
	if !c.gone(c.grace) {
		c.log.Warn("prover program killed", "run", c.run, "grace", c.grace)
	}
	c.killTree()
	close(c.swept)
	_ = c.stdout.SetReadDeadline(time.Now().Add(lost))
	_ = c.stderr.SetReadDeadline(time.Now().Add(lost))
	if !c.gone(lost) {
		c.log.Error("prover program cannot be killed", "run", c.run, "pid", c.cmd.Process.Pid)
		return // the goroutine that waits for it goes when it does
	}
	c.all.Wait()
}

// gone waits for the program to end, and says whether it has.
func (c *child) gone(most time.Duration) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-c.exited:
		return true
	case <-timer.C:
		return false
	}
}
