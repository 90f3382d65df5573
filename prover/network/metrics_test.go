package network_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"claimprover/prover/network"
	wire "claimprover/prover/network/internal/spn/common"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

// counted gives what the world's client has counted, by name or name{label}; nothing for zeros.
func (w *world) counted() map[string]float64 {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(w.client)
	families, err := r.Gather()
	require.NoError(w.t, err)
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			name := strings.TrimPrefix(f.GetName(), "claimprover_network_")
			if len(m.Label) > 0 {
				name += "{" + m.Label[0].GetValue() + "}"
			}
			if v := m.GetCounter().GetValue(); v != 0 {
				all[name] = v
			}
		}
	}
	return all
}

func TestEachRequestIsCountedAndChargedOnce(t *testing.T) {
	charged := func(n int, values []byte) networktest.Fate {
		f := fates(n, values)
		f.Charged = true
		return f
	}
	in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) { o.Faults.Request = charged }, func(t *testing.T, w *world) {
		want := map[string]float64{}
		for n, end := range map[int]string{
			1: "fulfilled", 20: "unexecutable", 21: "mismatch", 22: "unfulfillable", 23: "mismatch", 24: "reverted", 26: "unusable", 28: "unexecutable",
		} {
			var j provertest.Journal
			for range 2 { // asked again, a proof is fetched again, and what failed is bought again
				_, _, _ = w.prove(inputs[n], &j, 2*time.Hour)
			}
			bought := float64(w.bought(n))
			want["requests_total{"+end+"}"] += bought
			want["spent_prove_total"] += bought * .3328
			if bought == 1 {
				want["resumed_total"]++
			}
		}
		require.Equal(t, float64(2), want["resumed_total"], "a good proof, and one that is none")
		got := w.counted()
		require.InDelta(t, want["spent_prove_total"], got["spent_prove_total"], 1e-9)
		want["spent_prove_total"] = got["spent_prove_total"]
		require.Equal(t, want, got)
		spent := w.server.Spent(w.client.Address())
		require.InDelta(t, spent.Float64()/1e18, got["spent_prove_total"], 1e-9)
	})
}

func TestARequestThatFailedHasItsCostToo(t *testing.T) {
	in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) {
		o.Faults.Request = func(int, []byte) networktest.Fate {
			return networktest.Fate{Executes: wire.ExecutionStatus_UNEXECUTABLE, Charged: true}
		}
	}, func(t *testing.T, w *world) {
		var p told
		_, err := w.client.Prove(t.Context(), inputs[1], &provertest.Journal{}, p.report)
		require.Error(t, err)
		require.Equal(t, "332800000000000000", p.all[len(p.all)-1].Request.Cost)
	})
}

func TestWithdrawnRequestsAreCountedByWhoWithdrewThem(t *testing.T) {
	in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) {
		o.Faults.Request = func(int, []byte) networktest.Fate { return networktest.Fate{NoBids: true} }
	}, func(t *testing.T, w *world) {
		_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
		require.Error(t, err)
		var j provertest.Journal
		_, _, err = w.prove(inputs[2], &j, time.Minute)
		require.ErrorIs(t, err, errOverrun)
		require.NoError(t, w.client.Withdraw(t.Context(), j.Load()))
		require.Equal(t, map[string]float64{"requests_total{no_bids}": 2, "requests_total{withdrawn}": 1}, w.counted())
	})
}

func TestARefusalIsNoRequestThatEnded(t *testing.T) {
	eachMode(t, func(o *networktest.Options, _ *network.Options) {
		o.Faults.Call = times("RequestProof", 1, networktest.Exhausted)
	}, func(t *testing.T, w *world) {
		_, _, err := w.prove(inputs[1], &provertest.Journal{}, time.Hour)
		require.Error(t, err)
		require.Equal(t, map[string]float64{"requests_total{refused}": 1, "errors_total{resource_exhausted}": 1}, w.counted())
	})
}

func TestTroublesAreCountedByCode(t *testing.T) {
	in(t, network.Mainnet, func(o *networktest.Options, _ *network.Options) {
		o.Unregistered = true
		o.Faults.Call = times("GetNonce", 2, networktest.Unavailable)
		o.Faults.Nonce = func(n uint64) uint64 { return n + 1 }
		o.Faults.Transfer = func(method, _ string) networktest.TransferFault {
			if method == "GET" {
				return networktest.Breaks
			}
			return networktest.Moves
		}
	}, func(t *testing.T, w *world) {
		o := w.opts
		o.VerifyingKey, o.ELF, o.DurableJournals = make([]byte, 104), []byte("\x7fELF"), true
		w.opts = o
		w.restart()
		_, _, err := w.prove(inputs[1], &provertest.Journal{}, 10*time.Second)
		require.ErrorIs(t, err, errOverrun)
		got := w.counted()
		require.NotZero(t, got["errors_total{transfer}"])
		delete(got, "errors_total{transfer}")
		require.Equal(t, map[string]float64{"errors_total{unavailable}": 2, "errors_total{nonce}": 2, "spent_prove_total": .3328}, got,
			"of the registration and of the request; that the program was not known is no trouble")
	})
}

func TestTroublesAreAClosedSet(t *testing.T) {
	for c := range codes.Code(40) {
		require.Contains(t, network.Troubles, network.Trouble(status.Error(c, "<b>")))
	}
	for _, err := range []error{errors.New("x"), context.Canceled, context.DeadlineExceeded} {
		require.Equal(t, "unknown", network.Trouble(err))
	}
}
