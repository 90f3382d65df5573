// Package networktest is a prover network for tests: Succinct's two variants and the gateway of an SP1 cluster, with
// real gRPC and real HTTP for artifacts.
//
// It is strict where the real one is. It decodes a body by its variant's fields and refuses any other, encodes it again,
// recovers the signer over that, and holds each account to its one next nonce; it takes only inputs that it gave a place
// to and that were uploaded, and reads them byte by byte; it charges for each request that it takes. And it is as
// unreliable as it is told to be: see [Faults] and [Fate].
//
// What a request has come to is computed from the clock when somebody asks, so there is nothing to wait for in a
// synctest bubble. It proves with the function that it is given. A [Server] may be used from many goroutines.
package networktest

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"

	"claimprover/prover/network"
)

// Domain is what mainnet's requests are signed for.
var Domain = common.HexToHash("0x55ea66757c5b1aecda6619905f594b320092db1cf4c8b6f89025c092f0bb7b5b")

// Options say what kind of network it is; Mode, Program and Prove must be set.
type Options struct {
	Mode    network.Mode
	Program [32]byte // the key of the program that is registered, as its contract has it
	// Prove makes the proof that the network sells, as the contract takes it: selector, exit code, vk root, nonce, proof.
	Prove func(program [32]byte, publicValues []byte) []byte
	// Guest runs the program on the one entry of its input: what it commits, or false if it panics. Nil: [Guest].
	Guest func(entry []byte) (publicValues []byte, ok bool)

	Unregistered   bool             // the program is not known at the beginning
	Credits        bool             // reserved only: accounts have credits and no contract
	PlainArtifacts bool             // CreateArtifact takes v as 27 and 28 only; otherwise, but for a cluster, as the SDK sends it
	RandomIDs      bool             // request ids are not computed from the body; a cluster's never are
	Allowlist      []common.Address // of a cluster: who may sign; nil means everybody
	Balance        *uint256.Int     // of every account at the beginning; nil means 1000 PROVE
	BaseFee        *uint256.Int     // nil means 0.33 PROVE
	Price          *uint256.Int     // proposed for a unit; nil means 10^9 wei
	Tick           uint64
	Ahead          time.Duration // of the true time, is its clock where it says when a request was made
	Domain         [32]byte      // zero means mainnet's

	Executed, Assigned, Fulfilled time.Duration // after a request was taken; zero means 1, 2 and 4 s

	InMemory bool // no sockets: reached by [Server.Dial] alone
	TLS      bool // spoken by both its endpoints, with a certificate of [Server.Authorities]
	Faults   Faults
}

// Server is a prover network.
type Server struct {
	URL         string         // of its gRPC endpoint
	Authorities *x509.CertPool // that sign for it; nil: it does not speak TLS

	t         testing.TB
	opts      Options
	vkHash    [32]byte
	artifacts string // base URL of its artifact store
	rpc       *tracked
	web       *tracked
	wg        sync.WaitGroup

	mu       sync.Mutex
	programs map[[32]byte]bool               // guarded by mu
	nonces   map[common.Address]uint64       // guarded by mu
	balances map[common.Address]*uint256.Int // guarded by mu
	blobs    map[string]*blob                // guarded by mu, by id
	requests []*request                      // guarded by mu, oldest first
	twice    []string                        // guarded by mu: what was paid for twice
	refused  []string                        // guarded by mu: what signed calls were refused for
}

// New starts a network, which ends with the test.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{t: t, opts: o.withDefaults(), programs: map[[32]byte]bool{}, nonces: map[common.Address]uint64{},
		balances: map[common.Address]*uint256.Int{}, blobs: map[string]*blob{}}
	var err error
	if s.vkHash, err = network.VKHash(o.Program); err != nil {
		t.Fatalf("the program's key: %v", err)
	}
	s.programs[s.vkHash] = !o.Unregistered
	s.listen()
	s.serve()
	return s
}

