// Package audit writes down who asked for what and what became of it, for whoever looks back: one line of JSON for each
// submission of a known caller, and one for each job that has ended. It also sums such lines up.
//
// No method of a [Log] waits, and each may be called from many goroutines: lines go through a bounded queue to one
// writer. A line that finds the queue full, or cannot be written, is lost; how many were, the next line that can be
// written says. No line holds a job's id, a signature or a credential. The package knows no HTTP.
package audit

import (
	"time"

	"claimprover/internal/api"
	"claimprover/internal/claim"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

// Event says what a line is about.
type Event string

// The events.
const (
	Submitted Event = "submission" // somebody whom the service knows submitted, admitted or not
	Ended     Event = "end"        // a job has ended
	Lost      Event = "lost"       // lines before this one are missing
)

// Line is one line. Names are those of the wire contract where it has one for the same thing.
type Line struct {
	Time      api.Time `json:"time"`
	Event     Event    `json:"event"`
	Owner     string   `json:"owner,omitempty"`     // of an end: the first of them
	Owners    int      `json:"owners,omitempty"`    // of an end: how many there are
	PublicKey api.Hex  `json:"publicKey,omitempty"` // none where the body was not read, or no claim
	Recipient api.Hex  `json:"recipient,omitempty"`
	Amount    string   `json:"amount,omitempty"`
	Outcome   string   `json:"outcome,omitempty"` // a disposition or a code; of an end: completed or a code
	Seconds   float64  `json:"seconds"`           // until it was decided; of an end: since acceptance
	Waited    *float64 `json:"waitedSeconds,omitempty"`
	Ran       *float64 `json:"ranSeconds,omitempty"`
	Job       string   `json:"job,omitempty"`     // its label, as in the log
	Request   string   `json:"request,omitempty"` // on the prover network
	Cycles    uint64   `json:"cycles,omitempty"`
	Cost      string   `json:"cost,omitempty"` // base units of the network's token
	RequestID string   `json:"requestId,omitempty"`
	Lines     uint64   `json:"lines,omitempty"` // how many are lost
}

// Submission is what is known of one. Without an owner it has not passed authentication, and has no line.
type Submission struct {
	Owner     string
	Claim     *claim.Claim // nil: the body was not read, or is no claim
	RequestID string
	Began     time.Time
}

func (s Submission) line(outcome string) Line {
	l := Line{
		Time: api.Time(time.Now()), Event: Submitted, Owner: s.Owner, Outcome: outcome,
		Seconds: seconds(time.Since(s.Began)), RequestID: s.RequestID,
	}
	if s.Claim != nil {
		l.about(*s.Claim)
	}
	return l
}

func (l *Line) about(c claim.Claim) {
	l.PublicKey, l.Recipient, l.Amount = c.PublicKey[:], c.EVMAddress[:], c.Amount.Dec()
}

// Admitted writes down a submission that got a job.
func (l *Log) Admitted(s Submission, j jobs.Job, d jobs.Disposition) {
	line := s.line(string(d))
	line.Job = jobs.Label(j.ID)
	l.add(line)
}

// Refused writes down a submission that got none, if it is known whose it was.
func (l *Log) Refused(s Submission, code fault.Code) {
	if s.Owner != "" {
		l.add(s.line(string(code)))
	}
}

// Ended writes down how a job ended, and what it took.
func (l *Log) Ended(j jobs.Job) {
	line := Line{
		Time: api.Time(j.Outcome.At), Event: Ended, Owner: string(j.Owners[0]), Owners: len(j.Owners), Outcome: outcome(j),
		Seconds: seconds(j.Outcome.At.Sub(j.CreatedAt)), Job: jobs.Label(j.ID),
		Request: j.Request.ID, Cycles: j.Request.Cycles, Cost: j.Request.Cost,
	}
	line.about(j.Claim)
	if !j.StartedAt.IsZero() {
		waited, ran := seconds(j.StartedAt.Sub(j.CreatedAt)), seconds(j.Outcome.At.Sub(j.StartedAt))
		line.Waited, line.Ran = &waited, &ran
	}
	l.add(line)
}

func outcome(j jobs.Job) string {
	if why := j.Outcome.Failure; why != nil {
		return string(why.Code)
	}
	return j.State.String()
}

// seconds are whole microseconds.
func seconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1e6 }
