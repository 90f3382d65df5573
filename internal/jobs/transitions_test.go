package jobs_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/prover"
)

var (
	noon      = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	purchase  = prover.Request{ID: "0x01"}
	delivered = prover.Proof{Bytes: []byte{1}, PublicValues: []byte{2}}
	gaveUp    = fault.New(fault.ProofFailed, "The prover gave up.")
)

// arrow is a transition with its arguments filled in.
type arrow func(jobs.Job) (jobs.Job, error)

func joined(o jobs.Owner) arrow              { return func(j jobs.Job) (jobs.Job, error) { return j.Joined(o) } }
func left(o jobs.Owner) arrow                { return func(j jobs.Job) (jobs.Job, error) { return j.Left(o, noon) } }
func started(j jobs.Job) (jobs.Job, error)   { return j.Started(noon) }
func completed(j jobs.Job) (jobs.Job, error) { return j.Completed(delivered, noon) }
func failed(j jobs.Job) (jobs.Job, error)    { return j.Failed(gaveUp, noon) }
func released(j jobs.Job) (jobs.Job, error)  { return j.Released(noon) }

func progressed(phase string, r prover.Request) arrow {
	return func(j jobs.Job) (jobs.Job, error) {
		return j.Progressed(prover.Progress{Phase: phase, Request: r}, noon)
	}
}

func journaled(entry string) arrow {
	return func(j jobs.Job) (jobs.Job, error) { return j.Journaled([]byte(entry)) }
}

func checked(by ...string) arrow {
	return func(j jobs.Job) (jobs.Job, error) { return j.Checked(by, noon) }
}

func fresh() jobs.Job {
	return jobs.New(uuid.New(), claim.Identity{1}, claim.Claim{SS58: "5F"}, "network", "key:alice", noon)
}

// after takes a fresh job through the arrows.
func after(t require.TestingT, through ...arrow) jobs.Job {
	j := fresh()
	for _, next := range through {
		var err error
		j, err = next(j)
		require.NoError(t, err)
	}
	return j
}

// outcome is what a transition makes of a job.
type outcome struct {
	state        jobs.State
	rev, version uint64 // by how much they grow
	event        jobs.EventType
	code         fault.Code // refused
}

func seen(s jobs.State, e jobs.EventType) outcome  { return outcome{s, 1, 1, e, ""} }
func quiet(s jobs.State, e jobs.EventType) outcome { return outcome{s, 1, 0, e, ""} }
func same(s jobs.State, e jobs.EventType) outcome  { return outcome{s, 0, 0, e, ""} }
func refused(c fault.Code) outcome                 { return outcome{code: c} }

