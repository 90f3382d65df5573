package network

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"claimprover/prover"
)

// Client buys proofs. It implements [prover.Prover]; see the package comment for what that promises.
type Client struct {
	opts     Options // with defaults; set once
	endpoint *url.URL
	address  common.Address // of the account
	vkHash   [32]byte
	conn     *grpc.ClientConn
	retry    failsafe.Executor[any]
	store    *artifacts
	account  *account
	program  *registration
	before   *earlier
	form     form
	packer   *zstd.Encoder
	metrics  *metrics
}

var _ prover.Prover = (*Client)(nil)

// New makes a client; nothing is sent before it is asked for something. [Client.Close] ends it.
func New(o Options) (*Client, error) {
	o = o.withDefaults()
	if err := o.judge(); err != nil {
		return nil, fmt.Errorf("network: %w", err)
	}
	c := &Client{
		opts: o, address: crypto.PubkeyToAddress(o.Key.PublicKey), account: newAccount(), program: newRegistration(), metrics: newMetrics(),
		packer: newPacker(),
	}
	c.endpoint, _ = parseEndpoint(o.Endpoint, o.Mode) // judged before
	c.vkHash, _ = VKHash(o.Program)
	c.store = newArtifacts(c.endpoint, o)
	c.store.failed = func(err error) { c.metrics.fail("", err) }
	c.before = newEarlier(time.Now(), o)
	c.form.sdk.Store(o.Mode != Cluster)
	jitter := .3
	if o.even {
		jitter = 0
	}
	c.retry = failsafe.With(retrypolicy.NewBuilder[any]().
		HandleIf(func(_ any, err error) bool { return passing(err) }).
		WithMaxAttempts(o.Tries).
		WithBackoff(500*time.Millisecond, 15*time.Second).WithJitterFactor(jitter).ReturnLastFailure().Build())
	var err error
	if c.conn, err = c.connect(); err != nil {
		return nil, errors.New("network: the endpoint cannot be used")
	}
	return c, nil
}

// connect prepares the one connection. Nothing is repeated by gRPC itself: what a repetition may cost is known here only.
func (c *Client) connect() (*grpc.ClientConn, error) {
	creds := insecure.NewCredentials()
	if c.endpoint.Scheme == "https" {
		creds = credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: c.opts.RootCAs})
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithDisableRetry(), grpc.WithDisableServiceConfig(), grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		// A load balancer drops what has been idle for a minute.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 15 * time.Second, Timeout: 15 * time.Second, PermitWithoutStream: true}),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: time.Second, Multiplier: 1.6, Jitter: .2, MaxDelay: 15 * time.Second},
			MinConnectTimeout: 15 * time.Second,
		}),
	}
	scheme := "dns:///"
	if c.opts.dial != nil {
		scheme = "passthrough:///"
		options = append(options, grpc.WithContextDialer(c.opts.dialTCP))
	}
	return grpc.NewClient(scheme+address(c.endpoint), options...)
}

// Close ends the connection. Calls that are under way fail.
func (c *Client) Close() error {
	c.store.http.CloseIdleConnections()
	return c.conn.Close()
}

// Address is the account that pays.
func (c *Client) Address() common.Address { return c.address }
