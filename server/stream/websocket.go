package stream

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"claimprover/hub"
	"claimprover/internal/api"
	"claimprover/internal/fault"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"
)

const (
	// pongTimeout is how long a peer may take to answer a ping.
	pongTimeout = 10 * time.Second
	// maxRate is how many operations a client may send in a second; and how many pings, of which it may save up
	// maxPings.
	maxRate  = 20
	maxPings = 100
)

// IsUpgrade says whether r asks for a WebSocket.
func IsUpgrade(r *http.Request) bool {
	return r.ProtoAtLeast(1, 1) && hasToken(r.Header, "Connection", "upgrade") && hasToken(r.Header, "Upgrade", "websocket")
}

func hasToken(h http.Header, name, token string) bool {
	for _, value := range h.Values(name) {
		for part := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(part), token) {
				return true
			}
		}
	}
	return false
}

// ServeWebSocket upgrades the connection and returns when the stream stands. An error (forbidden for the page's origin,
// invalid_input for the handshake, unavailable, shutting_down, what Snapshot says) means that nothing was answered yet.
func (s *Streams) ServeWebSocket(w http.ResponseWriter, r *http.Request, sub Subscription) error {
	if !s.options.Origins.AllowsRequest(r) {
		return fault.New(fault.Forbidden, "Pages of this origin may not connect; the operator can allow it in CORS_ALLOWED_ORIGINS.")
	}
	if err := checkHandshake(w, r); err != nil {
		return err
	}
	l, first, err := s.open(r.Context(), sub)
	if err != nil {
		return err
	}
	if sub.Resolve != nil {
		l.resolve, l.requests = sub.Resolve, make(chan request)
	}
	if sub.knows(first) {
		if first.Last {
			l.finish(finished)
		}
		first = nil
	}
	wire, err := s.accept(w, r, l)
	if err != nil {
		l.leave()
		s.log.Error("upgrading to a WebSocket", "err", err) // and answered, as far as that could be
		return nil
	}
	s.start(l, wire, first)
	return nil
}

// checkHandshake finds what the library would answer in its own words (RFC 6455, section 4.2.1).
func checkHandshake(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Sec-WebSocket-Version") != "13" {
		w.Header().Set("Sec-WebSocket-Version", "13")
		return fault.New(fault.InvalidInput, "Use version 13 of the WebSocket protocol.")
	}
	keys := r.Header.Values("Sec-WebSocket-Key")
	if len(keys) != 1 {
		return fault.New(fault.InvalidInput, "Send one header Sec-WebSocket-Key.")
	}
	if key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(keys[0])); err != nil || len(key) != 16 {
		return fault.New(fault.InvalidInput, "Sec-WebSocket-Key must be 16 bytes in base64.")
	}
	return nil
}

// accept takes the connection over. The library's own check of the origin is off: ours, which was passed, is exact.
func (s *Streams) accept(w http.ResponseWriter, r *http.Request, l *link) (*socketWire, error) {
	wire := &socketWire{
		frames:     &s.frames[webSocket],
		operations: rate.NewLimiter(maxRate, maxRate),
		pings:      rate.NewLimiter(maxRate, maxPings),
	}
	up := &upgrade{ResponseWriter: w}
	ws, err := websocket.Accept(up, r, &websocket.AcceptOptions{
		Subprotocols:       []string{api.Subprotocol},
		InsecureSkipVerify: true,
		CompressionMode:    websocket.CompressionDisabled,
		OnPingReceived:     func(context.Context, []byte) bool { return wire.mayPing(l) },
	})
	if err != nil {
		return nil, fmt.Errorf("accepting: %w", err)
	}
	ws.SetReadLimit(maxMessage)
	wire.ws, wire.socket = ws, up.socket
	return wire, nil
}

// socketWire is a WebSocket. What is sent it frames itself, once for all readers; the library does everything else. Both
// write whole frames, in one call each, so none gets into another.
type socketWire struct {
	*socket
	frames     *frames
	ws         *websocket.Conn
	operations *rate.Limiter
	pings      *rate.Limiter
}

func (w *socketWire) kind() kind { return webSocket }

func (w *socketWire) send(m *hub.Message) error { return w.offer(w.frames.of(m, messageFrame)) }

func (w *socketWire) reply(text []byte) error {
	_, err := w.Write(textFrame(text))
	return err
}

func messageFrame(m *hub.Message) []byte { return textFrame(m.Data) }

// textFrame is a whole message of a server, which does not mask (RFC 6455, section 5.2).
func textFrame(text []byte) []byte {
	const final, inTwoBytes, inEightBytes = 0x80, 126, 127
	frame := make([]byte, 0, 10+len(text))
	frame = append(frame, final|byte(websocket.MessageText))
	switch n := len(text); {
	case n < inTwoBytes:
		frame = append(frame, byte(n))
	case n <= math.MaxUint16:
		frame = binary.BigEndian.AppendUint16(append(frame, inTwoBytes), uint16(n))
	default:
		frame = binary.BigEndian.AppendUint64(append(frame, inEightBytes), uint64(n))
	}
	return append(frame, text...)
}

// beat does not wait for the pong: events go on meanwhile.
func (w *socketWire) beat(l *link) error {
	l.reading.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), pongTimeout)
		defer cancel()
		if err := w.ws.Ping(ctx); errors.Is(err, context.DeadlineExceeded) {
			l.finish(tooSlow)
		}
	})
	return nil
}

// mayPing says whether a ping is answered. A peer that floods us with pings is sent away.
func (w *socketWire) mayPing(l *link) bool {
	if w.pings.Allow() {
		return true
	}
	l.finish(policy)
	return false
}

// listen does not use the library's CloseRead: a peer that sends anything would hold that for 15 seconds.
func (w *socketWire) listen(l *link) {
	for {
		if why := w.hear(l); why != open {
			l.finish(why)
			return
		}
	}
}

func (w *socketWire) hear(l *link) ending {
	kind, text, err := w.ws.Read(context.Background())
	switch {
	case err != nil:
		return endingOfRead(err)
	case kind != websocket.MessageText:
		return notText
	case !utf8.Valid(text): // the library does not look
		return notUTF8
	case !w.operations.Allow():
		return policy
	}
	return l.ask(text)
}

func endingOfRead(err error) ending {
	_, network := errors.AsType[net.Error](err)
	switch {
	case endingOf(err) == tooSlow: // reading has no deadline: it was the pong for a ping that had
		return tooSlow
	case errors.Is(err, websocket.ErrMessageTooBig):
		return tooBig
	case network, websocket.CloseStatus(err) != -1, errors.Is(err, net.ErrClosed),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return gone
	}
	return protocol
}

// close shakes hands with a peer that is there (one that is gone ends that at once), and does not wait long for one that
// does not answer.
func (w *socketWire) close(why ending) {
	impatience := time.AfterFunc(closeGrace, w.cut)
	defer impatience.Stop()
	_ = w.ws.Close(farewell[why].code, farewell[why].reason) // a peer that will not hear it is cut all the same
}

func (w *socketWire) cut() { _ = w.socket.Close() }
