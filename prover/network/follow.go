package network

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"google.golang.org/grpc/codes"

	"claimprover/internal/fault"
	"claimprover/prover"
	"claimprover/prover/network/internal/spn"
	"claimprover/prover/network/internal/spn/auction"
	wire "claimprover/prover/network/internal/spn/common"
)

const (
	overdueTime = 15 * time.Minute // after a request's deadline, in which a late proof is still waited for
	missingTime = 5 * time.Minute  // for which the network must not know a request that it took, before it is given up
	quietTime   = 15 * time.Second // without a bid, after which that is said
	cancelEvery = 30 * time.Second // while a cancel is not confirmed
	mostFetches = 5                // of a proof that cannot be read
	mostSkew    = time.Minute      // between the clock here and the network's, before it is said
)

// watch is what follow remembers from one look at a request to the next.
type watch struct {
	begun     time.Time // when this call began to look; a request that another job has left is then taken up
	missing   time.Time // since when the network does not know the request; zero: it does
	requested time.Time // since when it waits for a bid; zero: it does not
	cancelled time.Time // when a cancel was last asked for; zero: never
	withdrawn bool      // somebody has cancelled it, and the network says so
	expired   time.Time // since when the network says that it has expired; zero: it does not
	odd       wire.FulfillmentStatus
}

// follow looks at the request until it has ended: done with the proof or what to say instead; not done when a new
// request may be made for the job.
func (j *job) follow(ctx context.Context) (proof prover.Proof, done bool, err error) {
	j.named(j.entry.ID)
	w := watch{begun: time.Now()}
	for {
		status, err := j.status(ctx, j.entry.ID)
		switch {
		case ctx.Err() != nil:
			return prover.Proof{}, true, context.Cause(ctx)
		case err == nil:
			w.missing = time.Time{}
		case code(err) == codes.NotFound:
			if w.missing.IsZero() {
				w.missing = time.Now()
			}
			if time.Since(w.missing) > missingTime {
				again, err := j.vanished(ctx)
				return prover.Proof{}, !again, err
			}
		default:
			j.log.Debug("request not looked at", "err", err)
		}
		if err == nil && status.FulfillmentStatus == wire.FulfillmentStatus_FULFILLED {
			proof, err := j.fetch(ctx, status)
			return proof, true, err
		}
		if err == nil {
			if ended, again := j.judge(ctx, &w, status); ended != nil {
				return prover.Proof{}, !again, j.finish(ctx, ended, again)
			}
		}
		if err := pause(ctx, j.interval()); err != nil {
			return prover.Proof{}, true, err
		}
	}
}

// status looks at a request, once.
func (c *Client) status(ctx context.Context, id common.Hash) (*wire.GetStatusResponse, error) {
	var out wire.GetStatusResponse
	return &out, c.invoke(ctx, spn.GetStatus, &wire.GetStatusRequest{RequestId: id[:]}, &out)
}

// interval grows with the age of the request, so that no look comes more than a twentieth too late.
func (j *job) interval() time.Duration {
	age := time.Since(time.Unix(j.entry.Sent, 0))
	d := min(max(age/20, j.opts.Poll), 10*j.opts.Poll)
	if j.opts.even {
		return d
	}
	return time.Duration(float64(d) * (.8 + .4*rand.Float64()))
}

// judge acts on what a look at the request has shown. It gives what to say of a request that has ended.
func (j *job) judge(ctx context.Context, w *watch, s *wire.GetStatusResponse) (ended *fault.Error, again bool) {
	if s.FulfillmentStatus != wire.FulfillmentStatus_EXPIRED {
		w.expired = time.Time{}
	} else if w.expired.IsZero() {
		w.expired = time.Now()
	}
	if f := j.outcome(ctx, w, s); f != nil {
		return f, j.mayAgain(w, f)
	}
	waiting := s.FulfillmentStatus == wire.FulfillmentStatus_REQUESTED
	if !waiting {
		w.requested = time.Time{}
	} else if w.requested.IsZero() {
		w.requested = time.Now()
	}
	if overdue := time.Since(unix(s.Deadline)); s.Deadline > 0 && overdue > overdueTime {
		w.cancelled = time.Time{} // that was never confirmed
		return failExpired, j.mayAgain(w, failExpired)
	}
	if j.opts.Mode == Mainnet && waiting {
		if j.noBids(ctx, w, unix(s.Deadline)); w.withdrawn {
			return failNoBids, j.mayAgain(w, failNoBids)
		}
	}
	j.tell(j.phase(w, s))
	return nil, false
}

// mayAgain says whether a new request may be made in the same job: after one that was withdrawn, mostly for want of bids,
// and after one that another job has left and that proves to be dead. Any other failure is for the claimant to see first.
func (j *job) mayAgain(w *watch, f *fault.Error) bool {
	left := j.resumed && time.Since(w.begun) < 2*j.opts.look // an expiry takes one of them to be believed
	return f.Retryable && (left || w.withdrawn || !w.cancelled.IsZero()) && j.entry.Ended+1 < j.opts.MaxRequests
}

func (j *job) phase(w *watch, s *wire.GetStatusResponse) string {
	executed := s.ExecutionStatus == wire.ExecutionStatus_EXECUTED
	switch s.FulfillmentStatus {
	case wire.FulfillmentStatus_ASSIGNED:
		if executed {
			return "proving"
		}
		return "assigned"
	case wire.FulfillmentStatus_REQUESTED:
		switch {
		case !w.cancelled.IsZero():
			return "withdrawing"
		case j.opts.Mode == Mainnet && time.Since(w.requested) > quietTime:
			return "no bids yet"
		case j.opts.Mode == Cluster && executed:
			return "proving"
		}
		return "requested"
	}
	if s.FulfillmentStatus != w.odd {
		w.odd = s.FulfillmentStatus
		j.log.Warn("request has a status that is not known here; it is looked at until its deadline", "status", int(s.FulfillmentStatus))
	}
	return "waiting"
}

