package network_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/fault"
	"claimprover/prover"
	"claimprover/prover/network"
	wire "claimprover/prover/network/internal/spn/common"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

func TestAServiceThatLostItsJournalsTakesUpWhatItHadBought(t *testing.T) {
	for name, waits := range map[string]time.Duration{"while it is proved": time.Minute, "when it is proved": time.Hour} {
		t.Run(name, func(t *testing.T) {
			eachMode(t, func(o *networktest.Options, _ *network.Options) {
				o.Executed, o.Assigned, o.Fulfilled = 3*time.Minute, 2*time.Minute, 30*time.Minute
			}, func(t *testing.T, w *world) {
				_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Minute)
				require.ErrorIs(t, err, errOverrun)
				time.Sleep(waits)
				w.restart()

				_, _, err = w.prove(inputs[2], &provertest.Journal{}, time.Hour) // another claim is not held up for good
				require.NoError(t, err)
				time.Sleep(3 * time.Hour) // a claim may come back late: what was found at the start is still known
				_, _, err = w.prove(inputs[1], &provertest.Journal{}, time.Hour)
				require.NoError(t, err)
				require.Equal(t, 1, w.bought(1))
				require.Equal(t, 1, w.bought(2))
			})
		})
	}
	t.Run("a cluster's requests are told by their input", func(t *testing.T) {
		in(t, network.Cluster, func(o *networktest.Options, _ *network.Options) { o.Fulfilled = 30 * time.Minute }, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Minute)
			require.ErrorIs(t, err, errOverrun)
			w.restart()
			again := inputs[1]
			again.Signature[1] = 7 // a claimant signs anew, and differently, each time
			_, _, err = w.prove(again, &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.Equal(t, 1, w.bought(1))
		})
	})
	t.Run("one that has expired for the moment is waited for", func(t *testing.T) {
		in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) {
			o.Fulfilled = 2 * time.Minute
			o.Faults.Request = func(int, []byte) networktest.Fate { return networktest.Fate{Expired: true} }
		}, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Minute)
			require.ErrorIs(t, err, errOverrun)
			time.Sleep(35 * time.Second)
			w.restart()
			_, _, err = w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.Equal(t, 1, w.bought(1))
		})
	})
	t.Run("one that has expired for good is bought anew", func(t *testing.T) {
		in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) {
			o.Faults.Request = func(n int, _ []byte) networktest.Fate {
				if n > 0 {
					return networktest.Fate{}
				}
				return networktest.Fate{Ends: wire.FulfillmentStatus_EXPIRED}
			}
		}, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, 30*time.Second)
			require.ErrorIs(t, err, errOverrun)
			w.restart()
			_, _, err = w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.Equal(t, 2, w.bought(1))
		})
	})
	t.Run("nothing is bought while the network does not say what it has", func(t *testing.T) {
		eachMode(t, func(o *networktest.Options, _ *network.Options) {
			o.Faults.Call = times("GetFilteredProofRequests", 1000, networktest.Unavailable)
		}, func(t *testing.T, w *world) {
			var j provertest.Journal
			_, _, err := w.prove(inputs[1], &j, time.Hour)
			require.True(t, fault.Is(err, fault.RPCUnavailable), "%v", err)
			require.Zero(t, w.bought(1))
			require.Nil(t, j.Load())
		})
	})
	t.Run("with durable journals nobody asks", func(t *testing.T) {
		var asked atomic.Int32
		eachMode(t, func(o *networktest.Options, c *network.Options) {
			c.DurableJournals = true
			o.Faults.Call = counting("GetFilteredProofRequests", &asked)
		}, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.Zero(t, asked.Load())
		})
	})
}

// dying makes the n-th request, counted from 1, arrive half a minute after its sender has gone, and be listed only
// half a minute after that.
func dying(n int32) adjust {
	return func(o *networktest.Options, _ *network.Options) {
		var sent atomic.Int32
		o.Fulfilled = 10 * time.Minute
		o.Executed, o.Assigned = 4*time.Minute, 2*time.Minute
		o.Faults.Call = func(method string) networktest.CallFault {
			if method == "RequestProof" && sent.Add(1) == n {
				return networktest.Late
			}
			return networktest.Works
		}
		o.Faults.Request = func(int, []byte) (f networktest.Fate) {
			if o.Mode != network.Cluster && sent.Load() >= n { // a cluster lists what it has
				f.Hidden = 30 * time.Second
			}
			return f
		}
	}
}

