package stream

import (
	"bytes"
	"context"
	"errors"
	"io"

	"claimprover/internal/api"
	"claimprover/internal/fault"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxMessage = 4 << 10 // bytes in one message of a client
	maxDepth   = 4       // objects and arrays within one another
	maxEcho    = 64      // bytes of a jobId that an answer repeats
)

// errNotObject refuses text that is not one JSON object: it ends a WebSocket.
var errNotObject = errors.New("not one JSON object")

// parseOperation reads what a client sent. A well-formed object that is no operation is a *fault.Error, and the
// operation then holds what could be read of it.
func parseOperation(text []byte) (op api.Operation, err error) {
	if !isObject(text) {
		return op, errNotObject
	}
	if err := json.Unmarshal(text, &op, json.RejectUnknownMembers(true)); err != nil {
		return op, fault.New(fault.InvalidInput,
			"An operation has the fields op, jobId, lastEventId (a number) and token, and no others.").Because(err)
	}
	return op, nil
}

// isObject is strict: one value and nothing after it, no name twice, valid escapes, no deeper than maxDepth.
func isObject(text []byte) bool {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	if d.PeekKind() != '{' {
		return false
	}
	for {
		if _, err := d.ReadToken(); err != nil || d.StackDepth() > maxDepth {
			return false
		}
		if d.StackDepth() == 0 {
			_, err := d.ReadToken()
			return err == io.EOF
		}
	}
}

// pong answers the operation ping: a browser cannot see the pings of the protocol.
var pong = []byte(`{"type":"pong"}`)

// ask carries out what a client sent as far as the reading goroutine may, and hands the rest to the writing one.
func (l *link) ask(text []byte) ending {
	op, err := parseOperation(text)
	if errors.Is(err, errNotObject) {
		return policy
	}
	asked := request{op: op}
	if err == nil {
		asked.sub, err = l.judge(op)
	}
	switch {
	case err != nil:
		return l.refuse(op.JobID, err)
	case op.Op == "ping":
		return l.reply(pong)
	}
	select {
	case l.requests <- asked:
	case <-l.over:
	}
	return open
}

// judge says whether op may be done, and what it means to subscribe.
func (l *link) judge(op api.Operation) (sub Subscription, err error) {
	switch {
	case op.Op == "ping":
		return sub, nil
	case l.resolve == nil:
		return sub, fault.New(fault.InvalidInput, "This socket follows one job and takes only ping; follow many jobs on /v1/events.")
	case op.Op != "subscribe" && op.Op != "unsubscribe":
		return sub, fault.New(fault.InvalidInput, "The operations are ping, subscribe and unsubscribe.")
	case op.JobID == "":
		return sub, fault.New(fault.InvalidInput, "Name the job in jobId.")
	case op.Op == "unsubscribe":
		return sub, nil
	}
	ctx, cancel := context.WithTimeout(l.streams.life, snapshotTimeout)
	defer cancel()
	sub, err = l.resolve(ctx, op)
	sub.Seen = op.LastEventID
	return sub, err
}

// carryOut changes what the stream follows.
func (l *link) carryOut(asked request) ending {
	if asked.op.Op == "unsubscribe" {
		return l.unsubscribe(asked.op.JobID)
	}
	if l.find(asked.sub.Topic) != nil {
		return open // a job followed already; what comes next comes once
	}
	if len(l.follows) > maxJobs { // and what the stream was opened with
		return l.refuse(asked.op.JobID, fault.New(fault.RateLimited,
			"One connection follows %d jobs at most; unsubscribe from one, or open another.", maxJobs))
	}
	first, err := l.follow(l.streams.life, asked.op.JobID, asked.sub)
	if err != nil {
		return l.refuse(asked.op.JobID, err)
	}
	if asked.sub.knows(first) && !first.Last { // the end is told also to whoever knows it: nothing else will come
		return open
	}
	return l.send(l.find(asked.sub.Topic), first)
}

func (l *link) unsubscribe(id string) ending {
	for _, f := range l.follows {
		if f.id == id {
			return l.drop(f, open)
		}
	}
	return l.refuse(id, fault.New(fault.NotFound, "This connection does not follow that job."))
}

// refuse answers an operation that cannot be done.
func (l *link) refuse(id string, err error) ending {
	if l.streams.life.Err() != nil {
		err = errRestarting
	}
	f := fault.Of(err)
	if f.Code == fault.Internal {
		l.streams.log.Error("stream operation", "err", err)
	}
	if len(id) > maxEcho {
		id = ""
	}
	return l.reply(api.Encode(api.OperationError{Type: "error", JobID: id, Code: string(f.Code), Message: f.Message}))
}

// reply writes something that is not an event. Both goroutines may.
func (l *link) reply(text []byte) ending {
	if err := l.wire.reply(text); err != nil {
		return endingOf(err)
	}
	return open
}
