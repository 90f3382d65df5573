package network

import (
	"context"
	"time"

	"claimprover/internal/fault"
	wire "claimprover/prover/network/internal/spn/common"
)

// How a request ends without a proof, to a claimant.
var (
	failRefused = fault.New(fault.ProofFailed, "The guest program refused the claim: account, signature and challenge do not belong "+
		"together. Correct the claim and sign it again.")
	failLimits = fault.New(fault.ProofFailed, "The proof takes more computing than this service allows for. Send us the job id; "+
		"trying again does not help.")
	failExecution = fault.New(fault.ProofFailed, "The guest program did not run to its end. Send us the job id; trying again does not help.")
	failMismatch  = fault.New(fault.ProofFailed, "The guest program is not the one that this service expects. Send us the job id; "+
		"trying again does not help.")
	failReverted = fault.New(fault.ProofFailed, "The prover network could not settle the proof, mostly for want of credit of this "+
		"service's account. Send us the job id before you try again.")
	failUnfulfillable = fault.New(fault.ProofFailed, "The prover network gave the proof up. Submit the claim again.").MayRetry(true)
	failExpired       = fault.New(fault.ProofFailed, "The prover network had no proof by its deadline. Submit the claim again.").MayRetry(true)
	failVanished      = fault.New(fault.ProofFailed, "The prover network has lost the request. Submit the claim again.").MayRetry(true)
	failNoBids        = fault.New(fault.ProofFailed, "No prover offered to make the proof, and the request was withdrawn. Submit the "+
		"claim again later.").MayRetry(true).RetryIn(5 * time.Minute)
)

// outcome says how a request has ended, nil while it has not. A status that is not known here ends nothing.
func (j *job) outcome(ctx context.Context, w *watch, s *wire.GetStatusResponse) *fault.Error {
	switch {
	case s.ExecutionStatus == wire.ExecutionStatus_UNEXECUTABLE:
		return j.because(ctx, failExecution)
	case s.ExecutionStatus == wire.ExecutionStatus_VALIDATION_FAILED:
		return j.because(ctx, failMismatch)
	case s.FulfillmentStatus == wire.FulfillmentStatus_UNFULFILLABLE:
		return j.because(ctx, failUnfulfillable)
	case s.FulfillmentStatus == wire.FulfillmentStatus_REVERTED:
		return j.because(ctx, failReverted)
	case s.FulfillmentStatus == wire.FulfillmentStatus_EXPIRED && time.Since(w.expired) >= j.opts.look:
		return failExpired // a proof that was on its way when the deadline passed has come by then
	}
	return nil
}

// because asks once for the cause of a failure, which only a request's details have; without one it is as it looked.
func (j *job) because(ctx context.Context, f *fault.Error) *fault.Error {
	k, found, err := j.Request(ctx, j.entry.ID)
	if err != nil || !found {
		return f
	}
	if k.Cost != "" { // a failure may be charged for
		j.billed(k)
		j.tell(j.told.Phase)
	}
	j.log.Error("request failed", "request", j.entry.ID, "status", k.Status, "execution", k.Execution, "cause", k.Cause, "error", k.Error)
	switch k.failure {
	case wire.RequestError_VERIFICATION_KEY_MISMATCH, wire.RequestError_PUBLIC_VALUES_MISMATCH:
		return failMismatch
	case wire.RequestError_EXECUTION_FAILURE:
		f = failExecution
	}
	switch k.failureCause {
	case wire.ExecuteFailureCause_HALT_WITH_NON_ZERO_EXIT_CODE:
		return failRefused
	case wire.ExecuteFailureCause_EXCEEDED_CYCLE_LIMIT, wire.ExecuteFailureCause_EXCEEDED_GAS_LIMIT:
		return failLimits
	}
	return f
}

// unusable is a proof that was paid for and is none of the claim. The journal stays: somebody has to look at it, and the
// network may yet give out the right one.
func (j *job) unusable(why error) error {
	j.log.Error("paid proof is not usable", "request", j.entry.ID, "err", why)
	j.metrics.end(j.entry.ID, endUnusable)
	return fault.New(fault.ProofFailed, "The prover network delivered something that is no proof of the claim. Nothing was released; "+
		"send us the job id.").Because(why)
}
