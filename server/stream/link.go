package stream

import (
	"bytes"
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"claimprover/hub"
	"claimprover/internal/api"
	"claimprover/internal/fault"
)

// link is one open stream: what it follows, and the wire to its reader.
//
// Whoever holds its turn may write: the crew, as long as nothing has to be waited for, else the goroutine in run, which
// also does all the rest; before that, the handler has it. The goroutine in listen reaches run through the channels.
type link struct {
	streams  *Streams
	release  func()
	resolve  func(context.Context, api.Operation) (Subscription, error) // set once; nil: the stream ends with its topic
	wire     wire                                                       // set once, by start
	requests chan request                                               // set once; what listen asks of run; nil without resolve
	behind   chan struct{}                                              // one slot: there may be something that the crew could not write
	ending   chan ending                                                // one slot: the first reason to end counts
	over     chan struct{}                                              // closed when run takes no more requests
	reading  sync.WaitGroup                                             // listen, and what the wire has started

	turn     sync.Mutex // held from the beginning until the first state is sent
	follower *hub.Follower
	follows  []*followed // guarded by turn
}

// followed is one topic of a link.
type followed struct {
	id       string // the jobId with which the client asked for it; empty for what the stream was opened with
	topic    hub.Topic
	snapshot func(context.Context) (*hub.Message, error)
	sent     *hub.Message // the last one
}

// says whether the last message sent says the same as m.
func (f *followed) says(m *hub.Message) bool {
	return f.sent != nil && m.Version == f.sent.Version && bytes.Equal(m.Data, f.sent.Data)
}

// request is an operation that run carries out, with what it resolved to.
type request struct {
	op  api.Operation
	sub Subscription
}

// wire is a transport, over one socket. Its first four methods are for whoever has the link's turn.
type wire interface {
	// send takes one event and writes as much of it as can be written without waiting.
	send(m *hub.Message) error
	// flush writes what send has left; pending says whether there is something.
	flush() error
	pending() bool
	// beat writes a sign of life. A peer that does not take that, or what flush writes, for ten seconds is an error.
	beat(l *link) error
	// close says why as far as the transport can, closes the socket and returns within closeGrace.
	close(why ending)
	// listen reads until the socket is closed, and tells the link what it means.
	listen(l *link)
	// reply writes a text that is not an event; only a WebSocket has such. Anybody may call it.
	reply(text []byte) error
	// cut closes the socket. Anybody may call it at any time.
	cut()
	kind() kind
}

// run does what may have to wait until there is a reason to end, and takes everything down. It begins with first, if
// there is one.
func (l *link) run(first *hub.Message) {
	why := broken
	defer func() {
		if p := recover(); p != nil {
			l.streams.panicked(p)
		}
		close(l.over)
		l.leaveHub()
		l.wire.close(why)
		l.reading.Wait()
		l.streams.ended(l, why)
		l.release()
	}()
	if why = l.talk(first); why == gone {
		why = l.firstReason(why) // a write fails also because of what the other goroutine found
	}
}

// leaveHub ends all following; the crew finds nothing to write any more.
func (l *link) leaveHub() {
	l.turn.Lock()
	defer l.turn.Unlock()
	l.follower.Close()
}

// leave gives back what open took, when no connection came of it.
func (l *link) leave() {
	l.follower.Close()
	l.release()
}

// talk is the life of a stream. Between two events it looks at everything else too, so that no stream of events, however
// dense, keeps it from its heartbeat or its end.
func (l *link) talk(first *hub.Message) ending {
	why := l.begin(first)
	interval := kinds[l.wire.kind()].heartbeat
	beat := time.NewTimer(interval/2 + rand.N(interval/2)) // those who came together do not beat together
	defer beat.Stop()
	for why == open {
		select {
		case <-l.behind:
			why = l.inTurn(l.catchUp)
		case <-beat.C:
			beat.Reset(interval)
			why = l.inTurn(l.heartbeat)
		case asked := <-l.requests:
			why = l.inTurn(func() ending { return l.carryOut(asked) })
		case why = <-l.ending:
			if why == draining || why == finished { // what waits may be the last event of a job
				why = cmp.Or(l.inTurn(l.flush), why)
			}
		}
	}
	return why
}

// begin sends the first state, in the turn that the stream was opened with.
func (l *link) begin(first *hub.Message) ending {
	defer l.turn.Unlock()
	if first == nil {
		return open
	}
	return cmp.Or(l.send(l.follows[0], first), l.finishWriting())
}

// inTurn does what may have to wait.
func (l *link) inTurn(do func() ending) ending {
	l.turn.Lock()
	defer l.turn.Unlock()
	return cmp.Or(do(), l.finishWriting())
}

