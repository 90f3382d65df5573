package network_test

import (
	"bufio"
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/prover"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

// What a process that is killed is told, and how it says what it has.
const (
	envEndpoint, envMode, envClaims = "NETWORK_TEST_ENDPOINT", "NETWORK_TEST_MODE", "NETWORK_TEST_CLAIMS"

	isUp, hasProved = "up", "proved "
)

// TestProcess is no test: it is a service that has claims proved and keeps nothing beyond its own end, for
// [TestAProcessThatIsKilledBuysNothingTwice] to kill.
func TestProcess(t *testing.T) {
	endpoint := os.Getenv(envEndpoint)
	if endpoint == "" {
		t.Skip("only run by another test")
	}
	c, err := network.New(network.Options{
		Endpoint: endpoint, Mode: network.Mode(os.Getenv(envMode)), Key: testKey(t, 1), Program: program, Poll: 50 * time.Millisecond,
	}.Looking(1500 * time.Millisecond))
	require.NoError(t, err)
	fmt.Println(isUp)
	var all sync.WaitGroup
	for _, claim := range strings.Split(os.Getenv(envClaims), ",") {
		i, err := strconv.Atoi(claim)
		require.NoError(t, err)
		all.Go(func() {
			proof, err := c.Prove(t.Context(), inputs[i], &provertest.Journal{}, func(prover.Progress) {})
			if err == nil && bytes.Equal(proof.PublicValues, inputs[i].PublicValues[:]) {
				fmt.Println(hasProved + claim)
			} else {
				t.Errorf("claim %d: %v", i, err)
			}
		})
	}
	all.Wait()
	require.NoError(t, c.Close())
}

// TestAProcessThatIsKilledBuysNothingTwice kills real processes with SIGKILL, at random moments and in the moment of a
// request, and starts the next one at once. Nothing is kept but what the network knows. In the end each claim was
// requested once, and its proof delivered.
//
//	NETWORK_KILLS=100 NETWORK_SEED=7 go test -race -run Killed -timeout 60m ./prover/network    more often, with other moments
func TestAProcessThatIsKilledBuysNothingTwice(t *testing.T) {
	t.Parallel()
	kills, seed := 3, uint64(1)
	if n, err := strconv.Atoi(os.Getenv("NETWORK_KILLS")); err == nil {
		kills = n
	}
	if n, err := strconv.ParseUint(os.Getenv("NETWORK_SEED"), 10, 64); err == nil {
		seed = n
	}
	for i, mode := range modes {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			k := &killing{t: t, mode: mode, rand: rand.New(rand.NewPCG(seed, uint64(i))), claims: strings.Fields("0 1 2 3 4 5 6 7 8 9 10 11")}
			k.server = networktest.New(t, networktest.Options{
				Mode: mode, Program: program, Prove: prove(t), Guest: guest(inputs...), Faults: networktest.Faults{Call: k.call},
				Executed: 200 * time.Millisecond, Assigned: 500 * time.Millisecond, Fulfilled: time.Second,
			})
			for range kills {
				k.live(true)
			}
			k.live(false)
			require.Empty(t, k.claims, "seed %d: not proved", seed)
			for i := range 12 {
				require.Equal(t, 1, k.server.Bought(inputs[i].PublicValues[:]), "seed %d: claim %d", seed, i)
			}
			require.Empty(t, k.server.Twice(), "seed %d", seed)
			require.Empty(t, k.server.Lost(), "seed %d", seed)
		})
	}
}

// killing is a service whose processes are killed.
type killing struct {
	t      *testing.T
	mode   network.Mode
	server *networktest.Server
	rand   *rand.Rand
	claims []string // that are not proved yet
	victim atomic.Pointer[os.Process]
	after  atomic.Int32 // requests until it is killed, if it is not killed before
}

// call kills the process when it makes the request that was chosen, and takes that request all the same, when the next
// process has begun.
func (k *killing) call(method string) networktest.CallFault {
	if p := k.victim.Load(); p != nil && method == "RequestProof" && k.after.Add(-1) == 0 {
		_ = p.Kill()
		<-time.After(900 * time.Millisecond)
	}
	return networktest.Works
}

// live runs a process until it has proved everything, or is killed.
func (k *killing) live(dies bool) {
	if len(k.claims) == 0 {
		return
	}
	cmd := exec.CommandContext(k.t.Context(), os.Args[0], "-test.run=^TestProcess$", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), envEndpoint+"="+k.server.URL, envMode+"="+string(k.mode), envClaims+"="+strings.Join(k.claims, ","))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	require.NoError(k.t, err)
	require.NoError(k.t, cmd.Start())
	k.after.Store(1 + k.rand.Int32N(4))
	moment := time.Duration(k.rand.IntN(6000)) * time.Millisecond
	said := bufio.NewScanner(out)
	for said.Scan() {
		switch line := said.Text(); {
		case line == isUp && dies:
			k.victim.Store(cmd.Process)
			defer time.AfterFunc(moment, func() { _ = cmd.Process.Kill() }).Stop()
		case strings.HasPrefix(line, hasProved):
			claim := strings.TrimPrefix(line, hasProved)
			k.claims = slices.DeleteFunc(k.claims, func(c string) bool { return c == claim })
		}
	}
	k.victim.Store(nil)
	if err := cmd.Wait(); !dies {
		require.NoError(k.t, err)
	}
}
