package server_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/claim"
)

// another is one of many.
func another(n int) common.Address { return common.Address{17: 1, 18: byte(n >> 8), 19: byte(n)} }

// atOnce submits claims of one account at one instant, each for another recipient, and counts the answers.
func (w *world) atOnce(account claim.Wallet, n int) (answers map[int]int, admitted []api.Job) {
	w.t.Helper()
	bodies := make([]string, n)
	for i := range bodies {
		bodies[i] = claimFor(w.t, account, another(i))
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: n}} // to check each answer would take its time
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	answers = map[int]int{}
	var all sync.WaitGroup
	gun := make(chan struct{})
	for _, body := range bodies {
		all.Go(func() {
			<-gun
			r := w.ask(client, "POST", w.url+"/v1/jobs", body, []string{withAlice})
			mu.Lock()
			defer mu.Unlock()
			answers[r.StatusCode]++
			if r.StatusCode == http.StatusAccepted {
				admitted = append(admitted, into[api.Job](w.t, r))
			}
		})
	}
	close(gun)
	all.Wait()
	return answers, admitted
}

// TestTwoHundredAtOnce shows that a limit cannot be raced; make siege runs it a hundred times.
func TestTwoHundredAtOnce(t *testing.T) {
	t.Parallel()
	waiting := func(w *world) int {
		f, err := w.store.Figures(t.Context())
		require.NoError(t, err)
		return f.Pending
	}

	t.Run("with a limit of 3 are 3 jobs and 197 refusals", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{pubkey: 3})
		answers, _ := w.atOnce(wallet(t), 200)
		require.Equal(t, map[int]int{202: 3, 429: 197}, answers)
		require.Equal(t, 3, waiting(w))
	})

	t.Run("with two places are 2 jobs, and whom the full queue refused has lost no token", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{pubkey: 3, capacity: 2})
		account := wallet(t)
		answers, admitted := w.atOnce(account, 200)
		require.Equal(t, 2, answers[202], "%v", answers)
		require.Equal(t, 198, answers[429]+answers[503], "%v", answers)
		require.Equal(t, 2, waiting(w))

		submit := func(n int) reply { return w.call("POST", "/v1/jobs", claimFor(t, account, another(n)), withAlice) }
		full := submit(1000)
		require.Equal(t, "queue_full", full.code(t))
		require.Contains(t, full.Header.Get("RateLimit"), `"pubkey";r=1;`, "two of three have become jobs")
		require.Equal(t, 200, w.call("DELETE", admitted[0].URLs.Self, "", withAlice).StatusCode)
		require.Equal(t, 202, submit(1001).StatusCode, "who never ran gave his token back")
		full = submit(1002)
		require.Equal(t, "queue_full", full.code(t))
		require.Contains(t, full.Header.Get("RateLimit"), `"pubkey";r=1;`)
	})
}
