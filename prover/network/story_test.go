package network_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/internal/fault"
	"claimprover/prover"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

type adjust = func(*networktest.Options, *network.Options)

// times makes a fault befall the first n calls of a method.
func times(method string, n int32, f networktest.CallFault) func(string) networktest.CallFault {
	var seen atomic.Int32
	return func(m string) networktest.CallFault {
		if m == method && seen.Add(1) <= n {
			return f
		}
		return networktest.Works
	}
}

// counting counts calls.
func counting(method string, n *atomic.Int32) func(string) networktest.CallFault {
	return func(m string) networktest.CallFault {
		if m == method {
			n.Add(1)
		}
		return networktest.Works
	}
}

func eachMode(t *testing.T, a adjust, story func(t *testing.T, w *world)) {
	for _, mode := range modes {
		t.Run(string(mode), func(t *testing.T) { in(t, mode, a, story) })
	}
}

func (w *world) bought(i int) int { return w.server.Bought(inputs[i].PublicValues[:]) }

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

func TestARequestWhoseAnswerDidNotComeIsMadeOnce(t *testing.T) {
	for _, f := range networktest.CallFaults {
		eachMode(t, func(o *networktest.Options, _ *network.Options) {
			o.Faults.Call = times("RequestProof", 1, f)
			o.Faults.Request = func(int, []byte) networktest.Fate { return networktest.Fate{Hidden: 25 * time.Second} }
		}, func(t *testing.T, w *world) {
			var j provertest.Journal
			_, _, err := w.prove(inputs[1], &j, time.Hour)
			if f == networktest.Exhausted || f == networktest.Unknown { // a no, of which the second is not definite
				require.True(t, fault.Of(err).Retryable)
				require.Nil(t, j.Load())
				require.Zero(t, w.bought(1))
				return
			}
			require.NoError(t, err, "fault %d", f)
			require.Equal(t, 1, w.bought(1), "fault %d", f)
		})
	}
}