// noBids withdraws a request that nobody bids for. A cancel moves a request's deadline to the past, so one that is over
// may be somebody's cancel too.
func (j *job) noBids(ctx context.Context, w *watch, deadline time.Time) {
	late := time.Since(w.requested) >= j.opts.AuctionTimeout
	if !w.cancelled.IsZero() || time.Now().After(deadline) {
		k, found, err := j.details(ctx, j.entry.ID)
		w.withdrawn = err == nil && found && k.Cancelled && k.status == wire.FulfillmentStatus_REQUESTED
	}
	if !late || w.withdrawn || time.Since(w.cancelled) < cancelEvery {
		return
	}
	w.cancelled = time.Now()
	j.tell("withdrawing")
	if err := j.cancel(ctx, j.entry.ID); err != nil {
		j.log.Warn("request without bids not withdrawn", "err", err)
	}
}

// cancel asks the network to end a request. It may come too late, and says so only by what becomes of the request.
func (c *Client) cancel(ctx context.Context, id common.Hash) error {
	return c.signedCall(ctx, spn.CancelRequest, func(nonce uint64) ([]byte, error) {
		return encode(&auction.CancelRequestBody{Nonce: nonce, RequestId: id[:]})
	}, func() (bool, error) {
		k, found, err := c.details(ctx, id)
		return found && !k.open(), err
	})
}

// finish ends a request without a proof: nothing is owed any more, or the next one is made.
func (j *job) finish(ctx context.Context, ended *fault.Error, again bool) error {
	j.log.Warn("request ended without a proof", "request", j.entry.ID, "again", again, "err", ended)
	j.metrics.end(j.entry.ID, endOf[ended])
	j.entry.Ended++
	_ = j.dead()
	j.request, j.resumed = prover.Request{}, false
	if again {
		return nil
	}
	j.owesNothing(ctx)
	return ended
}

// vanished ends a request that the network took and does not know any more, unless it has it under another name.
func (j *job) vanished(ctx context.Context) (again bool, err error) {
	id, found, err := j.find(ctx, j.entry)
	switch {
	case err != nil:
		return false, err
	case found && id == j.entry.ID:
		return false, errors.New("the network lists a request that it does not know")
	case found:
		return true, j.took(ctx, id)
	}
	return false, j.finish(ctx, failVanished, false)
}

// fetch downloads the proof of a request that was fulfilled. It is paid for: only one that cannot be a proof of the
// claim, again and again, ends the waiting, and then the journal stays.
func (j *job) fetch(ctx context.Context, s *wire.GetStatusResponse) (prover.Proof, error) {
	j.bill(ctx)
	j.tell("downloading")
	wait := j.opts.Poll
	for bad := 0; ; {
		proof, err := j.download(ctx, s)
		if err == nil {
			proof.Request = j.request
			j.metrics.end(j.entry.ID, endFulfilled)
			return proof, nil
		}
		if ctx.Err() != nil {
			return prover.Proof{}, context.Cause(ctx)
		}
		j.log.Warn("proof not fetched", "request", j.entry.ID, "err", err)
		if failed, is := errors.AsType[*transferError](err); !is || failed.final {
			if bad++; bad == mostFetches {
				return prover.Proof{}, j.unusable(err)
			}
		}
		if err := pause(ctx, wait); err != nil {
			return prover.Proof{}, err
		}
		wait = min(2*wait, 10*j.opts.Poll)
		if fresh, err := j.status(ctx, j.entry.ID); err == nil && fresh.FulfillmentStatus == wire.FulfillmentStatus_FULFILLED {
			s = fresh // with a URL that has not expired
		}
	}
}

// bill asks what the request cost. Not to know it is no reason to wait.
func (j *job) bill(ctx context.Context) {
	asking, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	k, found, err := j.details(asking, j.entry.ID)
	if err != nil || !found {
		return
	}
	j.billed(k)
	if k.Created.Before(time.Unix(j.entry.Sent, 0).Add(-mostSkew)) || k.Created.After(time.Now().Add(mostSkew)) {
		j.log.Warn("the clock here is not the prover network's: deadlines are shorter or longer than they should be", "network", k.Created)
	}
}

// billed makes known what a request took and what it cost.
func (j *job) billed(k Known) {
	j.request.Cycles, j.request.Cost = k.Cycles, k.Cost
	if j.opts.Mode == Mainnet {
		j.metrics.charge(k.ID, k.Cost)
	}
}

func (j *job) download(ctx context.Context, s *wire.GetStatusResponse) (prover.Proof, error) {
	b, err := j.store.get(ctx, s.GetProofUri())
	if err != nil {
		return prover.Proof{}, err
	}
	a, err := decodePacked(b)
	switch {
	case err != nil:
		return prover.Proof{}, fmt.Errorf("reading the proof: %w", err)
	case a.Mode != j.opts.ProofMode:
		return prover.Proof{}, fmt.Errorf("a %s proof instead of %s", a.Mode, j.opts.ProofMode)
	case a.Program() != j.opts.Program:
		return prover.Proof{}, fmt.Errorf("a proof of program 0x%x", a.Program())
	case a.Inputs[2] != [32]byte{}:
		return prover.Proof{}, errors.New("a proof of a program that failed")
	case string(a.PublicValues) != string(j.in.PublicValues[:]):
		return prover.Proof{}, fmt.Errorf("a proof of other public values, 0x%.512x", a.PublicValues)
	}
	return prover.Proof{Bytes: a.OnChain(), PublicValues: a.PublicValues}, nil
}
