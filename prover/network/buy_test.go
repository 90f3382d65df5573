package network_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/fault"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

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

// unsent leaves a journal whose request was signed, and was never taken. From then on sending works.
func unsent(t *testing.T, mode network.Mode, a adjust, story func(t *testing.T, w *world, j *provertest.Journal)) {
	var works atomic.Bool
	in(t, mode, func(o *networktest.Options, c *network.Options) {
		c.DurableJournals = true
		a(o, c)
		other := o.Faults.Call
		o.Faults.Call = func(m string) networktest.CallFault {
			if !works.Load() {
				return map[string]networktest.CallFault{"RequestProof": networktest.Unavailable}[m]
			}
			return other(m)
		}
	}, func(t *testing.T, w *world) {
		var j provertest.Journal
		_, _, err := w.prove(inputs[1], &j, time.Minute)
		require.ErrorIs(t, err, errOverrun)
		require.Contains(t, string(j.Load()), `"sending"`)
		works.Store(true)
		w.restart()
		story(t, w, &j)
	})
}

func TestARequestThatNobodyTookIsNotSentAfterItsDeadline(t *testing.T) {
	var sent atomic.Int32
	for _, mode := range []network.Mode{network.Mainnet, network.Reserved} {
		sent.Store(0)
		unsent(t, mode, func(o *networktest.Options, c *network.Options) {
			c.Timeout, o.Faults.Call = 10*time.Minute, counting("RequestProof", &sent)
		}, func(t *testing.T, w *world, j *provertest.Journal) {
			time.Sleep(15 * time.Minute)
			_, _, err := w.prove(inputs[1], j, time.Hour)
			require.NoError(t, err)
			require.EqualValues(t, 1, sent.Load(), "the new one")
			require.Empty(t, w.server.Refused())
		})
	}
}

func TestWhileARequestMayBeSentAgainNobodyElseUsesItsNonce(t *testing.T) {
	for _, mode := range []network.Mode{network.Mainnet, network.Reserved} {
		unsent(t, mode, func(o *networktest.Options, _ *network.Options) {
			o.Faults.Call = times("GetProofRequestDetails", 3, networktest.Unavailable) // the first job still looks
		}, func(t *testing.T, w *world, j *provertest.Journal) {
			var both sync.WaitGroup
			both.Go(func() {
				if _, _, err := w.prove(inputs[1], j, time.Hour); err != nil {
					t.Error(err)
				}
			})
			time.Sleep(100 * time.Millisecond)
			_, _, err := w.prove(inputs[2], &provertest.Journal{}, time.Hour)
			require.NoError(t, err)
			both.Wait()
			require.Empty(t, w.server.Refused())
			require.Equal(t, 1, w.bought(1))
			require.Equal(t, 1, w.bought(2))
		})
	}
}
