package config

import (
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// Finding is what is to be said about one setting.
type Finding struct {
	Setting string `json:"setting"` // its environment variable
	Text    string `json:"message"` // a sentence that says what to do
}

// Verdict is what was found when the settings were judged together: problems refuse the start, warnings are loud.
type Verdict struct {
	Problems []Finding
	Warnings []Finding
}

// Refuse adds a problem; only the first one of a setting is kept.
func (v *Verdict) Refuse(setting, format string, args ...any) {
	if !slices.ContainsFunc(v.Problems, func(f Finding) bool { return f.Setting == setting }) {
		v.Problems = append(v.Problems, Finding{setting, fmt.Sprintf(format, args...)})
	}
}

// Warn adds a warning.
func (v *Verdict) Warn(setting, format string, args ...any) {
	v.Warnings = append(v.Warnings, Finding{setting, fmt.Sprintf(format, args...)})
}

// Err is nil or an *[Invalid] with every problem.
func (v *Verdict) Err() error {
	if len(v.Problems) == 0 {
		return nil
	}
	return &Invalid{Problems: v.Problems}
}

// Invalid says that the settings are refused; the process ends with status 2.
type Invalid struct {
	Problems []Finding
}

func (e *Invalid) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Setting + ": " + p.Text
	}
	return strings.Join(lines, "\n")
}

// Judge looks at everything that was read into c, by itself and together, after kong has filled it. It lowers
// c.MaxStreams to what the open-file limit carries, and takes secrets out of the environment.
func (r *Reader) Judge(c *Config) *Verdict {
	v := &Verdict{}
	for s := range settingsOf(c) {
		if text, wrong := r.problems[s.env]; wrong {
			v.Refuse(s.env, "%s.", strings.ToUpper(text[:1])+text[1:])
		}
		if s.value.Type() == reflect.TypeFor[Secret]() {
			r.env.Unset(s.env)
			if r.source(s.env) == FromFlag {
				v.Warn(s.env, "Given as a flag it can be read in the process list by everybody on this machine. Use %s_FILE instead.", s.env)
			}
		}
	}
	judgeProver(c, v)
	judgeNetwork(c, v)
	judgeAccess(c, v)
	judgeEdge(c, v)
	judgeChain(c, v)
	c.normalise(v, r.env.OpenFiles)
	return v
}

// JudgeNetwork looks at the settings of the prover network alone, whatever SP1_PROVER says: for commands that ask the
// network and serve nothing.
func (r *Reader) JudgeNetwork(p *Prover) *Verdict {
	c := Config{Prover: *p}
	c.Mode = Network
	about := func(all []Finding) (ours []Finding) {
		for _, f := range all {
			if strings.HasPrefix(f.Setting, "NETWORK_") || strings.HasPrefix(f.Setting, "SP1_") {
				ours = append(ours, f)
			}
		}
		return ours
	}
	v := r.Judge(&c)
	return &Verdict{Problems: about(v.Problems), Warnings: about(v.Warnings)}
}

func (r *Reader) source(env string) Source {
	if source, asked := r.sources[env]; asked {
		return source
	}
	return FromFlag
}

func judgeProver(c *Config, v *Verdict) {
	switch {
	case c.Mode == Mock && !c.AllowMock:
		v.Refuse("ALLOW_MOCK", "SP1_PROVER=mock makes proofs that no chain accepts. Set ALLOW_MOCK=true if that is what you want, else set SP1_PROVER to local or network.")
	case c.Mode == Local && len(c.ProverCommand) == 0:
		v.Refuse("PROVER_COMMAND", "SP1_PROVER=local (the default) runs a prover program on this machine. Name it here, or set SP1_PROVER to network, or to mock with ALLOW_MOCK=true to try things out.")
	}
	if c.Mode == Local && !c.VerifiesProofs() {
		v.Warn("VERIFY_PROOF", "Proofs are handed out unchecked and say verified:false.")
	}
	if (c.VerifiesProofs() || c.VerifyOnchain) && !c.VKey.IsSet() {
		v.Refuse("SP1_PROGRAM_VKEY", "A proof is checked against the claim program's verifying key. Set it to the 32 bytes of hex that the program's build prints.")
	}
	if c.Mode == Mock && c.VerifyOnchain {
		v.Refuse("VERIFY_ONCHAIN", "Mock proofs are empty and no contract takes them. Leave it out with SP1_PROVER=mock.")
	}
	switch {
	case c.PublicValuesHash == "sha256":
	case c.Mode == Network:
		v.Refuse("SP1_PUBLIC_VALUES_HASH", "Proofs of a program that hashes with BLAKE3 would be bought for a contract that refuses them. Build the program without sp1-zkvm's feature blake3, and leave this out with SP1_PROVER=network.")
	case c.VerifyOnchain:
		v.Refuse("SP1_PUBLIC_VALUES_HASH", "No SP1 contract takes the proofs of a program that hashes with BLAKE3. Build the program without sp1-zkvm's feature blake3, or leave VERIFY_ONCHAIN out.")
	default:
		v.Warn("SP1_PUBLIC_VALUES_HASH", "No SP1 contract takes the proofs of a program that hashes with BLAKE3; nobody can claim with them.")
	}
	if c.Mode == Mock && c.VerifyProof != nil && *c.VerifyProof {
		v.Warn("VERIFY_PROOF", "Mock proofs are empty, so nothing is verified.")
	}
	if c.Mode == Mock {
		v.Warn("SP1_PROVER", "Mock proofs are empty and worth nothing on chain.")
	}
}

