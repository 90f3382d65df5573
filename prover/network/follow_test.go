package network_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/fault"
	"claimprover/prover/network"
	wire "claimprover/prover/network/internal/spn/common"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

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

func TestAPLONKProofIsBoughtAndReadAsOne(t *testing.T) {
	eachMode(t, func(o *networktest.Options, c *network.Options) {
		c.ProofMode = network.PLONK
		o.Prove = func([32]byte, []byte) []byte { return make([]byte, 964) }
	}, func(t *testing.T, w *world) {
		proof, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
		require.NoError(t, err)
		require.Len(t, proof.Bytes, 964)
	})
}

func TestARequestThatFailsLongAfterItWasTakenUpIsForTheClaimantToSeeFirst(t *testing.T) {
	eachMode(t, func(o *networktest.Options, _ *network.Options) {
		o.Fulfilled = 10 * time.Minute
		o.Faults.Request = func(n int, _ []byte) networktest.Fate {
			if n > 0 {
				return networktest.Fate{}
			}
			return networktest.Fate{Ends: wire.FulfillmentStatus_UNFULFILLABLE}
		}
	}, func(t *testing.T, w *world) {
		var j provertest.Journal
		_, _, err := w.prove(inputs[1], &j, time.Minute)
		require.ErrorIs(t, err, errOverrun)
		_, _, err = w.prove(inputs[1], &j, time.Hour)
		require.True(t, fault.Of(err).Retryable)
		require.Nil(t, j.Load())
		require.Equal(t, 1, w.bought(1))
		_, _, err = w.prove(inputs[1], &j, time.Hour)
		require.NoError(t, err)
	})
}
