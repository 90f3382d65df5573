package admission_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/internal/admission"
	"claimprover/internal/claim"
	"claimprover/internal/eligibility"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/internal/jobs/memstore"
	"claimprover/internal/rate"
	"claimprover/prover"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var domain = claim.Domain{Contract: common.HexToAddress("0x5FbDB2315678afecb367f032d93F642f64180aa3"), ChainID: 84532, ProverMode: "mock"}

// wallet is one account, by number.
func wallet(t testing.TB, seed byte) claim.Wallet {
	t.Helper()
	w, err := claim.WalletFromSeed([32]byte{seed, 1})
	require.NoError(t, err)
	return w
}

// signed is a valid claim of an account for a recipient, signed anew each time.
func signed(t testing.TB, seed byte, recipient uint64) claim.Claim {
	t.Helper()
	c, err := wallet(t, seed).Claim(domain, 42, common.BytesToAddress(uint256.NewInt(recipient).Bytes()), *uint256.NewInt(1000))
	require.NoError(t, err)
	return c
}

type gateAt struct {
	*admission.Gate
	store jobs.Store
}

func gate(t testing.TB, capacity int, change func(*admission.Options)) gateAt {
	t.Helper()
	o := admission.Options{
		Domain:        known(domain),
		PerPublicKey:  rate.Policy{Name: "pubkey", Limit: 3, Window: 5 * time.Minute},
		PerEVMAddress: rate.Policy{Name: "address", Limit: 20, Window: 5 * time.Minute},
		Logger:        slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&o)
	}
	store := memstore.New(memstore.Options{QueueCapacity: capacity, JobsTTL: time.Hour, CacheTTL: time.Hour})
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return gateAt{admission.New(store, o), store}
}

func known(d claim.Domain) func() (claim.Domain, error) {
	return func() (claim.Domain, error) { return d, nil }
}

func codeOf(err error) fault.Code {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

// finish has the oldest job in the queue proved.
func (g gateAt) finish(t testing.TB) jobs.Job {
	t.Helper()
	lease, err := g.store.Lease(t.Context(), "test")
	require.NoError(t, err)
	j, err := g.store.Swap(t.Context(), lease.ID, &lease, func(j jobs.Job) (jobs.Job, error) {
		return j.Completed(prover.Proof{Bytes: []byte{1}, PublicValues: []byte{2}}, time.Now())
	})
	require.NoError(t, err)
	return j
}

func TestGuards(t *testing.T) {
	t.Parallel()
	list, err := eligibility.Load(strings.NewReader(`{"entries":{"`+wallet(t, 1).Address(42)+`":{"pubkey":"`+common.BytesToHash(keyOf(t, 1)).Hex()+`","balance":"1000"}}}`), 0)
	require.NoError(t, err)
	withList := func(o *admission.Options) { o.List = list }

	other := signed(t, 1, 7)
	other.Amount = *uint256.NewInt(999)
	stranger := signed(t, 2, 7)
	forged := signed(t, 1, 7)
	forged.Signature[5] ^= 1
	elsewhere := signed(t, 1, 7)
	elsewhere.Challenge[0] ^= 1

	for name, c := range map[string]struct {
		claim  claim.Claim
		change func(*admission.Options)
		want   fault.Code
	}{
		"an account that is not listed":                              {stranger, withList, fault.NotEligible},
		"an amount that is not the listed one":                       {other, withList, fault.AmountMismatch},
		"a challenge the contract will not recompute":                {elsewhere, withList, fault.ChallengeMismatch},
		"a signature that is not the account's":                      {forged, withList, fault.InvalidSignature},
		"eligibility is looked at before the signature":              {func() claim.Claim { c := stranger; c.Signature[0] ^= 1; return c }(), withList, fault.NotEligible},
		"the challenge is looked at before the signature":            {func() claim.Claim { c := elsewhere; c.Signature[0] ^= 1; return c }(), withList, fault.ChallengeMismatch},
		"without a list any account and amount":                      {stranger, nil, ""},
		"unsigned claims where that is the setting":                  {forged, func(o *admission.Options) { o.UnsignedAdmitted = true }, ""},
		"without a contract any challenge, but a valid signature":    {elsewhere, func(o *admission.Options) { o.Domain = known(claim.Domain{}) }, fault.InvalidSignature},
		"a good claim of a listed account with its amount is let in": {signed(t, 1, 7), withList, ""},
		"the chain's id is not known yet: not a guess in its stead": {signed(t, 1, 7), func(o *admission.Options) {
			o.Domain = func() (claim.Domain, error) { return claim.Domain{}, fault.New(fault.RPCUnavailable, "Not yet.") }
		}, fault.RPCUnavailable},
		"the chain says that it is claimed":                           {signed(t, 1, 7), func(o *admission.Options) { o.Chain = &chain{answer: fault.New(fault.AlreadyClaimed, "Claimed.")} }, fault.AlreadyClaimed},
		"the chain cannot be asked: never an answer in its stead":     {signed(t, 1, 7), func(o *admission.Options) { o.Chain = &chain{answer: fault.New(fault.RPCUnavailable, "Away.")} }, fault.RPCUnavailable},
		"the chain is not asked about a claim that is refused before": {forged, func(o *admission.Options) { o.Chain = &chain{answer: errors.New("asked")} }, fault.InvalidSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gate(t, 10, c.change)
			a, err := g.Admit(t.Context(), "key:a", c.claim)
			require.Equal(t, c.want, codeOf(err))
			if c.want == "" {
				require.Equal(t, jobs.Queued, a.Disposition)
			}
		})
	}
}

