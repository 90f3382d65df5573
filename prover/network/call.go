package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"claimprover/prover/network/internal/spn"
)

const (
	maxMessage  = 4 << 20
	callTimeout = 60 * time.Second // of one call, as Succinct's own client has it
	tries       = 12               // of a read or an upload: two minutes, where failing takes no time
)

// ErrUntrusted says that what is at the endpoint has no certificate that is trusted for it, or does not speak TLS.
// Trying again does not help, and nothing was sent.
var ErrUntrusted = errors.New("the prover network's endpoint does not prove who it is")

func (o Options) dialTCP(ctx context.Context, address string) (net.Conn, error) {
	return o.dial(ctx, "tcp", address)
}

// invoke makes one call, once.
func (c *Client) invoke(ctx context.Context, m spn.Method, in, out proto.Message) error {
	calling, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := c.conn.Invoke(calling, string(m), in, out)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", m, context.Cause(ctx))
	}
	c.metrics.fail(m, err)
	if strings.Contains(text(err), "authentication handshake failed: tls: ") {
		err = fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	return fmt.Errorf("%s: %w", m, err)
}

// read makes a call that changes nothing, again and again while the reason that it did not succeed may pass.
func (c *Client) read(ctx context.Context, m spn.Method, in, out proto.Message) error {
	return c.persist(ctx, func() error { return c.invoke(ctx, m, in, out) })
}

// persist does something that may be done twice until it is done, for as long as trying is worth it.
func (c *Client) persist(ctx context.Context, do func() error) error {
	err := c.retry.WithContext(ctx).Run(do)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// passing says whether a failure may be gone at the next try.
func passing(err error) bool {
	if err == nil || errors.Is(err, ErrUntrusted) {
		return false
	}
	if t, is := errors.AsType[*transferError](err); is {
		return t.passing()
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Internal, codes.Aborted, codes.Canceled, codes.ResourceExhausted:
		return true
	}
	return false
}

// grpcError is what gRPC says, from the network or in its place.
type grpcError interface {
	error
	GRPCStatus() *status.Status
}

// code is err's gRPC code; what is not from gRPC has [codes.Unknown].
func code(err error) codes.Code {
	if s, is := errors.AsType[grpcError](err); is {
		return s.GRPCStatus().Code()
	}
	return codes.Unknown
}

// text is what the network said. It is foreign: for logs and causes only.
func text(err error) string {
	if s, is := errors.AsType[grpcError](err); is {
		return s.GRPCStatus().Message()
	}
	return ""
}

// answer is what became of a signed call.
type answer int

const (
	accepted  answer = iota
	refused          // the network has looked at it and does not do it
	doubtful         // it will not be done if it is sent again, but may have been done
	misplaced        // its nonce is not the next one
	ambiguous        // it may or may not have been done
)

// nonceTrouble is what the network says of a nonce that is not the account's next one.
type nonceTrouble struct {
	sender        common.Address // that the network takes the signer for; zero: it does not say
	expected, got uint64
}

var nonceText = regexp.MustCompile(`(?s)failed nonce verification(?:.*(0x[0-9a-fA-F]{40}))?.*expected (\d+), got (\d+)`)

func nonceTroubleOf(err error) (n nonceTrouble, is bool) {
	found := nonceText.FindStringSubmatch(text(err))
	if found == nil {
		return n, false
	}
	expected, err1 := strconv.ParseUint(found[2], 10, 64)
	got, err2 := strconv.ParseUint(found[3], 10, 64)
	return nonceTrouble{sender: common.HexToAddress(found[1]), expected: expected, got: got}, err1 == nil && err2 == nil
}

// answerOf judges the answer to a signed call of an account.
func answerOf(err error, signer common.Address) (answer, nonceTrouble) {
	if err == nil {
		return accepted, nonceTrouble{}
	}
	if n, is := nonceTroubleOf(err); is {
		switch {
		case n.sender != signer && n.sender != (common.Address{}):
			return refused, n // the network took it for another account's: nothing of ours was done
		case n.expected == n.got:
			return ambiguous, n // and says nothing that could be believed
		}
		return misplaced, n
	}
	s, is := errors.AsType[grpcError](err)
	if !is {
		return ambiguous, nonceTrouble{}
	}
	switch s.GRPCStatus().Code() {
	case codes.InvalidArgument, codes.Unauthenticated, codes.PermissionDenied, codes.FailedPrecondition, codes.ResourceExhausted, codes.Unimplemented:
		return refused, nonceTrouble{}
	case codes.Unknown, codes.NotFound, codes.AlreadyExists, codes.OutOfRange, codes.DataLoss:
		return doubtful, nonceTrouble{}
	}
	return ambiguous, nonceTrouble{}
}
