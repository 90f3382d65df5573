// Package api holds the messages of the wire contract as structs: one per message, encoded in compact JSON with the
// fields in this order, optional fields left out when empty. Domain types never carry json tags; these never carry
// rules. The documents of the same contract, openapi.json and asyncapi.json, are embedded here.
package api

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"time"
)

// Time is RFC 3339 in UTC with milliseconds.
type Time time.Time

const timeLayout = "2006-01-02T15:04:05.000Z"

// MarshalText gives the wire's form.
func (t Time) MarshalText() ([]byte, error) {
	return []byte(time.Time(t).UTC().Format(timeLayout)), nil
}

// UnmarshalText reads it.
func (t *Time) UnmarshalText(text []byte) error {
	parsed, err := time.Parse(time.RFC3339, string(text))
	*t = Time(parsed)
	return err
}

// At gives nil for the zero time, so that the field is left out.
func At(t time.Time) *Time {
	if t.IsZero() {
		return nil
	}
	w := Time(t)
	return &w
}

// Hex is bytes as 0x and lower-case digits. A field that may be absent is a *Hex: an empty Hex is "0x".
type Hex []byte

// MarshalText gives the wire's form.
func (h Hex) MarshalText() ([]byte, error) {
	return append([]byte("0x"), hex.AppendEncode(nil, h)...), nil
}

// UnmarshalText reads it, with or without 0x, digits of either case.
func (h *Hex) UnmarshalText(text []byte) error {
	if len(text) >= 2 && text[0] == '0' && text[1] == 'x' {
		text = text[2:]
	}
	b, err := hex.AppendDecode([]byte{}, text)
	*h = b
	return err
}

// Submission is the body of POST /v1/jobs and POST /, as clients write it; package claim reads it strictly.
type Submission struct {
	SS58Address string `json:"ss58Address"`
	Signature   string `json:"signature"`
	EVMAddress  string `json:"evmAddress"`
	Challenge   string `json:"challenge"`
	Amount      string `json:"amount"`
}

// DryRun is the answer to POST /v1/jobs?dryRun=1: what would become of the submission.
type DryRun struct {
	Disposition string `json:"disposition"` // queued, joined or cached
}

// Job is a job as its readers see it.
type Job struct {
	JobID        string      `json:"jobId"`
	Version      uint64      `json:"version"`
	Status       string      `json:"status"`
	Phase        string      `json:"phase,omitempty"`
	Position     int         `json:"position,omitempty"`
	QueueSize    int         `json:"queueSize,omitempty"`
	ETASeconds   *[2]int     `json:"etaSeconds,omitempty"`
	Warning      string      `json:"warning,omitempty"` // the contract's deadline is close, or the claim could not be tried on it
	CreatedAt    Time        `json:"createdAt"`
	StartedAt    *Time       `json:"startedAt,omitempty"`
	FinishedAt   *Time       `json:"finishedAt,omitempty"`
	ExpiresAt    *Time       `json:"expiresAt,omitempty"`
	Timeline     []Moment    `json:"timeline,omitempty"`
	Cached       bool        `json:"cached,omitempty"`
	ProverMode   string      `json:"proverMode"`
	Request      *Request    `json:"request,omitempty"`
	Verified     *bool       `json:"verified,omitempty"` // always there on a completed job
	VerifiedBy   []string    `json:"verifiedBy,omitempty"`
	ZKProof      *Hex        `json:"zkProof,omitempty"`
	PublicValues *Hex        `json:"publicValues,omitempty"`
	Claim        *RelayClaim `json:"claim,omitempty"`
	Transaction  *Tx         `json:"transaction,omitempty"`
	Failure                  // of a failed job
	URLs         *URLs       `json:"urls,omitempty"`
}

// Failure is why a job failed; the same four words as an Error has.
type Failure struct {
	Code       string `json:"code,omitempty"`
	Error      string `json:"error,omitempty"` // repeats Message: the seed's dApp reads it while polling
	Message    string `json:"message,omitempty"`
	Retryable  *bool  `json:"retryable,omitempty"`
	RetryAfter int    `json:"retryAfter,omitempty"` // seconds
}

// Moment is an entry of a job's timeline.
type Moment struct {
	Type  string `json:"type"`
	Phase string `json:"phase,omitempty"`
	At    Time   `json:"at"`
}

// Request is the proof request on a prover network.
type Request struct {
	ID       string `json:"id"`
	Explorer string `json:"explorer,omitempty"`
	Cycles   uint64 `json:"cycles,omitempty"`
	Cost     string `json:"cost,omitempty"`
}

// RelayClaim is the body that a gas relayer takes.
type RelayClaim struct {
	Pubkey      Hex    `json:"pubkey"`
	Amount      string `json:"amount"`
	MerkleProof []Hex  `json:"merkleProof"`
	ZKProof     Hex    `json:"zkProof"`
	Recipient   Hex    `json:"recipient"`
}

// Tx is what a wallet sends.
type Tx struct {
	ChainID uint64 `json:"chainId"`
	To      Hex    `json:"to"`
	Data    Hex    `json:"data"`
}

// URLs are paths, equal for every reader.
type URLs struct {
	Self   string `json:"self"`
	Events string `json:"events"`
	Page   string `json:"page"`
}

// Event is a whole job at one version.
type Event struct {
	Type string `json:"type"`
	ID   uint64 `json:"id"`
	Job  Job    `json:"job"`
}

// Accepted is the seed's answer to POST /.
type Accepted struct {
	JobID string `json:"jobId"`
}