func TestARequestThatWasTakenIsFoundThoughItsSecondSendingIsRefused(t *testing.T) {
	var n atomic.Int32
	in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) {
		o.Faults.Request = func(int, []byte) networktest.Fate { return networktest.Fate{Hidden: 25 * time.Second} }
		o.Faults.Call = func(m string) networktest.CallFault {
			if m != "RequestProof" {
				return networktest.Works
			}
			return []networktest.CallFault{networktest.LostUnavailable, networktest.Exhausted, networktest.Works}[min(n.Add(1)-1, 2)]
		}
	}, func(t *testing.T, w *world) {
		_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
		require.NoError(t, err)
		require.Equal(t, 1, w.bought(1))
		require.EqualValues(t, 2, n.Load())
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

func TestAClaimThatTookTooLongIsResumed(t *testing.T) {
	eachMode(t, func(o *networktest.Options, _ *network.Options) { o.Fulfilled = 30 * time.Minute }, func(t *testing.T, w *world) {
		var j provertest.Journal
		_, _, err := w.prove(inputs[1], &j, 10*time.Minute)
		require.ErrorIs(t, err, errOverrun)
		require.NotNil(t, j.Load())
		time.Sleep(time.Hour)
		w.restart()
		_, phases, err := w.prove(inputs[1], &j, time.Minute)
		require.NoError(t, err)
		require.Equal(t, []string{"downloading"}, phases)
		require.Equal(t, 1, w.bought(1))
	})
}

func TestAProofThatComesAfterTheDeadlineIsTaken(t *testing.T) {
	eachMode(t, func(o *networktest.Options, c *network.Options) {
		c.Timeout, o.Fulfilled = 10*time.Minute, 20*time.Minute
	}, func(t *testing.T, w *world) {
		_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
		require.NoError(t, err)
		require.Equal(t, 1, w.bought(1))
	})
}

func TestARequestThatNeverEndsIsGivenUpAfterItsDeadline(t *testing.T) {
	eachMode(t, func(o *networktest.Options, c *network.Options) {
		c.Timeout = 10 * time.Minute
		o.Faults.Request = func(int, []byte) networktest.Fate { return networktest.Fate{Stuck: true} }
	}, func(t *testing.T, w *world) {
		var j provertest.Journal
		_, _, err := w.prove(inputs[1], &j, 2*time.Hour)
		require.True(t, fault.Is(err, fault.ProofFailed))
		require.True(t, fault.Of(err).Retryable)
		require.Nil(t, j.Load())
	})
}

func TestWithoutBids(t *testing.T) {
	noBids := func(first int) adjust {
		return func(o *networktest.Options, _ *network.Options) {
			o.Faults.Request = func(n int, _ []byte) networktest.Fate { return networktest.Fate{NoBids: n < first} }
		}
	}
	t.Run("a request is withdrawn and made anew once", func(t *testing.T) {
		in(t, network.Mainnet, noBids(1), func(t *testing.T, w *world) {
			_, phases, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.Contains(t, phases, "no bids yet")
			require.Contains(t, phases, "withdrawing")
			require.Equal(t, 2, w.bought(1))
			require.Empty(t, w.server.Twice())
			require.Equal(t, uint256.NewInt(332_800_000_000_000_000), w.server.Spent(w.client.Address()))
		})
	})
	t.Run("no more are made than one job may make", func(t *testing.T) {
		in(t, network.Mainnet, noBids(100), func(t *testing.T, w *world) {
			var j provertest.Journal
			_, _, err := w.prove(inputs[1], &j, time.Hour)
			require.True(t, fault.Of(err).Retryable)
			require.Contains(t, fault.Of(err).Message, "No prover offered")
			require.Nil(t, j.Load())
			require.Equal(t, 2, w.bought(1))
			require.Empty(t, w.server.Twice())
			require.True(t, w.server.Spent(w.client.Address()).IsZero())
		})
	})
	t.Run("nothing new is made before the cancel is confirmed", func(t *testing.T) {
		in(t, network.Mainnet, func(o *networktest.Options, c *network.Options) {
			noBids(1)(o, c)
			o.Faults.Call = times("CancelRequest", 5, networktest.Exhausted)
		}, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.Empty(t, w.server.Twice())
		})
	})
	t.Run("nothing new is made where the cancel is never confirmed", func(t *testing.T) {
		in(t, network.Mainnet, func(o *networktest.Options, c *network.Options) {
			noBids(1)(o, c)
			c.Timeout = 10 * time.Minute
			o.Faults.Call = times("CancelRequest", 1000, networktest.Exhausted)
		}, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.True(t, fault.Of(err).Retryable, "%v", err)
			require.Equal(t, 1, w.bought(1))
		})
	})
	t.Run("one that its prover gave up waits for the next from then on", func(t *testing.T) {
		in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) {
			o.Executed, o.Assigned, o.Fulfilled = time.Second, time.Minute, 10*time.Minute
			o.Faults.Request = func(int, []byte) networktest.Fate { return networktest.Fate{Back: 2 * time.Minute} }
		}, func(t *testing.T, w *world) {
			_, phases, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.NotContains(t, phases, "withdrawing")
			require.Equal(t, 1, w.bought(1))
		})
	})
	t.Run("a cluster may take its time", func(t *testing.T) {
		in(t, network.Cluster, func(o *networktest.Options, _ *network.Options) { o.Fulfilled, o.Assigned = 3*time.Hour, 3*time.Hour }, func(t *testing.T, w *world) {
			_, phases, err := w.prove(inputs[1], &provertest.Journal{}, 4*time.Hour)
			require.NoError(t, err)
			require.NotContains(t, phases, "no bids yet")
			require.Equal(t, 1, w.bought(1))
		})
	})
}

