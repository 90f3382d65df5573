package chain

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/rpc"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// node is one endpoint.
type node struct {
	name    string // RPC 1
	url     string // never printed
	http    *http.Client
	breaker circuitbreaker.CircuitBreaker[any]

	lastTrouble atomic.Pointer[string] // for the log
	mu          sync.Mutex
	client      *rpc.Client // guarded by mu; nil until first asked
}

// question is what one batch asks, all of it at one block.
type question struct {
	calls []call
	codes []common.Address // which of these are contracts?
	at    common.Hash      // of the block; zero: the newest
	judge func(answer) error
}

// call is an eth_call. With finalized it is made at the finalized block instead, and may go without an answer: not every
// chain has one.
type call struct {
	to        common.Address
	data      []byte
	finalized bool
}

// answer is what one endpoint said of a question.
type answer struct {
	chainID uint64
	block   Block    // at which the question was answered
	head    Block    // the endpoint's newest
	outputs []output // of each call
	code    []bool   // of each address: is there any?
}

// output is what a call returned, or that it reverted. Both are nil for one at the finalized block that has no answer.
type output struct {
	bytes  []byte
	revert *Revert
}

// header is what is read of a block.
type header struct {
	Number    hexutil.Uint64 `json:"number"`
	Hash      common.Hash    `json:"hash"`
	Timestamp hexutil.Uint64 `json:"timestamp"`
}

func (h *header) block() Block {
	return Block{Number: uint64(h.Number), Hash: h.Hash, Time: time.Unix(int64(h.Timestamp), 0).UTC()}
}

// ask puts the question. Endpoints answer a batch in order, so the newest block before it and after it being the same,
// and not only as high, means that all of it was answered there; else it is asked once more, of that block by its hash.
func (n *node) ask(ctx context.Context, q question) (answer, error) {
	client, err := n.dial(ctx)
	if err != nil {
		return answer{}, err
	}
	b := newBatch(q)
	if err := client.BatchCallContext(ctx, b.elems); err != nil {
		return answer{}, rewrite(err)
	}
	a, err := b.read()
	if err != nil || q.at != (common.Hash{}) || b.after != nil && b.after.Hash == a.head.Hash {
		return a, err
	}
	block := a.head
	q.at = block.Hash
	b = newBatch(q)
	if err := client.BatchCallContext(ctx, b.elems); err != nil {
		return answer{}, rewrite(err)
	}
	a, err = b.read()
	a.block = block
	return a, err
}

func (n *node) dial(ctx context.Context) (*rpc.Client, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.client != nil {
		return n.client, nil
	}
	client, err := rpc.DialOptions(ctx, n.url, rpc.WithHTTPClient(n.http), rpc.WithWebsocketMessageSizeLimit(maxAnswer))
	if err != nil {
		return nil, rewrite(err)
	}
	n.client = client
	return client, nil
}

func (n *node) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.client != nil {
		n.client.Close()
	}
	n.http.CloseIdleConnections()
}

// batch is a question on its way. A "result":null leaves a variable as it is, so the places for answers are pointers
// that stay nil.
type batch struct {
	q     question
	elems []rpc.BatchElem

	chainID *hexutil.Uint64
	head    *header
	after   *header
	outputs []*hexutil.Bytes
	codes   []*hexutil.Bytes
}

func newBatch(q question) *batch {
	b := &batch{q: q, outputs: make([]*hexutil.Bytes, len(q.calls)), codes: make([]*hexutil.Bytes, len(q.codes))}
	var at any = "latest"
	if q.at != (common.Hash{}) {
		at = rpc.BlockNumberOrHashWithHash(q.at, true)
	}
	b.add("eth_chainId", &b.chainID)
	b.add("eth_getBlockByNumber", &b.head, "latest", false)
	for i, c := range q.calls {
		where := at
		if c.finalized {
			where = "finalized"
		}
		b.add("eth_call", &b.outputs[i], map[string]any{"to": c.to, "data": hexutil.Bytes(c.data)}, where)
	}
	for i, address := range q.codes {
		b.add("eth_getCode", &b.codes[i], address, at)
	}
	b.add("eth_getBlockByNumber", &b.after, "latest", false)
	return b
}

func (b *batch) add(method string, result any, args ...any) {
	b.elems = append(b.elems, rpc.BatchElem{Method: method, Args: args, Result: result})
}

// read takes the answers. Whatever is missing or not of its form fails the whole.
func (b *batch) read() (answer, error) {
	a := answer{outputs: make([]output, len(b.outputs)), code: make([]bool, len(b.codes))}
	firstCall := 2 // after the chain's id and the block
	for i, elem := range b.elems {
		at := i - firstCall
		if at < 0 || at >= len(b.outputs) {
			if elem.Error != nil {
				return a, rewrite(elem.Error)
			}
			continue
		}
		if err := b.readCall(&a.outputs[at], b.q.calls[at], b.outputs[at], elem.Error); err != nil {
			return a, err
		}
	}
	if b.chainID == nil || b.head == nil || b.head.Hash == (common.Hash{}) || b.after == nil {
		return a, errMissing
	}
	for i, code := range b.codes {
		if code == nil {
			return a, errMissing
		}
		a.code[i] = len(*code) > 0
	}
	a.chainID, a.head = uint64(*b.chainID), b.head.block()
	a.block = a.head
	return a, nil
}

func (b *batch) readCall(to *output, c call, result *hexutil.Bytes, err error) error {
	if revert, ok := revertOf(err); ok {
		to.revert = revert
		return nil
	}
	switch {
	case c.finalized && (err != nil || result == nil):
		return nil
	case err != nil:
		return rewrite(err)
	case result == nil:
		return errMissing
	}
	to.bytes = *result
	return nil
}
