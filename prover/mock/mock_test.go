package mock_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/internal/fault"
	"claimprover/prover"
	"claimprover/prover/mock"
	"claimprover/prover/provertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const delay = 5 * time.Second

func asking(c mock.Case) prover.Input { return provertest.To(provertest.Input(1), mock.Recipient(c)) }

// ends says how each case that fails does so.
var ends = []provertest.Failure{
	{Input: asking(mock.ProofFailed), Code: fault.ProofFailed},
	{Input: asking(mock.ProofFailedRetryable), Code: fault.ProofFailed, Retryable: true},
	{Input: asking(mock.VerificationFailed), Code: fault.VerificationFailed},
	{Input: asking(mock.RPCUnavailable), Code: fault.RPCUnavailable, Retryable: true},
	{Input: asking(mock.AlreadyClaimed), Code: fault.AlreadyClaimed},
	{Input: asking(mock.ClaimsClosed), Code: fault.ClaimsClosed},
	{Input: asking(mock.ShuttingDown), Code: fault.ShuttingDown, Retryable: true},
	{Input: asking(mock.Cancelled), Code: fault.Cancelled},
	{Input: asking(mock.FailsOnce), Code: fault.RPCUnavailable, Retryable: true, Owes: true},
	{Input: asking(mock.HostileMessage), Code: fault.ProofFailed},
	{Input: asking(999), Code: fault.ProofFailed},
	{Input: asking(0), Code: fault.ProofFailed},
}

func TestContract(t *testing.T) {
	endless := asking(mock.Timeout)
	provertest.RunInBubble(t, func(*testing.T) provertest.Subject {
		p := mock.New(mock.Options{Delay: delay})
		return provertest.Subject{
			Prover:  p,
			Input:   provertest.Input(1),
			Others:  []prover.Input{provertest.Input(2), asking(mock.Slow), asking(mock.AtOnce), asking(mock.Hostile)},
			Restart: func() prover.Prover { return mock.New(mock.Options{Delay: delay}) },
			Endless: &endless,
			Failing: ends,
		}
	})
}

// prove proves at the bubble's time and says what was reported and how long it took.
func prove(ctx context.Context, o mock.Options, in prover.Input, j prover.Journal) (prover.Proof, []prover.Progress, time.Duration, error) {
	var told []prover.Progress
	began := time.Now()
	proof, err := mock.New(o).Prove(ctx, in, j, func(p prover.Progress) { told = append(told, p) })
	return proof, told, time.Since(began), err
}

func words(told []prover.Progress) (phases []string) {
	for _, p := range told {
		phases = append(phases, p.Phase)
	}
	return phases
}

func inBubble(t *testing.T, says string, f func(t *testing.T)) {
	t.Run(says, func(t *testing.T) { synctest.Test(t, f) })
}

func TestProof(t *testing.T) {
	inBubble(t, "takes the delay, passes three phases and has no bytes", func(t *testing.T) {
		var j provertest.Journal
		in := provertest.Input(7)
		proof, told, took, err := prove(t.Context(), mock.Options{Delay: delay}, in, &j)
		require.NoError(t, err)
		require.Equal(t, delay, took)
		require.Equal(t, []string{"executing", "proving", "wrapping"}, words(told))
		require.Empty(t, proof.Bytes)
		require.Equal(t, in.PublicValues[:], proof.PublicValues)
		require.Zero(t, proof.Request)
	})
	inBubble(t, "passes the phases also without a delay", func(t *testing.T) {
		_, told, took, err := prove(t.Context(), mock.Options{}, provertest.Input(7), &provertest.Journal{})
		require.NoError(t, err)
		require.Zero(t, took)
		require.Equal(t, []string{"executing", "proving", "wrapping"}, words(told))
	})
	inBubble(t, "is continued by whoever takes it over", func(t *testing.T) {
		var j provertest.Journal
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
		defer stop()
		_, _, _, err := prove(ctx, mock.Options{Delay: delay}, provertest.Input(7), &j)
		require.ErrorIs(t, err, context.DeadlineExceeded)

		_, told, took, err := prove(t.Context(), mock.Options{Delay: delay}, provertest.Input(7), &j)
		require.NoError(t, err)
		require.Equal(t, 3*time.Second, took)
		require.Equal(t, []string{"proving", "wrapping"}, words(told))
	})
	inBubble(t, "that is overdue is delivered at once", func(t *testing.T) {
		var j provertest.Journal
		require.NoError(t, j.Save(t.Context(), []byte(`{"started":"`+time.Now().Add(-time.Hour).Format(time.RFC3339Nano)+`"}`)))
		_, told, took, err := prove(t.Context(), mock.Options{Delay: delay}, provertest.Input(7), &j)
		require.NoError(t, err)
		require.Zero(t, took)
		require.Equal(t, []string{"wrapping"}, words(told))
	})
	inBubble(t, "begun on a machine whose clock is ahead takes no longer than another", func(t *testing.T) {
		var j provertest.Journal
		require.NoError(t, j.Save(t.Context(), []byte(`{"started":"`+time.Now().Add(time.Hour).Format(time.RFC3339Nano)+`"}`)))
		_, _, took, err := prove(t.Context(), mock.Options{Delay: delay}, provertest.Input(7), &j)
		require.NoError(t, err)
		require.Equal(t, delay, took)
	})
	inBubble(t, "whose answer was lost is delivered again at once", func(t *testing.T) {
		var j provertest.Journal
		_, _, _, err := prove(t.Context(), mock.Options{Delay: delay}, provertest.Input(7), &j)
		require.NoError(t, err)
		_, _, took, err := prove(t.Context(), mock.Options{Delay: delay}, provertest.Input(7), &j)
		require.NoError(t, err)
		require.Zero(t, took)
	})
}

