package chain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"

	"github.com/ethereum/go-ethereum/rpc"
)

// maxAnswer bounds what is read of an answer, in bytes, unpacked. go-ethereum's client would read on without end.
const maxAnswer = 1 << 20

var errTooLarge = errors.New("an answer of more than 1 MiB")

// newHTTPClient makes a client that follows no redirect and reads no more than it should.
func newHTTPClient(connections int) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = connections
	return &http.Client{
		Transport:     bounded{t},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded limits the bodies that its transport gives.
type bounded struct{ *http.Transport }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.Transport.RoundTrip(r)
	if err == nil {
		resp.Body = &boundedBody{resp.Body, maxAnswer}
	}
	return resp, err
}

type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left+1)])
	if n > b.left {
		return b.left, errTooLarge
	}
	b.left -= n
	return n, err
}

// trouble says why an endpoint gave no answer, in words of our own: the errors of net/http and of go-ethereum's client
// hold its URL, and the endpoint's own texts anything.
type trouble struct {
	result result
	text   string
}

func (t trouble) Error() string { return t.text }

func troublef(r result, format string, args ...any) error {
	return trouble{r, fmt.Sprintf(format, args...)}
}

// errMissing is half an answer.
var errMissing = trouble{badAnswer, "a part of the answer is missing"}

// rewrite keeps of an error what may be logged.
func rewrite(err error) error {
	var status rpc.HTTPError
	var dns *net.DNSError
	var coded rpc.Error
	switch {
	case errors.Is(err, errTooLarge):
		return trouble{badAnswer, errTooLarge.Error()}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, errTime):
		return trouble{timedOut, "no answer in time"}
	case errors.As(err, &status):
		return troublef(badStatus, "HTTP status %d", status.StatusCode)
	case errors.As(err, &dns):
		return trouble{noConnection, "its name is not known"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return trouble{noConnection, "connection refused"}
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return trouble{noConnection, "connection lost"}
	case errors.Is(err, rpc.ErrMissingBatchResponse), errors.Is(err, rpc.ErrNoResult):
		return errMissing
	case errors.As(err, &coded):
		return troublef(rpcError, "JSON-RPC error %d", coded.ErrorCode())
	}
	return troublef(badAnswer, "no JSON-RPC answer (%T)", err)
}
