package chain_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// proxy stands between the service and its endpoint, and lies.
type proxy struct {
	*httptest.Server
	URL  string // with a secret in it, as providers' are
	node string

	asked    atomic.Int64 // batches
	onTheWay atomic.Int64
	most     atomic.Int64 // that were ever on their way at once

	mu      sync.Mutex
	lying   lie      // guarded by mu; nil: the truth
	batches [][]byte // guarded by mu; the last of them
}

// lie answers a batch in its own way.
type lie func(w http.ResponseWriter, r *http.Request, e exchange)

// exchange is a batch and, once asked for, its true answer.
type exchange struct {
	methods []string
	blocks  []string // of eth_call, where it is a name
	calls   []string // data of each eth_call
	truth   func() []map[string]json.RawMessage
}

const secret = "S3CR3T-of-the-provider"

func newProxy(t testing.TB, node string) *proxy {
	t.Helper()
	p := &proxy{node: node}
	p.Server = httptest.NewServer(p)
	p.URL = p.Server.URL + "/v2/" + secret + "?key=" + secret
	t.Cleanup(p.Close)
	return p
}

func (p *proxy) lie(l lie) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lying = l
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.asked.Add(1)
	now := p.onTheWay.Add(1)
	defer p.onTheWay.Add(-1)
	for most := p.most.Load(); now > most && !p.most.CompareAndSwap(most, now); most = p.most.Load() {
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	p.mu.Lock()
	l := p.lying
	p.batches = append(p.batches, body)
	p.mu.Unlock()
	if l == nil {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(p.forward(body))
		return
	}
	var batch []struct {
		Method string
		Params []any
	}
	_ = json.Unmarshal(body, &batch)
	e := exchange{truth: func() (answer []map[string]json.RawMessage) {
		_ = json.Unmarshal(p.forward(body), &answer)
		return answer
	}}
	for _, b := range batch {
		e.methods = append(e.methods, b.Method)
		block := ""
		if b.Method == "eth_call" {
			block, _ = b.Params[1].(string)
			call, _ := b.Params[0].(map[string]any)
			data, _ := call["data"].(string)
			e.calls = append(e.calls, data)
		}
		e.blocks = append(e.blocks, block)
	}
	l(w, r, e)
}

func (p *proxy) forward(body []byte) []byte {
	resp, err := http.Post(p.node, "application/json", bytes.NewReader(body))
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	return answer
}

func (p *proxy) lastBatch() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.batches[len(p.batches)-1])
}

// firstBatches counts those that are not put once more because a block came in between.
func (p *proxy) firstBatches() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.batches {
		if !bytes.Contains(b, []byte("blockHash")) {
			n++
		}
	}
	return n
}

// The lies.

func hang(_ http.ResponseWriter, r *http.Request, _ exchange) { <-r.Context().Done() }

func reset(w http.ResponseWriter, _ *http.Request, _ exchange) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}
}

func status(code int) lie {
	return func(w http.ResponseWriter, _ *http.Request, _ exchange) {
		http.Error(w, "project "+secret+" is over its limit", code)
	}
}

func text(body string) lie {
	return func(w http.ResponseWriter, _ *http.Request, _ exchange) { _, _ = io.WriteString(w, body) }
}

func redirect(to string) lie {
	return func(w http.ResponseWriter, r *http.Request, _ exchange) {
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	}
}

// endless begins a right answer and never stops.
func endless(w http.ResponseWriter, _ *http.Request, _ exchange) {
	chunk := []byte(strings.Repeat(" ", 1<<16))
	_, err := io.WriteString(w, "[")
	for range 1 << 14 { // a GiB
		if err != nil {
			return
		}
		_, err = w.Write(chunk)
	}
}

// padded is the truth behind so many blanks.
func padded(blanks int) lie {
	return func(w http.ResponseWriter, _ *http.Request, e exchange) {
		_, _ = io.WriteString(w, strings.Repeat(" ", blanks))
		_ = json.NewEncoder(w).Encode(e.truth())
	}
}

// edit changes the true answer.
func edit(change func(e exchange, answer []map[string]json.RawMessage) []map[string]json.RawMessage) lie {
	return func(w http.ResponseWriter, _ *http.Request, e exchange) {
		_ = json.NewEncoder(w).Encode(change(e, e.truth()))
	}
}

// answering puts result in the place of the true one of every element with this method.
func answering(method, result string) lie {
	return edit(func(e exchange, answer []map[string]json.RawMessage) []map[string]json.RawMessage {
		for i, m := range e.methods {
			if m == method {
				delete(answer[i], "error")
				answer[i]["result"] = json.RawMessage(result)
			}
		}
		return answer
	})
}

// failing is answering with a JSON-RPC error.
func failing(method, rpcError string) lie {
	return edit(func(e exchange, answer []map[string]json.RawMessage) []map[string]json.RawMessage {
		for i, m := range e.methods {
			if m == method {
				delete(answer[i], "result")
				answer[i]["error"] = json.RawMessage(rpcError)
			}
		}
		return answer
	})
}

// failingAt is failing for calls at a block of that name.
func failingAt(block, rpcError string) lie {
	return edit(func(e exchange, answer []map[string]json.RawMessage) []map[string]json.RawMessage {
		for i, at := range e.blocks {
			if at == block {
				delete(answer[i], "result")
				answer[i]["error"] = json.RawMessage(rpcError)
			}
		}
		return answer
	})
}

// lastBlock puts block in the place of the newest one at the end of a batch.
func lastBlock(block string) lie {
	return edit(func(_ exchange, answer []map[string]json.RawMessage) []map[string]json.RawMessage {
		answer[len(answer)-1]["result"] = json.RawMessage(block)
		return answer
	})
}

// lastBlockOfHash says of the newest block at the end of a batch that it is another of the same height.
func lastBlockOfHash(hash string) lie {
	return edit(func(_ exchange, answer []map[string]json.RawMessage) []map[string]json.RawMessage {
		answer[len(answer)-1]["result"] = headWith(answer, "hash", hash)
		return answer
	})
}

// headWith is the newest block at the beginning of a batch, with one field changed.
func headWith(answer []map[string]json.RawMessage, field, value string) json.RawMessage {
	var block map[string]any
	_ = json.Unmarshal(answer[1]["result"], &block)
	block[field] = value
	changed, _ := json.Marshal(block)
	return changed
}

var (
	wrongIDs = edit(func(_ exchange, answer []map[string]json.RawMessage) []map[string]json.RawMessage {
		for i := range answer {
			answer[i]["id"] = json.RawMessage("990" + string(answer[i]["id"]))
		}
		return answer
	})
	twoIDsExchanged = edit(func(_ exchange, answer []map[string]json.RawMessage) []map[string]json.RawMessage {
		answer[0]["id"], answer[1]["id"] = answer[1]["id"], answer[0]["id"]
		return answer
	})
	oneMissing = edit(func(_ exchange, answer []map[string]json.RawMessage) []map[string]json.RawMessage {
		return slices.Delete(answer, 3, 4)
	})
	laggingHead = edit(func(_ exchange, answer []map[string]json.RawMessage) []map[string]json.RawMessage {
		answer[1]["result"] = headWith(answer, "timestamp", "0x1")
		return answer
	})
)

func requireNoSecret(t testing.TB, text string) {
	t.Helper()
	require.NotContains(t, text, secret)
	require.NotContains(t, text, "127.0.0.1")
	require.NotContains(t, text, "http:")
}