func (o Options) withDefaults() Options {
	if o.Guest == nil {
		o.Guest = Guest
	}
	if o.Balance == nil {
		o.Balance = uint256.MustFromDecimal("1000000000000000000000")
	}
	if o.BaseFee == nil {
		o.BaseFee = uint256.NewInt(330_000_000_000_000_000)
	}
	if o.Price == nil {
		o.Price = uint256.NewInt(1_000_000_000)
	}
	if o.Domain == [32]byte{} {
		o.Domain = Domain
	}
	if o.Fulfilled == 0 {
		o.Executed, o.Assigned, o.Fulfilled = time.Second, 2*time.Second, 4*time.Second
	}
	return o
}

func (s *Server) listen() {
	if s.opts.InMemory {
		s.rpc, s.web = track(newPipes()), track(newPipes())
		s.URL, s.artifacts = "http://127.0.0.1:1", "http://127.0.0.1:2"
		return
	}
	for _, l := range []**tracked{&s.rpc, &s.web} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.t.Fatalf("listening: %v", err)
		}
		*l = track(listener)
	}
	scheme := "http://"
	if s.opts.TLS {
		scheme = "https://"
	}
	s.URL, s.artifacts = scheme+s.rpc.Addr().String(), scheme+s.web.Addr().String()
}

func (s *Server) serve() {
	options := []grpc.ServerOption{
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(s.intercept),
	}
	web := &http.Server{Handler: http.HandlerFunc(s.transfer), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	serveWeb := func() { _ = web.Serve(s.web) }
	if s.opts.TLS {
		var certificate tls.Certificate
		certificate, s.Authorities = certify(s.t)
		options = append(options, grpc.Creds(credentials.NewServerTLSFromCert(&certificate)))
		web.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		serveWeb = func() { _ = web.ServeTLS(s.web, "", "") }
	}
	g := grpc.NewServer(options...)
	g.RegisterService(s.proverNetwork(), s)
	g.RegisterService(s.artifactStore(), s)
	s.wg.Go(func() { _ = g.Serve(s.rpc) })
	s.wg.Go(serveWeb)
	s.t.Cleanup(func() {
		g.Stop()
		_ = web.Close()
		s.wg.Wait()
	})
}

// Dial connects to a server in memory, as a dialer of addresses would.
func (s *Server) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	l := s.rpc
	if "http://"+address == s.artifacts {
		l = s.web
	} else if "http://"+address != s.URL {
		return nil, fmt.Errorf("nobody listens at %s", address)
	}
	return l.Listener.(*pipes).dial(ctx)
}

// Cut cuts every connection.
func (s *Server) Cut() {
	s.rpc.cut()
	s.web.cut()
}

// ForgetPrograms is a restart of a cluster's gateway that keeps programs in memory.
func (s *Server) ForgetPrograms() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.programs)
}

// UseNonce uses a nonce up, as another process with the same key does.
func (s *Server) UseNonce(of common.Address) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nonces[of]++
}

// Bought is how many requests were taken for the claim with these public values.
func (s *Server) Bought(publicValues []byte) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.requests {
		if string(r.values) == string(publicValues) {
			n++
		}
	}
	return n
}

// Twice says what was taken while an earlier request for the same claim could still end, or had ended, in a proof.
func (s *Server) Twice() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.twice...)
}

// Refused says for what signed calls were refused, by nonce troubles and everything else.
func (s *Server) Refused() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.refused...)
}

// Spent is what an account has paid.
func (s *Server) Spent(of common.Address) *uint256.Int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return new(uint256.Int).Sub(s.opts.Balance, s.balanceLocked(of))
}

func (s *Server) balanceLocked(of common.Address) *uint256.Int {
	if s.balances[of] == nil {
		s.balances[of] = s.opts.Balance.Clone()
	}
	return s.balances[of]
}

// random is a name that nobody can guess.
func random() string {
	var b [13]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
