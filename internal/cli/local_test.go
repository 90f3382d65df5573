//go:build linux

package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/client"
	"claimprover/internal/verify/verifytest"
	"claimprover/prover/command"
)

// proofServer gives the stand-in proofs of the public values that it sends, once it is released.
func proofServer(t *testing.T, prove func(values []byte) []byte, released <-chan struct{}) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		values, err1 := hexutil.Decode(string(text))
		if err != nil || err1 != nil {
			http.Error(w, "no hex", http.StatusBadRequest)
			return
		}
		<-released
		fmt.Fprint(w, hexutil.Encode(prove(values)))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestAHostProgramsProofIsFollowedFromPhaseToPhase(t *testing.T) {
	t.Parallel()
	circuit, host, released := verifytest.New(t), standInProgram(t), make(chan struct{})
	url := proofServer(t, func(values []byte) []byte { return circuit.Prove(testProgram, values) }, released)
	local, err := command.New([]string{host, url}, command.Options{})
	require.NoError(t, err)
	c := serveProofs(t, circuit, local)
	j, err := c.Submit(t.Context(), claimFor(t, 1))
	require.NoError(t, err)

	type follow = func(yield func(api.Event, error) bool)
	stories := make(chan []string, 2)
	for _, events := range []follow{follow(c.Follow(t.Context(), j.JobID)), follow(c.FollowWebSocket(t.Context(), j.JobID))} {
		executing := make(chan struct{})
		go func() {
			var story []string
			tell := sync.OnceFunc(func() { close(executing) })
			for e, err := range events {
				switch {
				case err != nil:
					story = append(story, err.Error())
				case e.Type == "running" && e.Job.Phase != "":
					story = append(story, e.Job.Phase)
				case e.Type != "running" && e.Type != "position":
					story = append(story, e.Type)
				}
				if len(story) > 0 {
					tell()
				}
			}
			stories <- story
		}()
		<-executing
	}
	close(released)
	for range 2 {
		require.Equal(t, []string{"executing", "proving", "verified", "completed"}, <-stories)
	}
	j, err = c.Get(t.Context(), j.JobID)
	require.NoError(t, err)
	require.Equal(t, []string{"groth16"}, j.VerifiedBy)
	require.Empty(t, processesOf(t, host))
}

// localService is the program as a process of its own, with the stand-in as its prover.
func localService(t *testing.T, host, how string, env ...string) (*child, *client.Client) {
	t.Helper()
	service := running(t, program(t), append([]string{
		"SP1_PROVER=local", "PROVER_COMMAND=" + string(api.Encode([]string{host, how})), "SP1_PROGRAM_VKEY=" + hexutil.Encode(testProgram[:]),
		"WORKER_COUNT=1", "SHUTDOWN_TIMEOUT_SECONDS=1",
	}, env...)...)
	c, err := client.New(service.url, testKey, client.Options{})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return service, c
}

// untilPhase follows a job until the prover says a phase.
func untilPhase(t *testing.T, c *client.Client, id, phase string) {
	t.Helper()
	for e, err := range c.Follow(t.Context(), id) {
		require.NoError(t, err)
		if e.Job.Phase == phase {
			return
		}
		require.False(t, client.Ended(e.Job.Status), "%s", e.Job.Message)
	}
}

// underWay submits a claim and waits until its host proves, in so many processes.
func underWay(t *testing.T, c *client.Client, host string, processes int) (id string) {
	t.Helper()
	j, err := c.Submit(t.Context(), claimFor(t, 1))
	require.NoError(t, err)
	untilPhase(t, c, j.JobID, "proving")
	require.Len(t, processesOf(t, host), processes)
	return j.JobID
}

func TestAHostProgramUnderAServiceOfItsOwn(t *testing.T) {
	t.Parallel()
	const deaf = "hang, ignore SIGTERM and leave a child"
	released := make(chan struct{})
	close(released)
	circuit := verifytest.New(t)
	url := proofServer(t, func(values []byte) []byte { return circuit.Prove(testProgram, values) }, released)

	t.Run("a proof that no shipped circuit makes is not given out", func(t *testing.T) {
		t.Parallel()
		host := standInProgram(t)
		_, c := localService(t, host, url)
		j, err := c.Submit(t.Context(), claimFor(t, 1))
		require.NoError(t, err)
		j, err = c.Wait(t.Context(), j.JobID)
		require.NoError(t, err)
		require.Equal(t, "verification_failed", j.Code)
		require.Nil(t, j.ZKProof)
		require.Empty(t, processesOf(t, host))
	})

	t.Run("unless nothing is to be checked, and then it is not called verified", func(t *testing.T) {
		t.Parallel()
		_, c := localService(t, standInProgram(t), url, "VERIFY_PROOF=false")
		j, err := c.Submit(t.Context(), claimFor(t, 1))
		require.NoError(t, err)
		for e, err := range c.Follow(t.Context(), j.JobID) {
			require.NoError(t, err)
			require.NotEqual(t, "verified", e.Type)
			j = e.Job
		}
		require.Equal(t, "completed", j.Status)
		require.False(t, *j.Verified)
		require.Empty(t, j.VerifiedBy)
	})

	t.Run("one that hangs is a timeout, leaves nothing, and its worker goes on", func(t *testing.T) {
		t.Parallel()
		host := standInProgram(t)
		_, c := localService(t, host, deaf, "PROOF_TIMEOUT_SECONDS=1")
		first, err := c.Submit(t.Context(), claimFor(t, 1))
		require.NoError(t, err)
		second, err := c.Submit(t.Context(), claimFor(t, 2))
		require.NoError(t, err)
		first, err = c.Wait(t.Context(), first.JobID)
		require.NoError(t, err)
		require.Equal(t, "timeout", first.Code)
		second, err = c.Wait(t.Context(), second.JobID)
		require.NoError(t, err)
		require.Equal(t, "timeout", second.Code, "it had the worker too")
		require.Empty(t, processesOf(t, host))
		health, err := c.Health(t.Context())
		require.NoError(t, err)
		require.Equal(t, api.ProofMetrics{TotalTimeouts: 2}, health.ProofMetrics)
	})

	t.Run("a job that is given up ends it", func(t *testing.T) {
		t.Parallel()
		host := standInProgram(t)
		_, c := localService(t, host, "hang")
		id := underWay(t, c, host, 1)
		_, err := c.Cancel(t.Context(), id)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return len(processesOf(t, host)) == 0 }, 20*time.Second, 10*time.Millisecond)
	})

	t.Run("SIGTERM of the service ends it and its child", func(t *testing.T) {
		t.Parallel()
		host := standInProgram(t)
		service, c := localService(t, host, deaf)
		underWay(t, c, host, 2)
		require.NoError(t, service.cmd.Process.Signal(syscall.SIGTERM))
		<-service.done
		require.Zero(t, service.cmd.ProcessState.ExitCode(), service.last())
		require.Empty(t, processesOf(t, host))
	})

	t.Run("SIGKILL of the service ends it", func(t *testing.T) {
		t.Parallel()
		host := standInProgram(t)
		service, c := localService(t, host, "hang")
		underWay(t, c, host, 1)
		require.NoError(t, service.cmd.Process.Kill())
		<-service.done
		require.Eventually(t, func() bool { return len(processesOf(t, host)) == 0 }, 20*time.Second, 10*time.Millisecond)
	})
}