// judgeNetwork holds what must be sure before a proof may cost money.
func judgeNetwork(c *Config, v *Verdict) {
	if c.Mode != Network {
		return
	}
	if key, err := unhex(c.NetworkPrivateKey.Reveal()); err != nil || len(key) != 32 {
		v.Refuse("NETWORK_PRIVATE_KEY", "SP1_PROVER=network pays from an account. Set its secp256k1 key, 32 bytes of hex, best as NETWORK_PRIVATE_KEY_FILE.")
	}
	if !c.VKey.IsSet() {
		v.Refuse("SP1_PROGRAM_VKEY", "SP1_PROVER=network buys proofs of this program. Set it to the 32 bytes of hex that the program's build prints.")
	}
	if c.VerifyProof != nil && !*c.VerifyProof {
		v.Refuse("VERIFY_PROOF", "VERIFY_PROOF=false would hand out bought proofs unchecked. Leave it out with SP1_PROVER=network.")
	}
	if !c.VerifySignatures {
		v.Refuse("VERIFY_SIGNATURES", "VERIFY_SIGNATURES=false would buy proofs of claims that nobody signed. Leave it out with SP1_PROVER=network.")
	}
	if len(c.CORSOrigins) == 0 {
		v.Refuse("CORS_ALLOWED_ORIGINS", "With SP1_PROVER=network say which browser origins may call, such as https://app.example.org.")
	} else if c.CORSOrigins.All() {
		v.Warn("CORS_ALLOWED_ORIGINS", "Every website may call this service from its visitors' browsers. Name the origins of your own pages instead.")
	}
	if (c.ProgramVKFile == "") != (c.ProgramELFFile == "") {
		v.Refuse("SP1_PROGRAM_ELF_FILE", "A program is registered with its verifying key and its ELF. Set both SP1_PROGRAM_VK_FILE and SP1_PROGRAM_ELF_FILE, or neither.")
	}
	if c.NetworkMode == "cluster" && !c.NetworkRPCURL.IsSet() {
		v.Refuse("NETWORK_RPC_URL", "NETWORK_MODE=cluster has no public endpoint. Set that of your cluster's gateway.")
	}
	if c.Credits && c.NetworkMode != "reserved" {
		v.Refuse("NETWORK_CREDITS", "Only reserved capacity is paid for with credits. Set NETWORK_MODE=reserved, or leave it out.")
	}
	if len(c.ArtifactNets) > 0 && c.NetworkMode != "cluster" {
		v.Refuse("NETWORK_ARTIFACT_NETS", "Succinct's artifacts are at public addresses; any other would be an attack. Leave it out, or set NETWORK_MODE=cluster.")
	}
	if c.NetworkMode == "mainnet" && c.MaxCost.Amount() == nil && (c.MaxBaseFee.Amount() == nil || c.MaxPricePerPGU.Amount() == nil) {
		v.Warn("NETWORK_MAX_COST", "Without it the network's price is paid, whatever it is. Set the most that one proof may cost, or both NETWORK_MAX_BASE_FEE and NETWORK_MAX_PRICE_PER_PGU.")
	}
	if floor, ceiling := c.BalanceFloor.Amount(), c.BalanceCeiling.Amount(); floor != nil && ceiling != nil && floor.Gt(ceiling) {
		v.Refuse("NETWORK_BALANCE_FLOOR", "It is over NETWORK_BALANCE_CEILING, so every balance would be wrong. Lower the one or raise the other.")
	}
	if c.ClaimContract == (common.Address{}) {
		v.Refuse("CLAIM_CONTRACT_ADDRESS", "With SP1_PROVER=network each challenge is checked before money is spent. Set the migration contract's address.")
	}
	if c.ChainID == 0 {
		v.Refuse("CHAIN_ID", "With SP1_PROVER=network each challenge is checked before money is spent. Set the id of the contract's chain.")
	}
	switch limited := c.MaxProofsPerHour > 0 || c.MaxProofsPerDay > 0; {
	case c.EligibilityFile == "" && !limited && !c.AllowAnyClaim:
		v.Refuse("MAX_PROOFS_PER_DAY", "Without ELIGIBILITY_FILE anybody can make valid claims for nothing, and each costs you a proof. Set the list, or MAX_PROOFS_PER_HOUR or MAX_PROOFS_PER_DAY, or ALLOW_ANY_CLAIM=true.")
	case c.EligibilityFile == "" && !limited:
		v.Warn("ALLOW_ANY_CLAIM", "Any account can have a proof bought, without a list and without a budget.")
	}
}

