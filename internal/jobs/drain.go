package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"claimprover/internal/fault"
)

// FailPending ends every job in the queue with why, as a service does that keeps nothing past its own end.
func FailPending(ctx context.Context, s Store, why *fault.Error) error {
	pending, err := s.Pending(ctx)
	if err != nil {
		return fmt.Errorf("reading the queue: %w", err)
	}
	var trouble []error
	for _, j := range pending {
		_, err := s.Swap(ctx, j.ID, nil, func(j Job) (Job, error) {
			if j.State == Running {
				return j, nil // a worker took it meanwhile
			}
			return j.Failed(why, time.Now())
		})
		if err != nil && !fault.Is(err, fault.AlreadyFinished) {
			trouble = append(trouble, fmt.Errorf("ending job %s: %w", Label(j.ID), err))
		}
	}
	return errors.Join(trouble...)
}