func keyOf(t testing.TB, seed byte) []byte {
	key := wallet(t, seed).PublicKey()
	return key[:]
}

// chain is asked and counts.
type chain struct {
	answer error
	asked  atomic.Int32
}

func (c *chain) Open(context.Context, claim.Claim) error {
	c.asked.Add(1)
	return c.answer
}

func TestTheSameClaim(t *testing.T) {
	t.Parallel()

	t.Run("under another valid signature is the same job", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 10, nil)
		first, err := g.Admit(t.Context(), "key:a", signed(t, 1, 7))
		require.NoError(t, err)
		again, err := g.Admit(t.Context(), "key:b", signed(t, 1, 7))
		require.NoError(t, err)
		require.Equal(t, jobs.Joined, again.Disposition)
		require.Equal(t, first.Job.ID, again.Job.ID)
		require.True(t, again.Job.OwnedBy("key:a") && again.Job.OwnedBy("key:b"))
	})

	t.Run("a cached proof is answered only after this caller's own signature was checked", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 10, nil)
		_, err := g.Admit(t.Context(), "key:a", signed(t, 1, 7))
		require.NoError(t, err)
		g.finish(t)
		forged := signed(t, 1, 7)
		forged.Signature[9] ^= 1
		_, err = g.Admit(t.Context(), "key:b", forged)
		require.Equal(t, fault.InvalidSignature, codeOf(err))
		cached, err := g.Admit(t.Context(), "key:b", signed(t, 1, 7))
		require.NoError(t, err)
		require.Equal(t, jobs.CachedAnswer, cached.Disposition)
		require.True(t, cached.Job.Cached)
	})

	t.Run("a hundred at one instant ask the chain once and become one job", func(t *testing.T) {
		t.Parallel()
		asked := &chain{}
		g := gate(t, 100, func(o *admission.Options) { o.Chain = asked })
		ids := make(chan jobs.ID, 100)
		atOnce(100, func(int) {
			a, err := g.Admit(t.Context(), "key:a", signed(t, 1, 7))
			if err == nil {
				ids <- a.Job.ID
			}
		})
		close(ids)
		distinct := map[jobs.ID]int{}
		for id := range ids {
			distinct[id]++
		}
		require.Len(t, distinct, 1)
		for _, n := range distinct {
			require.Equal(t, 100, n)
		}
		require.EqualValues(t, 1, asked.asked.Load())
		a, err := g.Admit(t.Context(), "key:a", signed(t, 1, 8))
		require.NoError(t, err)
		require.EqualValues(t, 1, a.Windows[0].Remaining, "joined submissions cost no token: 3 - 1 - 1")
	})

	t.Run("in the queue under unverified signatures is another claim for each signature", func(t *testing.T) {
		t.Parallel()
		g := gate(t, 10, func(o *admission.Options) {
			bound := domain
			bound.BindSignature = true
			o.UnsignedAdmitted, o.Domain = true, known(bound)
		})
		one, err := g.Admit(t.Context(), "key:a", signed(t, 1, 7))
		require.NoError(t, err)
		two, err := g.Admit(t.Context(), "key:a", signed(t, 1, 7))
		require.NoError(t, err)
		require.NotEqual(t, one.Job.ID, two.Job.ID)
	})
}

// atOnce runs n calls that start together.
func atOnce(n int, call func(i int)) {
	var ready, done sync.WaitGroup
	gun := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-gun
			call(i)
		})
	}
	ready.Wait()
	close(gun)
	done.Wait()
}

func TestClose(t *testing.T) {
	t.Parallel()
	t.Run("a closed gate refuses everybody and waits for those inside", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			let := make(chan struct{})
			g := gate(t, 10, func(o *admission.Options) { o.Chain = holding(let) })
			inside := make(chan error, 1)
			go func() {
				_, err := g.Admit(t.Context(), "key:a", signed(t, 1, 7))
				inside <- err
			}()
			synctest.Wait()
			closed := make(chan struct{})
			go func() { g.Close(); close(closed) }()
			synctest.Wait()
			_, err := g.Admit(t.Context(), "key:a", signed(t, 2, 7))
			require.Equal(t, fault.ShuttingDown, codeOf(err))
			require.Equal(t, fault.ShuttingDown, codeOf(g.Draining()))
			select {
			case <-closed:
				t.Fatal("closed although somebody is inside")
			default:
			}
			close(let)
			<-closed
			require.NoError(t, <-inside)
		})
	})
}

// holding is a chain that answers when it is let.
type holding chan struct{}

func (h holding) Open(context.Context, claim.Claim) error {
	<-h
	return nil
}
