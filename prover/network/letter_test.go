package network_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/accounts"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	"claimprover/internal/fault"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

func TestARequestThatRunsIntoALimitSaysSo(t *testing.T) {
	for name, a := range map[string]adjust{
		"gas":    func(_ *networktest.Options, c *network.Options) { c.GasLimit = 1_000_000 },
		"cycles": func(_ *networktest.Options, c *network.Options) { c.CycleLimit = 1000 },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, network.Mainnet, a, func(t *testing.T, w *world) {
				_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
				require.Contains(t, fault.Of(err).Message, "more computing than this service allows")
				require.False(t, fault.Of(err).Retryable)
			})
		})
	}
}

func TestOtherPublicValuesThanTheProgramCommitsAreSeenBeforeTheyAreProved(t *testing.T) {
	in(t, network.Mainnet, nil, func(t *testing.T, w *world) {
		other := inputs[1]
		other.PublicValues[127] ^= 1
		_, _, err := w.prove(other, &provertest.Journal{}, time.Hour)
		require.Contains(t, fault.Of(err).Message, "not the one that this service expects")
		require.False(t, fault.Of(err).Retryable)
	})
}

func TestARequestThatWasAnsweredUnderAnotherNameIsFound(t *testing.T) {
	for _, mode := range []network.Mode{network.Mainnet, network.Reserved, network.Cluster} {
		in(t, mode, func(o *networktest.Options, _ *network.Options) {
			o.Faults.Request = func(int, []byte) networktest.Fate { return networktest.Fate{Alias: true} }
		}, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.Equal(t, 1, w.bought(1))
		})
	}
}

func TestARequestWhoseAnswerWasLostIsLookedForBeforeItIsSentAgain(t *testing.T) {
	for _, f := range []networktest.CallFault{networktest.LostUnavailable, networktest.LostInternal, networktest.LostHangs, networktest.LostCut, networktest.LostUnknown} {
		var sent atomic.Int32
		eachMode(t, func(o *networktest.Options, _ *network.Options) {
			lost, count := times("RequestProof", 1, f), counting("RequestProof", &sent)
			o.Faults.Call = func(m string) networktest.CallFault { count(m); return lost(m) }
		}, func(t *testing.T, w *world) {
			sent.Store(0)
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.EqualValues(t, 1, sent.Load(), "fault %d: the network knows it already", f)
			require.Empty(t, w.server.Refused())
		})
	}
}

func TestARequestThatWasNotTakenIsNotTakenForAnother(t *testing.T) {
	var sent atomic.Int32
	eachMode(t, func(o *networktest.Options, _ *network.Options) {
		o.Fulfilled = 10 * time.Minute
		o.Faults.Call = func(m string) networktest.CallFault {
			if m == "RequestProof" && sent.Add(1) == 2 {
				return networktest.Unavailable
			}
			return networktest.Works
		}
	}, func(t *testing.T, w *world) {
		sent.Store(0)
		_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Minute)
		require.ErrorIs(t, err, errOverrun)
		_, _, err = w.prove(inputs[2], &provertest.Journal{}, time.Hour)
		require.NoError(t, err)
		require.Equal(t, 1, w.bought(2))
	})
}

func TestARequestThatIsRefusedInOddWordsHoldsUpNobodyForLong(t *testing.T) {
	eachMode(t, func(o *networktest.Options, _ *network.Options) {
		o.Faults.Call = times("RequestProof", 1000, networktest.Unknown)
	}, func(t *testing.T, w *world) {
		began := time.Now()
		for i := range 3 {
			var j provertest.Journal
			_, _, err := w.prove(inputs[i], &j, time.Hour)
			require.True(t, fault.Is(err, fault.ProofFailed), "%v", err)
			require.Nil(t, j.Load())
		}
		require.Less(t, time.Since(began), 10*time.Minute)
	})
}

func TestTheJournalHasTheTransactionThatWasCharged(t *testing.T) {
	in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) { o.Fulfilled = time.Hour }, func(t *testing.T, w *world) {
		var j provertest.Journal
		_, _, err := w.prove(inputs[1], &j, time.Minute)
		require.ErrorIs(t, err, errOverrun)
		var e struct {
			TxHash string `json:"txHash"`
		}
		require.NoError(t, json.Unmarshal(j.Load(), &e))
		payer := w.client.Address()
		require.Equal(t, fmt.Sprintf("0x%x", crypto.Keccak256(payer[:], []byte("0"))), e.TxHash)
	})
}

func TestAClockThatIsNotTheNetworksIsSaid(t *testing.T) {
	for ahead, said := range map[time.Duration]bool{0: false, time.Hour: true, -time.Hour: true} {
		var log bytes.Buffer
		in(t, network.Mainnet, func(o *networktest.Options, c *network.Options) {
			o.Ahead, c.Logger = ahead, slog.New(slog.NewTextHandler(&log, nil))
		}, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.Equal(t, said, bytes.Contains(log.Bytes(), []byte("the clock here is not")), ahead)
		})
	}
}

func TestTheLogHoldsNoURLAndNoSignature(t *testing.T) {
	signature, err := crypto.Sign(accounts.TextHash([]byte("create_artifact")), testKey(t, 1)) // good for ever
	require.NoError(t, err)
	for _, mode := range modes {
		var log bytes.Buffer
		var put, got atomic.Int32
		in(t, mode, func(o *networktest.Options, c *network.Options) {
			c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			o.Faults.Transfer = func(method, _ string) networktest.TransferFault {
				n := &got
				if method == "PUT" {
					n = &put
				}
				if i := int(n.Add(1)); i <= len(networktest.TransferFaults) {
					return networktest.TransferFaults[i-1]
				}
				return networktest.Moves
			}
			o.Faults.Request = func(n int, _ []byte) networktest.Fate {
				return networktest.Fate{Bad: networktest.OfAnotherClaim, BadTimes: 2, Hidden: 10 * time.Second}
			}
			o.Faults.Call = times("RequestProof", 1, networktest.LostUnavailable)
		}, func(t *testing.T, w *world) {
			_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			require.NotEmpty(t, log.String())
			for _, secret := range []string{"X-Signature", "X-Expires", "artifact_", "http", hex.EncodeToString(signature[:8]), inputs[1].SS58} {
				require.NotContains(t, log.String(), secret)
			}
		})
	}
}
