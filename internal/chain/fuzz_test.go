package chain

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
)

// saying answers every request with one text.
type saying string

func (s saying) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(s)))}, nil
}

// truth is the answer of a contract that is open, as an endpoint would send it.
func truth() string {
	word := fmt.Sprintf(`"0x%064x"`, 1)
	block := `{"number":"0x7","hash":"` + common.MaxHash.Hex() + `","timestamp":"0x6553f100"}`
	results := []string{`"0x539"`, block}
	for range numTerms + 3 {
		results = append(results, word)
	}
	results = append(results, block)
	for i, r := range results {
		results[i] = fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":%s}`, i+1, r)
	}
	return "[" + strings.Join(results, ",") + "]"
}

// FuzzAnswer sends any text as an endpoint's answer: it is a whole standing, or it is trouble.
func FuzzAnswer(f *testing.F) {
	f.Add(truth())
	f.Add(strings.Replace(truth(), `"id":3`, `"id":4`, 1))
	f.Add(strings.Replace(truth(), `"result":"0x539"`, `"error":{"code":3,"message":"execution reverted","data":"0x08c379a0"}`, 1))
	f.Add(strings.ReplaceAll(truth(), "000", ""))
	f.Add(`{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"limit"}}`)
	f.Add("null")
	f.Fuzz(func(t *testing.T, text string) {
		n := &node{name: "RPC 1", url: "http://node.example", http: &http.Client{Transport: saying(text)}}
		defer n.close()
		q := question{calls: append(termViews(common.MaxAddress), accountViews(common.MaxAddress, [32]byte{1})...)}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		a, err := n.ask(ctx, q)
		require.NoError(t, ctx.Err(), "it hangs")
		if err != nil {
			require.True(t, isTrouble(err), "%v", err)
			require.NotContains(t, err.Error(), "node.example")
			return
		}
		require.NotZero(t, a.block.Hash)
		require.Len(t, a.outputs, len(q.calls))
		if standing, err := readStanding(a); err == nil {
			_ = standing.Refusal(0)
			require.LessOrEqual(t, standing.UnlockedBps, uint16(maxBasisPoint))
		}
	})
}

// FuzzRevert reads any bytes as a revert: its name can be printed on one line, and is short.
func FuzzRevert(f *testing.F) {
	f.Add([]byte{})
	f.Add(common.FromHex("0x7cdf17ad"))
	f.Add(common.FromHex("0x08c379a0" + strings.Repeat("00", 31) + "20" + strings.Repeat("00", 31) + "04" + "6e6f0a6f" + strings.Repeat("00", 28)))
	f.Add(common.FromHex("0x4e487b71" + strings.Repeat("00", 31) + "01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		name := newRevert(data).String()
		require.NotEmpty(t, name)
		require.LessOrEqual(t, len(name), 10*maxReason)
		for _, r := range name {
			require.True(t, unicode.IsPrint(r), "%q", name)
		}
	})
}
