// Package jobs owns the life of a job: what a job is, which transitions it may take, what a [Store] of jobs must
// promise, and the [Pool] that has them proved.
//
// A [Job] is a value; a transition gives the next whole value and touches nothing. Stores compare and swap. The package
// knows neither HTTP nor who is following: a store announces each write by a plain call.
package jobs

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/prover"
)

// ID names a job: a random UUID (v4), and the capability to read the job.
type ID = uuid.UUID

// State is one of the four the wire contract knows.
type State uint8

// The states, in the order a job passes through them.
const (
	Pending State = iota
	Running
	Completed
	Failed
)

var stateNames = [...]string{"pending", "running", "completed", "failed"}

func (s State) String() string { return stateNames[s] }

// MarshalText gives the wire's word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the wire's word.
func (s *State) UnmarshalText(text []byte) error {
	i := slices.Index(stateNames[:], string(text))
	if i < 0 {
		return fault.New(fault.InvalidInput, "The status must be pending, running, completed or failed.")
	}
	*s = State(i)
	return nil
}

// EventType says what a change was, in the words of the wire contract.
type EventType string

// The events of a job. Accepted stands in a timeline only; followers see it as EventPosition.
const (
	EventAccepted  EventType = "accepted"
	EventPosition  EventType = "position"
	EventRunning   EventType = "running"
	EventVerified  EventType = "verified"
	EventCompleted EventType = "completed"
	EventFailed    EventType = "failed"
)

// Moment is an entry of a job's timeline.
type Moment struct {
	Type  EventType
	Phase string // of EventRunning: the prover's word
	At    time.Time
}

// Job is one claim on its way to a proof. It is a value: transitions and stores never change one in place, and the
// slices in it are never written to.
type Job struct {
	ID       ID
	Identity claim.Identity // what makes two jobs the same claim, prover mode and program included
	Claim    claim.Claim
	Mode     string // prover mode: mock, local, network

	Rev     uint64 // grows with every write; what Store.Swap compares
	Version uint64 // grows with what followers see; what events carry

	Owners   []Owner // who submitted or joined, in that order; the last to leave stays on record
	Receipts []Receipt
	Journal  []byte // the prover's, see prover.Journal

	State     State
	Phase     string // while running: the prover's word
	Request   prover.Request
	Cached    bool // answered from the proof cache: never ran
	Timeline  []Moment
	CreatedAt time.Time
	StartedAt time.Time // zero until a worker took it

	VerifiedBy []string // the checks that the proof passed; set before it is completed
	Outcome    *Outcome // set exactly when State is Completed or Failed; never changed afterwards
}

// Outcome is how a job ended: with a proof or with a failure, never both.
type Outcome struct {
	At           time.Time
	Proof        []byte // for the verifier contract; empty (not nil) from the mock prover
	PublicValues []byte
	Failure      *fault.Error // nil: completed
}

// Receipt is a token of a window or of the proof budget that was spent for a job, kept so that it can be given back.
type Receipt struct {
	Window string // the policy's name
	Key    string
	Amount int64
	Reset  time.Time // after it there is nothing to give back
	Budget bool      // owed when nothing was requested from a prover; else: when the job never ran
}

// Ended says whether the job is terminal.
func (j Job) Ended() bool { return j.Outcome != nil }

// Verified says whether its proof passed a check.
func (j Job) Verified() bool { return len(j.VerifiedBy) > 0 }

// Requested says whether the prover may have spent something for the job: a proof bought elsewhere leaves a request or
// a journal, one made here has cost its making.
func (j Job) Requested() bool {
	return j.Request.ID != "" || len(j.Journal) > 0 || j.Mode != "network" && !j.StartedAt.IsZero()
}

// OwnedBy says whether o is an owner, or the key that minted an owner's token.
func (j Job) OwnedBy(o Owner) bool { return slices.ContainsFunc(j.Owners, o.Covers) }

// LastEvent is the event that brought the job to its version.
func (j Job) LastEvent() EventType {
	switch {
	case j.State == Failed:
		return EventFailed
	case j.State == Completed:
		return EventCompleted
	case j.State == Running && j.Verified():
		return EventVerified
	case j.State == Running:
		return EventRunning
	default:
		return EventPosition
	}
}

// Input is what a prover gets.
func (j Job) Input() prover.Input {
	c := j.Claim
	return prover.Input{
		SS58: c.SS58, PublicKey: c.PublicKey, Signature: c.Signature, EVMAddress: c.EVMAddress,
		Amount: c.Amount, Challenge: c.Challenge, PublicValues: c.PublicValues(),
	}
}
