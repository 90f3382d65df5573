package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"claimprover/internal/audit"
	"claimprover/internal/auth"
	"claimprover/internal/config"
	"claimprover/internal/eligibility"
	"claimprover/internal/feed"
	"claimprover/internal/jobs"
	"claimprover/internal/telemetry"
	"claimprover/internal/verify"
	"claimprover/prover"
	"claimprover/prover/command"
	"claimprover/prover/mock"
	"claimprover/prover/network"
	"claimprover/server/stream"
)

// ServeCmd runs the service.
type ServeCmd struct {
	config.Config
}

// Run serves until ctx ends, then drains.
func (cmd *ServeCmd) Run(ctx context.Context, settings *config.Reader, std Streams) error {
	cfg := &cmd.Config
	withdrawn := settings.Withdraw(cfg)
	verdict := settings.Judge(cfg)
	log := logger(cfg, std.Err)
	if withdrawn != nil {
		log.Warn("secrets can be read in this process's environment; give them as files", "err", withdrawn)
	}
	parts := judgeParts(cfg, verdict, log)
	if err := verdict.Err(); err != nil {
		return err
	}
	noCoreDumps(log)
	boundMemory(log)

	var err error
	if parts.audit, err = audit.Open(cfg.AuditLog, std.Out, log); err != nil {
		return fmt.Errorf("AUDIT_LOG: %w", err)
	}
	if cfg.Mode == config.Network {
		if parts.network, err = networkOf(cfg, log); err != nil {
			return usage(err)
		}
		defer parts.network.Close()
		parts.prover = parts.network
	}
	control, err := verify.Control(cfg.CircuitVersion, cfg.ProofMode)
	if err != nil {
		return usage(fmt.Errorf("SP1_CIRCUIT_VERSION: %w", err))
	}
	if err := parts.askChain(ctx, cfg, control, verdict, log); err != nil {
		return err
	}
	defer parts.chain.close()
	s, err := newService(cfg, parts, log)
	if err != nil {
		return err
	}
	s.hangups = &hangups{keys: parts.keys, reread: settings.Reread, audit: parts.audit, log: log}
	defer s.hangups.listen()()
	public, admin, err := listen(ctx, cfg)
	if err != nil {
		return usage(err)
	}
	s.announce(std, parts, verdict, public.Addr(), admin.Addr())
	return s.run(ctx, public, admin)
}

// parts is what settings become that can be wrong in themselves.
type parts struct {
	keys    *auth.Keys
	newKey  string // made for this run and printed once; empty: none
	secrets auth.Secrets
	jwks    *auth.JWKS // nil: none
	origins stream.Origins
	prover  prover.Prover
	network *network.Client   // the same, in network mode; else nil
	list    *eligibility.List // nil: none
	proofs  verification
	audit   *audit.Log // nil: none is kept
	anchor  *anchor
	chain   *chainSide
	wait    *atomic.Pointer[feed.Feed] // who knows how long a proof takes, once there is somebody
}

// verification is what proofs are put to.
type verification struct {
	list  []verify.Check // by whoever asks about one
	claim []verify.Check // before anybody gets one; none: it is given out as not verified
	names []string       // of those
}

// ofClaim is the check of a proof of this service's program; nil when nothing is checked.
func (v verification) ofClaim(r prometheus.Registerer, program [32]byte) jobs.Check {
	if len(v.claim) == 0 {
		return nil
	}
	return verify.NewChecks(program, telemetry.Timed(r, v.claim)...).OfClaim
}

// judgeParts makes them and adds what is wrong to the verdict.
func judgeParts(cfg *config.Config, v *config.Verdict, log *slog.Logger) (p parts) {
	var err error
	if p.keys, p.newKey, err = keysOf(cfg); err != nil {
		v.Refuse("API_KEYS", "%v.", err)
	}
	if cfg.JWTSecret.IsSet() {
		if p.secrets, err = auth.ParseSecrets(cfg.JWTSecret.Reveal()); err != nil {
			v.Refuse("JWT_SECRET", "%v.", err)
		}
	}
	if cfg.JWTJWKSURL.IsSet() {
		if p.jwks, err = auth.NewJWKS(cfg.JWTJWKSURL.Reveal(), log); err != nil {
			v.Refuse("JWT_JWKS_URL", "It %v.", err)
		}
	}
	allowed := []string(cfg.CORSOrigins)
	if cfg.CORSOrigins.All() {
		allowed = []string{"*"}
	}
	if p.origins, err = stream.ParseOrigins(allowed); err != nil {
		v.Refuse("CORS_ALLOWED_ORIGINS", "%v.", err)
	}
	if cfg.DatabaseURL.IsSet() {
		v.Refuse("DATABASE_URL", "This release keeps jobs in memory only. Leave it out.")
	}
	if err := audit.Check(cfg.AuditLog); err != nil {
		v.Refuse("AUDIT_LOG", "The file cannot be appended to: %v.", err)
	}
	if p.list, err = eligible(cfg); err != nil {
		v.Refuse("ELIGIBILITY_FILE", "%v.", err)
	}
	p.prover = proverOf(cfg, v, log)
	p.proofs = verificationOf(cfg, v)
	p.anchor, p.wait = newAnchor(cfg), new(atomic.Pointer[feed.Feed])
	return p
}

