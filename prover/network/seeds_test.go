package network_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/prover"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

// TestSeededFaults lives many lives of a service on an unreliable network: calls and transfers fail in every way before
// and after they are done, requests are slow, hidden, without bids or delivered late and badly, the process dies and
// comes back with its journals or without them, claimants cancel and come again. In the end each claim must be proved,
// none paid for twice, and no proof that was paid for left behind.
//
//	NETWORK_SEEDS=10000 go test -race -run TestSeededFaults -timeout 60m ./prover/network    many of them
//	NETWORK_SEED=4711 go test -race -run TestSeededFaults -v ./prover/network                one, again; with both, many from there on
//
// What happens to the n-th call of a method depends on the seed and n alone; which goroutine makes it, at one instant of
// the bubble's time, does not.
func TestSeededFaults(t *testing.T) {
	t.Parallel() // beside processes that are killed, which mostly wait
	first, n := uint64(0), uint64(120)
	if testing.Short() {
		n = 30
	}
	if one, err := strconv.ParseUint(os.Getenv("NETWORK_SEED"), 10, 64); err == nil {
		first, n = one, 1
	}
	if many, err := strconv.ParseUint(os.Getenv("NETWORK_SEEDS"), 10, 64); err == nil {
		n = many
	}
	p := prove(t)
	for seed := first; seed < first+n && !t.Failed(); seed++ {
		if seed > first && seed%500 == 0 {
			t.Logf("%d lives", seed-first)
		}
		synctest.Test(t, func(t *testing.T) {
			l := newLife(t, seed, p)
			l.live()
			if !t.Failed() && len(l.server.Twice()) == 0 && len(l.server.Lost()) == 0 {
				return
			}
			t.Errorf("seed %d (%s, journals %s): NETWORK_SEED=%d replays it\ntwice: %q\nlost: %q",
				seed, l.mode, map[bool]string{true: "kept", false: "lost"}[l.durable], seed, l.server.Twice(), l.server.Lost())
		})
	}
}

// life is one service's life.
type life struct {
	*world
	seed     uint64
	rand     *rand.Rand
	mode     network.Mode
	durable  bool
	trouble  time.Time // until when things go wrong
	severity uint64    // of 1000 calls, how many

	mu     sync.Mutex
	counts map[string]uint64 // guarded by mu
}

var errCrash, errCancel = errors.New("the process dies"), errors.New("the claimant cancels")

func newLife(t *testing.T, seed uint64, prove func([32]byte, []byte) []byte) *life {
	r := rand.New(rand.NewPCG(seed, 1))
	l := &life{
		seed: seed, rand: r, mode: modes[seed%3], counts: map[string]uint64{}, durable: seed%2 == 0 || seed%3 == 2,
		trouble: time.Now().Add(time.Duration(r.IntN(60)) * time.Minute), severity: r.Uint64N(300),
	}
	l.world = newWorld(t, l.mode, prove, func(so *networktest.Options, co *network.Options) {
		*co = co.Even()
		so.Faults = networktest.Faults{Call: l.call, Request: l.fate, Transfer: l.transfer, Nonce: l.nonce}
		so.Fulfilled = time.Duration(1+r.IntN(300)) * time.Second
		so.Executed, so.Assigned = so.Fulfilled/4, so.Fulfilled/3
		co.DurableJournals = l.durable
		co.MaxRequests = 1 + r.IntN(3)
		co.Poll = 6 * time.Second // hours go by: not every second of them is looked at
	})
	return l
}

// draw gives a number that depends on the seed, what it is for, and how often it was drawn for that.
func (l *life) draw(what string, below uint64) uint64 {
	l.mu.Lock()
	l.counts[what]++
	n := l.counts[what]
	l.mu.Unlock()
	h := fnv.New64a()
	_, _ = h.Write(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte(what), l.seed), n))
	return rand.New(rand.NewPCG(h.Sum64(), n)).Uint64N(below)
}

func (l *life) goesWrong(what string) bool {
	return time.Now().Before(l.trouble) && l.draw(what, 1000) < l.severity
}

