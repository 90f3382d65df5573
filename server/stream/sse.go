package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"

	"claimprover/hub"
	"claimprover/internal/fault"

	"github.com/gin-contrib/sse"
)

// maxSeen bounds a version: what a JavaScript number holds exactly.
const maxSeen = 1<<53 - 1

// LastEventID is the version that a client says it has seen, by the header that an EventSource sends or by the query
// parameter lastEventId; 0 if it says nothing, or nothing that can be a version.
func LastEventID(r *http.Request) uint64 {
	if seen := version(r.Header.Get("Last-Event-ID")); seen != 0 {
		return seen
	}
	return version(r.URL.Query().Get("lastEventId"))
}

// version is strict, as it comes from strangers: decimal digits, no sign, no more than maxSeen.
func version(text string) uint64 {
	v, err := strconv.ParseUint(text, 10, 64)
	if err != nil || v > maxSeen {
		return 0
	}
	return v
}

// ServeSSE answers with an event stream and returns when it stands; a client that has seen the end is answered 204.
//
// An EventSource never comes back after a status other than 200, so what may pass is answered as a stream that ends at
// once, see [RefuseSSE]. An error means that nothing was answered yet: it is for good, and the caller's to write.
func (s *Streams) ServeSSE(w http.ResponseWriter, r *http.Request, sub Subscription) error {
	sub.Resolve = nil
	l, first, err := s.open(r.Context(), sub)
	if err != nil {
		return s.refuseSSE(w, err)
	}
	if sub.knows(first) {
		if first.Last {
			l.leave()
			noStore(w.Header())
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		first = nil
	}
	if r.Method == http.MethodHead {
		l.leave()
		sseHeader(w.Header())
		w.WriteHeader(http.StatusOK)
		return nil
	}
	wire, err := s.beginSSE(w, first)
	if err != nil {
		l.leave()
		s.log.Error("beginning an event stream", "err", err) // and answered, as far as that could be
		return nil
	}
	s.start(l, wire, first)
	return nil
}

// RefuseSSE answers "not now" in a way that brings an EventSource back after some seconds: 200, a retry, and the end.
func RefuseSSE(w http.ResponseWriter) {
	sseHeader(w.Header())
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(retry()) // a client that is gone needs no answer
}

func (s *Streams) refuseSSE(w http.ResponseWriter, err error) error {
	f := fault.Of(err)
	if !f.Retryable {
		return err
	}
	if f.Code == fault.Internal && !errors.Is(err, context.Canceled) { // that one has left
		s.log.Error("event stream refused", "err", err)
	}
	RefuseSSE(w)
	return nil
}

// beginSSE writes the header and the client's delay between connections, and takes the connection over. The transfer
// encoding "identity" is how net/http is told not to cut the body into chunks: it ends with the connection. The delay
// is a line of the first event, if there is one: some clients take it for an event when it stands alone.
func (s *Streams) beginSSE(w http.ResponseWriter, first *hub.Message) (*sseWire, error) {
	sseHeader(w.Header())
	w.Header().Set("Transfer-Encoding", "identity")
	w.WriteHeader(http.StatusOK)
	writeHeaderNow(w)
	socket, err := takeOver(w)
	if err != nil {
		return nil, err
	}
	wire := &sseWire{socket: socket, frames: &s.frames[eventStream]}
	delay := retry()
	if first != nil {
		delay = delay[:len(delay)-1]
	}
	_, _ = socket.Write(delay) // the next write tells
	return wire, nil
}

func sseHeader(h http.Header) {
	noStore(h)
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx
}

func noStore(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
}

// retry is jittered, so that those who were sent away together do not come back together.
func retry() []byte { return fmt.Appendf(nil, "retry:%d\n\n", 2000+rand.IntN(2001)) }

// comment is a sign of life that an EventSource ignores.
var comment = []byte(":\n\n")

// sseWire is an event stream.
type sseWire struct {
	*socket
	frames *frames
}

func (w *sseWire) kind() kind { return eventStream }

func (w *sseWire) send(m *hub.Message) error { return w.offer(w.frames.of(m, eventFrame)) }

func (w *sseWire) beat(*link) error {
	_, err := w.Write(comment)
	return err
}

// listen waits for the peer to leave; it has nothing to say. What it sends all the same is dropped, as long as it is
// little.
func (w *sseWire) listen(l *link) {
	var buf [64]byte
	for read := 0; read < maxMessage; {
		n, err := w.Read(buf[:])
		if err != nil {
			l.finish(gone)
			return
		}
		read += n
	}
	l.finish(policy)
}

func (w *sseWire) reply([]byte) error { return nil }

func (w *sseWire) close(ending) { w.cut() }

func (w *sseWire) cut() { _ = w.socket.Close() }

// eventFrame is a message as an event of the stream.
func eventFrame(m *hub.Message) []byte {
	var text bytes.Buffer
	text.Grow(len(m.Data) + 64)
	_ = sse.Encode(&text, sse.Event{Id: strconv.FormatUint(m.Version, 10), Event: m.Type, Data: m.Data}) // a buffer takes all
	return text.Bytes()
}
