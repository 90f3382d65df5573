package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"claimprover/prover"
)

// state is how far a purchase has come. In "" nothing is owed.
type state string

const (
	sending state = "sending" // written before it is sent: it may or may not have reached the network
	sent    state = "sent"    // the network has it
)

// entry is the journal: the one request that is under way for a job, with all that it takes to find it, to send the
// same bytes again, and to follow it.
type entry struct {
	Version  int            `json:"v"`
	Endpoint string         `json:"endpoint"`
	Mode     Mode           `json:"mode"`
	Address  common.Address `json:"address"` // whose nonce it has
	State    state          `json:"state"`

	Nonce     uint64      `json:"nonce"`
	Body      []byte      `json:"body,omitempty"` // exactly what was signed
	Signature []byte      `json:"signature,omitempty"`
	ID        common.Hash `json:"id"`                // computed until the network has answered; zero: a cluster's is not known before
	Computed  common.Hash `json:"computed,omitzero"` // the id that was computed, where the network's is another
	TxHash    common.Hash `json:"txHash,omitzero"`   // under which the account was charged; known if the answer came
	StdinURI  string      `json:"stdinUri"`
	Deadline  uint64      `json:"deadline"`
	Sent      int64       `json:"sent"` // when it was first sent, in Unix seconds

	Ended   int           `json:"ended,omitempty"`   // requests of this job that have ended without a proof
	Retired []common.Hash `json:"retired,omitempty"` // requests whose nonce was ahead; nobody ever sends them again
}

const entryVersion = 1

// ErrJournal says that a journal cannot be used here. What it stands for may have been paid for, so nothing is bought.
var ErrJournal = errors.New("the journal of the purchase cannot be used")

// decodeEntry reads a journal; nil is one with nothing in it.
func decodeEntry(b []byte) (e entry, err error) {
	if b == nil {
		return entry{Version: entryVersion}, nil
	}
	if err := json.Unmarshal(b, &e); err != nil {
		return entry{}, fmt.Errorf("%w: it is not ours", ErrJournal)
	}
	switch {
	case e.Version != entryVersion:
		return entry{}, fmt.Errorf("%w: it has version %d", ErrJournal, e.Version)
	case e.State == sent && e.ID != (common.Hash{}):
	case e.State == sending && len(e.Body) > 0 && len(e.Signature) == 65 && e.StdinURI != "" && e.Deadline > 0:
	default:
		return entry{}, fmt.Errorf("%w: it is not whole", ErrJournal)
	}
	return e, nil
}

func (e entry) encode() []byte {
	b, err := json.Marshal(e)
	if err != nil {
		panic("network: a journal must always encode: " + err.Error())
	}
	return b
}

// fits says whether a journal's request is one of this client's network. By whose key it was made does not matter.
func (e entry) fits(c *Client) error {
	if e.State != "" && (e.Endpoint != c.endpoint.String() || e.Mode != c.opts.Mode) {
		return fmt.Errorf("%w: its request is at %s (%s)", ErrJournal, e.Endpoint, e.Mode)
	}
	return nil
}

// save writes the job's entry. What is not written is not done.
func (j *job) save(ctx context.Context) error {
	if err := j.journal.Save(ctx, j.entry.encode()); err != nil {
		return fmt.Errorf("saving the journal: %w", err)
	}
	return nil
}

// owesNothing ends the journal. That it could not be written is no reason to say anything else: whoever reads it finds
// out again that its request is dead.
func (j *job) owesNothing(ctx context.Context) {
	if err := j.journal.Save(ctx, nil); err != nil {
		j.log.Warn("journal of a dead request not cleared", "err", err)
	}
}

// dead notes that nothing will come of the request, so that a new one may be made.
func (j *job) dead() error {
	j.entry = entry{Version: entryVersion, Ended: j.entry.Ended, Retired: j.entry.Retired}
	return nil
}

// retire is dead for a request that would be taken once the account's counter reaches its nonce: its id stays known.
func (j *job) retire() error {
	id := j.entry.ID
	_ = j.dead()
	j.entry.Retired = append(slices.Clone(j.entry.Retired), id)
	return nil
}

func loadEntry(c *Client, journal prover.Journal) (entry, error) {
	e, err := decodeEntry(journal.Load())
	if err == nil {
		err = e.fits(c)
	}
	return e, err
}
