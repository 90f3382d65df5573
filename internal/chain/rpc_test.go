package chain_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/chain"
	"claimprover/internal/chain/chaintest"
	"claimprover/internal/claim"
	"claimprover/internal/fault"
)

// lies are what may stand in the place of an answer. Each is trouble.
func lies(elsewhere string) map[string]lie {
	return map[string]lie{
		"it hangs":                       hang,
		"it resets the connection":       reset,
		"it says 429":                    status(http.StatusTooManyRequests),
		"it says 500":                    status(http.StatusInternalServerError),
		"it says 401 with the key in it": status(http.StatusUnauthorized),
		"it sends no JSON":               text("<html>" + secret + "</html>"),
		"it sends half of an answer":     text(`[{"jsonrpc":"2.0","id":1,`),
		"it sends nothing":               text(""),
		"it sends null":                  text("null"),
		"it sends an empty batch":        text("[]"),
		"it sends one error for all":     text(`{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"` + secret + `"}}`),
		"it sends a GiB":                 endless,
		"its answer is over a MiB":       padded(1 << 20),
		"it redirects":                   redirect(elsewhere),
		"its ids are of other questions": wrongIDs,
		"two of its ids are exchanged":   twoIDsExchanged,
		"one element is missing":         oneMissing,
		"a call is answered null":        answering("eth_call", "null"),
		"a call is answered 0x":          answering("eth_call", `"0x"`),
		"a call is answered too short":   answering("eth_call", `"0x00"`),
		"a call is answered too long":    answering("eth_call", `"0x`+strings.Repeat("00", 64)+`"`),
		"a call is answered in decimals": answering("eth_call", "0"),
		"a bool is answered 2":           answering("eth_call", `"0x`+strings.Repeat("0", 63)+`2"`),
		"a view reverts":                 failing("eth_call", `{"code":3,"message":"execution reverted","data":"0x"}`),
		"a call fails":                   failing("eth_call", `{"code":-32000,"message":"header not found at `+secret+`"}`),
		"the chain id is missing":        answering("eth_chainId", "null"),
		"the chain is another":           answering("eth_chainId", `"0x5"`),
		"the block is missing":           answering("eth_getBlockByNumber", "null"),
		"the block has no hash":          answering("eth_getBlockByNumber", `{"number":"0x1","timestamp":"0x7fffffff"}`),
		"the block after it is missing":  lastBlock("null"),
		"its head is left behind":        laggingHead,
	}
}

func TestNoLieIsAnAnswer(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	s.pay(t, 1)
	elsewhere := newProxy(t, s.Node.URL)
	paid, open := s.claim(t, 1), s.claim(t, 2)

	for name, l := range lies(elsewhere.URL) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, s.Node.URL)
			var log bytes.Buffer
			r := rpcTo(t, chain.RPCOptions{ChainID: chaintest.ChainID, Timeout: 2 * time.Second, Logger: slog.New(slog.NewJSONHandler(&log, nil))}, p.URL)
			claims := claimsAt(t, r, s.Claims.Address, chain.ClaimsOptions{})
			require.NoError(t, claims.Open(t.Context(), s.claim(t, 3)), "the truth is an answer")

			p.lie(l)
			began := time.Now()
			err := claims.Open(t.Context(), open)
			require.Equal(t, fault.RPCUnavailable, codeOf(err), "%v", err)
			require.Less(t, time.Since(began), 4*time.Second)
			require.Positive(t, fault.Of(err).RetryAfter)
			requireNoSecret(t, err.Error()+log.String())

			p.lie(nil)
			require.NoError(t, claims.Open(t.Context(), open), "trouble is not remembered")
			require.Equal(t, fault.AlreadyClaimed, codeOf(claims.Open(t.Context(), paid)))
		})
	}
	t.Cleanup(func() {
		if elsewhere.asked.Load() != 0 {
			t.Error("a redirect was followed")
		}
	})
}

