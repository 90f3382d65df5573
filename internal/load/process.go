package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// process is a server under load, in a process of its own.
type process struct {
	cmd     *exec.Cmd
	address string // host:port
	admin   string // of the program's operator's listener; empty for the others
	in      io.WriteCloser
	out     *bufio.Reader
	log     bytes.Buffer
}

// startProgram runs the built service with a mock prover.
func startProgram(ctx context.Context, binary string, settings ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, binary, "serve")}
	p.cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "SP1_PROVER=mock", "ALLOW_MOCK=true", "PORT=0", "ADMIN_ADDR=127.0.0.1:0",
		"LOG_FORMAT=json", "SHUTDOWN_TIMEOUT_SECONDS=1", "AUTH_FAILURES_PER_MINUTE=0", "KEY_RATE_LIMIT_MAX_REQUESTS=100000000",
		"MAX_STREAMS_PER_IP=100000", "API_KEYS=" + strings.Join(keys, ","),
	}, settings...)
	errs, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout = io.Discard
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", binary, err)
	}
	serving := regexp.MustCompile(`"msg":"serving".*"address":"\S*?:(\d+)","admin":"([^"]+)"`)
	lines := bufio.NewReader(errs)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("%s ended: %w\n%s", binary, p.cmd.Wait(), p.log.Bytes())
		}
		p.log.WriteString(line)
		if found := serving.FindStringSubmatch(line); found != nil {
			p.address, p.admin = "127.0.0.1:"+found[1], found[2]
			go func() { _, _ = io.Copy(io.Discard, lines) }() // until it ends
			return p, nil
		}
	}
}

// startServer runs this program as one of the small servers.
func startServer(ctx context.Context, kind string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, self, "server", kind)}
	p.cmd.Stderr = os.Stderr
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the server %s: %w", kind, err)
	}
	p.address, err = p.line()
	return p, err
}

// do has one of the small servers carry out a command, and waits until it has.
func (p *process) do(command string) error {
	_, err := p.ask(command)
	return err
}

// ask is do for a command with an answer.
func (p *process) ask(command string) (string, error) {
	if _, err := fmt.Fprintln(p.in, command); err != nil {
		return "", err
	}
	return p.line()
}

func (p *process) line() (string, error) {
	text, err := p.out.ReadString('\n')
	return strings.TrimSpace(text), err
}

// stop ends it and waits.
func (p *process) stop() {
	_ = p.cmd.Process.Kill() // what it leaves undone was made for this measurement
	_ = p.cmd.Wait()
}

// cpu is what the process has used so far.
func (p *process) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // 100 ticks a second on every Linux that Go runs on
}

// memory is a field of /proc/PID/status in bytes: VmRSS is what is resident, VmHWM the most that ever was.
func (p *process) memory(field string) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	found := regexp.MustCompile(field + `:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		return 0
	}
	kilobytes, _ := strconv.ParseInt(string(found[1]), 10, 64)
	return kilobytes << 10
}

// machine says where and when figures were taken.
func machine() string {
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("%s, %s, %d cores, load average %s", time.Now().UTC().Format("2006-01-02 15:04 MST"), runtime.Version(),
		runtime.NumCPU(), strings.Join(strings.Fields(string(load))[:1], " "))
}
