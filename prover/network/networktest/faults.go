package networktest

import (
	"context"
	"net/http"
	"path"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	wire "claimprover/prover/network/internal/spn/common"
)

// Faults decide what goes wrong; nil functions: nothing does. They are called from many goroutines.
type Faults struct {
	Call     func(method string) CallFault                // for each call, by its last word: RequestProof
	Request  func(n int, publicValues []byte) Fate        // for the n-th request that is taken, from 0 on; no values: the program panics
	Transfer func(method, kind string) TransferFault      // for each PUT and GET; kind is stdin, program or proof
	Nonce    func(next uint64) uint64                     // what GetNonce says in place of the true one
	Seen     func(method string, signer [20]byte, v byte) // of each signed call
}

// CallFault is what befalls a call.
type CallFault int

// The faults. Those called Lost have done the call before its answer is lost.
const (
	Works CallFault = iota
	Unavailable
	Internal
	Cancelled
	Exhausted // RESOURCE_EXHAUSTED, not done
	Late      // done after half a minute, even if the caller has gone meanwhile
	Hangs     // not done, and never answered
	CutBefore // every connection is cut, and the call not done
	Unknown   // UNKNOWN, not done
	LostUnavailable
	LostInternal
	LostHangs
	LostCut
	LostUnknown
)

// CallFaults are all but Works.
var CallFaults = []CallFault{Unavailable, Internal, Cancelled, Exhausted, Late, Hangs, CutBefore, Unknown,
	LostUnavailable, LostInternal, LostHangs, LostCut, LostUnknown}

func (s *Server) intercept(ctx context.Context, in any, info *grpc.UnaryServerInfo, do grpc.UnaryHandler) (any, error) {
	fault := Works
	if s.opts.Faults.Call != nil {
		fault = s.opts.Faults.Call(path.Base(info.FullMethod))
	}
	away := status.Error(codes.Unavailable, "the service is away")
	switch fault {
	case Unavailable:
		return nil, away
	case Internal:
		return nil, status.Error(codes.Internal, "something broke")
	case Cancelled:
		return nil, status.Error(codes.Canceled, "cancelled")
	case Exhausted:
		return nil, status.Error(codes.ResourceExhausted, "too many requests")
	case Unknown:
		return nil, status.Error(codes.Unknown, "something else")
	case Hangs:
		<-ctx.Done()
		return nil, away
	case CutBefore:
		s.Cut()
		return nil, away
	case Late:
		time.Sleep(30 * time.Second)
	}
	out, err := do(ctx, in)
	switch fault {
	case LostUnavailable:
		return nil, away
	case LostInternal:
		return nil, status.Error(codes.Internal, "cluster create_proof_request failed: timeout")
	case LostHangs:
		<-ctx.Done()
		return nil, away
	case LostCut:
		s.Cut()
		return nil, away
	case LostUnknown:
		return nil, status.Error(codes.Unknown, "something else")
	}
	return out, err
}

// Fate is what becomes of a request; the zero value is fulfilled in time.
type Fate struct {
	Hidden   time.Duration // after it was taken, in which no read knows of it
	Dropped  bool          // no read ever knows of it, and nothing is charged
	NoBids   bool          // it stays requested
	Slow     time.Duration // added to each of its times
	Stuck    bool          // it stays assigned
	Back     time.Duration // before it is fulfilled, in which it is requested again: a prover has given it up
	Alias    bool          // its answer says another id than it has
	Odd      bool          // has unknown statuses until it is fulfilled
	Expired  bool          // says EXPIRED for the half minute before it is fulfilled
	Ends     wire.FulfillmentStatus
	Executes wire.ExecutionStatus
	Cause    wire.ExecuteFailureCause
	Error    wire.RequestError
	Charged  bool // also without a proof
	Bad      BadProof
	BadTimes int // how often the proof is bad before it is good; -1: always
}

// BadProof is what is wrong with a downloaded proof.
type BadProof int

// The bad proofs.
const (
	Good BadProof = iota
	Truncated
	OfAnotherClaim
	OfAnotherProgram
	OfAFailedProgram
	OfTheOtherSystem
	Mock
	Garbage
	Bomb
)

// TransferFault is what befalls the transfer of an artifact.
type TransferFault int

// The transfer faults.
const (
	Moves       TransferFault = iota
	Breaks                    // 503
	Expires                   // 403: the URL is not good any more
	Resets                    // in the middle
	MovesAnswer               // done, and then 500
)

// TransferFaults are all but Moves.
var TransferFaults = []TransferFault{Breaks, Expires, Resets, MovesAnswer}

func (s *Server) transferFault(r *http.Request, kind string) TransferFault {
	if s.opts.Faults.Transfer == nil {
		return Moves
	}
	return s.opts.Faults.Transfer(r.Method, kind)
}

func (s *Server) fate(n int, values []byte) Fate {
	if s.opts.Faults.Request == nil {
		return Fate{}
	}
	return s.opts.Faults.Request(n, values)
}