func TestCases(t *testing.T) {
	inBubble(t, "failures come at half of the delay, with a message that says what to do", func(t *testing.T) {
		for _, f := range ends {
			_, told, took, err := prove(t.Context(), mock.Options{Delay: delay}, f.Input, &provertest.Journal{})
			require.Equal(t, delay/2, took)
			require.Equal(t, []string{"executing", "proving"}, words(told))
			require.NotEmpty(t, fault.Of(err).Message)
		}
	})
	inBubble(t, "a timeout ends with its context alone", func(t *testing.T) {
		why := errors.New("ten minutes are over")
		ctx, stop := context.WithTimeoutCause(t.Context(), 10*time.Minute, why)
		defer stop()
		_, told, took, err := prove(ctx, mock.Options{Delay: delay}, asking(mock.Timeout), &provertest.Journal{})
		require.ErrorIs(t, err, why)
		require.Equal(t, 10*time.Minute, took)
		require.Equal(t, []string{"executing", "proving", "wrapping"}, words(told))
	})
	inBubble(t, "an internal error is a panic, each time anew", func(t *testing.T) {
		var j provertest.Journal
		for range 2 {
			began := time.Now()
			require.Panics(t, func() {
				_, _, _, _ = prove(t.Context(), mock.Options{Delay: delay}, asking(mock.Panic), &j)
			})
			require.Equal(t, delay/2, time.Since(began))
		}
	})
	inBubble(t, "what fails once goes on when it is submitted again", func(t *testing.T) {
		var j provertest.Journal
		_, _, _, err := prove(t.Context(), mock.Options{Delay: delay}, asking(mock.FailsOnce), &j)
		require.True(t, fault.Is(err, fault.RPCUnavailable))
		time.Sleep(time.Second)

		_, told, took, err := prove(t.Context(), mock.Options{Delay: delay}, asking(mock.FailsOnce), &j)
		require.NoError(t, err)
		require.Equal(t, delay/2-time.Second, took)
		require.Equal(t, []string{"proving", "wrapping"}, words(told))
	})
	inBubble(t, "a slow one takes ten times the delay, an immediate one none", func(t *testing.T) {
		_, _, took, err := prove(t.Context(), mock.Options{Delay: delay}, asking(mock.Slow), &provertest.Journal{})
		require.NoError(t, err)
		require.Equal(t, 10*delay, took)
		_, _, took, err = prove(t.Context(), mock.Options{Delay: delay}, asking(mock.AtOnce), &provertest.Journal{})
		require.NoError(t, err)
		require.Zero(t, took)
	})
	inBubble(t, "a hostile one attacks in every text it has", func(t *testing.T) {
		proof, told, _, err := prove(t.Context(), mock.Options{Delay: delay}, asking(mock.Hostile), &provertest.Journal{})
		require.NoError(t, err)
		require.Equal(t, told[0].Request, proof.Request)
		require.Equal(t, mock.HostileText, told[0].Phase)
		require.Equal(t, mock.HostileText, proof.Request.ID)
		require.Equal(t, mock.HostileLink, proof.Request.Explorer)

		_, _, _, err = prove(t.Context(), mock.Options{Delay: delay}, asking(mock.HostileMessage), &provertest.Journal{})
		require.Contains(t, fault.Of(err).Message, mock.HostileText)
	})
}

func TestRecipient(t *testing.T) {
	require.Equal(t, common.HexToAddress("0x636c61696d70726f766572206d6f636b3a200003"), mock.Recipient(mock.Timeout))
	for _, c := range mock.Cases() {
		got, asked := mock.CaseOf(mock.Recipient(c))
		require.True(t, asked)
		require.Equal(t, c, got)
	}
	_, asked := mock.CaseOf(common.HexToAddress("0x742d35Cc6634C0532925a3b844Bc9e7595f4a3b2"))
	require.False(t, asked)
}

func TestEveryFailureOfTheContractCanBeHad(t *testing.T) {
	reachable := map[fault.Code]bool{fault.Timeout: true, fault.Internal: true} // by the pool: TestCases
	for _, f := range ends {
		reachable[f.Code] = true
	}
	require.Equal(t, map[fault.Code]bool{
		fault.Timeout: true, fault.ProofFailed: true, fault.VerificationFailed: true, fault.Cancelled: true,
		fault.Internal: true, fault.AlreadyClaimed: true, fault.ClaimsClosed: true, fault.RPCUnavailable: true,
		fault.ShuttingDown: true,
	}, reachable)
}

func TestTheTableInTheDocumentsIsThatOfTheCases(t *testing.T) {
	page, err := os.ReadFile("../../docs/errors.md")
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| `(0x[0-9a-f]{40})` \\|").FindAllStringSubmatch(string(page), -1)
	var listed []common.Address
	for _, row := range rows {
		listed = append(listed, common.HexToAddress(row[1]))
	}
	var want []common.Address
	for _, c := range mock.Cases() {
		want = append(want, mock.Recipient(c))
	}
	require.Equal(t, want, listed)
}