func TestCancel(t *testing.T) {
	var cancels atomic.Int32
	slow := func(o *networktest.Options, _ *network.Options) {
		o.Assigned, o.Fulfilled = 2*time.Minute, 4*time.Minute
		o.Faults.Call = counting("CancelRequest", &cancels)
	}
	t.Run("the end of Prove's context cancels nothing", func(t *testing.T) {
		eachMode(t, slow, func(t *testing.T, w *world) {
			cancels.Store(0)
			var j provertest.Journal
			ctx, stop := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Minute, func() { stop(errors.New("the service is shutting down")) })
			_, err := w.client.Prove(ctx, inputs[1], &j, func(prover.Progress) {})
			require.ErrorContains(t, err, "shutting down")
			require.Zero(t, cancels.Load())
			_, _, err = w.prove(inputs[1], &j, time.Hour)
			require.NoError(t, err)
			require.Equal(t, 1, w.bought(1))
		})
	})
	t.Run("a request that nobody took is withdrawn, and the next submission buys anew", func(t *testing.T) {
		in(t, network.Mainnet, slow, func(t *testing.T, w *world) {
			var j provertest.Journal
			_, _, err := w.prove(inputs[1], &j, time.Minute)
			require.ErrorIs(t, err, errOverrun)
			require.NoError(t, w.client.Withdraw(t.Context(), j.Load()))
			require.NoError(t, w.client.Withdraw(t.Context(), j.Load()), "twice is as once")
			require.True(t, w.server.Spent(w.client.Address()).IsZero())

			began := time.Now()
			_, _, err = w.prove(inputs[1], &j, time.Hour)
			require.NoError(t, err)
			require.Less(t, time.Since(began), 6*time.Minute)
			require.Equal(t, 2, w.bought(1))
			require.Empty(t, w.server.Twice())
		})
	})
	t.Run("a request that a prover took is kept", func(t *testing.T) {
		in(t, network.Mainnet, slow, func(t *testing.T, w *world) {
			var j provertest.Journal
			_, _, err := w.prove(inputs[1], &j, 3*time.Minute)
			require.ErrorIs(t, err, errOverrun)
			require.ErrorIs(t, w.client.Withdraw(t.Context(), j.Load()), network.ErrNotWithdrawn)
			_, _, err = w.prove(inputs[1], &j, time.Hour)
			require.NoError(t, err)
			require.Equal(t, 1, w.bought(1))
		})
	})
	t.Run("there is none without an auction, and nothing to withdraw of nothing", func(t *testing.T) {
		in(t, network.Cluster, slow, func(t *testing.T, w *world) {
			var j provertest.Journal
			_, _, err := w.prove(inputs[1], &j, time.Minute)
			require.ErrorIs(t, err, errOverrun)
			require.ErrorIs(t, w.client.Withdraw(t.Context(), j.Load()), network.ErrNotWithdrawn)
			require.NoError(t, w.client.Withdraw(t.Context(), nil))
			require.ErrorIs(t, w.client.Withdraw(t.Context(), []byte("{}")), network.ErrJournal)
		})
	})
}

func TestAJournalOfAnotherNetworkBuysNothing(t *testing.T) {
	for name, entry := range map[string]string{
		"rubbish":         "\x00",
		"empty":           "{}",
		"a later form":    `{"v":2,"state":"sent","id":"0x0100000000000000000000000000000000000000000000000000000000000000"}`,
		"not whole":       `{"v":1,"state":"sending","nonce":1}`,
		"another network": `{"v":1,"endpoint":"https://rpc.example","mode":"mainnet","state":"sent","id":"0x0100000000000000000000000000000000000000000000000000000000000000"}`,
	} {
		t.Run(name, func(t *testing.T) {
			in(t, network.Mainnet, nil, func(t *testing.T, w *world) {
				var j provertest.Journal
				require.NoError(t, j.Save(t.Context(), []byte(entry)))
				_, _, err := w.prove(inputs[1], &j, time.Hour)
				require.ErrorIs(t, err, network.ErrJournal)
				require.Equal(t, entry, string(j.Load()))
				require.Zero(t, w.bought(1))
			})
		})
	}
}

