package network

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"google.golang.org/grpc/codes"

	"claimprover/prover/network/internal/spn"
	wire "claimprover/prover/network/internal/spn/common"
)

const slowestTry = 30 * time.Second // between two sends of the same bytes

// begin finds a request for the claim that an earlier process made, or makes one.
func (j *job) begin(ctx context.Context) error {
	found, err := j.adopt(ctx)
	if err != nil || found {
		return err
	}
	if err := j.Register(ctx); err != nil {
		return err
	}
	return j.buy(ctx)
}

// buy makes one request: everything that may be done twice first, then, with the account's turn, nonce, signature,
// journal and the call itself.
func (j *job) buy(ctx context.Context) error {
	j.tell("uploading")
	d := draft{values: j.values}
	var err error
	if j.opts.Mode == Mainnet {
		if d.terms, err = j.Terms(ctx); err != nil {
			return err
		}
	}
	kind := wire.ArtifactType_PRIVATE_STDIN
	if j.opts.PublicStdin {
		kind = wire.ArtifactType_STDIN
	}
	if d.stdinURI, err = j.upload(ctx, kind, EncodeStdin(j.in.GuestStdin())); err != nil {
		return fmt.Errorf("uploading the input: %w", err)
	}
	release, err := j.account.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	if err := j.write(ctx, d); errors.Is(err, errUnsure) {
		release()
		return pause(ctx, j.opts.look/20) // and begin anew
	} else if err != nil {
		return err
	}
	j.tell("requesting")
	return j.answered(ctx, release, j.send(ctx), true)
}

// write signs a request with the next nonce and saves it. After that, and not before, it may be sent.
func (j *job) write(ctx context.Context, d draft) error {
	nonce, err := j.nonce(ctx)
	if err != nil {
		return err
	}
	if !j.before.covers(nonce) {
		return errUnsure
	}
	now := time.Now()
	d.deadline = uint64(now.Add(j.opts.Timeout).Unix())
	body, err := j.body(d, nonce)
	if err != nil {
		return err
	}
	signature, err := sign(j.opts.Key, body)
	if err != nil {
		return err
	}
	e := entry{
		Version: entryVersion, Endpoint: j.endpoint.String(), Mode: j.opts.Mode, Address: j.address, State: sending,
		Nonce: nonce, Body: body, Signature: signature, StdinURI: d.stdinURI, Deadline: d.deadline, Sent: now.Unix(),
		Ended: j.entry.Ended, Retired: j.entry.Retired,
	}
	if j.opts.Mode != Cluster {
		e.ID = requestID(j.address, body)
		j.before.ours(e.ID)
	}
	j.entry = e
	return j.save(ctx)
}

// receipt is the network's answer to a request.
type receipt struct {
	id, tx common.Hash
	err    error
}

// send sends the entry's bytes as they are.
func (j *job) send(ctx context.Context) receipt {
	var out wire.Receipt
	err := j.invoke(ctx, spn.RequestProof, envelope(j.entry.Body, j.entry.Signature), &out)
	id := out.GetBody().GetRequestId()
	if err == nil && (len(id) == 0 || len(id) > 32) {
		err = fmt.Errorf("%s: an answer without an id", spn.RequestProof) // it has code Unknown: it may have been done
	}
	return receipt{id: padded(id), tx: common.BytesToHash(out.GetTxHash()), err: err}
}

