package cli

import (
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/chain/chaintest"
	"claimprover/internal/claim"
	"claimprover/internal/config"
	"claimprover/internal/eligibility"
	"claimprover/internal/fault"
	"claimprover/internal/feed"
	"claimprover/internal/jobs"
	"claimprover/internal/jobs/memstore"
	"claimprover/internal/verify"
)

// gate is an endpoint of the stage's node that can be away, or hang, and counts what it is asked.
type gate struct {
	down, hangs atomic.Bool
	asked       atomic.Int64
}

func (o *onChain) behind(t *testing.T, g *gate, cfg *config.Config) {
	t.Helper()
	node, err := url.Parse(o.Node.URL)
	require.NoError(t, err)
	forward := httputil.NewSingleHostReverseProxy(node)
	rpc := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.asked.Add(1)
		if g.hangs.Load() {
			_, _ = io.Copy(io.Discard, r.Body) // else the caller's leaving is not seen
			<-r.Context().Done()
			return
		}
		if g.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(rpc.Close)
	cfg.RPCURL, err = config.ParseURLs(rpc.URL, "http")
	require.NoError(t, err)
}

func (o *onChain) control() verify.Subject {
	values := []byte("control")
	return verify.Subject{Program: testProgram, PublicValues: values, Proof: o.circuit.Prove(testProgram, values)}
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func TestAContractIsSaidInOneBlockOfTheLog(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	log := &journal{}
	cfg := o.settings()
	all := testParts(t, cfg, o.circuit, o.proves())
	all.list = o.list
	require.NoError(t, all.askChain(t.Context(), cfg, o.control(), &config.Verdict{}, slog.New(slog.NewTextHandler(log, nil))))
	t.Cleanup(all.chain.close)
	require.Equal(t, 1, strings.Count(log.String(), "\n"), log)
	root := fmt.Sprintf("0x%x", o.list.Root())
	for _, said := range []string{
		"contract=" + o.Claims.Address.Hex(), "chain_id=1337", "code=true", "list_root=" + root, "merkle_root=" + root, "paused=false",
		"verifier=" + o.ZKVerifier.Address.Hex(), fmt.Sprintf("program=0x%x", testProgram), "gateway=" + o.Gateway.Address.Hex(),
		fmt.Sprintf("route_0x%x=0x", o.circuit.Selector()),
	} {
		require.Contains(t, log.String(), said)
	}
	require.NotContains(t, log.String(), "127.0.0.1")
}

func TestAChainThatComesBackIsJudgedThen(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	key := o.alice.PublicKey()
	changed, err := eligibility.Load(strings.NewReader(fmt.Sprintf(`{"entries":{%q:{"pubkey":"0x%x","balance":"1000"}}}`, o.alice.Address(42), key)), 0)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		change  func(*config.Config, *parts)
		setting string
	}{
		"another list":    {func(_ *config.Config, p *parts) { p.list = changed }, "setting=ELIGIBILITY_FILE"},
		"another program": {func(cfg *config.Config, _ *parts) { cfg.VKey = [32]byte{0, 9} }, "setting=SP1_PROGRAM_VKEY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, log, cfg := &gate{}, &journal{}, o.settings()
			g.down.Store(true)
			o.behind(t, g, cfg)
			cfg.ChainID, cfg.VerifyOnchain = chaintest.ChainID, false
			all := testParts(t, cfg, o.circuit, o.proves())
			all.list = o.list
			c.change(cfg, &all)
			all.anchor = newAnchor(cfg)
			require.NoError(t, all.askChain(t.Context(), cfg, o.control(), &config.Verdict{}, slog.New(slog.NewTextHandler(log, nil))), "a chain that is away is no reason not to start")
			client, _ := serveInProcess(t, cfg, all)
			require.NotContains(t, log.String(), "claim contract")

			g.down.Store(false)
			require.Eventually(t, func() bool { return strings.Contains(log.String(), "no proof made here can be claimed") }, 20*time.Second, 50*time.Millisecond)
			require.Contains(t, log.String(), c.setting)
			_, err := client.Submit(t.Context(), o.submission(t, o.alice))
			require.Equal(t, fault.ClaimsClosed, codeOf(t, err), "nothing is proved that the contract would refuse")
			require.Equal(t, 1, strings.Count(log.String(), "no proof made here can be claimed"))
		})
	}
}

