package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// child is this binary running as a service of its own.
type child struct {
	cmd *exec.Cmd
	url string

	wg   sync.WaitGroup // the reader of its log
	done chan struct{}  // closed when it has ended

	mu   sync.Mutex
	tail []string // guarded by mu; the last lines of its log
}

// How long the service may take to start, and after SIGTERM to drain.
const (
	startTime = 30 * time.Second
	stopTime  = 15 * time.Second
)

// startService starts the program as a service that logs JSON, and waits until it says where it listens.
func startService(ctx context.Context, program string, env []string) (*child, error) {
	c := &child{cmd: exec.Command(program, "serve"), done: make(chan struct{})}
	c.cmd.Env = append(env, "LOG_FORMAT=json")
	// A group of its own: Ctrl-C ends the demo, and the demo ends the service.
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := c.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the service: %w", err)
	}
	listening := make(chan string, 1)
	c.wg.Go(func() {
		defer close(c.done)
		c.read(log, listening)
		_ = c.cmd.Wait()
	})
	select {
	case c.url = <-listening:
		return c, nil
	case <-c.done:
		return nil, errors.New("the service ended at once:\n" + c.last())
	case <-ctx.Done():
		c.stop()
		return nil, interrupted("Interrupted.")
	case <-time.After(startTime):
		c.stop()
		return nil, errors.New("the service did not start:\n" + c.last())
	}
}

// read keeps the log's last lines, and takes the address from the line that says it.
func (c *child) read(log io.Reader, listening chan<- string) {
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		c.mu.Lock()
		c.tail = append(c.tail[max(0, len(c.tail)-19):], lines.Text())
		c.mu.Unlock()
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) != nil || line.Msg != "serving" {
			continue
		}
		if _, port, err := net.SplitHostPort(line.Address); err == nil {
			select {
			case listening <- "http://" + net.JoinHostPort("127.0.0.1", port):
			default:
			}
		}
	}
	_, _ = io.Copy(io.Discard, log) // a line too long for the scanner must not block the service
}

func (c *child) last() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.tail, "\n")
}

// wait blocks until the service ends or ctx does.
func (c *child) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-c.done:
		return errors.New("the service ended:\n" + c.last())
	}
}

// stop ends the service, drained if it can be, and returns when it is gone.
func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
	case <-time.After(stopTime):
		_ = c.cmd.Process.Kill()
	}
	c.wg.Wait()
}
