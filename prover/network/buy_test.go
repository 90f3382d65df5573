package network_test

import (
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