func (l *link) finishWriting() ending {
	if err := l.wire.flush(); err != nil {
		return endingOf(err)
	}
	return open
}

// catchUp sends what the crew could not, one event at a time, until there is none.
func (l *link) catchUp() ending {
	if why := l.finishWriting(); why != open {
		return why
	}
	m, more := l.follower.Next()
	if !more {
		return open
	}
	l.fallBehind()
	defer l.streams.metrics.wrote(m)
	return l.deliver(m)
}

// fallBehind has run look at the mailbox. It never waits.
func (l *link) fallBehind() {
	select {
	case l.behind <- struct{}{}:
	default:
	}
}

// flush sends all that waits in the mailbox.
func (l *link) flush() ending {
	for m, ok := l.follower.Next(); ok; m, ok = l.follower.Next() {
		if why := l.deliver(m); why != open {
			return why
		}
	}
	return open
}

// follow adds a topic and reads its state: in this order nothing falls between.
func (l *link) follow(ctx context.Context, id string, sub Subscription) (*hub.Message, error) {
	l.follower.Follow(sub.Topic)
	ctx, cancel := context.WithTimeout(ctx, snapshotTimeout)
	defer cancel()
	m, err := sub.Snapshot(ctx)
	if err != nil {
		l.follower.Unfollow(sub.Topic)
		return nil, err
	}
	l.follower.Saw(m)
	l.follows = append(l.follows, &followed{id: id, topic: sub.Topic, snapshot: sub.Snapshot, sent: m})
	return m, nil
}

// deliver sends a message that came through the hub, unless it says what the reader knows: his own snapshot may have
// told the place that the next tick tells everybody.
func (l *link) deliver(m *hub.Message) ending {
	f := l.find(m.Topic)
	if f.says(m) {
		return open
	}
	return l.send(f, m)
}

// send hands m to the wire; after the last message of its topic there is nothing to follow there.
func (l *link) send(f *followed, m *hub.Message) ending {
	if err := l.wire.send(m); err != nil {
		return endingOf(err)
	}
	f.sent = m
	l.streams.metrics.of(l.wire).events.Inc()
	if !m.Last {
		return open
	}
	return l.drop(f, finished)
}

// drop ends the following of one topic, and the stream if that was all it was for.
func (l *link) drop(f *followed, why ending) ending {
	if l.resolve == nil {
		return why
	}
	l.follower.Unfollow(f.topic)
	l.follows = slices.DeleteFunc(l.follows, func(other *followed) bool { return other == f })
	return open
}

// find gives what is followed under that topic, or nil. The hub delivers nothing else.
func (l *link) find(t hub.Topic) *followed {
	for _, f := range l.follows {
		if f.topic == t {
			return f
		}
	}
	return nil
}

// heartbeat shows that we are there, then compares what was sent with what is true. A store that does not answer holds
// it up once, not once for each topic; the next heartbeat asks again.
func (l *link) heartbeat() ending {
	if err := l.wire.beat(l); err != nil {
		return endingOf(err)
	}
	ctx, cancel := context.WithTimeout(l.streams.life, snapshotTimeout)
	defer cancel()
	for _, f := range slices.Clone(l.follows) {
		m, err := f.snapshot(ctx)
		why := open
		switch {
		case fault.Is(err, fault.NotFound):
			why = l.vanished(f, err)
		case err != nil:
			l.streams.storeAway(err)
			return open
		default:
			why = l.check(f, m)
		}
		if why != open {
			return why
		}
	}
	return open
}

// check sends the state m if it is not what was sent last. A place in the queue that is read again is newer each time,
// but worth sending only if it says something else.
func (l *link) check(f *followed, m *hub.Message) ending {
	if why := l.flush(); why != open { // what came before that state goes before it: who keeps up is to see each event
		return why
	}
	if !l.follower.Saw(m) || f.says(m) {
		return open
	}
	return l.send(f, m)
}

// vanished ends the following of something that is not kept any more.
func (l *link) vanished(f *followed, err error) ending {
	if f.id != "" {
		if why := l.refuse(f.id, err); why != open {
			return why
		}
	}
	return l.drop(f, expired)
}

// finish gives a reason to end; the first one counts. It never waits.
func (l *link) finish(why ending) {
	select {
	case l.ending <- why:
	default:
	}
}

// firstReason is what finish was told, or why if nobody was earlier.
func (l *link) firstReason(why ending) ending {
	select {
	case earlier := <-l.ending:
		return earlier
	default:
		return why
	}
}

// listen is the goroutine that reads.
func (l *link) listen() {
	defer func() {
		if p := recover(); p != nil {
			l.streams.panicked(p)
			l.finish(broken)
		}
	}()
	l.wire.listen(l)
}
