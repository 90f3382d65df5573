package cli

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"claimprover/internal/audit"
	"claimprover/internal/client"
	"claimprover/internal/config"
	"claimprover/internal/fault"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
)

const unexecutable = 3 // an ExecutionStatus

const buyersKey = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"

// buysAt makes cfg that of a service that buys there.
func buysAt(t *testing.T, cfg *config.Config, seller *networktest.Server, mode network.Mode) {
	t.Helper()
	cfg.Mode, cfg.NetworkMode = config.Network, string(mode)
	cfg.ProofMode, cfg.CircuitVersion, cfg.PrivateStdin = "groth16", "v6.1.0", mode != network.Cluster
	cfg.NetworkPrivateKey = config.NewSecret(buyersKey)
	cfg.RequestTimeout, cfg.AuctionPeriod, cfg.AuctionTimeout, cfg.MaxRequests = time.Hour, 15*time.Second, time.Minute, 2
	var err error
	cfg.NetworkRPCURL, err = config.ParseURL(seller.URL, "http")
	require.NoError(t, err)
}

// serveBuying is a service that buys; it writes an audit log, unless that is nil.
func (o *onChain) serveBuying(t *testing.T, cfg *config.Config, log *audit.Log) (*client.Client, *service) {
	t.Helper()
	buyer, err := networkOf(cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { _ = buyer.Close() })
	all := testParts(t, cfg, o.circuit, buyer)
	all.network, all.list, all.audit = buyer, o.list, log
	require.NoError(t, o.ask(t, cfg, &all))
	return serveInProcess(t, cfg, all)
}

// TestAClaimIsBoughtOnceAndPaidOut takes a claim through the whole service in network mode: from submission, over a
// prover network that is as strict as the real one, the native check, the verifier contract and the claim contract, to
// the transaction.
func TestAClaimIsBoughtOnceAndPaidOut(t *testing.T) {
	t.Parallel()
	for _, mode := range []network.Mode{network.Mainnet, network.Cluster} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			o := newOnChain(t)
			seller := networktest.New(t, networktest.Options{
				Mode: mode, Program: testProgram, Prove: o.circuit.Prove,
				Executed: 100 * time.Millisecond, Assigned: 200 * time.Millisecond, Fulfilled: 300 * time.Millisecond,
			})
			cfg := o.settings()
			buysAt(t, cfg, seller, mode)
			c, _ := o.serveBuying(t, cfg, nil)

			body := o.submission(t, o.alice)
			j, err := c.Submit(t.Context(), body)
			require.NoError(t, err)
			again, err := c.Submit(t.Context(), o.submission(t, o.alice)) // signed anew
			require.NoError(t, err)
			require.Equal(t, j.JobID, again.JobID)
			j, err = c.Wait(t.Context(), j.JobID)
			require.NoError(t, err)
			require.Equal(t, "completed", j.Status, j.Message)
			require.Equal(t, []string{"groth16", "onchain", "claim"}, j.VerifiedBy)
			require.Len(t, j.Request.ID, 66)
			if mode == network.Mainnet {
				require.Contains(t, j.Request.Explorer, j.Request.ID)
			}
			require.Equal(t, 1, seller.Bought(*j.PublicValues))
			require.Empty(t, seller.Twice())
			require.Empty(t, seller.Lost())

			to := common.BytesToAddress(j.Transaction.To)
			receipt, err := o.Node.Send(&to, j.Transaction.Data)
			require.NoError(t, err)
			require.Equal(t, types.ReceiptStatusSuccessful, receipt.Status)

			ready, err := c.Ready(t.Context())
			require.NoError(t, err)
			require.Equal(t, "ok", ready.Checks["prover network"])
		})
	}
}

func TestAKeyThatCannotPayIsNotRepeated(t *testing.T) {
	t.Parallel()
	cfg := testSettings()
	cfg.NetworkPrivateKey = config.NewSecret("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690dff")
	var log bytes.Buffer
	_, err := networkOf(cfg, slog.New(slog.NewTextHandler(&log, nil)))
	require.ErrorContains(t, err, "NETWORK_PRIVATE_KEY")
	require.NotContains(t, err.Error()+log.String(), "59c6995e")
}

