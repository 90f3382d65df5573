package mock

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"claimprover/internal/fault"
	"claimprover/prover"
)

// Case is a way for a job to go that a claimant can ask for.
type Case uint16

// The cases. Their numbers are part of what claimants write down: they never change.
const (
	ProofFailed Case = iota + 1
	ProofFailedRetryable
	Timeout // never ends by itself
	Panic   // a job ends with internal_error
	VerificationFailed
	RPCUnavailable
	AlreadyClaimed
	ClaimsClosed
	ShuttingDown
	Cancelled
	FailsOnce // rpc_unavailable; called again with the journal it left, it goes on and completes
	Slow      // ten times the delay
	AtOnce
	Hostile        // completes with texts that attack a page which shows them
	HostileMessage // fails with such a message
	end            // not a case: one more than the last
)

// Cases gives every case, in the order of their numbers.
func Cases() []Case {
	all := make([]Case, 0, end-1)
	for c := ProofFailed; c < end; c++ {
		all = append(all, c)
	}
	return all
}

const prefix = "claimprover mock: "

// Recipient is the EVM address that asks for c.
func Recipient(c Case) (a common.Address) {
	copy(a[:], prefix)
	binary.BigEndian.PutUint16(a[len(prefix):], uint16(c))
	return a
}

// CaseOf is the case that a recipient asks for; false: none, it is proved.
func CaseOf(recipient common.Address) (Case, bool) {
	if string(recipient[:len(prefix)]) != prefix {
		return 0, false
	}
	return Case(binary.BigEndian.Uint16(recipient[len(prefix):])), true
}

// Texts of a hostile prover: markup that runs a script where it is taken for HTML, and a link that is one.
const (
	HostileText = `<img src=x onerror="document.title='owned'">`
	HostileLink = `javascript:document.title='owned'`
)

// play is how one proof goes.
type play struct {
	delay   time.Duration
	failure *fault.Error   // nil: it completes
	once    bool           // the failure comes only the first time
	endless bool           // it ends with its context alone
	panics  bool           // instead of failing
	text    string         // in place of each phase's word
	request prover.Request // reported with each phase
}

func playFor(recipient common.Address, delay time.Duration) play {
	c, asked := CaseOf(recipient)
	if !asked {
		return play{delay: delay}
	}
	p := play{delay: delay, failure: failures[c]}
	switch c {
	case Timeout:
		p.endless = true
	case Panic:
		p.panics = true
	case FailsOnce:
		p.once = true
	case Slow:
		p.delay *= 10
	case AtOnce:
		p.delay = 0
	case Hostile:
		p.text = HostileText
		p.request = prover.Request{ID: HostileText, Explorer: HostileLink, Cycles: 1, Cost: HostileText}
	default:
		if p.failure == nil {
			p.failure = fault.New(fault.ProofFailed, "The mock prover has no case %d; its cases are 1 to %d.", c, end-1)
		}
	}
	return p
}

var failures = map[Case]*fault.Error{
	ProofFailed: fault.New(fault.ProofFailed,
		"The guest program refused the claim (asked of the mock prover). Nothing was released; submit a corrected claim."),
	ProofFailedRetryable: fault.New(fault.ProofFailed,
		"The prover gave up (asked of the mock prover). Submit the claim again.").MayRetry(true),
	VerificationFailed: fault.New(fault.VerificationFailed,
		"The proof did not pass its checks (asked of the mock prover). Nothing was released; send us the job id."),
	RPCUnavailable: fault.New(fault.RPCUnavailable,
		"The chain cannot be asked right now (asked of the mock prover). Try again shortly.").RetryIn(10 * time.Second),
	AlreadyClaimed: fault.New(fault.AlreadyClaimed,
		"The account has been claimed on chain (asked of the mock prover). There is nothing left to do."),
	ClaimsClosed: fault.New(fault.ClaimsClosed,
		"The contract takes no more claims (asked of the mock prover). There is nothing to do."),
	ShuttingDown: fault.New(fault.ShuttingDown,
		"The service is restarting (asked of the mock prover). Try again shortly.").RetryIn(10 * time.Second),
	Cancelled: fault.New(fault.Cancelled,
		"Cancelled (asked of the mock prover). Submit the claim again when you like."),
	FailsOnce: fault.New(fault.RPCUnavailable,
		"The chain cannot be asked right now (asked of the mock prover, this once). Try again shortly.").RetryIn(time.Second),
	HostileMessage: fault.New(fault.ProofFailed, "%s %s", HostileText, HostileLink),
}

// failing says whether the play ends at its half.
func (p play) failing(e entry) bool {
	return p.panics || p.failure != nil && !(p.once && e.Failed)
}

func (p play) word(phase string) string {
	if p.text != "" {
		return p.text
	}
	return phase
}

// end gives the play's failure, if it has one, and ends its journal. One that cannot be written is no reason to say
// anything else: all that stays in it is when the proof was begun.
func (p play) end(ctx context.Context, e entry, journal prover.Journal) error {
	if !p.failing(e) {
		return nil // whoever receives the proof ends the journal
	}
	var left []byte
	if p.once {
		e.Failed = true
		left = e.encode()
	}
	_ = journal.Save(ctx, left)
	if p.panics {
		panic("asked of the mock prover")
	}
	return p.failure
}