func TestTransitions(t *testing.T) {
	t.Parallel()
	proving := progressed("proving", purchase)
	states := []struct {
		name string
		job  jobs.Job
	}{
		{"pending", after(t)},
		{"running", after(t, started, proving)},
		{"verified", after(t, started, proving, checked("groth16"))},
		{"completed", after(t, started, proving, completed)},
		{"failed", after(t, failed)},
		{"answered from the cache", jobs.FromCache(uuid.New(), after(t, started, completed), "key:alice", noon)},
	}
	pending, running, verified := jobs.EventPosition, jobs.EventRunning, jobs.EventVerified
	ends := seen(jobs.Failed, jobs.EventFailed)
	ended, wrong := refused(fault.AlreadyFinished), refused(fault.Internal)
	stranger := refused(fault.Forbidden)

	for _, arrow := range []struct {
		name string
		do   arrow
		want [6]outcome // by the order of states
	}{
		{"Joined by another", joined("key:bob"), [6]outcome{
			quiet(jobs.Pending, pending), quiet(jobs.Running, running), quiet(jobs.Running, verified), ended, ended, ended}},
		{"Joined by an owner", joined("key:alice"), [6]outcome{
			same(jobs.Pending, pending), same(jobs.Running, running), same(jobs.Running, verified), ended, ended, ended}},
		{"Left by the last owner", left("key:alice"), [6]outcome{ends, ends, ends, ended, ended, ended}},
		{"Left by a stranger", left("key:bob"), [6]outcome{stranger, stranger, stranger, stranger, stranger, stranger}},
		{"Started", started, [6]outcome{
			seen(jobs.Running, running), seen(jobs.Running, running), seen(jobs.Running, running), ended, ended, ended}},
		{"Progressed", progressed("wrapping", purchase), [6]outcome{
			wrong, seen(jobs.Running, running), same(jobs.Running, verified), ended, ended, ended}},
		{"Progressed with nothing new", progressed("proving", prover.Request{}), [6]outcome{
			wrong, same(jobs.Running, running), same(jobs.Running, verified), ended, ended, ended}},
		{"Journaled", journaled("paid"), [6]outcome{
			quiet(jobs.Pending, pending), quiet(jobs.Running, running), quiet(jobs.Running, verified), ended, ended, ended}},
		{"Journaled with nothing new", journaled(""), [6]outcome{
			same(jobs.Pending, pending), same(jobs.Running, running), same(jobs.Running, verified), ended, ended, ended}},
		{"Checked", checked("groth16", "onchain"), [6]outcome{
			wrong, seen(jobs.Running, verified), seen(jobs.Running, verified), ended, ended, ended}},
		{"Checked again", checked("groth16"), [6]outcome{
			wrong, seen(jobs.Running, verified), same(jobs.Running, verified), ended, ended, ended}},
		{"Checked by nothing", checked(), [6]outcome{wrong, wrong, wrong, ended, ended, ended}},
		{"Completed", completed, [6]outcome{
			wrong, seen(jobs.Completed, jobs.EventCompleted), seen(jobs.Completed, jobs.EventCompleted), ended, ended, ended}},
		{"Failed", failed, [6]outcome{ends, ends, ends, ended, ended, ended}},
		{"Released", released, [6]outcome{
			wrong, seen(jobs.Pending, pending), seen(jobs.Pending, pending), ended, ended, ended}},
	} {
		for i, state := range states {
			t.Run(arrow.name+"/"+state.name, func(t *testing.T) {
				t.Parallel()
				next, err := arrow.do(state.job)
				if code := arrow.want[i].code; code != "" {
					require.Equal(t, code, fault.Of(err).Code)
					require.Zero(t, next)
					return
				}
				require.NoError(t, err)
				require.Equal(t, arrow.want[i], outcome{
					state: next.State, rev: next.Rev - state.job.Rev, version: next.Version - state.job.Version, event: next.LastEvent(),
				})
			})
		}
	}
}

