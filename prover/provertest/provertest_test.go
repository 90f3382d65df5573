package provertest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/internal/fault"
	"claimprover/prover"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// market sells proofs and remembers whom it has sold one, as a prover network does.
type market struct {
	mu   sync.Mutex
	sold map[[32]byte]int // by challenge
}

func (m *market) buy(in prover.Input) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sold[in.Challenge]++
}

func (m *market) times(in prover.Input) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sold[in.Challenge]
}

// buyer is a prover that keeps the contract but for the one thing that it does wrong.
type buyer struct {
	market *market
	wrong  string
	mu     sync.Mutex
	last   prover.Input // guarded by mu; what the mixing one delivers
}

var (
	endless = To(Input(8), common.Address{0xee})
	broken  = To(Input(9), common.Address{0xbb})
)

func (b *buyer) Prove(ctx context.Context, in prover.Input, j prover.Journal, report func(prover.Progress)) (prover.Proof, error) {
	if b.wrong == "buys before it saves" {
		b.market.buy(in)
	}
	if ctx.Err() != nil {
		return prover.Proof{}, b.ended(ctx)
	}
	if err := b.request(ctx, in, j); err != nil {
		return prover.Proof{}, err
	}
	b.tell(report, prover.Progress{Phase: "proving"})
	if err := b.wait(ctx, in); err != nil {
		return prover.Proof{}, err
	}
	if in == broken {
		if b.wrong == "has no code" {
			return prover.Proof{}, errors.New("it broke")
		}
		if b.wrong != "does not clear its journal" {
			_ = j.Save(ctx, nil)
		}
		return prover.Proof{}, fault.New(fault.ProofFailed, "The program refused the claim.").MayRetry(b.wrong == "says that it may pass")
	}
	return b.deliver(ctx, in, j, report)
}

func (b *buyer) request(ctx context.Context, in prover.Input, j prover.Journal) error {
	entry := string(j.Load())
	if b.wrong == "forgets" {
		entry = ""
	}
	switch {
	case entry == "bought":
		return nil
	case entry == "buying" || entry == "" && b.wrong == "saves nothing":
	case entry == "" || b.wrong == "guesses":
		err := j.Save(ctx, []byte("buying"))
		if err != nil && b.wrong != "buys though it could not save" {
			return err
		}
	default:
		return errors.New("the journal cannot be read")
	}
	if b.market.times(in) == 0 || slices.Contains([]string{"forgets", "does not ask what it has", "ends its journal at delivery"}, b.wrong) {
		b.market.buy(in)
	}
	if b.wrong == "saves nothing" {
		return nil
	}
	return j.Save(ctx, []byte("bought"))
}

func (b *buyer) tell(report func(prover.Progress), p prover.Progress) {
	switch b.wrong {
	case "tells nothing":
	case "tells everything twice":
		report(p)
		report(p)
	case "tells in passing":
		go report(p)
	case "tells no word":
		report(prover.Progress{})
	default:
		report(p)
	}
}

func (b *buyer) wait(ctx context.Context, in prover.Input) error {
	b.mu.Lock()
	b.last = in
	b.mu.Unlock()
	d := time.Second
	if in == endless {
		d = time.Hour
	}
	if b.wrong == "does not listen" {
		time.Sleep(d)
		return nil
	}
	select {
	case <-ctx.Done():
		return b.ended(ctx)
	case <-time.After(d):
		return nil
	}
}

func (b *buyer) ended(ctx context.Context) error {
	if b.wrong == "hides the cause" {
		return ctx.Err()
	}
	return context.Cause(ctx)
}

func (b *buyer) deliver(ctx context.Context, in prover.Input, j prover.Journal, report func(prover.Progress)) (prover.Proof, error) {
	proof := prover.Proof{PublicValues: in.PublicValues[:]}
	switch b.wrong {
	case "delivers something else":
		proof.PublicValues = make([]byte, 128)
	case "mixes claims up":
		b.mu.Lock()
		proof.PublicValues = b.last.PublicValues[:]
		b.mu.Unlock()
	case "ends its journal at delivery":
		return proof, j.Save(ctx, nil)
	case "writes on after it has returned":
		defer func() { go func() { _ = j.Save(ctx, nil); report(prover.Progress{Phase: "late"}) }() }()
	}
	return proof, nil
}

