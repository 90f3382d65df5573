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
