package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// standIn is a host program for local mode (docs/local-prover.md). It makes no proof itself: it sends the public values
// to the address that is its argument and says what comes back. Or its argument names a way to misbehave.
func standIn() {
	say := func(kind string, fields map[string]string) {
		fields["type"] = kind
		line, _ := json.Marshal(fields)
		fmt.Println(string(line))
	}
	var request struct {
		Version      int
		PublicValues string
	}
	line, err := bufio.NewReader(os.Stdin).ReadBytes('\n')
	if err != nil || json.Unmarshal(line, &request) != nil || request.Version != 1 {
		say("error", map[string]string{"message": "this is no request"})
		return
	}
	say("progress", map[string]string{"phase": "executing"})
	switch how := os.Args[1]; how {
	case "hang":
		say("progress", map[string]string{"phase": "proving"})
		select {}
	case "hang, ignore SIGTERM and leave a child":
		signal.Ignore(syscall.SIGTERM)
		child := exec.Command(os.Args[0], "hang")
		child.Stdin = strings.NewReader(string(line))
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		if child.Start() == nil {
			say("progress", map[string]string{"phase": "proving"})
		}
		select {}
	default:
		answer, err := http.Post(how, "text/plain", strings.NewReader(request.PublicValues))
		if err != nil {
			say("error", map[string]string{"message": err.Error()})
			return
		}
		say("progress", map[string]string{"phase": "proving"})
		proof, _ := io.ReadAll(answer.Body)
		say("proof", map[string]string{"proof": string(proof), "publicValues": request.PublicValues})
	}
}

// standInProgram puts the binary into a folder of the test, under the name by which it is the stand-in.
func standInProgram(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "standin")
	copySelf(t, path)
	return path
}

// processesOf are the processes of a program, by pid. A zombie has no command line.
func processesOf(t *testing.T, program string) (pids []string) {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, name := range names {
		if command, err := os.ReadFile(name); err == nil && bytes.HasPrefix(command, []byte(program+"\x00")) {
			pids = append(pids, filepath.Base(filepath.Dir(name)))
		}
	}
	return pids
}
