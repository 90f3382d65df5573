package cli

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"claimprover/internal/config"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
	"claimprover/prover/network"
)

// networkSide is what the service does about the prover network beside the workers: it looks after the account, and
// withdraws what cancelled jobs had asked for.
type networkSide struct {
	client  *network.Client
	funds   funds
	log     *slog.Logger
	balance prometheus.Gauge // nil where the network counts in something else than PROVE

	withdrawn chan []byte // journals of cancelled jobs; full: the rest is picked up when the claim is submitted again

	mu    sync.Mutex
	state string // guarded by mu: "ok", or what is wrong in words

	purse purse // owned by run: as it was said last
}

// Times and bounds of that.
const (
	lookAfterEvery  = time.Minute
	withdrawTime    = 10 * time.Minute
	maxWithdrawals  = 256
	withdrawWorkers = 4
)

func newNetworkSide(client *network.Client, cfg *config.Config, r prometheus.Registerer, log *slog.Logger) *networkSide {
	n := &networkSide{
		client: client, funds: fundsOf(&cfg.Prover), log: log,
		withdrawn: make(chan []byte, maxWithdrawals), state: "the prover network was not asked yet",
	}
	r.MustRegister(client)
	if network.Mode(cfg.NetworkMode) != network.Mainnet {
		return n
	}
	n.balance = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "claimprover_network_balance_prove", Help: "What the paying account has at the prover network, in PROVE.",
	})
	floor := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "claimprover_network_balance_floor_prove", Help: "What it should have at least.",
	})
	if n.funds.floor != nil {
		floor.Set(inProve(n.funds.floor))
	}
	r.MustRegister(n.balance, floor)
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

func (n *networkSide) look(ctx context.Context) {
	asking, cancel := context.WithTimeout(ctx, lookAfterEvery/2)
	defer cancel()
	s, err := n.client.Standing(asking)
	if ctx.Err() != nil {
		return
	}
	state := "ok"
	switch {
	case errors.Is(err, network.ErrNotRegistered):
		state = "the prover network does not know the program"
	case errors.Is(err, network.ErrDomain):
		state = "the prover network signs for another domain"
	case errors.Is(err, network.ErrTerms):
		state = "the prover network asks for more than is allowed"
	case err != nil:
		state = "the prover network cannot be asked"
	}
	if err != nil {
		n.log.Warn("prover network", "err", err)
	}
	if s.Balance != nil && n.balance != nil {
		n.balance.Set(inProve(s.Balance))
		if n.count(s) == purseEmpty {
			state = "the balance at the prover network is not enough for a proof"
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.state != state {
		n.log.Info("prover network", n.standing(s, state)...)
	}
	n.state = state
}

func (n *networkSide) standing(s network.Standing, state string) []any {
	attrs := []any{"state", state, "mode", s.Mode, "address", s.Address.Hex()}
	if enough, known := s.Proofs(); known {
		attrs = append(attrs, "balance_prove", config.ProveOf(s.Balance).String(), "enough_for", enough)
	}
	return attrs
}

// count judges the balance, and says so once when that has changed.
func (n *networkSide) count(s network.Standing) purse {
	now := n.funds.judge(s.Balance, s.Terms)
	if now == n.purse {
		return now
	}
	n.purse = now
	attrs := []any{"address", s.Address.Hex(), "balance_prove", config.ProveOf(s.Balance).String()}
	switch now {
	case purseEmpty:
		n.log.Warn("balance at the prover network is not enough for a proof", append(attrs, "cost_prove", config.ProveOf(s.Terms.Cost).String())...)
	case purseLow:
		n.log.Warn("balance at the prover network is under its floor", append(attrs, "floor_prove", config.ProveOf(n.funds.floor).String())...)
	case purseHigh:
		n.log.Warn("balance at the prover network is over its ceiling", append(attrs, "ceiling_prove", config.ProveOf(n.funds.ceiling).String())...)
	default:
		n.log.Info("balance at the prover network is as it should be", attrs...)
	}
	return now
}
