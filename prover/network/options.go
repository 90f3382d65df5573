package network

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
)

// Options are what a [Client] needs to know. Endpoint, Mode, Key and Program must be set; for the rest zero is a
// default.
type Options struct {
	Endpoint string // https://host or https://host:port; http:// for a cluster without TLS
	Mode     Mode
	Key      *ecdsa.PrivateKey // of the account that pays; no other process may use it
	Program  [32]byte          // key of the guest program, as its contract has it

	VerifyingKey []byte    // of the program, as SP1 writes it; with ELF: registers a program that the network does not know
	ELF          []byte    // of the program
	ProofMode    ProofMode // "" means groth16
	Version      string    // of the circuit; "" means v6.1.0
	Credits      bool      // reserved only: paid for with credits instead of by contract
	PublicStdin  bool      // anybody may read a claim's input, with its signature, at the network

	CycleLimit uint64        // 0 means what Succinct's own client uses; a cluster: no limit
	GasLimit   uint64        // in prover gas units; 0 likewise. On mainnet its price is set aside for each open request
	Timeout    time.Duration // that the network gets for a request; 0 means 4 h
	Tries      int           // of a question or an upload before it is given up; 0 means 12, two minutes where failing takes no time
	Poll       time.Duration // the shortest time between two looks at a request; 0 means 1 s; the longest is 10 times that

	// The rest is about mainnet.

	Domain         [32]byte         // that may be signed for; zero means mainnet's
	Whitelist      []common.Address // of provers that may bid; nil means those that the network calls available
	AuctionPeriod  time.Duration    // for which bids are collected; 0 means 15 s
	AuctionTimeout time.Duration    // without a bid, after which a request is withdrawn; 0 means 3 min
	MaxPricePerPGU *uint256.Int     // ceilings in wei of PROVE, over which nothing is requested; nil: none
	MaxBaseFee     *uint256.Int
	MaxCost        *uint256.Int // base fee, and all gas at the highest price
	MaxRequests    int          // that may be made for one job, each after the last one's confirmed end; 0 means 2

	ArtifactNets    []netip.Prefix // networks that are not public and may yet serve artifacts, beside the endpoint's own addresses
	DurableJournals bool           // journals outlive the process, so the network need not be asked what was bought before it
	RootCAs         *x509.CertPool // nil means the system's
	Logger          *slog.Logger   // nil means silent

	// Only tests change these.
	dial func(ctx context.Context, network, address string) (net.Conn, error)
	dns  *net.Resolver
	even bool          // waits have their exact length: nothing is drawn
	look time.Duration // for which a request is looked for: longer than a call takes, so that no copy of it is under way by then
}

// mainnetDomain is the EIP-712 domain separator of "Succinct Prover Network", version 1.0.0, on chain 1.
var mainnetDomain = common.HexToHash("0x55ea66757c5b1aecda6619905f594b320092db1cf4c8b6f89025c092f0bb7b5b")

func (o Options) withDefaults() Options {
	o.ProofMode = cmp.Or(o.ProofMode, Groth16)
	o.Version = cmp.Or(o.Version, "v6.1.0")
	o.Timeout = cmp.Or(o.Timeout, 4*time.Hour)
	o.Poll = cmp.Or(o.Poll, time.Second)
	o.Tries = cmp.Or(o.Tries, tries)
	o.AuctionPeriod = cmp.Or(o.AuctionPeriod, 15*time.Second)
	o.AuctionTimeout = cmp.Or(o.AuctionTimeout, 3*time.Minute)
	o.MaxRequests = cmp.Or(o.MaxRequests, 2)
	o.look = cmp.Or(o.look, callTimeout+time.Second)
	o.Domain = cmp.Or(o.Domain, [32]byte(mainnetDomain))
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	cycles, gas := uint64(1e12), uint64(1e9)
	switch o.Mode {
	case Reserved:
		cycles = 1e8
	case Cluster:
		cycles, gas = math.MaxUint64, math.MaxUint64
	}
	o.CycleLimit = cmp.Or(o.CycleLimit, cycles)
	o.GasLimit = cmp.Or(o.GasLimit, gas)
	return o
}

// judge names everything that is wrong with the options.
func (o Options) judge() error {
	var wrong []error
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if _, err := parseEndpoint(o.Endpoint, o.Mode); err != nil {
		wrong = append(wrong, err)
	}
	if o.Mode != Mainnet && o.Mode != Reserved && o.Mode != Cluster {
		say("the mode is %q, not mainnet, reserved or cluster", o.Mode)
	}
	if o.Key == nil {
		say("there is no key to sign with")
	}
	if _, err := VKHash(o.Program); err != nil {
		wrong = append(wrong, err)
	}
	if o.ProofMode != Groth16 && o.ProofMode != PLONK {
		say("the proof mode is %q, not groth16 or plonk", o.ProofMode)
	}
	if !strings.HasPrefix(o.Version, "v6.") {
		say("the circuit version is %q; only those of SP1 6 are known (v6.1.0)", o.Version)
	}
	if (len(o.VerifyingKey) == 0) != (len(o.ELF) == 0) {
		say("a program is registered with its verifying key and its ELF: one of them is missing")
	}
	if o.Timeout < time.Minute || o.Timeout > 30*24*time.Hour {
		say("a request's timeout of %v is not between a minute and 30 days", o.Timeout)
	}
	if o.Mode == Mainnet && o.AuctionTimeout < o.AuctionPeriod+15*time.Second {
		say("the auction timeout of %v leaves no time for bids after a period of %v", o.AuctionTimeout, o.AuctionPeriod)
	}
	if o.Poll < 0 || o.AuctionPeriod < 0 || o.MaxRequests < 0 || o.Tries < 0 {
		say("a duration, a number of tries or a number of requests is negative")
	}
	return errors.Join(wrong...)
}

// parseEndpoint gives the URL of an endpoint. What money depends on is not sent in plain text over a network.
func parseEndpoint(text string, mode Mode) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the endpoint is no http or https URL")
	case u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the endpoint has more than a scheme, a host and a port")
	case u.Scheme == "http" && mode != Cluster && !loopback(u.Hostname()):
		return nil, fmt.Errorf("the endpoint is http: %s needs https beyond the own machine", mode)
	}
	u.Path = ""
	return u, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// address is where the endpoint listens.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