// keysOf reads the API keys. A mock service that nobody could call makes itself one.
func keysOf(cfg *config.Config) (keys *auth.Keys, made string, err error) {
	switch {
	case cfg.APIKeys.IsSet():
		keys, err = auth.NewKeys(cfg.APIKeys.Reveal())
		return keys, "", err
	case !cfg.NeedsKey() || cfg.Mode != config.Mock:
		return nil, "", nil
	}
	made, entry, err := auth.NewKey("mock")
	if err != nil {
		return nil, "", err
	}
	keys, err = auth.NewKeys(entry)
	return keys, made, err
}

// proverOf makes the prover of the mode, or says that this release has none.
func proverOf(cfg *config.Config, v *config.Verdict, log *slog.Logger) prover.Prover {
	switch cfg.Mode {
	case config.Mock:
		return mock.New(mock.Options{Delay: cfg.MockDelay})
	case config.Local:
		host, err := command.New(cfg.ProverCommand, command.Options{Logger: log})
		if err != nil {
			v.Refuse("PROVER_COMMAND", "%v. Name the program, with its path if it is not in PATH.", err)
		}
		return host
	default:
		return nil // made by networkOf, once the settings are judged
	}
}

// verificationOf makes the checks. A verifier that does not pass its own test must not say anything of a proof, so the
// service does not start.
func verificationOf(cfg *config.Config, v *config.Verdict) (checks verification) {
	native, err := verify.New(digestOf(cfg.PublicValuesHash))
	if err != nil {
		v.Refuse("VERIFY_PROOF", "The verifier failed its own test, so nothing may be verified with this program: %v.", err)
		return checks
	}
	checks.list = []verify.Check{native.Native}
	if cfg.VerifiesProofs() {
		checks.claim = checks.list
		checks.names = []string{cfg.ProofMode} // another system's proof is checked as what it is, and its verifiedBy says so
	}
	return checks
}

// askChain asks what must be true of the chain before anything is served, and adds its checks of proofs. The verifier
// contract is tried with control, a good proof.
func (p *parts) askChain(ctx context.Context, cfg *config.Config, control verify.Subject, v *config.Verdict, log *slog.Logger) (err error) {
	if p.chain, err = newChainSide(cfg, p.list, p.wait, control, log); err != nil {
		return err
	}
	p.chain.judge(ctx, p.anchor, v)
	if err := v.Err(); err != nil {
		p.chain.close()
		return err
	}
	if p.chain.gateway != nil {
		p.proofs.list = append(p.proofs.list, p.chain.onchain)
	}
	checks, names := p.chain.checks(cfg, p.list)
	p.proofs.claim = append(slices.Clone(p.proofs.claim), checks...)
	p.proofs.names = append(p.proofs.names, names...)
	return nil
}

func eligible(cfg *config.Config) (*eligibility.List, error) {
	if cfg.EligibilityFile == "" {
		return nil, nil
	}
	return eligibility.Loader{AnyRoot: cfg.RootCheck == "off"}.Open(cfg.EligibilityFile)
}

func logger(cfg *config.Config, w io.Writer) *slog.Logger {
	asJSON := cfg.LogFormat == "json"
	if cfg.LogFormat == "" {
		asJSON = !isTerminal(w)
	}
	return telemetry.NewLogger(w, cfg.LogLevel.Level, asJSON)
}

func listen(ctx context.Context, cfg *config.Config) (public, admin net.Listener, err error) {
	var lc net.ListenConfig
	public, err = lc.Listen(ctx, "tcp", fmt.Sprintf(":%d", cfg.Port))
	if err != nil {
		return nil, nil, fmt.Errorf("listening on PORT %d: %w", cfg.Port, err)
	}
	admin, err = lc.Listen(ctx, "tcp", cfg.AdminAddr)
	if err != nil {
		_ = public.Close()
		return nil, nil, fmt.Errorf("listening on ADMIN_ADDR %s: %w", cfg.AdminAddr, err)
	}
	return public, admin, nil
}

// announce says in one block what is served, and loudly what is dangerous. No secret is in it, but for a key that was
// made for this run: that is printed once, to standard output and not to the log.
func (s *service) announce(std Streams, p parts, v *config.Verdict, public, admin net.Addr) {
	c := s.cfg
	s.log.Info("serving", "version", version, "address", public.String(), "admin", admin.String(),
		"prover", c.Mode, "verifies", strings.Join(p.proofs.names, ", "), "workers", c.WorkerCount, "queue", c.QueueCapacity,
		"proof_timeout_s", c.ProofTimeout.Seconds(), "chain_id", c.ChainID, "anonymous", c.AllowAnonymous)
	for _, w := range v.Warnings {
		s.log.Warn("dangerous or doubtful setting", "setting", w.Setting, "text", w.Text)
	}
	if p.newKey != "" {
		fmt.Fprintf(std.Out, "No API_KEYS are set, so this run has one of its own:\n\n  %s\n\nSend it as \"Authorization: Bearer <key>\". It is not shown again.\n", p.newKey)
	}
}

// noCoreDumps keeps secrets out of files that a crash would leave.
func noCoreDumps(log *slog.Logger) {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		log.Warn("core dumps stay on", "err", err)
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