func TestTermsThatAreNotOursBuyNothing(t *testing.T) {
	for name, a := range map[string]adjust{
		"price":    func(_ *networktest.Options, c *network.Options) { c.MaxPricePerPGU = uint256.NewInt(999_999_999) },
		"base fee": func(_ *networktest.Options, c *network.Options) { c.MaxBaseFee = uint256.NewInt(1) },
		"cost": func(_ *networktest.Options, c *network.Options) {
			c.MaxCost = uint256.NewInt(1_400_000_000_000_000_000)
		},
		"domain":   func(o *networktest.Options, _ *network.Options) { o.Domain = [32]byte{1} },
		"no price": func(o *networktest.Options, _ *network.Options) { o.Price = new(uint256.Int) },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, network.Mainnet, a, func(t *testing.T, w *world) {
				var j provertest.Journal
				_, _, err := w.prove(inputs[1], &j, time.Hour)
				require.ErrorIs(t, err, network.ErrTerms)
				require.True(t, fault.Is(err, fault.ProofFailed))
				require.Nil(t, j.Load())
				require.Zero(t, w.bought(1))
				_, err = w.client.Standing(t.Context())
				require.ErrorIs(t, err, network.ErrTerms)
			})
		})
	}
	t.Run("a ceiling under the usual addition lowers the offer", func(t *testing.T) {
		in(t, network.Mainnet, func(o *networktest.Options, c *network.Options) {
			o.Tick, c.MaxPricePerPGU = 1000, uint256.NewInt(1_100_000_999)
		}, func(t *testing.T, w *world) {
			terms, err := w.client.Terms(t.Context())
			require.NoError(t, err)
			require.Equal(t, uint256.NewInt(1_100_000_000), terms.PricePerPGU)
			_, _, err = w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
		})
	})
}

func TestAnAccountWithoutMoneyIsSaidSo(t *testing.T) {
	in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) { o.Balance = uint256.NewInt(1e18) }, func(t *testing.T, w *world) {
		var j provertest.Journal
		_, _, err := w.prove(inputs[1], &j, time.Hour)
		require.Contains(t, fault.Of(err).Message, "not enough credit")
		require.True(t, fault.Of(err).Retryable)
		require.Nil(t, j.Load())
		s, err := w.client.Standing(t.Context())
		require.NoError(t, err)
		n, known := s.Proofs()
		require.True(t, known)
		require.Zero(t, n)
	})
}

func TestStanding(t *testing.T) {
	in(t, network.Mainnet, nil, func(t *testing.T, w *world) {
		s, err := w.client.Standing(t.Context())
		require.NoError(t, err)
		require.True(t, s.Registered)
		require.Equal(t, w.client.Address(), s.Address)
		require.Equal(t, uint256.MustFromDecimal("1530000000000000000"), s.Terms.Cost)
		n, known := s.Proofs()
		require.True(t, known)
		require.EqualValues(t, 653, n)
	})
}

func TestTheProgram(t *testing.T) {
	unregistered := func(o *networktest.Options, _ *network.Options) { o.Unregistered = true }
	with := func(o *networktest.Options, c *network.Options) {
		unregistered(o, c)
		c.VerifyingKey, c.ELF = make([]byte, 104), []byte("\x7fELF program")
	}
	t.Run("is registered once, when it is not known", func(t *testing.T) {
		var made atomic.Int32
		eachMode(t, func(o *networktest.Options, c *network.Options) {
			with(o, c)
			o.Faults.Call = counting("CreateProgram", &made)
		}, func(t *testing.T, w *world) {
			made.Store(0)
			for i := range 3 {
				_, _, err := w.prove(inputs[i], &provertest.Journal{}, time.Hour)
				require.NoError(t, err)
			}
			require.EqualValues(t, 1, made.Load())
			require.Empty(t, w.server.Refused())
		})
	})
	t.Run("is registered also when the answer is lost", func(t *testing.T) {
		for _, f := range []networktest.CallFault{networktest.LostUnavailable, networktest.Unavailable, networktest.LostHangs} {
			eachMode(t, func(o *networktest.Options, c *network.Options) {
				with(o, c)
				o.Faults.Call = times("CreateProgram", 1, f)
			}, func(t *testing.T, w *world) {
				_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
				require.NoError(t, err)
			})
		}
	})
	t.Run("that a gateway forgot is registered anew, and nothing bought before", func(t *testing.T) {
		in(t, network.Cluster, with, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			w.server.ForgetPrograms()
			_, _, err = w.prove(inputs[2], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.Equal(t, 1, w.bought(2))
			require.Len(t, w.server.Refused(), 1)
		})
	})
	t.Run("that nobody can register buys nothing", func(t *testing.T) {
		eachMode(t, unregistered, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.ErrorIs(t, err, network.ErrNotRegistered)
			require.Zero(t, w.bought(1))
			_, err = w.client.Standing(t.Context())
			require.ErrorIs(t, err, network.ErrNotRegistered)
		})
	})
}