func TestTheFilesOwnRootIsComparedToo(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	d, text := o.examined(t, o.settings(), func(*parts) {})
	require.True(t, d.Well, text)
	require.Contains(t, text, ", its file states none")

	entries := fmt.Sprintf(`{%q:{"pubkey":"0x%x","balance":"1000"}}`, o.alice.Address(42), o.alice.PublicKey())
	stale, err := eligibility.Loader{AnyRoot: true}.Load(strings.NewReader(`{"root":"0x`+strings.Repeat("ab", 32)+`","entries":`+entries+`}`), 0)
	require.NoError(t, err)
	cfg := o.settings()
	cfg.RootCheck = "off"
	d, text = o.examined(t, cfg, func(p *parts) { p.list = stale })
	require.False(t, d.Well)
	require.Empty(t, d.Problems, "it was set so")
	require.Contains(t, text, "its file states 0xabab")
	require.Contains(t, text, "✗ ELIGIBILITY_FILE: The file names the root 0xabab")
	require.Contains(t, text, "✗ ELIGIBILITY_ROOT_CHECK: The contract pays by the list with root")
}

func TestEverythingInFlightIsOneBatch(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	g, cfg := &gate{}, o.settings()
	o.behind(t, g, cfg)
	side, err := newChainSide(cfg, o.list, new(atomic.Pointer[feed.Feed]), o.control(), slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(side.close)
	side.judge(t.Context(), newAnchor(cfg), &config.Verdict{})
	const all, running = 130, 20 // more of them pending than a page of the store, and than a batch
	store := memstore.New(memstore.Options{QueueCapacity: all, JobsTTL: time.Hour})
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	wallets := map[int]claim.Wallet{running + 1: o.alice, all - 1: o.bob} // on the first page and the last, whichever that is
	var paid []jobs.ID
	for i := range all {
		if i == 70 {
			asked := g.asked.Load()
			require.NoError(t, side.sweep(t.Context(), store))
			require.EqualValues(t, 1, g.asked.Load()-asked)
		}
		c := claim.Claim{PublicKey: [32]byte{1, byte(i)}}
		wallet, listed := wallets[i]
		if listed {
			c.PublicKey = wallet.PublicKey()
		}
		j, _, err := store.Admit(t.Context(), jobs.New(uuid.New(), claim.Identity{byte(i)}, c, "local", "key:a", time.Now()))
		require.NoError(t, err)
		if listed {
			paid = append(paid, j.ID)
		}
		if i < running {
			_, err := store.Lease(t.Context(), "w")
			require.NoError(t, err)
		}
	}

	for _, w := range wallets {
		steps, _ := o.list.Proof(w.PublicKey())
		require.NoError(t, o.Claims.Send("adminClaim", w.PublicKey(), big.NewInt(1000), steps, chaintest.Nobody))
	}
	require.NoError(t, side.sweep(t.Context(), store))
	f, err := store.Figures(t.Context())
	require.NoError(t, err)
	require.Equal(t, all-len(paid), f.Pending+f.Running)
	for _, id := range paid {
		j, err := store.Get(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, fault.AlreadyClaimed, j.Outcome.Failure.Code)
	}

	g.down.Store(true)
	require.Error(t, side.sweep(t.Context(), store))
	f, err = store.Figures(t.Context())
	require.NoError(t, err)
	require.Equal(t, all-len(paid), f.Pending+f.Running, "trouble ends no job")
}

func TestFiveHundredSubmissionsOverADeadChain(t *testing.T) {
	t.Parallel()
	o := newOnChain(t)
	g, cfg := &gate{}, o.settings()
	o.behind(t, g, cfg)
	const timeout = 2 * time.Second
	cfg.ChainID, cfg.RPCTimeout, cfg.VerifyOnchain, cfg.KeyRateMax = chaintest.ChainID, timeout, false, 2000
	all := testParts(t, cfg, o.circuit, o.proves())
	require.NoError(t, o.ask(t, cfg, &all))
	c, s := serveInProcess(t, cfg, all)
	const accounts = 50
	var bodies []api.Submission
	for range accounts {
		wallet, err := claim.NewWallet()
		require.NoError(t, err)
		bodies = append(bodies, o.submission(t, wallet))
	}
	refused := func() time.Duration { // all at once
		var wg sync.WaitGroup
		began := time.Now()
		for i := range 500 {
			wg.Go(func() {
				if _, err := c.Submit(t.Context(), bodies[i%accounts]); !fault.Is(err, fault.RPCUnavailable) {
					t.Errorf("submission %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		return time.Since(began)
	}
	g.hangs.Store(true)
	hanging := refused()
	g.hangs.Store(false)
	g.down.Store(true)
	require.Less(t, hanging, timeout+3*time.Second+2*refused(), "the time of the question, and what as many requests take that ask nobody")
	f, err := s.store.Figures(t.Context())
	require.NoError(t, err)
	require.Zero(t, f.Kept, "none is admitted")
}