func TestWhatAProcessSentInItsLastMomentIsWaitedFor(t *testing.T) {
	both := func(t *testing.T, w *world) {
		var all sync.WaitGroup
		for i := 1; i <= 2; i++ {
			all.Go(func() {
				proof, err := w.client.Prove(t.Context(), inputs[i], &provertest.Journal{}, func(prover.Progress) {})
				if err != nil || string(proof.PublicValues) != string(inputs[i].PublicValues[:]) {
					t.Errorf("claim %d: %v", i, err)
				}
			})
		}
		all.Wait()
		require.Equal(t, 1, w.bought(1))
		require.Equal(t, 1, w.bought(2))
		require.Empty(t, w.server.Twice())
	}
	t.Run("by an account that has signed before", func(t *testing.T) {
		eachMode(t, dying(2), func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[3], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			_, _, err = w.prove(inputs[1], &provertest.Journal{}, 5*time.Second)
			require.ErrorIs(t, err, errOverrun)
			w.restart()
			both(t, w)
		})
	})
	t.Run("though it was the account's first signature", func(t *testing.T) {
		eachMode(t, dying(1), func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, 5*time.Second)
			require.ErrorIs(t, err, errOverrun)
			w.restart()
			both(t, w)
		})
	})
	t.Run("though it arrives while the next process uploads", func(t *testing.T) {
		for _, mode := range []network.Mode{network.Mainnet, network.Reserved} {
			var began time.Time
			in(t, mode, func(o *networktest.Options, c *network.Options) {
				dying(1)(o, c)
				o.Faults.Transfer = func(string, string) networktest.TransferFault {
					if since := time.Since(began); since >= 5*time.Second && since < 35*time.Second {
						return networktest.Breaks
					}
					return networktest.Moves
				}
			}, func(t *testing.T, w *world) {
				began = time.Now()
				_, _, err := w.prove(inputs[1], &provertest.Journal{}, 5*time.Second)
				require.ErrorIs(t, err, errOverrun)
				w.restart()
				both(t, w)
			})
		}
	})
}

func TestAnAccountThatHasNeverSignedWaitsForNothing(t *testing.T) {
	eachMode(t, nil, func(t *testing.T, w *world) {
		began := time.Now()
		for i := range 3 {
			_, _, err := w.prove(inputs[i], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
		}
		require.Less(t, time.Since(began), 30*time.Second)
		w.restart()
		began = time.Now()
		_, phases, err := w.prove(inputs[4], &provertest.Journal{}, time.Hour)
		require.NoError(t, err)
		require.Contains(t, phases, "looking for earlier requests")
		require.Less(t, time.Since(began), 3*time.Minute)
	})
}

func TestAnArtifactThatCannotBeReadJustNowIsNoReasonToBuy(t *testing.T) {
	in(t, network.Cluster, func(o *networktest.Options, _ *network.Options) {
		o.Fulfilled = 30 * time.Minute
		var n atomic.Int32
		o.Faults.Transfer = func(method, kind string) networktest.TransferFault {
			if method == "GET" && kind == "stdin" && n.Add(1) <= 3 {
				return []networktest.TransferFault{networktest.Breaks, networktest.Resets, networktest.Expires}[n.Load()-1]
			}
			return networktest.Moves
		}
	}, func(t *testing.T, w *world) {
		_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Minute)
		require.ErrorIs(t, err, errOverrun)
		w.restart()
		_, _, err = w.prove(inputs[1], &provertest.Journal{}, time.Hour)
		require.NoError(t, err)
		require.Equal(t, 1, w.bought(1))
	})
}

func TestAnInputThatIsGoneForGoodHoldsUpNobodyForLong(t *testing.T) {
	in(t, network.Cluster, func(o *networktest.Options, _ *network.Options) {
		o.Fulfilled = 3 * time.Hour
		o.Faults.Transfer = func(method, kind string) networktest.TransferFault {
			if method == "GET" && kind == "stdin" {
				return networktest.Expires
			}
			return networktest.Moves
		}
	}, func(t *testing.T, w *world) {
		_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Minute)
		require.ErrorIs(t, err, errOverrun)
		w.restart()
		_, phases, err := w.prove(inputs[2], &provertest.Journal{}, 3*time.Minute)
		require.ErrorIs(t, err, errOverrun)
		require.Equal(t, "proving", phases[len(phases)-1])
	})
}
