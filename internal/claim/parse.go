package claim

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"claimprover/internal/fault"
)

// names are the fields of a submission, in the order in which messages list them.
var names = []string{"ss58Address", "signature", "evmAddress", "challenge", "amount"}

const (
	maxDepth   = 4  // of nested objects and arrays, the submission itself included
	maxUnknown = 8  // unknown fields that a message lists; a body can hold hundreds
	maxEcho    = 40 // characters of the caller's own words that a message repeats
)

// Parse reads the body of POST /v1/jobs. What is not well formed is refused by one [fault.InvalidInput] that names every
// bad field (of those that are no field of a claim, the first few). The caller bounds the size of body.
func Parse(body []byte) (Claim, error) { return parse(body, false) }

// ParseLenient reads the body of the seed's POST /, which ignores fields it does not know, and differs from [Parse] in
// nothing else: a wrong letter case, a doubled name or a second JSON value is refused here too.
func ParseLenient(body []byte) (Claim, error) { return parse(body, true) }

func parse(body []byte, ignoreUnknown bool) (Claim, error) {
	r := reader{texts: make(map[string]string), seen: make(map[string]bool), bad: make(problems), ignoreUnknown: ignoreUnknown}
	if err := r.read(body); err != nil {
		return Claim{}, err
	}
	c := r.claim()
	if err := r.bad.fault(); err != nil {
		return Claim{}, err
	}
	return c, nil
}

// reader walks one body. It collects faults of fields and stops only where the rest cannot be read.
type reader struct {
	texts         map[string]string // of the known fields that are strings
	seen          map[string]bool   // every name, also the unknown ones
	bad           problems
	ignoreUnknown bool
	unknown       int
}

// read walks the body by tokens: json.Unmarshal would stop at the first fault, take null for a string, and, where unknown
// fields are allowed, drop a name that differs in case alone.
func (r *reader) read(body []byte) error {
	// Doubled names are looked for here, so that a message can name them beside other faults.
	dec := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true))
	if first, err := dec.ReadToken(); err != nil {
		return syntaxFault(err)
	} else if first.Kind() != '{' {
		return notJSON("it is %s", kindName(first.Kind()))
	}
	for dec.PeekKind() != '}' {
		name, err := dec.ReadToken()
		if err != nil {
			return syntaxFault(err)
		}
		if err := r.field(dec, name.String()); err != nil {
			return err
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return syntaxFault(err)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return notJSON("something follows the closing brace")
	}
	return nil
}

// field reads the value of one name. Its error ends the walk.
func (r *reader) field(dec *jsontext.Decoder, name string) error {
	value, err := dec.ReadValue()
	if err != nil {
		return syntaxFault(err)
	}
	known := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
	seen := r.seen[name]
	r.seen[name] = true
	switch {
	case known >= 0 && name != names[known]:
		r.bad.add(names[known], "is spelled %s; letter case counts, write %s", quoted(name), names[known])
	case known >= 0 && seen:
		r.bad.add(name, "is given twice; send it once")
	case seen:
		r.foreign(name, "is given twice; send no field twice")
	case known < 0 && !r.ignoreUnknown:
		r.foreign(name, "is not a field of a claim; remove it")
	case known < 0:
	case value.Kind() != '"':
		r.bad.add(name, "must be a JSON string in quotes, not %s", kindName(value.Kind()))
	default:
		text, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			return syntaxFault(err)
		}
		r.texts[name] = string(text)
	}
	return checkNested(value)
}

// foreign notes a fault of a field that is not ours; the first few of them are enough.
func (r *reader) foreign(name, problem string) {
	if r.unknown++; r.unknown <= maxUnknown {
		r.bad.add(clipped(name), "%s", problem)
	}
}

// checkNested refuses depth and doubled names inside a value, which matters where the value is ignored: two readers of
// one body must not see two things.
func checkNested(value jsontext.Value) error {
	if kind := value.Kind(); kind != '{' && kind != '[' {
		return nil
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(value))
	for {
		if _, err := dec.ReadToken(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return syntaxFault(err)
		}
		if 1+dec.StackDepth() > maxDepth {
			return notJSON("it is nested deeper than %d levels", maxDepth)
		}
	}
}

// claim turns the texts into values, each by its own rule, and notes every one that breaks it.
func (r *reader) claim() (c Claim) {
	r.each("ss58Address", func(text string) (err error) {
		c.SS58 = text
		c.PublicKey, err = ParseAddress(text)
		if err == nil && c.PublicKey == ([32]byte{}) {
			err = errors.New("is the zero key, which nobody holds and the contract refuses; send the account that holds the balance")
		}
		return err
	})
	r.each("signature", func(text string) error { return hexField(c.Signature[:], text) })
	r.each("evmAddress", func(text string) error {
		err := hexField(c.EVMAddress[:], text)
		if err == nil && c.EVMAddress == (Claim{}).EVMAddress {
			err = errors.New("is the zero address, which the contract refuses; send the address that shall receive the tokens")
		}
		return err
	})
	r.each("challenge", func(text string) error { return hexField(c.Challenge[:], text) })
	r.each("amount", func(text string) (err error) {
		c.Amount, err = ParseAmount(text)
		if err == nil && c.Amount.IsZero() {
			err = errors.New("is zero; send the whole listed amount in the smallest unit")
		}
		return err
	})
	return c
}

// each applies a rule to a field, unless the field has no text to apply it to.
func (r *reader) each(name string, rule func(text string) error) {
	text, sent := r.texts[name]
	if r.bad.has(name) {
		return
	}
	if !sent {
		r.bad.add(name, "is missing; a claim needs all of %s", strings.Join(names, ", "))
		return
	}
	if err := rule(text); err != nil {
		r.bad.add(name, "%v", err)
	}
}

func hexField(dst []byte, text string) error {
	if text == "" {
		return fmt.Errorf("is empty; send %d bytes as %d hex digits, with or without 0x in front", len(dst), 2*len(dst))
	}
	return DecodeHex(dst, []byte(text))
}

func syntaxFault(err error) error {
	serr, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case errors.Is(err, io.EOF):
		return notJSON("it is empty").Because(err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return notJSON("it ends in the middle").Because(err)
	case errors.Is(err, jsontext.ErrDuplicateName):
		return notJSON("%s names something twice", quoted(string(serr.JSONPointer))).Because(err)
	case ok:
		return notJSON("%s after byte %d", quoted(serr.Err.Error()), serr.ByteOffset).Because(err)
	}
	return notJSON("%s", quoted(err.Error())).Because(err)
}

func notJSON(format string, args ...any) *fault.Error {
	return fault.New(fault.InvalidInput, "The body is not one well-formed JSON object: %s. Send an object with the strings %s, and nothing after it.",
		fmt.Sprintf(format, args...), strings.Join(names, ", "))
}

func kindName(kind jsontext.Kind) string {
	switch kind {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '0':
		return "a number"
	case '"':
		return "a string"
	case '[':
		return "an array"
	}
	return "an object"
}