func TestArtifactsAreSignedInTheFormThatTheEndpointTakes(t *testing.T) {
	var mu sync.Mutex
	var seen []byte
	watch := func(o *networktest.Options) {
		mu.Lock()
		seen = nil
		mu.Unlock()
		o.Faults.Seen = func(method string, _ [20]byte, v byte) {
			mu.Lock()
			defer mu.Unlock()
			if method == "CreateArtifact" {
				seen = append(seen, v)
			}
		}
	}
	t.Run("as Succinct's own client does, first", func(t *testing.T) {
		in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) { watch(o) }, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.Len(t, seen, 1)
			require.GreaterOrEqual(t, seen[0], byte(54))
		})
	})
	t.Run("the plain one where that is refused, and from then on", func(t *testing.T) {
		in(t, network.Reserved, func(o *networktest.Options, _ *network.Options) { o.PlainArtifacts = true; watch(o) }, func(t *testing.T, w *world) {
			for i := range 2 {
				_, _, err := w.prove(inputs[i], &provertest.Journal{}, time.Hour)
				require.NoError(t, err)
			}
			require.Len(t, seen, 3)
			require.LessOrEqual(t, seen[2], byte(28))
		})
	})
	t.Run("the plain one to a cluster with a list of signers", func(t *testing.T) {
		in(t, network.Cluster, func(o *networktest.Options, c *network.Options) {
			key := testKey(t, 1)
			c.Key = key
			o.Allowlist = append(o.Allowlist, addressOf(key))
		}, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
		})
	})
	t.Run("a cluster that does not list the signer says so", func(t *testing.T) {
		in(t, network.Cluster, func(o *networktest.Options, _ *network.Options) {
			o.Allowlist = append(o.Allowlist, addressOf(testKey(t, 2)))
		}, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.Contains(t, fault.Of(err).Message, "does not accept this service's account")
			require.Zero(t, w.bought(1))
		})
	})
}

func TestUploadsAndDownloadsPersist(t *testing.T) {
	for _, f := range networktest.TransferFaults {
		for _, method := range []string{"PUT", "GET"} {
			eachMode(t, func(o *networktest.Options, _ *network.Options) {
				var n atomic.Int32
				o.Faults.Transfer = func(m, kind string) networktest.TransferFault {
					if m == method && (m == "PUT" || kind == "proof") && n.Add(1) <= 2 {
						return f
					}
					return networktest.Moves
				}
			}, func(t *testing.T, w *world) {
				_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
				require.NoError(t, err, "fault %d of %s", f, method)
				require.Equal(t, 1, w.bought(1))
			})
		}
	}
}