func TestTheNextEndpointAnswers(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	s.pay(t, 1)
	for name, l := range lies(s.Node.URL) {
		t.Run("when "+name, func(t *testing.T) {
			t.Parallel()
			first, second := newProxy(t, s.Node.URL), newProxy(t, s.Node.URL)
			r := rpcTo(t, chain.RPCOptions{ChainID: chaintest.ChainID, Timeout: 3 * time.Second}, first.URL, second.URL)
			claims := claimsAt(t, r, s.Claims.Address, always)
			require.NoError(t, claims.Open(t.Context(), s.claim(t, 2)))
			require.Zero(t, second.asked.Load(), "the first is preferred")
			first.lie(l)
			require.NoError(t, claims.Open(t.Context(), s.claim(t, 2)))
			require.Equal(t, fault.AlreadyClaimed, codeOf(claims.Open(t.Context(), s.claim(t, 1))))
			require.Positive(t, second.asked.Load())
		})
	}

	t.Run("but not one of another chain, or that is left behind", func(t *testing.T) {
		t.Parallel()
		for _, l := range []lie{answering("eth_chainId", `"0x5"`), laggingHead} {
			first, second := newProxy(t, s.Node.URL), newProxy(t, s.Node.URL)
			second.lie(l)
			claims := claimsAt(t, rpcTo(t, chain.RPCOptions{}, first.URL, second.URL), s.Claims.Address, always)
			require.NoError(t, claims.Open(t.Context(), s.claim(t, 2)), "the first answer says which chain it is")
			first.lie(status(500))
			require.Equal(t, fault.RPCUnavailable, codeOf(claims.Open(t.Context(), s.claim(t, 2))))
			require.Positive(t, second.asked.Load())
		}
	})
}

func TestALongAnswerIsAnAnswer(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	p := newProxy(t, s.Node.URL)
	p.lie(padded(1 << 19))
	require.NoError(t, claimsAt(t, rpcTo(t, chain.RPCOptions{}, p.URL), s.Claims.Address, always).Open(t.Context(), s.claim(t, 1)))
}

func TestABlockThatComesInBetween(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	const another = "0x1111111111111111111111111111111111111111111111111111111111111111"
	for name, l := range map[string]lie{
		"a higher one":           lastBlock(`{"number":"0xffffff","hash":"` + another + `","timestamp":"0x7fffffff"}`),
		"one in another's place": lastBlockOfHash(another),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, s.Node.URL)
			claims := claimsAt(t, rpcTo(t, chain.RPCOptions{}, p.URL), s.Claims.Address, always)
			p.lie(l)
			standing, err := claims.Standing(t.Context(), s.claim(t, 1).PublicKey)
			require.NoError(t, err)
			require.EqualValues(t, 2, p.asked.Load(), "the batch is put once more")
			require.Contains(t, p.lastBatch(), `"blockHash":"`+standing.Block.Hash.Hex(), "of the block by its hash")
			require.NotContains(t, p.lastBatch(), `"latest"]}`, "no call is of any other block")
		})
	}
}

