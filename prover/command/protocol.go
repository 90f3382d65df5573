package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"claimprover/prover"
)

// Bounds on what a program may say.
const (
	maxRequest = 4096    // bytes that go into the smallest of pipes without anybody reading
	maxLine    = 1 << 20 // bytes of one line on standard output
	maxLines   = 10_000  // before the last word
	maxPhases  = 200     // reports of a proof; each is written to the job
	maxPhase   = 64      // characters
	maxText    = 256     // characters of an error's message, or of a line on standard error, in the log
)

// request is the line that the program reads.
type request struct {
	Version      int           `json:"version"`
	Stdin        hexutil.Bytes `json:"stdin"`
	PublicValues hexutil.Bytes `json:"publicValues"`
	Claim        claim         `json:"claim"`
}

type claim struct {
	SS58Address string         `json:"ss58Address"`
	PublicKey   common.Hash    `json:"publicKey"`
	Signature   hexutil.Bytes  `json:"signature"`
	EVMAddress  common.Address `json:"evmAddress"`
	Amount      string         `json:"amount"`
	Challenge   common.Hash    `json:"challenge"`
}

func encodeRequest(in prover.Input) ([]byte, error) {
	line, err := json.Marshal(request{
		Version: 1, Stdin: in.GuestStdin(), PublicValues: in.PublicValues[:],
		Claim: claim{
			SS58Address: in.SS58, PublicKey: in.PublicKey, Signature: in.Signature[:], EVMAddress: in.EVMAddress,
			Amount: in.Amount.Dec(), Challenge: in.Challenge,
		},
	})
	if err != nil {
		return nil, err
	}
	if len(line) >= maxRequest {
		return nil, fmt.Errorf("a request of %d bytes", len(line))
	}
	return append(line, '\n'), nil
}

// The types of a message.
const (
	typeProgress = "progress"
	typeProof    = "proof"
	typeError    = "error"
)

// message is a line that the program writes.
type message struct {
	Type         string        `json:"type"`
	Phase        string        `json:"phase"`
	Proof        hexutil.Bytes `json:"proof"`
	PublicValues hexutil.Bytes `json:"publicValues"`
	Message      string        `json:"message"`
	Retryable    bool          `json:"retryable"`
}

func decodeMessage(line []byte) (m message, err error) {
	if err := json.Unmarshal(line, &m); err != nil {
		return m, fmt.Errorf("a line that is not of the protocol: %w", err)
	}
	switch m.Type {
	case typeProgress:
		if m.Phase = clean(m.Phase, maxPhase); m.Phase == "" {
			return m, errors.New("progress without a phase")
		}
	case typeProof:
		if m.Proof == nil || m.PublicValues == nil {
			return m, errors.New("a proof without its bytes or its public values")
		}
	case typeError:
	default:
		return m, fmt.Errorf("a message of unknown type %q", cut(m.Type))
	}
	return m, nil
}

// clean makes a word or two of what a program says, fit to be shown: printable, and no longer than most characters.
func clean(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most])
	}
	return strings.TrimSpace(text)
}

func cut(text string) string { return clean(text, maxText) }