func TestJob(t *testing.T) {
	t.Parallel()
	t.Run("the first version of a job is 1, also when the cache answers", func(t *testing.T) {
		t.Parallel()
		require.EqualValues(t, 1, fresh().Version)
		require.EqualValues(t, 1, jobs.FromCache(uuid.New(), after(t, started, completed), "key:bob", noon).Version)
	})
	t.Run("what a cached answer shows is the proof, not the other owner's job", func(t *testing.T) {
		t.Parallel()
		done := after(t, started, journaled("paid"), progressed("proving", purchase), checked("groth16"), completed)
		mine := jobs.FromCache(uuid.New(), done, "key:bob", noon.Add(time.Minute))
		require.Equal(t, done.Outcome.Proof, mine.Outcome.Proof)
		require.Equal(t, done.VerifiedBy, mine.VerifiedBy)
		require.Equal(t, []jobs.Owner{"key:bob"}, mine.Owners)
		require.Equal(t, noon.Add(time.Minute), mine.Outcome.At)
		require.Equal(t, noon, done.Outcome.At)
		require.Zero(t, mine.Request)
		require.Empty(t, mine.Journal)
		require.Zero(t, mine.StartedAt)
	})
	t.Run("a key leaves with the browser tokens it minted, and cancels if those were all", func(t *testing.T) {
		t.Parallel()
		byToken := func() jobs.Job {
			return jobs.New(uuid.New(), claim.Identity{1}, claim.Claim{}, "mock", "token:alice:1", noon)
		}
		j, err := byToken().Left("key:alice", noon)
		require.NoError(t, err)
		require.Equal(t, fault.Cancelled, j.Outcome.Failure.Code)
		require.Equal(t, []jobs.Owner{"token:alice:1"}, j.Owners)

		j, err = byToken().Joined("key:bob")
		require.NoError(t, err)
		j, err = j.Left("key:alice", noon)
		require.NoError(t, err)
		require.Equal(t, []jobs.Owner{"key:bob"}, j.Owners)
	})
	t.Run("an anonymous owner cannot leave", func(t *testing.T) {
		t.Parallel()
		j := jobs.New(uuid.New(), claim.Identity{1}, claim.Claim{}, "mock", jobs.Anonymous, noon)
		_, err := j.Left(jobs.Anonymous, noon)
		require.True(t, fault.Is(err, fault.Forbidden))
	})
	t.Run("a job that is taken over keeps when it was first started, and its journal", func(t *testing.T) {
		t.Parallel()
		j := after(t, started, journaled("paid"), checked("groth16"))
		again, err := j.Started(noon.Add(time.Hour))
		require.NoError(t, err)
		require.Equal(t, noon, again.StartedAt)
		require.Equal(t, "paid", string(again.Journal))
		require.False(t, again.Verified())
	})
	t.Run("a request that a later report leaves out is not forgotten", func(t *testing.T) {
		t.Parallel()
		j := after(t, started, progressed("proving", purchase), progressed("wrapping", prover.Request{}))
		require.Equal(t, purchase, j.Request)
		done, err := j.Completed(delivered, noon)
		require.NoError(t, err)
		require.Equal(t, purchase, done.Request)
	})
	t.Run("completion ends the journal; a failure leaves it to the next job", func(t *testing.T) {
		t.Parallel()
		require.Nil(t, after(t, started, journaled("paid"), completed).Journal)
		require.Equal(t, "paid", string(after(t, started, journaled("paid"), failed).Journal))
	})
	t.Run("the mock's empty proof is empty, not absent", func(t *testing.T) {
		t.Parallel()
		j, err := after(t, started).Completed(prover.Proof{}, noon)
		require.NoError(t, err)
		require.NotNil(t, j.Outcome.Proof)
	})
	t.Run("bytes that a caller goes on to change are not the job's", func(t *testing.T) {
		t.Parallel()
		entry, by, proof := []byte{1}, []string{"groth16"}, prover.Proof{Bytes: []byte{1}, PublicValues: []byte{1}}
		j := after(t, started)
		j, _ = j.Journaled(entry)
		kept := j.Journal
		j, _ = j.Checked(by, noon)
		j, _ = j.Completed(proof, noon)
		entry[0], by[0], proof.Bytes[0], proof.PublicValues[0] = 2, "none", 2, 2
		require.Equal(t, []byte{1}, kept)
		require.Equal(t, []string{"groth16"}, j.VerifiedBy)
		require.Equal(t, []byte{1}, j.Outcome.Proof)
		require.Equal(t, []byte{1}, j.Outcome.PublicValues)
	})
	t.Run("a chatty prover does not make a timeline grow for ever, and the ending is in it", func(t *testing.T) {
		t.Parallel()
		j := after(t, started)
		for i := range 1000 {
			var err error
			j, err = progressed("phase "+strconv.Itoa(i), prover.Request{})(j)
			require.NoError(t, err)
		}
		require.Len(t, j.Timeline, 100)
		require.Equal(t, jobs.EventAccepted, j.Timeline[0].Type)
		require.Equal(t, "phase 999", j.Timeline[99].Phase)

		j, err := checked("groth16")(j)
		require.NoError(t, err)
		again, err := started(j)
		require.NoError(t, err)
		require.Equal(t, jobs.EventVerified, again.Timeline[100].Type, "only a phase makes room for the next")

		j, err = completed(j)
		require.NoError(t, err)
		require.Equal(t, jobs.EventCompleted, j.Timeline[101].Type)
		require.EqualValues(t, 1004, j.Version)
	})
}

// life is a job beside a copy of it that shares nothing with it.
type life struct{ job, copy jobs.Job }

func apart(j jobs.Job) jobs.Job {
	j.Owners, j.Receipts, j.Timeline = slices.Clone(j.Owners), slices.Clone(j.Receipts), slices.Clone(j.Timeline)
	j.Journal, j.VerifiedBy = slices.Clone(j.Journal), slices.Clone(j.VerifiedBy)
	if j.Outcome != nil {
		o := *j.Outcome
		o.Proof, o.PublicValues = slices.Clone(o.Proof), slices.Clone(o.PublicValues)
		j.Outcome = &o
	}
	return j
}

// visible is what followers see of a job.
func visible(j jobs.Job) jobs.Job {
	j.Rev, j.Version, j.Owners, j.Receipts, j.Journal = 0, 0, nil, nil, nil
	return j
}