// answered acts on the answer to a request. Only when the network refuses the first sending of it was nothing bought for
// sure; otherwise an earlier sending may have been taken, and is looked for.
func (j *job) answered(ctx context.Context, release func(), r receipt, first bool) error {
	got, trouble := answerOf(r.err, j.entry.Address)
	switch got {
	case accepted:
		j.use()
		j.entry.TxHash = r.tx
		j.log.Info("request made", "request", r.id, "tx", r.tx)
		return j.took(ctx, r.id)
	case misplaced:
		return j.misplaced(ctx, release, trouble, first)
	case refused, doubtful:
		if first && got == refused {
			return j.turnedDown(ctx, r.err)
		}
		release()
		return j.lookOut(ctx, j.opts.look, func() error { return j.turnedDown(ctx, r.err) })
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if j.opts.Mode == Cluster {
		release()
		return j.lookOut(ctx, j.opts.look, j.dead)
	}
	return j.resolve(ctx, release)
}

// took notes that the network has the request.
func (j *job) took(ctx context.Context, id common.Hash) error {
	if j.entry.ID != id && j.entry.ID != (common.Hash{}) {
		if j.opts.Mode == Mainnet {
			j.log.Error("prover network gave a request another id than was computed", "computed", j.entry.ID, "id", id)
		}
		j.entry.Computed = j.entry.ID
	}
	j.entry.ID, j.entry.State = id, sent
	j.before.ours(id)
	return j.save(ctx)
}

// use notes that the entry's nonce is used up, if it is one of this client's account.
func (j *job) use() {
	if j.entry.Address == j.address {
		j.used(j.entry.Nonce)
	}
}

// misplaced acts on a nonce that is not the next one. The caller has the turn.
func (j *job) misplaced(ctx context.Context, release func(), n nonceTrouble, first bool) error {
	if j.entry.Address == j.address {
		j.account.expects(n.expected)
	}
	release()
	if n.expected < j.entry.Nonce {
		j.log.Warn("request retired: its nonce was ahead", "nonce", j.entry.Nonce, "expected", n.expected)
		if first {
			return j.retire()
		}
		// It comes to life once the counter reaches it. So it is never sent again, but a copy may be under way.
		return j.lookOut(ctx, j.opts.look, j.retire)
	}
	// The nonce is used up: by this request, or by another one of the same key.
	return j.lookOut(ctx, j.opts.look, j.dead)
}

// turnedDown acts on a definite no: nothing was bought.
func (j *job) turnedDown(ctx context.Context, err error) error {
	id := j.entry.ID
	_ = j.dead()
	if unregistered(err) && j.relisted == 0 {
		j.relisted++
		j.program.known.Store(false) // the network has forgotten the program
		return nil
	}
	j.metrics.end(id, endRefused)
	j.owesNothing(ctx)
	return fmt.Errorf("requesting: %w", err)
}

func unregistered(err error) bool {
	return code(err) == codes.FailedPrecondition && strings.Contains(text(err), "program not registered")
}

// settle finds out what became of a request that an earlier call, or process, may have sent.
func (j *job) settle(ctx context.Context) error {
	if j.opts.Mode == Cluster { // sent again it would be another request there
		return j.lookOut(ctx, j.opts.look, j.dead)
	}
	release, err := j.account.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	return j.resolve(ctx, release)
}

// resolve looks for a request that may have been taken, and as long as the network does not know it sends the same
// bytes again: taken twice they are one request. The caller has the turn, so nobody else uses up the nonce meanwhile.
func (j *job) resolve(ctx context.Context, release func()) error {
	for wait := j.opts.Poll; ; wait = min(2*wait, slowestTry) {
		id, found, err := j.find(ctx, j.entry)
		switch {
		case found:
			j.use()
			return j.took(ctx, id)
		case err == nil && uint64(time.Now().Unix()) > j.entry.Deadline:
			release()
			return j.lookOut(ctx, j.opts.look, j.dead)
		case err == nil:
			r := j.send(ctx)
			if got, _ := answerOf(r.err, j.entry.Address); got != ambiguous {
				return j.answered(ctx, release, r, false)
			}
			err = r.err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		j.log.Warn("prover network left it open whether it took a request", "err", err)
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// lookOut looks for a request that may have been taken and is not sent any more, for at least that long and until the
// network has said at the end of it that it knows none. Then it is dead, and end says what comes of that.
func (j *job) lookOut(ctx context.Context, atLeast time.Duration, end func() error) error {
	began := time.Now()
	for {
		late := time.Since(began) >= atLeast
		id, found, err := j.find(ctx, j.entry)
		switch {
		case found:
			return j.took(ctx, id)
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil && late:
			return end()
		case err != nil:
			j.log.Warn("prover network does not say whether it has a request", "err", err)
		}
		if err := pause(ctx, j.opts.look/20); err != nil {
			return err
		}
	}
}