func TestAPaidProofThatIsNoneOfTheClaim(t *testing.T) {
	for bad := networktest.Truncated; bad <= networktest.Bomb; bad++ {
		for _, mode := range modes {
			if bad == networktest.Bomb && mode != network.Mainnet {
				continue // it is the same everywhere, and takes long
			}
			fate := networktest.Fate{Bad: bad, BadTimes: 2}
			in(t, mode, func(o *networktest.Options, _ *network.Options) {
				o.Faults.Request = func(int, []byte) networktest.Fate { return fate }
			}, func(t *testing.T, w *world) {
				_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
				require.NoError(t, err, "bad %d: the next download may be good", bad)
			})
			fate.BadTimes = -1
			in(t, mode, func(o *networktest.Options, _ *network.Options) {
				o.Faults.Request = func(int, []byte) networktest.Fate { return fate }
			}, func(t *testing.T, w *world) {
				var j provertest.Journal
				_, _, err := w.prove(inputs[1], &j, time.Hour)
				require.True(t, fault.Is(err, fault.ProofFailed), "bad %d: %v", bad, err)
				require.False(t, fault.Of(err).Retryable)
				require.NotNil(t, j.Load(), "it was paid for")
				_, _, err = w.prove(inputs[1], &j, time.Hour)
				require.Error(t, err)
				require.Equal(t, 1, w.bought(1))
			})
		}
	}
}

func TestStatusesThatNobodyKnowsEndNothing(t *testing.T) {
	eachMode(t, func(o *networktest.Options, _ *network.Options) {
		o.Fulfilled = 10 * time.Minute
		o.Faults.Request = func(int, []byte) networktest.Fate { return networktest.Fate{Odd: true} }
	}, func(t *testing.T, w *world) {
		_, phases, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
		require.NoError(t, err)
		require.Contains(t, phases, "waiting")
	})
}

func TestARequestThatTheNetworkHasLostIsGivenUp(t *testing.T) {
	eachMode(t, func(o *networktest.Options, _ *network.Options) {
		o.Faults.Request = func(n int, _ []byte) networktest.Fate { return networktest.Fate{Dropped: n == 0} }
	}, func(t *testing.T, w *world) {
		var j provertest.Journal
		_, _, err := w.prove(inputs[1], &j, time.Hour)
		require.True(t, fault.Of(err).Retryable)
		require.Nil(t, j.Load())
		_, _, err = w.prove(inputs[1], &j, time.Hour)
		require.NoError(t, err)
	})
}

func TestANetworkThatIsAwayIsSaidSoAndNothingIsOwed(t *testing.T) {
	eachMode(t, func(o *networktest.Options, _ *network.Options) {
		o.Faults.Call = func(string) networktest.CallFault { return networktest.Unavailable }
	}, func(t *testing.T, w *world) {
		var j provertest.Journal
		_, _, err := w.prove(inputs[1], &j, time.Hour)
		require.True(t, fault.Is(err, fault.RPCUnavailable), "%v", err)
		require.Nil(t, j.Load())
	})
}

func TestAnOutageWhileAPaidProofIsMadeLosesNothing(t *testing.T) {
	eachMode(t, func(o *networktest.Options, _ *network.Options) {
		began := time.Time{}
		o.Faults.Call = func(m string) networktest.CallFault {
			if m == "RequestProof" {
				began = time.Now()
			}
			if !began.IsZero() && time.Since(began) > time.Second && time.Since(began) < time.Hour {
				return networktest.CutBefore
			}
			return networktest.Works
		}
	}, func(t *testing.T, w *world) {
		_, _, err := w.prove(inputs[1], &provertest.Journal{}, 2*time.Hour)
		require.NoError(t, err)
		require.Equal(t, 1, w.bought(1))
	})
}

func TestRequestsAreListedAndCancelledByHand(t *testing.T) {
	in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) { o.Assigned, o.Fulfilled = 2*time.Hour, 3*time.Hour }, func(t *testing.T, w *world) {
		_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Minute)
		require.ErrorIs(t, err, errOverrun)
		all, err := w.client.List(t.Context(), time.Now().Add(-time.Hour))
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.Equal(t, "REQUESTED", all[0].Status)
		require.NoError(t, w.client.Cancel(t.Context(), all[0].ID))
		k, found, err := w.client.Request(t.Context(), all[0].ID)
		require.NoError(t, err)
		require.True(t, found)
		require.True(t, k.Cancelled)
		_, found, err = w.client.Request(t.Context(), [32]byte{1})
		require.NoError(t, err)
		require.False(t, found)
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