func careless(wrong string) Subject {
	m := &market{sold: map[[32]byte]int{}}
	in := Input(1)
	return Subject{
		Prover: &buyer{market: m, wrong: wrong},
		Input:  in, Others: []prover.Input{Input(2), Input(3)},
		Paid:    func() int { return m.times(in) },
		Restart: func() prover.Prover { return &buyer{market: m, wrong: wrong} },
		Endless: &endless,
		Failing: []Failure{{Input: broken, Code: fault.ProofFailed}},
	}
}

func TestAProverThatKeepsTheContractPasses(t *testing.T) {
	RunInBubble(t, func(*testing.T) Subject { return careless("") })
}

func TestEachWayToBreakTheContractIsFound(t *testing.T) {
	for wrong, sentences := range map[string][]string{
		"buys before it saves":            {"delivers a proof of its own claim", "spends nothing under a context that has ended"},
		"buys though it could not save":   {"pays at most once when a Save fails before the write"},
		"saves nothing":                   {"delivers a proof of its own claim"},
		"forgets":                         {"pays at most once when the answer of a Save is lost", "pays at most once when its context ends at a phase"},
		"does not ask what it has":        {"pays at most once when it dies before a Save's write", "pays at most once when a Save fails before the write"},
		"guesses":                         {"spends nothing on a journal that it cannot read"},
		"tells nothing":                   {"names each phase"},
		"tells no word":                   {"names each phase"},
		"tells everything twice":          {"names each phase"},
		"tells in passing":                {"never reports after it has returned"},
		"does not listen":                 {"stops when its context ends while it waits"},
		"hides the cause":                 {"stops when its context ends while it waits", "pays at most once when its context ends at a phase"},
		"delivers something else":         {"delivers a proof of its own claim"},
		"mixes claims up":                 {"keeps claims apart that are proved at the same time"},
		"ends its journal at delivery":    {"delivers again, and pays nothing, when the answer is lost"},
		"does not clear its journal":      {"fails with a code, a message and nothing owed"},
		"has no code":                     {"fails with a code, a message and nothing owed"},
		"says that it may pass":           {"fails with a code, a message and nothing owed"},
		"writes on after it has returned": {"delivers a proof of its own claim"},
	} {
		for _, says := range sentences {
			t.Run(wrong+"/"+says, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					require.Error(t, find(t, says).holdsInBubble(t.Context(), func() Subject { return careless(wrong) }))
				})
			})
		}
	}
}

func find(t *testing.T, says string) sentence {
	for _, s := range contract {
		if s.says == says {
			return s
		}
	}
	require.Fail(t, "no such sentence", says)
	return sentence{}
}

func TestJournal(t *testing.T) {
	t.Run("keeps copies", func(t *testing.T) {
		var j Journal
		entry := []byte("a")
		require.NoError(t, j.Save(t.Context(), entry))
		entry[0] = 'b'
		j.Load()[0] = 'c'
		require.Equal(t, []byte("a"), j.Load())
		require.Equal(t, 1, j.Saves())
	})
	t.Run("writes nothing under a context that has ended", func(t *testing.T) {
		var j Journal
		ctx, end := context.WithCancelCause(t.Context())
		end(errStopped)
		require.ErrorIs(t, j.Save(ctx, []byte("a")), errStopped)
		require.Nil(t, j.Load())
	})
	t.Run("fails before the write, or after it", func(t *testing.T) {
		j := Journal{OnSave: func(n int, _ []byte) Fault { return []Fault{Fails, LosesAnswer, Works}[n-1] }}
		require.ErrorIs(t, j.Save(t.Context(), []byte("1")), ErrJournal)
		require.Nil(t, j.Load())
		require.ErrorIs(t, j.Save(t.Context(), []byte("2")), ErrJournal)
		require.Equal(t, []byte("2"), j.Load())
		require.NoError(t, j.Save(t.Context(), nil))
		require.Nil(t, j.Load())
	})
}
