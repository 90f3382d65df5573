//go:build linux

package command

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"claimprover/prover"
	"claimprover/prover/provertest"
)

// testMark is a variable that reaches the programs, as its name has a prefix of SP1's. It tells whose they are.
const testMark = "SP1_TEST_RUN"

// TestMain lets this binary play the host program too. It inherits orphans, as a service does that is process 1 of its
// container, and looks that it has none left at the end.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "host" {
		hosts[os.Args[2]]()
		return
	}
	if err := os.Setenv(testMark, rand.Text()); err != nil {
		panic(err)
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		for _, p := range processes() {
			inherited := p.ended && p.session != ourSession() // as late as this; the next program's end would reap it
			if p.parent == os.Getpid() && !inherited {
				fmt.Fprintf(os.Stderr, "a child is left, a zombie: %t\n", p.ended)
				code = max(code, 1)
			}
		}
		os.Exit(code)
	}))
}

// program is the command line of a host that behaves as mode says.
func program(mode string) []string { return []string{os.Args[0], "host", mode} }

// hosts are the ways a host program can behave.
var hosts = map[string]func(){
	"good":     func() { work(readRequest()) },
	"contract": contract,
	"environment": func() {
		say("proof", map[string]any{"proof": hex(strings.Join(os.Environ(), "\n")), "publicValues": "0x"})
	},
	"reads nothing": func() {
		say("proof", map[string]any{"proof": "0x01", "publicValues": "0x02"})
	},

	"says an error":      func() { say("error", map[string]any{"message": "the guest \x1b[31mrefused /home/operator"}) },
	"says to try again":  func() { say("error", map[string]any{"message": "out of memory", "retryable": true}) },
	"exits":              func() {},
	"crashes":            func() { _ = syscall.Kill(os.Getpid(), syscall.SIGSEGV); hang() },
	"says garbage":       func() { fmt.Println("Proving..."); hang() },
	"says another type":  func() { say("result", nil); hang() },
	"says no phase":      func() { say("progress", map[string]any{"phase": "\x00 "}); hang() },
	"says half a proof":  func() { say("proof", map[string]any{"proof": "0x01"}); hang() },
	"says odd hex":       func() { say("proof", map[string]any{"proof": "0x1", "publicValues": "0x"}); hang() },
	"closes its output":  func() { _ = os.Stdout.Close(); hang() },
	"floods with a line": func() { flood(strings.Repeat("x", 1<<16)) },
	"floods with lines":  func() { flood(`{"type":"progress","phase":"proving"}` + "\n") },
	"floods with phases": floodPhases,
	"floods the log":     floodLog,

	"hangs":                                           func() { ready(); hang() },
	"ignores SIGTERM":                                 func() { ignoreTerm(); ready(); hang() },
	"lingers after its proof":                         func() { ignoreTerm(); work(readRequest()); hang() },
	"leaves a child in a session of its own":          func() { start(detached, "sleeper"); ready(); hang() },
	"leaves a daemon":                                 func() { start(detached, "daemon"); ready(); hang() },
	"leaves a child without an environment":           func() { start(bare, "sleeper"); ready(); hang() },
	"exits and leaves a daemon that holds its output": func() { start(detached, "daemon") },
	"proves and leaves a daemon":                      func() { start(detached, "daemon"); work(readRequest()) },

	"exits and leaves what cannot be found": func() { start(bare, "daemon") },
	"talks on after its proof": func() {
		work(readRequest())
		fmt.Println(strings.Repeat("x", 1<<20))
		fmt.Fprintln(os.Stderr, "cleaned up")
	},

	"ends when told": func() {
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGTERM)
		ready()
		<-told
		fmt.Fprintln(os.Stderr, "told to end")
	},
	"proves on SIGUSR1": func() {
		told := make(chan os.Signal, 1)
		signal.Notify(told, syscall.SIGUSR1)
		ready()
		<-told
		work(readRequest())
	},
	"sleeper": func() { ignoreTerm(); fmt.Fprintln(os.Stderr, "sleeping"); hang() },
	"daemon":  func() { start(detached, "sleeper") },
	"service": service,
}

func say(kind string, fields map[string]any) {
	if fields == nil {
		fields = map[string]any{}
	}
	fields["type"] = kind
	line, _ := json.Marshal(fields)
	fmt.Println(string(line))
}

func hex(text string) string { return fmt.Sprintf("0x%x", text) }

// ready says that all is as the mode's name has it, and who says so.
func ready() { say("progress", map[string]any{"phase": "ready " + strconv.Itoa(os.Getpid())}) }

func hang() { select {} }

func ignoreTerm() { signal.Ignore(syscall.SIGTERM) }

func readRequest() request {
	var r request
	line, err := bufio.NewReader(os.Stdin).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &r)
	}
	if err != nil {
		panic(err)
	}
	return r
}

func work(r request) {
	say("progress", map[string]any{"phase": "executing"})
	say("progress", map[string]any{"phase": "proving"})
	say("progress", map[string]any{"phase": "proving"})
	say("proof", map[string]any{"proof": r.Stdin, "publicValues": r.PublicValues})
}

var (
	endless = provertest.To(provertest.Input(8), [20]byte{0xee})
	broken  = provertest.To(provertest.Input(9), [20]byte{0xbb})
)

func contract() {
	r := readRequest()
	switch r.Claim.EVMAddress {
	case endless.EVMAddress:
		say("progress", map[string]any{"phase": "proving"})
		hang()
	case broken.EVMAddress:
		say("error", map[string]any{"message": "no"})
	default:
		work(r)
	}
}

func flood(text string) {
	for {
		if _, err := os.Stdout.WriteString(text); err != nil {
			hang()
		}
	}
}

func floodPhases() {
	for i := 0; ; i++ {
		say("progress", map[string]any{"phase": strconv.Itoa(i)})
	}
}

func floodLog() {
	fmt.Fprintln(os.Stderr, strings.Repeat("long ", 10_000))
	for i := range 5_000 {
		fmt.Fprintln(os.Stderr, "line", i)
	}
	work(readRequest())
}

// detached puts a process into a session of its own, bare also takes its environment.
func detached(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
func bare(cmd *exec.Cmd)     { detached(cmd); cmd.Env = []string{"GORACE=atexit_sleep_ms=0"} }

// start starts a further process and waits until it says that it runs, or has ended.
func start(how func(*exec.Cmd), mode string) {
	cmd := exec.Command(os.Args[0], "host", mode)
	how(cmd)
	cmd.Stdout = os.Stdout
	stderr, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		panic(err)
	}
	line, _ := bufio.NewReader(stderr).ReadString('\n')
	fmt.Fprint(os.Stderr, line) // a daemon passes it on
}

// service is a process that proves, for tests that kill it.
func service() {
	p, err := New(program("ignores SIGTERM"), Options{})
	if err != nil {
		panic(err)
	}
	_, _ = p.Prove(context.Background(), provertest.Input(1), nil, func(at prover.Progress) { fmt.Println(at.Phase) })
}
