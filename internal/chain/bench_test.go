package chain_test

import (
	"encoding/binary"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/chain"
	"claimprover/internal/chain/chaintest"
	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/verify"
	"claimprover/internal/verify/verifytest"
)

// BenchmarkOpen is the question that admission asks, against a geth on the same machine.
func BenchmarkOpen(b *testing.B) {
	s := newStage(b, shared.get(b))
	s.pay(b, 1)

	b.Run("answer=warm", func(b *testing.B) {
		p := newProxy(b, s.Node.URL)
		claims := claimsAt(b, rpcTo(b, chain.RPCOptions{}, p.URL), s.Claims.Address, chain.ClaimsOptions{FreshFor: time.Hour})
		c := s.claim(b, 2)
		require.NoError(b, claims.Open(b.Context(), c))
		b.ReportAllocs()
		for b.Loop() {
			if err := claims.Open(b.Context(), c); err != nil {
				b.Fatal(err)
			}
		}
		require.EqualValues(b, 1, p.asked.Load(), "a warm answer costs no RPC")
	})

	b.Run("answer=cold", func(b *testing.B) {
		claims := s.claims(b, chain.ClaimsOptions{FreshFor: time.Hour})
		b.ReportAllocs()
		for n := range coldKeys(b) {
			if _, err := claims.Standing(b.Context(), n); err != nil {
				b.Fatal(err)
			}
		}
	})

	b.Run("answer=cut", func(b *testing.B) {
		p := newProxy(b, s.Node.URL)
		p.lie(status(http.StatusBadGateway))
		claims := claimsAt(b, rpcTo(b, chain.RPCOptions{}, p.URL), s.Claims.Address, chain.ClaimsOptions{})
		b.ReportAllocs()
		for n := range coldKeys(b) {
			if _, err := claims.Standing(b.Context(), n); err == nil {
				b.Fatal("admitted")
			}
		}
		b.ReportMetric(float64(p.asked.Load())/float64(b.N), "rpc/op")
	})
}

// coldKeys are accounts that nobody has asked about, as many as the benchmark wants.
func coldKeys(b *testing.B) func(yield func([32]byte) bool) {
	return func(yield func([32]byte) bool) {
		for b.Loop() {
			if !yield(newKey()) {
				return
			}
		}
	}
}

var lastKey atomic.Uint64

func newKey() (key [32]byte) {
	binary.BigEndian.PutUint64(key[:], lastKey.Add(1))
	return key
}

// BenchmarkColdFlood is 10,000 claims within a second, each for an account that nobody has asked about: more than any
// endpoint answers. Some are told so when their time is over.
func BenchmarkColdFlood(b *testing.B) {
	const claimsInASecond, timeout = 10_000, 5 * time.Second
	s := newStage(b, shared.get(b))
	p := newProxy(b, s.Node.URL)
	claims := claimsAt(b, rpcTo(b, chain.RPCOptions{Timeout: timeout}, p.URL), s.Claims.Address, chain.ClaimsOptions{})
	var answered, refused atomic.Int64
	var slowest atomic.Int64
	for b.Loop() {
		var wg sync.WaitGroup
		began := time.Now()
		for i := range claimsInASecond {
			if due := began.Add(time.Duration(i) * time.Second / claimsInASecond); i%100 == 0 {
				<-time.After(time.Until(due))
			}
			wg.Go(func() {
				asked := time.Now()
				switch _, err := claims.Standing(b.Context(), newKey()); {
				case err == nil:
					answered.Add(1)
				case fault.Is(err, fault.RPCUnavailable):
					refused.Add(1)
				default:
					b.Error(err)
				}
				took := int64(time.Since(asked))
				for most := slowest.Load(); took > most && !slowest.CompareAndSwap(most, took); most = slowest.Load() {
				}
			})
		}
		wg.Wait()
	}
	require.LessOrEqual(b, p.most.Load(), int64(16))
	require.Less(b, time.Duration(slowest.Load()), timeout+time.Second)
	b.ReportMetric(float64(p.most.Load()), "at-once")
	b.ReportMetric(float64(answered.Load())/float64(b.N), "answered/op")
	b.ReportMetric(float64(refused.Load())/float64(b.N), "refused/op")
	b.ReportMetric(time.Duration(slowest.Load()).Seconds(), "slowest-s")
}

// BenchmarkAgain is the look at everything that is pending or running.
func BenchmarkAgain(b *testing.B) {
	s := newStage(b, shared.get(b))
	claims := s.claims(b, chain.ClaimsOptions{})
	inFlight := make([]claim.Claim, 54) // a full queue and its workers, as they are set by default
	for i := range inFlight {
		inFlight[i].PublicKey = newKey()
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := claims.Again(b.Context(), inFlight); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCheck is what the two checks on chain add to a job.
func BenchmarkCheck(b *testing.B) {
	s := newStage(b, shared.get(b))
	r := rpcTo(b, chain.RPCOptions{}, s.Node.URL)
	values := s.claim(b, 2).PublicValues()
	subject := verify.Subject{Program: program, PublicValues: values[:], Proof: verifytest.New(b).Prove(program, values[:])}
	for name, check := range map[string]verify.Check{
		"onchain": chain.NewGateway(r, s.Gateway.Address).Check,
		"claim":   claimsAt(b, r, s.Claims.Address, chain.ClaimsOptions{}).Settles(s.list.Proof),
	} {
		b.Run("check="+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := check(b.Context(), subject); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRecovery is the time from an endpoint's coming back to the first answer from it.
func BenchmarkRecovery(b *testing.B) {
	s := newStage(b, shared.get(b))
	p := newProxy(b, s.Node.URL)
	for b.Loop() {
		b.StopTimer()
		claims := claimsAt(b, rpcTo(b, chain.RPCOptions{ChainID: chaintest.ChainID}, p.URL), s.Claims.Address, always)
		p.lie(status(http.StatusBadGateway))
		for range 2 {
			require.Error(b, claims.Open(b.Context(), s.claim(b, 2)))
		}
		p.lie(nil)
		b.StartTimer()
		for claims.Open(b.Context(), s.claim(b, 2)) != nil {
			<-time.After(time.Millisecond)
		}
	}
}
