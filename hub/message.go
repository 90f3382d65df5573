package hub

import "time"

// Topic is what is followed. What it stands for is the publisher's affair.
type Topic [16]byte

// Message is one event, made once and shared by everybody who follows its topic: after Publish nobody writes to it,
// nor to its Data.
//
// Within a topic messages are ordered by Version, then by Tick; both count from 1, so that a message with neither is
// never newer than anything.
type Message struct {
	Topic   Topic
	Version uint64
	Tick    uint64
	// Type names the event to those who read it: the field event of an SSE frame.
	Type string
	// Data is the event as JSON on one line.
	Data []byte
	// Last says that nothing follows on this topic.
	Last bool
	// Volatile says that what it tells may be out of date although the version is still the same, as a place in the
	// queue may: whoever comes back having seen this version is sent it all the same.
	Volatile bool
	// At is when it was made, to measure how late it arrives; the zero time when nobody measures.
	At time.Time
}

// mark is how far a topic has been followed.
type mark struct{ version, tick uint64 }

func (m *Message) mark() mark { return mark{m.Version, m.Tick} }

// after says whether k is newer than l.
func (k mark) after(l mark) bool {
	return k.version > l.version || k.version == l.version && k.tick > l.tick
}
