package jobs

import (
	"bytes"
	"slices"
	"time"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/prover"
)

// The transitions. Each gives the next whole job or says why it cannot be; none touches its argument.
//
//	New -> Pending -> Started -> Running -> (Progressed)* -> Verified? -> Completed
//	          ^  \         |
//	          |   \________|_______________________________> Failed, Cancelled
//	          +--- Released

// ErrEnded refuses to change a job that has ended.
var ErrEnded = fault.New(fault.AlreadyFinished, "The job has already ended. Submit the claim again to have a new one.")

// maxMoments bounds a timeline while a job runs: from then on a new phase replaces the one before it. An ending is always
// added.
const maxMoments = 100

// New makes a pending job. Its first version is 1.
func New(id ID, identity claim.Identity, c claim.Claim, mode string, owner Owner, now time.Time) Job {
	return Job{
		ID: id, Identity: identity, Claim: c, Mode: mode,
		Rev: 1, Version: 1, Owners: []Owner{owner}, CreatedAt: now,
		Timeline: []Moment{{Type: EventAccepted, At: now}},
	}
}

// FromCache makes a completed job for another caller out of a job whose proof is kept.
func FromCache(id ID, of Job, owner Owner, now time.Time) Job {
	out := *of.Outcome
	out.At = now
	return Job{
		ID: id, Identity: of.Identity, Claim: of.Claim, Mode: of.Mode,
		Rev: 1, Version: 1, Owners: []Owner{owner}, CreatedAt: now,
		State: Completed, Cached: true, VerifiedBy: of.VerifiedBy, Outcome: &out,
		Timeline: []Moment{{Type: EventAccepted, At: now}, {Type: EventCompleted, At: now}},
	}
}

// seen is the next job of the same life, one version on.
func (j Job) seen(m Moment) Job {
	j.Rev++
	j.Version++
	keep := j.Timeline
	if last := len(keep) - 1; last >= maxMoments-1 && m.Type == EventRunning && keep[last].Type == EventRunning {
		keep = keep[:last]
	}
	j.Timeline = append(slices.Clip(keep), m)
	return j
}

// Joined adds an owner. Followers see nothing of it.
func (j Job) Joined(o Owner) (Job, error) {
	if j.Ended() {
		return Job{}, ErrEnded
	}
	if !slices.Contains(j.Owners, o) {
		j.Rev++
		j.Owners = append(slices.Clip(j.Owners), o)
	}
	return j, nil
}

// Left takes an owner away, with the browser tokens it minted; the last one's leaving cancels the job and keeps him on
// record. An anonymous owner is nobody in particular and stays.
func (j Job) Left(o Owner, now time.Time) (Job, error) {
	switch {
	case !j.OwnedBy(o) || o == Anonymous:
		return Job{}, fault.New(fault.Forbidden, "Only an owner of the job can cancel it.")
	case j.Ended():
		return Job{}, ErrEnded
	}
	rest := slices.DeleteFunc(slices.Clone(j.Owners), o.Covers)
	if len(rest) == 0 {
		return j.Failed(fault.New(fault.Cancelled, "Cancelled by its owner. Submit the claim again when you like."), now)
	}
	j.Rev++
	j.Owners = rest
	return j, nil
}

// Started is the job in a worker's hands. A job that was running already (its worker is gone) starts anew.
func (j Job) Started(now time.Time) (Job, error) {
	if j.Ended() {
		return Job{}, ErrEnded
	}
	j = j.seen(Moment{Type: EventRunning, At: now})
	j.State, j.Phase, j.VerifiedBy = Running, "", nil
	if j.StartedAt.IsZero() {
		j.StartedAt = now
	}
	return j, nil
}

// Progressed records a phase of the prover. A report that says nothing new, or comes after the proof was checked, gives
// the job back as it was.
func (j Job) Progressed(p prover.Progress, now time.Time) (Job, error) {
	if j.Ended() {
		return Job{}, ErrEnded
	}
	if j.State != Running {
		return Job{}, fault.New(fault.Internal, "Only a running job makes progress.")
	}
	if p.Request == (prover.Request{}) {
		p.Request = j.Request
	}
	if j.Verified() || p.Phase == j.Phase && p.Request == j.Request {
		return j, nil
	}
	j = j.seen(Moment{Type: EventRunning, Phase: p.Phase, At: now})
	j.Phase, j.Request = p.Phase, p.Request
	return j, nil
}

// Journaled keeps the prover's journal. Followers see nothing of it. The same entry again gives the job back as it was.
func (j Job) Journaled(entry []byte) (Job, error) {
	if j.Ended() {
		return Job{}, ErrEnded
	}
	if bytes.Equal(entry, j.Journal) {
		return j, nil
	}
	j.Rev++
	j.Journal = slices.Clone(entry)
	return j, nil
}

// Checked is the job whose proof has passed the named checks, of which there is at least one. Said again, it gives the
// job back as it was.
func (j Job) Checked(by []string, now time.Time) (Job, error) {
	if j.Ended() {
		return Job{}, ErrEnded
	}
	if j.State != Running || len(by) == 0 {
		return Job{}, fault.New(fault.Internal, "Only a running job's proof can pass checks, and at least one.")
	}
	if slices.Equal(by, j.VerifiedBy) {
		return j, nil
	}
	j = j.seen(Moment{Type: EventVerified, At: now})
	j.VerifiedBy = slices.Clone(by)
	return j, nil
}

// Completed is the job with its proof, which must have passed the checks that are configured, if any are. The journal
// ends in the same write: until then a paid proof can be fetched again.
func (j Job) Completed(p prover.Proof, now time.Time) (Job, error) {
	if j.Ended() {
		return Job{}, ErrEnded
	}
	if j.State != Running {
		return Job{}, fault.New(fault.Internal, "Only a running job can complete.")
	}
	j = j.seen(Moment{Type: EventCompleted, At: now})
	j.State, j.Phase, j.Journal = Completed, "", nil
	if p.Request != (prover.Request{}) {
		j.Request = p.Request
	}
	j.Outcome = &Outcome{At: now, Proof: append([]byte{}, p.Bytes...), PublicValues: slices.Clone(p.PublicValues)}
	return j, nil
}

// Failed is the job that ended without a proof.
func (j Job) Failed(why *fault.Error, now time.Time) (Job, error) {
	if j.Ended() {
		return Job{}, ErrEnded
	}
	j = j.seen(Moment{Type: EventFailed, At: now})
	j.State, j.Phase, j.VerifiedBy = Failed, "", nil
	j.Outcome = &Outcome{At: now, Failure: why}
	return j, nil
}

// Released is the running job back in its old place of the queue, its journal kept.
func (j Job) Released(now time.Time) (Job, error) {
	if j.Ended() {
		return Job{}, ErrEnded
	}
	if j.State != Running {
		return Job{}, fault.New(fault.Internal, "Only a running job can be released.")
	}
	j = j.seen(Moment{Type: EventPosition, At: now})
	j.State, j.Phase, j.VerifiedBy = Pending, "", nil
	return j, nil
}
