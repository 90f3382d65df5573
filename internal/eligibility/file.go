package eligibility

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"claimprover/internal/claim"
)

// leastEntry is about the length of the shortest entry in a file: a key, a balance and their punctuation.
const leastEntry = 80

// errNoObject says that a value, of which the first token was read, is none; whoever wanted one says what it was for.
var errNoObject = errors.New("no object")

// file is a list while it is being read: once, from front to back, so what entries says is kept until it is known whether
// entriesByPubkey says it better.
type file struct {
	dec     *jsontext.Decoder
	size    int64
	count   int64     // what entryCount says; a hint only
	root    *[32]byte // what root says; nil: nothing
	entries []entry
	fault   error           // the first wrong entry of entries
	seen    map[string]bool // sections of the file
	alone   bool            // an entry stood outside of the sections

	name []byte // scratch
	row  row    // scratch
}

func newFile(r io.Reader, size int64) *file {
	// Without the option jsontext remembers every name to find doubled ones, which takes more memory than the list.
	return &file{dec: jsontext.NewDecoder(r, jsontext.AllowDuplicateNames(true)), size: size, seen: make(map[string]bool)}
}

func (f *file) read() error {
	if err := f.object(f.section); errors.Is(err, errNoObject) {
		return errNoEntries
	} else if err != nil {
		return err
	}
	if _, err := f.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("something follows the list after byte %d: remove it", f.dec.InputOffset())
	}
	switch {
	case f.alone && (f.seen["entries"] || f.seen["entriesByPubkey"]):
		return errors.New("there are entries inside and outside of the sections: move them all into entries")
	case !f.alone && !f.seen["entries"]:
		return errNoEntries
	}
	return f.fault
}

// section reads one member of the file.
func (f *file) section(name []byte) error {
	section := string(name)
	if f.seen[section] {
		return fmt.Errorf("%s is there twice: leave one", section)
	}
	switch section {
	case "root", "entryCount", "entries", "entriesByPubkey":
		f.seen[section] = true
	}
	switch section {
	case "root":
		return f.readRoot()
	case "entryCount":
		return f.readCount()
	case "entries":
		if f.seen["entriesByPubkey"] {
			return f.skip()
		}
		return f.readEntries(section, false)
	case "entriesByPubkey":
		if f.dec.PeekKind() == 'n' {
			f.seen[section] = false
			return f.skip()
		}
		f.entries, f.fault = f.entries[:0], nil
		return f.readEntries(section, true)
	}
	if _, err := claim.ParseAddress(section); err == nil {
		f.alone = true
		return f.readEntry(name, false)
	}
	return f.skip()
}

func (f *file) readEntries(section string, byPubkey bool) error {
	err := f.object(func(name []byte) error { return f.readEntry(name, byPubkey) })
	if errors.Is(err, errNoObject) {
		return fmt.Errorf("%s must be an object with an entry for each account", section)
	}
	return err
}

// readEntry reads one account. A wrong one in entries is not the end: entriesByPubkey may follow.
func (f *file) readEntry(name []byte, byPubkey bool) error {
	if err := f.readRow(name); err != nil {
		return err
	}
	e, err := f.row.entry(byPubkey)
	switch {
	case err == nil:
		f.add(e)
	case byPubkey:
		return err
	case f.fault == nil:
		f.fault = err
	}
	return nil
}

func (f *file) add(e entry) {
	if len(f.entries) == cap(f.entries) {
		grown := make([]entry, len(f.entries), len(f.entries)+f.room())
		copy(grown, f.entries)
		f.entries = grown
	}
	f.entries = append(f.entries, e)
}

// room guesses how many entries are to come from what stands in the part that was read: doubling the slice would cost
// half as much memory again.
func (f *file) room() int {
	n, at := int64(len(f.entries)), f.dec.InputOffset()
	switch {
	case n == 0 && f.count > 0 && f.count <= f.size/leastEntry:
		return int(f.count)
	case n < 1024 || f.size <= at:
		return int(max(n, 1024))
	}
	return int(max(n/64, (f.size-at)*n/at*51/50))
}

func (f *file) readRoot() error {
	raw, err := f.dec.ReadValue()
	if err != nil {
		return f.syntax(err)
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return errors.New("root must be a JSON string: 32 bytes as hex digits")
	}
	f.root = new([32]byte)
	if err := claim.DecodeHex(f.root[:], text); err != nil {
		return fmt.Errorf("root %w", err)
	}
	return nil
}

func (f *file) readCount() error {
	if f.dec.PeekKind() != '0' {
		return f.skip()
	}
	token, err := f.dec.ReadToken()
	if err != nil {
		return f.syntax(err)
	}
	f.count = token.Int()
	return nil
}

// object reads an object and hands each name to member, which must read the value and may keep the name no longer than
// it reads nothing else.
func (f *file) object(member func(name []byte) error) error {
	if first, err := f.dec.ReadToken(); err != nil {
		return f.syntax(err)
	} else if first.Kind() != '{' {
		return errNoObject
	}
	for f.dec.PeekKind() != '}' {
		raw, err := f.dec.ReadValue()
		if err != nil {
			return f.syntax(err)
		}
		if f.name, err = jsontext.AppendUnquote(f.name[:0], raw); err != nil {
			return f.syntax(err)
		}
		if err := member(f.name); err != nil {
			return err
		}
	}
	_, err := f.dec.ReadToken()
	return f.syntax(err)
}

func (f *file) skip() error { return f.syntax(f.dec.SkipValue()) }

func (f *file) syntax(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file ends in the middle, after byte %d: copy it again: %w", f.dec.InputOffset(), err)
	}
	if _, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return fmt.Errorf("the file is not valid JSON: %w", err)
	}
	return err
}