// TestWhatClaimsCostIsToldEverywhere takes three jobs through the whole service: one that is cancelled while a prover
// works on it, one that takes that request up, and one whose failure is charged for.
func TestWhatClaimsCostIsToldEverywhere(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	seller := networktest.New(t, networktest.Options{
		Mode: network.Mainnet, Program: testProgram, Prove: o.circuit.Prove,
		Executed: 100 * time.Millisecond, Assigned: 200 * time.Millisecond, Fulfilled: 3 * time.Second,
		Faults: networktest.Faults{Request: func(n int, _ []byte) networktest.Fate {
			if n == 0 {
				return networktest.Fate{}
			}
			return networktest.Fate{Executes: unexecutable, Charged: true}
		}},
	})
	cfg := o.settings()
	buysAt(t, cfg, seller, network.Mainnet)
	cfg.BalanceFloor = config.ProveOf(uint256.NewInt(5e18))
	path := filepath.Join(t.TempDir(), "audit.log")
	const cost = "332800000000000000"
	var figures string

	t.Run("by the jobs", func(t *testing.T) {
		log, err := audit.Open(path, nil, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		c, s := o.serveBuying(t, cfg, log)
		first, err := c.Submit(t.Context(), o.submission(t, o.alice))
		require.NoError(t, err)
		for e, err := range c.Follow(t.Context(), first.JobID) {
			require.NoError(t, err)
			if e.Job.Phase == "proving" {
				_, err := c.Cancel(t.Context(), first.JobID)
				require.NoError(t, err)
			}
		}
		second, err := c.Submit(t.Context(), o.submission(t, o.alice))
		require.NoError(t, err)
		second, err = c.Wait(t.Context(), second.JobID)
		require.NoError(t, err)
		require.Equal(t, "completed", second.Status, second.Message)
		require.Equal(t, cost, second.Request.Cost)
		require.EqualValues(t, 1_234_567, second.Request.Cycles)
		require.Equal(t, 1, seller.Bought(*second.PublicValues))

		failed, err := c.Submit(t.Context(), o.submission(t, o.bob))
		require.NoError(t, err)
		failed, err = c.Wait(t.Context(), failed.JobID)
		require.NoError(t, err)
		require.Equal(t, "proof_failed", failed.Code)
		require.Equal(t, cost, failed.Request.Cost, "a failure may be charged for")

		scrape := httptest.NewRecorder()
		s.admin.Handler.ServeHTTP(scrape, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/metrics", nil))
		figures = scrape.Body.String()
	})

	t.Run("by the metrics", func(t *testing.T) {
		for _, line := range []string{
			`claimprover_network_requests_total{outcome="fulfilled"} 1`, `claimprover_network_requests_total{outcome="unexecutable"} 1`,
			`claimprover_network_requests_total{outcome="withdrawn"} 0`, `claimprover_network_spent_prove_total 0.6656`,
			`claimprover_network_resumed_total 1`, `claimprover_network_errors_total{code="unavailable"} 0`,
			`claimprover_network_balance_prove 1000`, `claimprover_network_balance_floor_prove 5`, // looked at once a minute
		} {
			require.Contains(t, figures, "\n"+line+"\n")
		}
		require.NotContains(t, figures, "0x")
	})

	t.Run("by the audit log, which the command sums up", func(t *testing.T) {
		var out bytes.Buffer
		require.Zero(t, Run(t.Context(), []string{"audit", "--since", "0", "--csv", path}, Streams{Out: &out, Err: io.Discard}, config.Environment{}))
		require.Regexp(t, `(?m)^key:test,end,cancelled,1,[^,]+,[^,]+,$`, out.String())
		require.Regexp(t, `(?m)^key:test,end,completed,1,[^,]+,[^,]+,`+cost+`$`, out.String())
		require.Regexp(t, `(?m)^key:test,end,proof_failed,1,[^,]+,[^,]+,`+cost+`$`, out.String())
		lines, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Regexp(t, `"event":"end".*"outcome":"completed".*"request":"0x[0-9a-f]{64}","cycles":1234567,"cost":"`+cost+`"`, string(lines))
	})
}

func TestWhatTheNetworkRefusesCostsNoBudget(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	var refused atomic.Bool
	seller := networktest.New(t, networktest.Options{
		Mode: network.Mainnet, Program: testProgram, Prove: o.circuit.Prove,
		Executed: time.Millisecond, Assigned: 2 * time.Millisecond, Fulfilled: 3 * time.Millisecond,
		Faults: networktest.Faults{Call: func(method string) networktest.CallFault {
			if method == "RequestProof" && refused.CompareAndSwap(false, true) {
				return networktest.Exhausted
			}
			return networktest.Works
		}},
	})
	cfg := o.settings()
	buysAt(t, cfg, seller, network.Mainnet)
	cfg.MaxProofsPerDay = 1
	c, _ := o.serveBuying(t, cfg, nil)
	for _, want := range []string{"failed", "completed"} {
		j, err := c.Submit(t.Context(), o.submission(t, o.alice))
		require.NoError(t, err, "the budget is one proof")
		j, err = c.Wait(t.Context(), j.JobID)
		require.NoError(t, err)
		require.Equal(t, want, j.Status, j.Message)
		require.Equal(t, want == "completed", j.Request != nil)
	}
	_, err := c.Submit(t.Context(), o.submission(t, o.bob))
	require.Equal(t, fault.BudgetExhausted, codeOf(t, err))
}

// looked is the service's side of a network after a look at an account with that much.
func looked(t *testing.T, mode network.Mode, balance uint64, log *bytes.Buffer, change func(*networktest.Options, *config.Config)) (*networkSide, *prometheus.Registry) {
	t.Helper()
	server, cfg := networktest.Options{Mode: mode, Program: testProgram, Balance: uint256.NewInt(balance)}, testSettings()
	change(&server, cfg)
	buysAt(t, cfg, networktest.New(t, server), mode)
	cfg.BalanceFloor, cfg.BalanceCeiling = config.ProveOf(uint256.NewInt(5e18)), config.ProveOf(uint256.NewInt(10e18))
	buyer, err := networkOf(cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { _ = buyer.Close() })
	r := prometheus.NewRegistry()
	n := newNetworkSide(buyer, cfg, r, slog.New(slog.NewTextHandler(log, nil)))
	n.look(t.Context())
	return n, r
}

func same(*networktest.Options, *config.Config) {}

func TestReadinessSaysWhatIsWrongWithTheNetwork(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(*networktest.Options, *config.Config){
		"ok": same,
		"the prover network does not know the program":     func(o *networktest.Options, _ *config.Config) { o.Unregistered = true },
		"the prover network asks for more than is allowed": func(_ *networktest.Options, c *config.Config) { c.MaxCost = weiOf(t, "1") },
		"the prover network signs for another domain":      func(o *networktest.Options, _ *config.Config) { o.Domain = [32]byte{1} },
		"the prover network cannot be asked":               func(o *networktest.Options, _ *config.Config) { o.Mode = network.Cluster },
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			n, _ := looked(t, network.Mainnet, 7e18, &log, change)
			require.Equal(t, says, n.ready())
			require.Regexp(t, `state="?`+says+`"? `, log.String())
			if says == "ok" {
				require.Contains(t, log.String(), "balance_prove=7 enough_for=4")
			}
		})
	}
}

