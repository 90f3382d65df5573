package network_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

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