// JobList is the answer to GET /v1/jobs.
type JobList struct {
	Jobs       []Job  `json:"jobs"`
	NextCursor string `json:"nextCursor,omitempty"`
}

// TokenRequest is the body of POST /v1/tokens, as clients write it; the server reads it strictly.
type TokenRequest struct {
	TTLSeconds  int      `json:"ttlSeconds,omitempty"`
	Scope       []string `json:"scope,omitempty"`
	SS58Address string   `json:"ss58Address,omitempty"`
}

// Token is the answer to it.
type Token struct {
	Token     string `json:"token"`
	ExpiresAt Time   `json:"expiresAt"`
}

// Error is every refusal.
type Error struct {
	Status     string            `json:"status,omitempty"` // "failed"; left out of retryable errors on read routes
	Code       string            `json:"code"`
	Message    string            `json:"message"`
	Error      string            `json:"error"`
	Retryable  bool              `json:"retryable"`
	RetryAfter int               `json:"retryAfter,omitempty"`
	Fields     map[string]string `json:"fields,omitempty"`
	RequestID  string            `json:"requestId,omitempty"`
}

// Service are the public figures.
type Service struct {
	Queued            int            `json:"queued"`
	Running           int            `json:"running"`
	Capacity          int            `json:"capacity"`
	Workers           int            `json:"workers"`
	OldestWaitSeconds int            `json:"oldestWaitSeconds"`
	CompletedLastHour int            `json:"completedLastHour"`
	FailedLastHour    map[string]int `json:"failedLastHour"`
	ProofSeconds      *Percentiles   `json:"proofSeconds,omitempty"` // absent until a proof was made
	ProverMode        string         `json:"proverMode"`
	Verifies          []string       `json:"verifies"`
	ChainID           uint64         `json:"chainId,omitempty"`
	Anonymous         bool           `json:"anonymous,omitempty"` // submissions need no credential
	Draining          bool           `json:"draining"`
	Paused            string         `json:"paused,omitempty"`    // why submissions are refused for now
	ChainAway         bool           `json:"chainAway,omitempty"` // submissions are refused until the chain answers again
	Version           string         `json:"version"`
}

// Percentiles are seconds.
type Percentiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
}

// ServiceEvent carries the public figures to followers.
type ServiceEvent struct {
	Type    string  `json:"type"` // "service"
	ID      uint64  `json:"id"`
	Service Service `json:"service"`
}

// Stats is the answer to GET /v1/stats.
type Stats struct {
	Service
	History []Minute `json:"history"`
}

// Minute is one of the last sixty.
type Minute struct {
	At        Time    `json:"at"`
	Completed int     `json:"completed"`
	Failed    int     `json:"failed"`
	P50       float64 `json:"p50"`
	P90       float64 `json:"p90"`
}

// VerifyRequest is the body of POST /v1/verify, all of it hex.
type VerifyRequest struct {
	Proof        string `json:"proof"`
	PublicValues string `json:"publicValues"`
	VKey         string `json:"vkey"`
}

// Verdict is the answer to POST /v1/verify.
type Verdict struct {
	Valid  bool    `json:"valid"`
	Checks []Check `json:"checks"`
}

// Check is what one check says of a proof.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"` // one word of a closed set
	Detail string `json:"detail,omitempty"` // the same in a sentence's words
}

// Health is the seed's answer, in its order, and ours behind it.
type Health struct {
	Status        string       `json:"status"`
	ProverMode    string       `json:"prover_mode"`
	VerifyProof   bool         `json:"verify_proof"`
	VerifyOnchain bool         `json:"verify_onchain"`
	Jobs          int          `json:"jobs"`
	CacheSize     int          `json:"cache_size"`
	QueueSize     int          `json:"queue_size"`
	QueueCapacity int          `json:"queue_capacity"`
	ProofMetrics  ProofMetrics `json:"proof_metrics"`
	Running       int          `json:"running"`
	Workers       int          `json:"workers"`
	Draining      bool         `json:"draining"`
	Anonymous     bool         `json:"anonymous"` // submissions need no credential
	Version       string       `json:"version"`
}

// ProofMetrics count since start.
type ProofMetrics struct {
	TotalCompletions     uint64 `json:"total_completions"` // proofs made, not cached answers
	TotalTimeouts        uint64 `json:"total_timeouts"`
	TimedOutStillRunning int    `json:"timed_out_still_running"` // always 0: a timeout stops the work
}

// Ready is the answer to GET /readyz.
type Ready struct {
	Ready  bool              `json:"ready"`
	Checks map[string]string `json:"checks"` // "ok" or what is wrong
}

// Subprotocol is the one WebSocket subprotocol that is ever answered. A browser may offer its token beside it, as
// "bearer.<base64url>".
const Subprotocol = "claimprover.v1"

// Operation is what a client may send on a WebSocket.
type Operation struct {
	Op          string `json:"op"` // ping, subscribe, unsubscribe
	JobID       string `json:"jobId"`
	LastEventID uint64 `json:"lastEventId"`
	Token       string `json:"token"`
}

// OperationError answers a well-formed operation that cannot be done.
type OperationError struct {
	Type    string `json:"type"` // "error"
	JobID   string `json:"jobId,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Seconds rounds up to whole seconds, as waiting times are told: coming back when they are over is never too early.
func Seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// Encode gives compact JSON without a trailing newline.
func Encode(message any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // people read messages in a terminal; no page takes one for markup
	if err := e.Encode(message); err != nil {
		panic("api: a wire message must always encode: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
