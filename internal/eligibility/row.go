package eligibility

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"claimprover/internal/claim"
)

// row is one entry as the file spells it. Its slices are reused from row to row.
type row struct {
	name, pubkey, balance, leafAmount []byte
	problem                           string // what cannot be used at all, after the member's name
}

// readRow reads the members of an entry; its error is one of the file, not of the entry.
func (f *file) readRow(name []byte) error {
	r := &f.row
	r.name = append(r.name[:0], name...)
	r.pubkey, r.balance, r.leafAmount, r.problem = r.pubkey[:0], r.balance[:0], r.leafAmount[:0], ""
	if f.dec.PeekKind() != '{' {
		r.problem = "must be an object with pubkey and balance"
		return f.skip()
	}
	return f.object(func(name []byte) error {
		switch string(name) {
		case "pubkey":
			return f.readText("pubkey", &r.pubkey)
		case "balance":
			return f.readText("balance", &r.balance)
		case "leaf":
			return f.readLeaf(&r.leafAmount)
		}
		return f.skip()
	})
}

// readText reads the string of a member into dst, once.
func (f *file) readText(member string, dst *[]byte) error {
	raw, err := f.dec.ReadValue()
	if err != nil {
		return f.syntax(err)
	}
	switch {
	case len(*dst) > 0:
		f.row.problem = member + " is there twice: leave one"
	case raw.Kind() != '"' || len(raw) == len(`""`):
		f.row.problem = member + " must be a JSON string in quotes, and not empty"
	default:
		*dst, err = jsontext.AppendUnquote(*dst, raw)
	}
	return f.syntax(err)
}

// readLeaf reads the amount of a leaf, which is [key, amount].
func (f *file) readLeaf(dst *[]byte) error {
	if f.dec.PeekKind() != '[' {
		return f.skip()
	}
	if _, err := f.dec.ReadToken(); err != nil {
		return f.syntax(err)
	}
	for i := 0; f.dec.PeekKind() != ']'; i++ {
		read := f.skip
		if i == 1 {
			read = func() error { return f.readText("leaf", dst) }
		}
		if err := read(); err != nil {
			return err
		}
	}
	_, err := f.dec.ReadToken()
	return f.syntax(err)
}

// entry gives the value of the row, or what is to be put right in it.
func (r *row) entry(byPubkey bool) (e entry, err error) {
	if r.problem != "" {
		return e, fmt.Errorf("entry %.80q: %s", r.name, r.problem)
	}
	if e.key, err = r.key(byPubkey); err != nil {
		return e, fmt.Errorf("entry %.80q: %w", r.name, err)
	}
	amount := r.balance
	if len(amount) == 0 {
		amount = r.leafAmount
	}
	if len(amount) == 0 {
		return e, fmt.Errorf("entry %.80q: balance is missing: add it as decimal digits in quotes", r.name)
	}
	if e.amount, err = claim.ParseAmount(string(amount)); err != nil {
		return e, fmt.Errorf("entry %.80q: balance %w", r.name, err)
	}
	return e, nil
}

// key is the entry's name where names are keys, else its pubkey, which a name that is an SS58 address must agree with;
// such a name alone will do.
func (r *row) key(byPubkey bool) (key [32]byte, err error) {
	stated := len(r.pubkey) > 0
	if stated {
		if err := claim.DecodeHex(key[:], r.pubkey); err != nil {
			return key, fmt.Errorf("pubkey %w", err)
		}
	}
	var named [32]byte
	if byPubkey {
		if err := claim.DecodeHex(named[:], r.name); err != nil {
			return key, fmt.Errorf("its name %w", err)
		}
	} else if named, err = claim.ParseAddress(string(r.name)); err != nil {
		if !stated {
			return key, errors.New("pubkey is missing, and the name is no SS58 address: add the pubkey")
		}
		return key, nil
	}
	if stated && named != key {
		return key, errors.New("pubkey is another key than the name: leave the right one")
	}
	return named, nil
}
