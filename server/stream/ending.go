package stream

import (
	"context"
	"errors"
	"os"

	"github.com/coder/websocket"
)

// ending is why a stream ended: a label of a metric, and a WebSocket's close code.
type ending int

const (
	open     ending = iota // not yet
	finished               // the job has ended and its reader knows
	expired                // the job is not kept any more
	draining               // we are going away
	gone                   // the peer left
	tooSlow                // the peer did not take a write or answer a ping
	protocol               // the peer broke RFC 6455
	notText                // what the peer sent is not text,
	notUTF8                // or not UTF-8,
	policy                 // or not one JSON object, or too much of it,
	tooBig                 // or longer than maxMessage
	broken                 // a fault of ours
	endings                // how many there are
)

// farewell tells each ending's word for the metric, and the code (RFC 6455, section 7.4.1) and reason for a WebSocket.
var farewell = [endings]struct {
	label  string
	code   websocket.StatusCode
	reason string
}{
	finished: {"finished", websocket.StatusNormalClosure, "the job has ended"},
	expired:  {"expired", websocket.StatusGoingAway, "the job is not kept any more"},
	draining: {"draining", websocket.StatusGoingAway, "restarting, connect again"},
	gone:     {"gone", websocket.StatusNormalClosure, ""}, // nobody hears it
	tooSlow:  {"too_slow", websocket.StatusTryAgainLater, "too slow, connect again and resume"},
	protocol: {"protocol", websocket.StatusProtocolError, "not a valid frame"},
	notText:  {"binary", websocket.StatusUnsupportedData, "send text"},
	notUTF8:  {"not_utf8", websocket.StatusInvalidFramePayloadData, "send UTF-8"},
	policy:   {"policy", websocket.StatusPolicyViolation, "send one JSON object of depth 4 at most, 20 a second"},
	tooBig:   {"too_big", websocket.StatusMessageTooBig, "send 4 KiB at most"},
	broken:   {"broken", websocket.StatusInternalError, "something broke on our side"},
}

// endingOf says what a failed write means: a peer that does not read, or none.
func endingOf(err error) ending {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return tooSlow
	}
	return gone
}