func judgeAccess(c *Config, v *Verdict) {
	if c.NeedsKey() && c.Mode.real() {
		v.Refuse("API_KEYS", "Nobody could submit. Set API_KEYS (claimprover keygen makes one), JWT_SECRET or JWT_JWKS_URL, or ALLOW_ANONYMOUS=true.")
	}
	if c.JWTJWKSURL.IsSet() && c.JWTAudience == "" {
		v.Refuse("JWT_AUDIENCE", "With JWT_JWKS_URL any token of that issuer would pass, also those for other services. Set the audience of this one.")
	}
	if !c.JWTSecret.IsSet() && !c.JWTJWKSURL.IsSet() && (c.JWTIssuer != "" || c.JWTAudience != "") {
		v.Warn("JWT_AUDIENCE", "JWT_ISSUER and JWT_AUDIENCE do nothing without JWT_SECRET or JWT_JWKS_URL.")
	}
	if c.AllowAnonymous {
		v.Warn("ALLOW_ANONYMOUS", "Submissions are taken without a credential.")
	}
	if c.AllowAnonymous && c.RequireAuthForReads {
		v.Warn("REQUIRE_AUTH_FOR_READS", "Who submits without a credential cannot read the job.")
	}
	if !c.VerifySignatures && c.Mode != Network {
		v.Warn("VERIFY_SIGNATURES", "Claims are taken that nobody signed.")
	}
}

func judgeEdge(c *Config, v *Verdict) {
	if host, _, err := net.SplitHostPort(c.AdminAddr); err != nil {
		v.Refuse("ADMIN_ADDR", "%s is not host:port, such as 127.0.0.1:9464.", quoted(c.AdminAddr))
	} else if !isLoopback(host) {
		v.Warn("ADMIN_ADDR", "Metrics, profiles and the operator's view are open to whoever reaches %s. Use 127.0.0.1 and a tunnel.", c.AdminAddr)
	}
	if c.TrustForwarding {
		v.Warn("TRUST_PROXY_HEADERS", "Every private peer can claim any client address. Name your proxies in TRUSTED_PROXIES instead.")
	}
	if slices.ContainsFunc(c.TrustedProxies, func(p netip.Prefix) bool { return p.Bits() == 0 }) {
		v.Refuse("TRUSTED_PROXIES", "A prefix of length 0 is everybody: any caller could claim any address. Name your proxies.")
	}
}

func judgeChain(c *Config, v *Verdict) {
	asked := len(c.ClaimRPCURL)+len(c.VerifyRPCURL)+len(c.RPCURL) > 0
	if c.Mode == Mock && c.ClaimContract != (common.Address{}) && c.ChainID == 0 && !asked {
		v.Refuse("CHAIN_ID", "CLAIM_CONTRACT_ADDRESS alone does not say what is signed. Set the id of its chain, or RPC_URL so that the chain can be asked.")
	}
}

// spareFiles are kept for everything that is not a stream: listeners, requests, the log, the store.
const spareFiles = 1000

// normalise turns what is allowed but not meant literally into what is.
func (c *Config) normalise(v *Verdict, openFiles uint64) {
	c.RateMax, c.IPRateMax = max(c.RateMax, 1), max(c.IPRateMax, 1)
	if openFiles == 0 {
		return
	}
	// A limit too small for the spare files is shared half and half.
	carried := max(int64(min(openFiles, 1<<40))-spareFiles, int64(min(openFiles, 1<<40))/2)
	if int64(c.MaxStreams) > carried {
		v.Warn("MAX_STREAMS", "Lowered from %d to %d: the process may open %d files. Raise the limit (ulimit -n, LimitNOFILE) to serve more.", c.MaxStreams, carried, openFiles)
		c.MaxStreams = int(carried)
	}
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && addr.IsLoopback())
}