func TestADeadEndpoint(t *testing.T) {
	t.Parallel()

	t.Run("is not asked once it has failed often enough, and is found again by itself", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, shared.get(t))
		p := newProxy(t, s.Node.URL)
		var log bytes.Buffer
		claims := claimsAt(t, rpcTo(t, chain.RPCOptions{Logger: slog.New(slog.NewTextHandler(&log, nil))}, p.URL), s.Claims.Address, always)
		require.False(t, claims.Away(), "nothing has failed")
		p.lie(status(http.StatusBadGateway))
		for range 2 {
			require.Equal(t, fault.RPCUnavailable, codeOf(claims.Open(t.Context(), s.claim(t, 1))))
		}
		require.True(t, claims.Away())
		require.EqualValues(t, 5, p.asked.Load(), "three tries, and two until the fifth failure")
		asked, quickest := p.asked.Load(), time.Minute
		for range 20 {
			began := time.Now()
			require.Equal(t, fault.RPCUnavailable, codeOf(claims.Open(t.Context(), s.claim(t, 1))))
			quickest = min(quickest, time.Since(began))
		}
		require.Equal(t, asked, p.asked.Load(), "nobody waits for what is known to be dead")
		require.Less(t, quickest, 5*time.Millisecond)

		p.lie(nil)
		healed := time.Now()
		require.Eventually(t, func() bool { return claims.Open(t.Context(), s.claim(t, 1)) == nil }, 10*time.Second, 10*time.Millisecond)
		require.Less(t, time.Since(healed), 5*time.Second)
		require.False(t, claims.Away())
		require.Equal(t, 1, strings.Count(log.String(), `endpoint="RPC 1" err="HTTP status 502"`), "the log says it once: %s", &log)
		require.Equal(t, 1, strings.Count(log.String(), "answers again"))
		requireNoSecret(t, log.String())
	})

	t.Run("that hangs is found again as soon", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, shared.get(t))
		p := newProxy(t, s.Node.URL)
		claims := claimsAt(t, rpcTo(t, chain.RPCOptions{Timeout: 400 * time.Millisecond}, p.URL), s.Claims.Address, always)
		p.lie(hang)
		for range 4 {
			require.Equal(t, fault.RPCUnavailable, codeOf(claims.Open(t.Context(), s.claim(t, 1))))
		}
		p.lie(nil)
		healed := time.Now()
		require.Eventually(t, func() bool { return claims.Open(t.Context(), s.claim(t, 1)) == nil }, 10*time.Second, 10*time.Millisecond)
		require.Less(t, time.Since(healed), 5*time.Second)
	})

	t.Run("whose way back hangs is given up quickly, and tried again", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, shared.get(t))
		p := newProxy(t, s.Node.URL)
		claims := claimsAt(t, rpcTo(t, chain.RPCOptions{Timeout: time.Minute}, p.URL), s.Claims.Address, always)
		p.lie(status(http.StatusBadGateway))
		for range 2 {
			require.Equal(t, fault.RPCUnavailable, codeOf(claims.Open(t.Context(), s.claim(t, 1))))
		}
		p.lie(hang)
		require.Eventually(t, func() bool { // until one of them is on its way to the hanging endpoint
			go func() { _ = claims.Open(t.Context(), s.claim(t, 1)) }()
			return p.onTheWay.Load() == 1
		}, 20*time.Second, 10*time.Millisecond)
		p.lie(nil)
		healed := time.Now()
		require.Eventually(t, func() bool { return claims.Open(t.Context(), s.claim(t, 2)) == nil }, 20*time.Second, 10*time.Millisecond)
		require.Less(t, time.Since(healed), 5*time.Second)
	})

	t.Run("is not one whose callers leave", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, shared.get(t))
		p := newProxy(t, s.Node.URL)
		claims := claimsAt(t, rpcTo(t, chain.RPCOptions{}, p.URL), s.Claims.Address, always)
		p.lie(hang)
		for range 10 {
			ctx, leave := contextWithCause(t)
			left := make(chan error, 1)
			asked := p.asked.Load()
			go func() {
				_, err := claims.Again(ctx, []claim.Claim{s.claim(t, 1)})
				left <- err
			}()
			require.Eventually(t, func() bool { return p.asked.Load() > asked }, 20*time.Second, time.Millisecond)
			leave(errLeft)
			require.ErrorIs(t, <-left, errLeft)
		}
		p.lie(nil)
		require.NoError(t, claims.Open(t.Context(), s.claim(t, 1)))
	})

	t.Run("where nothing listens is trouble too", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		require.NoError(t, l.Close())
		for _, scheme := range []string{"http://", "ws://"} {
			claims := claimsAt(t, rpcTo(t, chain.RPCOptions{}, scheme+l.Addr().String()+"/"+secret), chaintest.Nobody, always)
			_, err = claims.Standing(t.Context(), [32]byte{1})
			require.Equal(t, fault.RPCUnavailable, codeOf(err))
			requireNoSecret(t, err.Error())
		}
	})

	t.Run("answers 500 submissions at once within its time, one question per account, and lets none in", func(t *testing.T) {
		t.Parallel()
		p := newProxy(t, "")
		perAccount := newTally()
		p.lie(func(w http.ResponseWriter, r *http.Request, e exchange) {
			defer perAccount.enter(e.calls[5])() // claimed(account), behind everybody's terms
			hang(w, r, e)
		})
		const timeout, accounts = 2 * time.Second, 50
		claims := claimsAt(t, rpcTo(t, chain.RPCOptions{Timeout: timeout}, p.URL), chaintest.Nobody, chain.ClaimsOptions{})
		var refused atomic.Int32
		var wg sync.WaitGroup
		began := time.Now()
		for i := range 500 {
			wg.Go(func() {
				_, err := claims.Standing(t.Context(), [32]byte{byte(i % accounts)})
				if codeOf(err) == fault.RPCUnavailable {
					refused.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 500, refused.Load())
		require.Less(t, time.Since(began), timeout+2*time.Second)
		require.LessOrEqual(t, p.most.Load(), int64(16))
		asked, most := perAccount.seen()
		require.Equal(t, 16, asked, "all slots were used")
		require.Equal(t, 1, most, "and each for another account")
	})
}

// tally counts by name who comes in before the first leaves: an endpoint hears late that a caller has gone.
type tally struct {
	mu     sync.Mutex
	inside map[string]int // guarded by mu
	over   bool           // guarded by mu; somebody has left
}

func newTally() *tally { return &tally{inside: map[string]int{}} }

func (c *tally) enter(name string) (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.inside[name]++
	}
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.over = true
	}
}

