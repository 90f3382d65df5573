package cli

import (
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/prometheus/client_golang/prometheus"

	"claimprover/internal/config"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/prover/network"
)

// publicEndpoints are Succinct's own.
var publicEndpoints = map[network.Mode]string{
	network.Mainnet:  "https://rpc.mainnet.succinct.xyz",
	network.Reserved: "https://rpc.production.succinct.xyz",
}

// networkOf makes the client of the prover network from settings that were judged.
func networkOf(cfg *config.Config, log *slog.Logger) (*network.Client, error) {
	key, err := payingKey(cfg)
	if err != nil {
		return nil, err
	}
	vk, err := readProgram(cfg.ProgramVKFile)
	if err != nil {
		return nil, fmt.Errorf("SP1_PROGRAM_VK_FILE: %w", err)
	}
	elf, err := readProgram(cfg.ProgramELFFile)
	if err != nil {
		return nil, fmt.Errorf("SP1_PROGRAM_ELF_FILE: %w", err)
	}
	mode := network.Mode(cfg.NetworkMode)
	endpoint := publicEndpoints[mode]
	if cfg.NetworkRPCURL.IsSet() {
		endpoint = cfg.NetworkRPCURL.Reveal()
	}
	return network.New(network.Options{
		Endpoint: endpoint, Mode: mode, Key: key, Program: cfg.VKey, VerifyingKey: vk, ELF: elf,
		ProofMode: network.ProofMode(cfg.ProofMode), Version: cfg.CircuitVersion, PublicStdin: !cfg.PrivateStdin,
		CycleLimit: cfg.CycleLimit, GasLimit: cfg.GasLimit, Timeout: cfg.RequestTimeout, Whitelist: cfg.Whitelist,
		AuctionPeriod: cfg.AuctionPeriod, AuctionTimeout: cfg.AuctionTimeout, MaxRequests: cfg.MaxRequests,
		MaxPricePerPGU: cfg.MaxPricePerPGU.Amount(), MaxBaseFee: cfg.MaxBaseFee.Amount(), MaxCost: cfg.MaxCost.Amount(), Logger: log,
	})
}

// payingKey parses the account's key; its errors do not repeat it.
func payingKey(cfg *config.Config) (*ecdsa.PrivateKey, error) {
	key, err := crypto.HexToECDSA(strings.TrimPrefix(cfg.NetworkPrivateKey.Reveal(), "0x"))
	if err != nil {
		return nil, errors.New("NETWORK_PRIVATE_KEY is not a secp256k1 key of 32 bytes of hex")
	}
	return key, nil
}

// maxProgram bounds a program's files; an ELF has a few megabytes.
const maxProgram = 256 << 20

func readProgram(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	return readFile(path, maxProgram)
}

// networkSide is what the service does about the prover network beside the workers: it looks after the account, and
// withdraws what cancelled jobs had asked for.
type networkSide struct {
	client  *network.Client
	log     *slog.Logger
	balance prometheus.Gauge

	withdrawn chan []byte // journals of cancelled jobs; full: the rest is picked up when the claim is submitted again

	mu    sync.Mutex
	state string // guarded by mu: "ok", or what is wrong in words
}

// Times and bounds of that.
const (
	lookAfterEvery  = time.Minute
	withdrawTime    = 10 * time.Minute
	maxWithdrawals  = 256
	withdrawWorkers = 4
)

func newNetworkSide(client *network.Client, r prometheus.Registerer, log *slog.Logger) *networkSide {
	n := &networkSide{
		client: client, log: log, withdrawn: make(chan []byte, maxWithdrawals), state: "the prover network was not asked yet",
		balance: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "claimprover_network_balance_prove", Help: "What the paying account has at the prover network, in PROVE.",
		}),
	}
	r.MustRegister(n.balance)
	return n
}

// ready is "ok", or what is wrong in words, without hosts.
func (n *networkSide) ready() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state
}

// ended takes the journal of a job that its owner cancelled. It never blocks.
func (n *networkSide) ended(j jobs.Job) {
	if why := j.Outcome.Failure; why == nil || why.Code != fault.Cancelled || len(j.Journal) == 0 {
		return
	}
	select {
	case n.withdrawn <- j.Journal:
	default:
		n.log.Warn("request not withdrawn", "job", jobs.Label(j.ID), "err", "too many cancelled at once")
	}
}

// run looks after the account once a minute and withdraws what is cancelled, until ctx ends.
func (n *networkSide) run(ctx context.Context) error {
	var workers sync.WaitGroup
	for range withdrawWorkers {
		workers.Go(func() { n.withdraw(ctx) })
	}
	defer workers.Wait()
	every := time.NewTicker(lookAfterEvery)
	defer every.Stop()
	for {
		n.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
	}
}

func (n *networkSide) withdraw(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case journal := <-n.withdrawn:
			asking, cancel := context.WithTimeout(ctx, withdrawTime)
			if err := n.client.Withdraw(asking, journal); err != nil {
				n.log.Info("request goes on", "err", err)
			}
			cancel()
		}
	}
}

// oneProve is 10^18 of the smallest unit.
var oneProve = uint256.NewInt(1e18)

func (n *networkSide) look(ctx context.Context) {
	asking, cancel := context.WithTimeout(ctx, lookAfterEvery/2)
	defer cancel()
	s, err := n.client.Standing(asking)
	state := "ok"
	switch {
	case errors.Is(err, network.ErrNotRegistered):
		state = "the prover network does not know the program"
	case err != nil && ctx.Err() == nil:
		state = "the prover network cannot be asked"
	}
	if err != nil && ctx.Err() == nil {
		n.log.Warn("prover network", "err", err)
	}
	if s.Balance != nil {
		n.balance.Set(s.Balance.Float64() / oneProve.Float64())
		if enough, known := s.Proofs(); known && enough == 0 {
			state = "the balance at the prover network is not enough for a proof"
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state != state {
		n.log.Info("prover network", "state", state, "address", s.Address.Hex())
	}
	n.state = state
}