// TestTransitionsInAnyOrder grows a tree of lives, each from any earlier job, so that two jobs which share memory and
// should not are found out.
func TestTransitionsInAnyOrder(t *testing.T) {
	t.Parallel()
	owners := rapid.SampledFrom([]jobs.Owner{"key:alice", "token:alice:1", "token:alice:2", "key:bob", "jwt:i:alice", jobs.Anonymous})
	phase := rapid.SampledFrom([]string{"", "executing", "proving"})
	request := rapid.SampledFrom([]prover.Request{{}, purchase, {ID: "0x02"}})
	entry := rapid.SampledFrom([]string{"", "paid", "asked"})
	arrows := []func(*rapid.T) arrow{
		func(t *rapid.T) arrow { return joined(owners.Draw(t, "joins")) },
		func(t *rapid.T) arrow { return joined(owners.Draw(t, "joins")) },
		func(t *rapid.T) arrow { return left(owners.Draw(t, "leaves")) },
		func(*rapid.T) arrow { return started },
		func(t *rapid.T) arrow { return progressed(phase.Draw(t, "phase"), request.Draw(t, "request")) },
		func(t *rapid.T) arrow { return journaled(entry.Draw(t, "journal")) },
		func(*rapid.T) arrow { return checked("groth16") },
		func(*rapid.T) arrow { return checked("groth16", "onchain") },
		func(*rapid.T) arrow { return completed },
		func(*rapid.T) arrow { return failed },
		func(*rapid.T) arrow { return released },
	}
	rapid.Check(t, func(t *rapid.T) {
		first := fresh()
		tree := []life{{first, apart(first)}}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			back := min(rapid.SampledFrom([]int{0, 0, 0, 1, 2, 5, 20}).Draw(t, "back"), len(tree)-1)
			from := tree[len(tree)-1-back]
			next, err := arrows[rapid.IntRange(0, len(arrows)-1).Draw(t, "arrow")](t)(from.job)
			if err != nil {
				require.Zero(t, next)
				continue
			}
			follows(t, from.job, next)
			whole(t, next)
			tree = append(tree, life{next, apart(next)})
		}
		for _, l := range tree {
			require.Equal(t, l.copy, l.job, "a transition wrote to its argument")
		}
	})
}

// follows holds a transition that was made against the rules of all of them.
func follows(t *rapid.T, before, next jobs.Job) {
	require.False(t, before.Ended(), "terminal is final")
	require.Equal(t, next.Rev == before.Rev, equal(before, next), "Rev grows with every change, and only then")
	require.GreaterOrEqual(t, next.Rev, before.Rev)
	if equal(visible(before), visible(next)) {
		require.Equal(t, before.Version, next.Version)
	} else {
		require.Equal(t, before.Version+1, next.Version, "one version for each change that followers see")
		require.Greater(t, next.Rev, before.Rev)
	}
	require.Equal(t, before.ID, next.ID)
	require.Equal(t, before.Identity, next.Identity)
	require.Equal(t, before.Claim, next.Claim)
	require.Equal(t, before.CreatedAt, next.CreatedAt)
	if slices.Contains(before.Owners, jobs.Anonymous) {
		require.Contains(t, next.Owners, jobs.Anonymous, "the anonymous never leave")
	}
}

func equal(a, b jobs.Job) bool {
	a.Rev, b.Rev = 0, 0
	return assert.ObjectsAreEqual(a, b)
}

// whole holds a job against the rules of all jobs.
func whole(t *rapid.T, j jobs.Job) {
	require.LessOrEqual(t, j.Version, j.Rev)
	require.NotEmpty(t, j.Owners)
	require.Len(t, j.Owners, len(slices.Compact(slices.Sorted(slices.Values(j.Owners)))), "each owner once")
	require.Equal(t, j.State == jobs.Completed || j.State == jobs.Failed, j.Outcome != nil)
	if j.Ended() {
		require.Equal(t, j.State == jobs.Failed, j.Outcome.Failure != nil)
	}
	if j.State != jobs.Running {
		require.Empty(t, j.Phase)
	}
	if j.Verified() {
		require.Contains(t, []jobs.State{jobs.Running, jobs.Completed}, j.State)
	}
	last := j.Timeline[len(j.Timeline)-1].Type
	if last == jobs.EventAccepted {
		last = jobs.EventPosition
	}
	require.Equal(t, last, j.LastEvent(), "the timeline ends with what brought the job to its version")
	for i := range j.Timeline[1:] {
		require.False(t, j.Timeline[i+1].At.Before(j.Timeline[i].At))
	}
}
