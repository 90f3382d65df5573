package client

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"time"

	"claimprover/internal/api"
)

// Ended says whether an event or a job's status is the last one.
func Ended(status string) bool { return status == "completed" || status == "failed" }

// Follow gives every event of a job until its last one, by server-sent events; where these never get through, by
// long-poll. It reconnects and resumes by itself for as long as ctx lives. Only what will not pass ends it early, as the
// last pair: a refusal for good such as not_found, or the cause of ctx's end.
func (c *Client) Follow(ctx context.Context, id string) iter.Seq2[api.Event, error] {
	return c.follow(ctx, id, c.readSSE, c.poll)
}

// FollowWebSocket is [Client.Follow] by WebSocket first.
func (c *Client) FollowWebSocket(ctx context.Context, id string) iter.Seq2[api.Event, error] {
	return c.follow(ctx, id, c.readSocket, c.readSSE, c.poll)
}

// Wait blocks until a job has ended and gives it; how it ended is for the caller to see.
func (c *Client) Wait(ctx context.Context, id string) (api.Job, error) {
	var last api.Job
	for event, err := range c.follow(ctx, id, c.poll) {
		if err != nil {
			return last, err
		}
		last = event.Job
	}
	return last, nil
}

// transport opens one connection, hands its events to f, and returns when the connection has ended: nil when the
// service said that nothing more will come.
type transport func(ctx context.Context, f *follower) error

// errGone says that the consumer has seen enough.
var errGone = errors.New("nobody follows any more")

// givesUpAfter is how often a transport may fail before one that never worked is left for the next.
const givesUpAfter = 3

func (c *Client) follow(ctx context.Context, id string, transports ...transport) iter.Seq2[api.Event, error] {
	return func(yield func(api.Event, error) bool) {
		f := &follower{id: id, yield: yield}
		failures := 0
		for {
			f.opened = false
			err := transports[0](ctx, f)
			refused, isRefusal := errors.AsType[*Error](err)
			switch {
			case f.ended, err == nil, errors.Is(err, errGone):
				return
			case ctx.Err() != nil:
				yield(api.Event{}, context.Cause(ctx))
				return
			case isRefusal && !refused.temporary():
				yield(api.Event{}, err)
				return
			case f.opened:
				failures = 0
			}
			failures++
			// A transport that worked once is kept: its failures are the network's or a restart. So is one that the
			// service itself refuses for now: it would refuse the others too.
			if !f.worked && !isRefusal && failures >= givesUpAfter && len(transports) > 1 {
				transports, failures = transports[1:], 0
			}
			c.lost(err)
			if err := c.retry.wait(ctx, failures, err); err != nil {
				yield(api.Event{}, err)
				return
			}
		}
	}
}

// follower is what one consumer has seen. One goroutine uses it.
type follower struct {
	id     string
	yield  func(api.Event, error) bool
	last   api.Event // newest event delivered; ID 0 before the first
	opened bool      // an event came on the present connection
	worked bool      // an event came on any connection
	ended  bool      // the last event was delivered
}

// deliver passes an event on unless it is older than what was seen or says nothing new.
func (f *follower) deliver(event api.Event) error {
	f.opened, f.worked = true, true
	if event.ID < f.last.ID || (event.ID == f.last.ID && !f.moved(event)) {
		return nil
	}
	f.last = event
	f.ended = Ended(event.Job.Status)
	if !f.yield(event, nil) {
		return errGone
	}
	return nil
}

// moved says that an event of the last one's version brings another place in the queue.
func (f *follower) moved(event api.Event) bool {
	was, is := f.last.Job, event.Job
	same := was.Position == is.Position && was.QueueSize == is.QueueSize && slices.Equal(eta(was), eta(is))
	return f.last.Type == "position" && event.Type == "position" && !same
}

func eta(job api.Job) []int {
	if job.ETASeconds == nil {
		return nil
	}
	return job.ETASeconds[:]
}

// backoff waits longer after each failure, drawn from the whole span (full jitter): clients that lost the same server
// do not come back together.
type backoff struct{ base, most time.Duration }

// wait sleeps before try number failures+1, at least as long as a refusal asked for.
func (b backoff) wait(ctx context.Context, failures int, why error) error {
	span := min(b.base<<min(failures, 16), b.most)
	delay := rand.N(span)
	if refused, ok := errors.AsType[*Error](why); ok {
		delay += min(refused.Fault.RetryAfter, b.most)
	}
	return pause(ctx, delay)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// errSilent ends a connection on which nothing came for too long: a cut without a goodbye shows in no other way.
var errSilent = errors.New("the service has gone silent")

// watchdog ends a context when nobody has called alive for a while.
type watchdog struct {
	timer *time.Timer
	after time.Duration
}

func watch(ctx context.Context, after time.Duration) (context.Context, *watchdog, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &watchdog{after: after, timer: time.AfterFunc(after, func() { cancel(errSilent) })}
	return ctx, w, func() { w.timer.Stop(); cancel(nil) }
}

func (w *watchdog) alive() { w.timer.Reset(w.after) }

// because prefers the cause of a context's end over the error that it led to.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
