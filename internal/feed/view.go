package feed

import (
	"context"
	"time"

	"claimprover/internal/api"
	"claimprover/internal/chain"
	"claimprover/internal/jobs"
)

// view is the one place where a job becomes what its readers see.
func (f *Feed) view(j jobs.Job, at place) api.Job {
	id := j.ID.String()
	v := api.Job{
		JobID: id, Version: j.Version, Status: j.State.String(), Phase: j.Phase,
		Position: at.position, QueueSize: at.queued, ETASeconds: f.eta(j, at),
		CreatedAt: api.Time(j.CreatedAt), StartedAt: api.At(j.StartedAt),
		Cached: j.Cached, ProverMode: j.Mode, VerifiedBy: j.VerifiedBy,
		URLs: &api.URLs{Self: "/v1/jobs/" + id, Events: "/v1/jobs/" + id + "/events", Page: "/#job=" + id},
	}
	v.Warning = f.warning(j, v.ETASeconds)
	for _, m := range j.Timeline {
		v.Timeline = append(v.Timeline, api.Moment{Type: string(m.Type), Phase: m.Phase, At: api.Time(m.At)})
	}
	if r := j.Request; r.ID != "" {
		v.Request = &api.Request{ID: r.ID, Explorer: r.Explorer, Cycles: r.Cycles, Cost: r.Cost}
	}
	if j.Outcome != nil {
		f.outcome(&v, j)
	}
	return v
}

func (f *Feed) outcome(v *api.Job, j jobs.Job) {
	out := j.Outcome
	v.FinishedAt, v.ExpiresAt = api.At(out.At), api.At(out.At.Add(f.opts.JobsTTL))
	if why := out.Failure; why != nil {
		v.Failure = api.Failure{
			Code: string(why.Code), Error: why.Message, Message: why.Message,
			Retryable: &why.Retryable, RetryAfter: api.Seconds(why.RetryAfter),
		}
		return
	}
	verified := j.Verified()
	proof, values := api.Hex(out.Proof), api.Hex(out.PublicValues)
	v.Verified, v.ZKProof, v.PublicValues = &verified, &proof, &values
	f.handOver(v, j)
}

// handOver adds what a relayer and a wallet take. Both need the Merkle proof, so a list, and the contract they go to.
func (f *Feed) handOver(v *api.Job, j jobs.Job) {
	domain, err := f.opts.Domain()
	if err != nil || f.opts.List == nil || !domain.Known() {
		return
	}
	c := j.Claim
	steps, listed := f.opts.List.Proof(c.PublicKey)
	if !listed {
		return
	}
	data, err := chain.ClaimCall(c.PublicKey, c.Amount, steps, j.Outcome.Proof, c.EVMAddress)
	if err != nil {
		f.opts.Logger.Error("no call data", "job", jobs.Label(j.ID), "err", err)
		return
	}
	merkle := make([]api.Hex, len(steps))
	for i := range steps {
		merkle[i] = steps[i][:]
	}
	v.Claim = &api.RelayClaim{
		Pubkey: c.PublicKey[:], Amount: c.Amount.Dec(), MerkleProof: merkle, ZKProof: j.Outcome.Proof, Recipient: c.EVMAddress[:],
	}
	v.Transaction = &api.Tx{ChainID: domain.ChainID, To: domain.Contract[:], Data: data}
}

// eta is how long a job will take until its proof is there, as a range of seconds from what proofs took in the last
// hour; nothing without such data. Past its range a running job's is [0,0]: longer than usual.
func (f *Feed) eta(j jobs.Job, at place) *[2]int {
	p50, p90, ok := f.past.durations()
	if !ok || j.Ended() {
		return nil
	}
	if j.State == jobs.Running {
		elapsed := time.Since(j.StartedAt)
		return &[2]int{api.Seconds(max(0, p50-elapsed)), api.Seconds(max(0, p90-elapsed))}
	}
	// Those ahead take the workers in turn; when the first of them frees its worker is anywhere within one proof.
	ahead, workers := time.Duration(at.position-1), time.Duration(max(1, f.opts.Workers))
	soon := p50 * ahead / workers
	late := p90*(ahead/workers) + p90
	return &[2]int{api.Seconds(soon + p50), api.Seconds(late + p90)}
}

// Freed is how long it takes until a worker takes the next job, as far as the last hour tells.
func (f *Feed) Freed() time.Duration {
	p50, _, _ := f.past.durations()
	return p50 / time.Duration(max(1, f.opts.Workers))
}

// Proof is how long a claim that a worker begins now will take to be proved, as far as the last hour tells; zero: nobody
// knows.
func (f *Feed) Proof() time.Duration {
	p50, _, _ := f.past.durations()
	return p50
}

// Wait is how long a claim that is admitted now will take to be proved, as far as the last hour tells: the early end of
// its range, so that nobody is refused who might have made it.
func (f *Feed) Wait(ctx context.Context) time.Duration {
	figures, err := f.store.Figures(ctx)
	p50, _, ok := f.past.durations()
	if err != nil || !ok {
		return 0
	}
	return p50*time.Duration(figures.Pending)/time.Duration(max(1, f.opts.Workers)) + p50
}
