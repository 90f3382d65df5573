package fault_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/fault"
)

func TestError(t *testing.T) {
	t.Parallel()
	t.Run("what has no code is internal, and its text stays out of the message", func(t *testing.T) {
		t.Parallel()
		f := fault.Of(errors.New("dial 10.0.0.7: secret"))
		require.Equal(t, fault.Internal, f.Code)
		require.NotContains(t, f.Message, "secret")
		require.ErrorContains(t, f, "secret")
	})
	t.Run("a code is found under what was being done, and its cause below it", func(t *testing.T) {
		t.Parallel()
		cause := errors.New("cause")
		err := fmt.Errorf("doing: %w", fault.New(fault.QueueFull, "Full.").Because(cause))
		require.True(t, fault.Is(err, fault.QueueFull))
		require.ErrorIs(t, err, cause)
		require.True(t, fault.Of(err).Retryable)
	})
	t.Run("what is set makes a copy, so a package may keep an error", func(t *testing.T) {
		t.Parallel()
		kept := fault.New(fault.ProofFailed, "No.")
		require.True(t, kept.MayRetry(true).Retryable)
		require.Equal(t, time.Second, kept.RetryIn(time.Second).RetryAfter)
		require.False(t, kept.Retryable)
		require.Zero(t, kept.RetryAfter)
	})
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Second: "1 second", 90 * time.Second: "90 seconds", 5 * time.Minute: "5 minutes", time.Hour: "1 hour",
		24 * time.Hour: "24 hours", 1500 * time.Millisecond: "1.5s",
	} {
		require.Equal(t, want, fault.Span(d))
	}
}