func weiOf(t *testing.T, digits string) (w config.Wei) {
	require.NoError(t, w.UnmarshalText([]byte(digits)))
	return w
}

func TestABalanceOutOfItsBoundsIsLoudAtStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		balance     uint64
		says, ready string
	}{
		"enough":                {7e18, "", "ok"},
		"under the floor":       {4e18, `level=WARN msg="balance at the prover network is under its floor" address=` + buyersAddress + ` balance_prove=4 floor_prove=5`, "ok"},
		"over the ceiling":      {11e18, `level=WARN msg="balance at the prover network is over its ceiling" address=` + buyersAddress + ` balance_prove=11 ceiling_prove=10`, "ok"},
		"not enough for one":    {1e18, `level=WARN msg="balance at the prover network is not enough for a proof" address=` + buyersAddress + ` balance_prove=1 cost_prove=1.53`, "the balance at the prover network is not enough for a proof"},
		"just enough, at least": {5e18, "", "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			n, _ := looked(t, network.Mainnet, c.balance, &log, same)
			require.Equal(t, c.ready, n.ready())
			if c.says == "" {
				require.NotContains(t, log.String(), "WARN")
			}
			require.Contains(t, log.String(), c.says)
			before := log.Len()
			n.look(t.Context())
			require.Equal(t, before, log.Len(), "it is said once")
		})
	}
	for _, mode := range []network.Mode{network.Reserved, network.Cluster} {
		t.Run(string(mode)+" counts in something else", func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			n, r := looked(t, mode, 1, &log, same)
			require.Equal(t, "ok", n.ready())
			require.NotContains(t, log.String(), "WARN")
			families, err := r.Gather()
			require.NoError(t, err)
			for _, f := range families {
				require.NotContains(t, f.GetName(), "balance")
			}
		})
	}
}

func TestABalanceIsSaidWhenItCrossesABound(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	n := &networkSide{
		funds: funds{floor: uint256.NewInt(5), ceiling: uint256.NewInt(10)},
		log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.MessageKey {
				return slog.String("msg", strings.TrimPrefix(a.Value.String(), "balance at the prover network is "))
			}
			return slog.Attr{}
		}})),
	}
	for _, balance := range []uint64{7, 4, 4, 3, 11, 7, 1, 5, 10} {
		n.count(network.Standing{Balance: uint256.NewInt(balance), Terms: &network.Terms{Cost: uint256.NewInt(2)}})
	}
	require.Equal(t, []string{
		`msg="under its floor"`, `msg="over its ceiling"`, `msg="as it should be"`, `msg="not enough for a proof"`, `msg="as it should be"`, "",
	}, strings.Split(log.String(), "\n"))
}

func TestWhereAndHowToPayReachTheClient(t *testing.T) {
	t.Parallel()
	cfg := testSettings()
	buysAt(t, cfg, networktest.New(t, networktest.Options{Mode: network.Cluster, Program: testProgram}), network.Cluster)
	nets := config.Prefixes{netip.MustParsePrefix("10.0.0.0/8")}
	cfg.Credits, cfg.ArtifactNets = true, nets
	o, err := networkOptions(&cfg.Prover, nil)
	require.NoError(t, err)
	require.True(t, o.Credits)
	require.Equal(t, []netip.Prefix(nets), o.ArtifactNets)
}