// seen says how many names there were, and how often the most frequent was.
func (c *tally) seen() (names, most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.inside), slices.Max(slices.Collect(maps.Values(c.inside)))
}

func TestACallerWhoLeaves(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	p := newProxy(t, s.Node.URL)
	claims := claimsAt(t, rpcTo(t, chain.RPCOptions{}, p.URL), s.Claims.Address, chain.ClaimsOptions{})
	var once sync.Once
	arrived, release := make(chan struct{}), make(chan struct{})
	p.lie(edit(func(_ exchange, answer []map[string]json.RawMessage) []map[string]json.RawMessage {
		once.Do(func() { close(arrived) })
		<-release
		return answer
	}))
	stays := make(chan error, 1)
	leaving, leave := contextWithCause(t)
	left := make(chan error, 1)
	go func() { left <- claims.Open(leaving, s.claim(t, 1)) }()
	<-arrived
	go func() { stays <- claims.Open(t.Context(), s.claim(t, 1)) }()
	leave(errLeft)
	require.ErrorIs(t, <-left, errLeft)
	close(release)
	require.NoError(t, <-stays, "another's leaving is not his")
	require.Equal(t, 1, p.firstBatches())
}

func TestOneQuestionPerAccount(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	p := newProxy(t, s.Node.URL)
	claims := claimsAt(t, rpcTo(t, chain.RPCOptions{}, p.URL), s.Claims.Address, chain.ClaimsOptions{FreshFor: time.Hour})
	c := s.claim(t, 1)
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if err := claims.Open(t.Context(), c); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.NoError(t, claims.Open(t.Context(), c))
	require.Equal(t, 1, p.firstBatches(), "200 at once are one batch, and a warm answer is none")
}

func TestManyColdAccountsKeepToTheLimit(t *testing.T) {
	t.Parallel()
	s := newStage(t, shared.get(t))
	p := newProxy(t, s.Node.URL)
	claims := claimsAt(t, rpcTo(t, chain.RPCOptions{Concurrency: 4}, p.URL), s.Claims.Address, chain.ClaimsOptions{})
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if _, err := claims.Standing(t.Context(), [32]byte{1, byte(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 200, p.firstBatches(), "a cold answer is exactly one batch")
	require.LessOrEqual(t, p.most.Load(), int64(4))
}

func TestTheHostIsInNoError(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler()) // its certificate is nobody's
	t.Cleanup(server.Close)
	for name, url := range map[string]string{
		"a certificate that is not trusted": server.URL + "/" + secret,
		"a name that does not exist":        "http://" + secret + ".invalid/" + secret,
		"a URL that is none":                "http://%zz" + secret,
		"a scheme that is not known":        secret + "://" + secret,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims := claimsAt(t, rpcTo(t, chain.RPCOptions{Timeout: 5 * time.Second}, url), chaintest.Nobody, always)
			_, err := claims.Standing(t.Context(), [32]byte{1})
			require.Equal(t, fault.RPCUnavailable, codeOf(err))
			requireNoSecret(t, err.Error())
		})
	}
	_, err := chain.NewRPC(nil, chain.RPCOptions{})
	require.Error(t, err)
}
