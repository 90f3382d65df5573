package auth_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/auth"
)

// transport answers without a network, so that a bubble's clock can be used.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// counter counts the fetches of a goroutine that the test sleeps through.
type counter struct{ atomic.Int64 }

func (c *counter) more() int64 { return c.Add(1) }

func answer(body string) (*http.Response, error) {
	w := httptest.NewRecorder()
	io.WriteString(w, body)
	return w.Result(), nil
}

// run has keys fetched through f until the test ends.
func run(t *testing.T, log *slog.Logger, f transport) *auth.JWKS {
	t.Helper()
	k, err := auth.NewJWKS("https://issuer.example/jwks.json?key=hidden", log)
	require.NoError(t, err)
	k.Through(f)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
	synctest.Wait()
	return k
}

func TestRun(t *testing.T) {
	t.Parallel()
	id := theIssuer()
	set := id.set(t)
	unknown := func(t *testing.T) *http.Request {
		return bearer(sign(t, signer{id.es.method, id.es.key, rand.Text()}, good()))
	}
	bubble := func(name string, f func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, f)
		})
	}
	bubble("1,000 tokens of random kids make at most two fetches and none waits for one", func(t *testing.T) {
		fetches := new(counter)
		k := run(t, nil, func(r *http.Request) (*http.Response, error) {
			if fetches.more() == 1 {
				return answer(set)
			}
			<-r.Context().Done() // an issuer that hangs
			return nil, r.Context().Err()
		})
		a := jwksAuth(t, k)
		time.Sleep(2 * time.Minute)
		before := time.Now()
		for range 1000 {
			wantUnauthorized(t, a, unknown(t), write)
		}
		synctest.Wait()
		for range 1000 {
			wantUnauthorized(t, a, unknown(t), write)
		}
		require.Zero(t, time.Since(before))
		require.EqualValues(t, 2, fetches.Load())
		wantOwner(t, a, bearer(sign(t, id.es, good())), write, "jwt:"+issuer+":alice")
	})
	bubble("a stranger every second makes one fetch a minute", func(t *testing.T) {
		fetches := new(counter)
		k := run(t, nil, func(*http.Request) (*http.Response, error) { fetches.more(); return answer(set) })
		a := jwksAuth(t, k)
		for range 600 {
			time.Sleep(time.Second)
			wantUnauthorized(t, a, unknown(t), write)
		}
		synctest.Wait()
		require.EqualValues(t, 1+10, fetches.Load())
	})
	bubble("a new key is known within a minute of the first token it signed", func(t *testing.T) {
		newKey := es256("ec-2")
		var sets atomic.Value
		sets.Store(set)
		k := run(t, nil, func(*http.Request) (*http.Response, error) { return answer(sets.Load().(string)) })
		a := jwksAuth(t, k)
		sets.Store(jwks(newKey.public(t)))
		r := bearer(sign(t, newKey, good()))
		wantUnauthorized(t, a, r, write)
		time.Sleep(time.Minute)
		synctest.Wait()
		wantOwner(t, a, r, write, "jwt:"+issuer+":alice")
	})
	bubble("without strangers the keys are fetched every five minutes", func(t *testing.T) {
		fetches := new(counter)
		run(t, nil, func(*http.Request) (*http.Response, error) { fetches.more(); return answer(set) })
		time.Sleep(time.Hour)
		synctest.Wait()
		require.EqualValues(t, 1+12, fetches.Load())
	})
	bubble("an issuer that is away is asked again: soon at first, once a minute with keys in hand", func(t *testing.T) {
		fetches, away := new(counter), new(atomic.Bool)
		away.Store(true)
		var log strings.Builder
		k := run(t, slog.New(slog.NewTextHandler(&log, nil)), func(*http.Request) (*http.Response, error) {
			if fetches.more(); away.Load() {
				return nil, errors.New("no route")
			}
			return answer(set)
		})
		time.Sleep(25 * time.Second)
		synctest.Wait()
		require.EqualValues(t, 3, fetches.Load())
		require.False(t, k.Ready())
		away.Store(false)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.True(t, k.Ready())
		away.Store(true)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		require.EqualValues(t, 4+6, fetches.Load(), "at five minutes and every minute from then on")
		require.True(t, k.Ready())
		require.Contains(t, log.String(), "no route")
		require.NotContains(t, log.String(), "hidden", "a URL may hold a secret")
	})
	bubble("an answer that never comes is given up after ten seconds", func(t *testing.T) {
		fetches := new(counter)
		run(t, nil, func(r *http.Request) (*http.Response, error) {
			fetches.more()
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		time.Sleep(20*time.Second + time.Millisecond)
		synctest.Wait()
		require.EqualValues(t, 2, fetches.Load())
	})
}
