package network

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"time"

	wire "claimprover/prover/network/internal/spn/common"
)

// open says whether a request may still end in a proof.
func (k Known) open() bool {
	ended := k.status == wire.FulfillmentStatus_FULFILLED || k.status == wire.FulfillmentStatus_UNFULFILLABLE ||
		k.status == wire.FulfillmentStatus_REVERTED || k.status == wire.FulfillmentStatus_EXPIRED
	return !ended && k.execution != wire.ExecutionStatus_UNEXECUTABLE && k.execution != wire.ExecutionStatus_VALIDATION_FAILED &&
		!k.Cancelled && time.Now().Before(k.Deadline.Add(overdueTime))
}

// mayDeliver says whether a request may still end in a proof, also against what its status says: a proof can be on its
// way while the deadline passes.
func (k Known) mayDeliver() bool {
	late := k.status == wire.FulfillmentStatus_EXPIRED && !k.Cancelled && time.Now().Before(k.Deadline.Add(overdueTime))
	return k.open() || late
}

// with keeps what was found out of a request beside what the network says of it.
func (k Known) with(before Known) Known {
	k.unread = before.unread
	if len(k.ValuesHash) == 0 {
		k.ValuesHash = before.ValuesHash
	}
	return k
}

type guess int

const (
	no guess = iota
	yes
	perhaps
)

// mine says whether an earlier request is for this job's claim. On mainnet ours carry the hash of the public values from
// the beginning, with reserved capacity only those that were executed do, at a cluster none.
func (j *job) mine(ctx context.Context, k Known) guess {
	if len(k.ValuesHash) == 0 && j.opts.Mode != Mainnet {
		now, found, err := j.details(ctx, k.ID)
		if err != nil || !found {
			return perhaps
		}
		if !now.mayDeliver() && now.status != wire.FulfillmentStatus_FULFILLED {
			j.before.forget(k.ID)
			return no
		}
		k = now.with(k)
		j.before.update(k)
	}
	switch {
	case len(k.ValuesHash) > 0:
		return j.are(k.ValuesHash)
	case j.opts.Mode == Mainnet:
		return no
	case k.status == wire.FulfillmentStatus_FULFILLED:
		return j.proves(ctx, k)
	case j.opts.Mode == Cluster:
		return j.asks(ctx, k)
	}
	return perhaps
}

func (j *job) are(valuesHash []byte) guess {
	if bytes.Equal(valuesHash, j.values[:]) {
		return yes
	}
	return no
}

// asks reads an open request's input back, which a cluster's artifact store lets everybody do, and compares all of it
// but the signature, which differs each time a claimant signs.
func (j *job) asks(ctx context.Context, k Known) guess {
	b, err := j.store.get(ctx, k.StdinURI)
	if err != nil {
		return j.unread(k, err)
	}
	if b, err = Decompress(b); err != nil {
		return no
	}
	buffers, err := DecodeStdin(b)
	if err != nil || len(buffers) != 1 {
		return no
	}
	theirs, ours := buffers[0], j.in.GuestStdin()
	at := 8 + len(j.in.SS58)
	if len(theirs) != len(ours) || !bytes.Equal(theirs[:at], ours[:at]) || !bytes.Equal(theirs[at+64:], ours[at+64:]) {
		return no
	}
	return yes
}

// proves reads the proof of a request that was fulfilled, once for all claims: nothing else tells what it is a proof of
// where the input is deleted with the proof.
func (j *job) proves(ctx context.Context, k Known) guess {
	status, err := j.status(ctx, k.ID)
	if err != nil {
		return perhaps
	}
	b, err := j.store.get(ctx, status.GetProofUri())
	if err != nil {
		return j.unread(k, err)
	}
	a, err := decodePacked(b)
	if err != nil {
		j.before.forget(k.ID) // none that could be used
		return no
	}
	hash := sha256.Sum256(a.PublicValues)
	k.ValuesHash = hash[:]
	j.before.update(k)
	return j.are(k.ValuesHash)
}

// unread judges a request whose artifact was not read. It is worth waiting if that may pass, or if the cluster may just
// be moving on from input to proof; what stays away, or is not for us to read, tells nothing.
func (j *job) unread(k Known, err error) guess {
	failed, is := errors.AsType[*transferError](err)
	if !is || failed.passing() {
		return perhaps
	}
	if failed.expired() && k.unread.IsZero() {
		k.unread = time.Now()
		j.before.update(k)
	}
	if failed.expired() && time.Since(k.unread) < j.opts.look {
		return perhaps
	}
	j.before.forget(k.ID)
	return no
}

// decodePacked reads an artifact as it was downloaded.
func decodePacked(b []byte) (Artifact, error) {
	b, err := Decompress(b)
	if err != nil {
		return Artifact{}, err
	}
	return DecodeArtifact(b)
}
