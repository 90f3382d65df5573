package network_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/prover"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

func TestFiftyClaimsAtOnceAreRequestedOnceEachWithoutATroubleOfNonces(t *testing.T) {
	eachMode(t, nil, func(t *testing.T, w *world) {
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				proof, err := w.client.Prove(t.Context(), inputs[i], &provertest.Journal{}, func(prover.Progress) {})
				if err != nil || string(proof.PublicValues) != string(inputs[i].PublicValues[:]) {
					t.Errorf("claim %d: %v", i, err)
				}
			})
		}
		all.Wait()
		for i := range 50 {
			require.Equal(t, 1, w.bought(i))
		}
		require.Empty(t, w.server.Refused())
	})
}

func TestNonces(t *testing.T) {
	t.Run("of another process are no trouble where GetNonce tells", func(t *testing.T) {
		in(t, network.Mainnet, func(_ *networktest.Options, c *network.Options) { c.DurableJournals = true }, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			w.server.UseNonce(w.client.Address())
			began := time.Now()
			_, _, err = w.prove(inputs[2], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.Less(t, time.Since(began), time.Minute, "GetNonce told")
			require.Equal(t, 1, w.bought(2))
		})
	})
	for name, by := range map[string]func(uint64) uint64{
		"behind": func(n uint64) uint64 { return n - min(n, 2) },
		"ahead":  func(n uint64) uint64 { return n + 2 },
	} {
		for _, mode := range []network.Mode{network.Mainnet, network.Reserved} {
			t.Run(string(mode)+"/GetNonce "+name, func(t *testing.T) {
				in(t, mode, func(o *networktest.Options, c *network.Options) { o.Faults.Nonce, c.DurableJournals = by, true }, func(t *testing.T, w *world) {
					for range 3 {
						w.server.UseNonce(w.client.Address())
					}
					began := time.Now()
					_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
					require.NoError(t, err)
					require.Len(t, w.server.Refused(), 1)
					if name == "behind" {
						require.Greater(t, time.Since(began), time.Minute, "a nonce that is used up may have been used by this very request")
					} else {
						require.Less(t, time.Since(began), time.Minute)
					}
					require.Equal(t, 1, w.bought(1))

					began = time.Now()
					_, _, err = w.prove(inputs[2], &provertest.Journal{}, time.Hour)
					require.NoError(t, err)
					if name == "behind" {
						require.Less(t, time.Since(began), time.Minute, "what is known to be used is not asked for again")
						require.Len(t, w.server.Refused(), 1)
					}
				})
			})
		}
	}
	t.Run("a retired request is never sent again", func(t *testing.T) {
		var sent atomic.Int32
		in(t, network.Mainnet, func(o *networktest.Options, c *network.Options) {
			o.Faults.Call = counting("RequestProof", &sent)
			c.DurableJournals = true
			o.Faults.Nonce = func(n uint64) uint64 { return n + 1 }
		}, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			_, _, err = w.prove(inputs[2], &provertest.Journal{}, time.Hour) // passes the retired one's nonce
			require.NoError(t, err)
			require.Equal(t, 1, w.bought(1))
			require.LessOrEqual(t, sent.Load(), int32(4))
		})
	})
}

func TestARetiredRequestOfWhichACopyIsUnderWayIsWaitedFor(t *testing.T) {
	t.Run("and never taken", func(t *testing.T) { retiredUnderWay(t, false) })
	t.Run("and taken after all", func(t *testing.T) { retiredUnderWay(t, true) })
}

// retiredUnderWay lets a request with a nonce that is ahead be sent twice, of which the first copy is late. Whether it is
// taken depends on whether somebody uses up the nonce before it.
func retiredUnderWay(t *testing.T, taken bool) {
	var sent, asked atomic.Int32
	in(t, network.Reserved, func(o *networktest.Options, c *network.Options) {
		o.Fulfilled = time.Hour
		c.DurableJournals = true
		o.Faults.Nonce = func(n uint64) uint64 {
			if asked.Add(1) == 1 {
				return n + 1
			}
			return n
		}
		o.Faults.Call = func(m string) networktest.CallFault {
			if m == "RequestProof" && sent.Add(1) == 1 {
				return networktest.Late
			}
			return networktest.Works
		}
	}, func(t *testing.T, w *world) {
		var j provertest.Journal
		_, _, err := w.prove(inputs[1], &j, 5*time.Second) // its copy arrives 25 s later
		require.ErrorIs(t, err, errOverrun)
		if taken {
			time.AfterFunc(2*time.Second, func() { w.server.UseNonce(w.client.Address()) })
		}
		_, _, err = w.prove(inputs[1], &j, 2*time.Hour)
		require.NoError(t, err)
		require.Equal(t, 1, w.bought(1))
	})
}