func (l *life) call(method string) networktest.CallFault {
	if !l.goesWrong(method) {
		return networktest.Works
	}
	return networktest.CallFaults[l.draw(method+"'s fault", uint64(len(networktest.CallFaults)))]
}

func (l *life) transfer(method, kind string) networktest.TransferFault {
	if !l.goesWrong(method + kind) {
		return networktest.Moves
	}
	return networktest.TransferFaults[l.draw(method+kind+"'s fault", uint64(len(networktest.TransferFaults)))]
}

// nonce is behind, or ahead.
func (l *life) nonce(next uint64) uint64 {
	if !l.goesWrong("nonce") {
		return next
	}
	if l.draw("nonce ahead", 4) == 0 {
		return next + 1 + l.draw("nonce ahead by", 3)
	}
	return next - min(next, 1+l.draw("nonce behind by", 3))
}

func (l *life) fate(int, []byte) (f networktest.Fate) {
	if !l.goesWrong("fate") && l.draw("fate in any case", 4) > 0 {
		return f
	}
	f.Hidden = time.Duration(l.draw("hidden", 30)) * time.Second
	switch l.draw("which fate", 6) {
	case 0:
		f.NoBids = l.mode == network.Mainnet
	case 1:
		f.Slow = time.Duration(l.draw("slow", 4*3600)) * time.Second // up to its deadline, and over it
	case 2:
		f.Odd = true
	case 3:
		f.Expired = l.mode != network.Cluster
	case 4:
		f.Bad, f.BadTimes = networktest.BadProof(1+l.draw("bad", uint64(networktest.Garbage))), int(1+l.draw("bad times", 4))
	}
	return f
}

// live has every claim proved, over as many lives of the process as it takes.
func (l *life) live() {
	n := 1 + l.rand.IntN(5)
	journals := make([]*provertest.Journal, n)
	done := make([]bool, n)
	for life := 0; ; life++ {
		last := time.Now().After(l.trouble) && life > 2
		for i := range journals {
			if journals[i] == nil || !l.durable {
				journals[i] = &provertest.Journal{}
			}
		}
		ctx, die := context.WithCancelCause(l.t.Context())
		var all sync.WaitGroup
		for i := range n {
			if !done[i] {
				all.Go(func() { done[i] = l.claim(ctx, i, journals[i], last) })
			}
		}
		if !last {
			time.Sleep(time.Duration(l.rand.IntN(900)) * time.Second)
			die(errCrash)
		}
		all.Wait()
		die(nil)
		if last {
			for i := range n {
				require.True(l.t, done[i], "seed %d: claim %d was not proved", l.seed, i)
			}
			return
		}
		time.Sleep(time.Duration(1+l.rand.IntN(60)) * time.Second)
		l.restart()
	}
}

// claim submits a claim until it is proved, or the process dies.
func (l *life) claim(life context.Context, i int, j *provertest.Journal, last bool) bool {
	for try := 0; life.Err() == nil && try < 50; try++ {
		name := fmt.Sprintf("claim %d", i)
		ctx, cancel := context.WithCancelCause(life)
		cancels := !last && l.draw(name+" cancels", 4) == 0
		if cancels {
			stop := time.AfterFunc(time.Duration(l.draw(name+" cancels after", 300))*time.Second, func() { cancel(errCancel) })
			defer stop.Stop()
		}
		proof, err := l.client.Prove(ctx, inputs[i], j, func(prover.Progress) {})
		cancel(nil)
		if err == nil {
			require.Equal(l.t, inputs[i].PublicValues[:], proof.PublicValues)
			return true
		}
		if life.Err() == nil && errors.Is(err, errCancel) && l.draw(name+" is withdrawn", 2) == 0 {
			withdrawing, end := context.WithTimeout(life, 5*time.Minute)
			_ = l.client.Withdraw(withdrawing, j.Load())
			end()
		}
		_ = sleep(life, time.Duration(1+l.draw(name+" waits", 60))*time.Second)
	}
	return false
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
