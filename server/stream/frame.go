package stream

import (
	"sync/atomic"

	"claimprover/hub"
)

// frames keeps the frames of the newest messages, so that one event is encoded once and not for each reader.
type frames [64]atomic.Pointer[frame]

// frame is a message as one transport has it.
type frame struct {
	message *hub.Message
	bytes   []byte
}

// of gives m as encode makes it; always the same encode for the same frames.
func (f *frames) of(m *hub.Message, encode func(*hub.Message) []byte) []byte {
	place := &f[m.Topic[len(m.Topic)-1]%byte(len(f))]
	if kept := place.Load(); kept != nil && kept.message == m {
		return kept.bytes
	}
	made := &frame{m, encode(m)}
	place.Store(made)
	return made.bytes
}
