// Package config holds the settings of the process: what they are called, how their text is read, and which
// combinations are refused.
//
// A [Config] is filled by kong from flags, the environment and secret files through a [Reader], judged once, and never
// changes afterwards, so it may be read by many goroutines. Only the composition root sees it; the packages it
// wires get plain values. The package knows no HTTP and starts nothing.
package config

import (
	"net/netip"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Config is every setting of the service. A setting's flag is its name tag, its environment variable the same in upper
// case with underscores; the tags min, max, oneof, unit and schemes bound its text. A text that does not parse is a
// problem and never the default.
type Config struct {
	Service `group:"service"`
	Access  `group:"access"`
	Limits  `group:"limits"`
	Prover  `group:"prover"`
	Chain   `group:"chain"`
}

// Service is where and how the process serves.
type Service struct {
	Port            uint16        `name:"port" default:"8080" max:"65535" help:"TCP port of the API and the status page; 0 takes any free one."`
	AdminAddr       string        `name:"admin-addr" default:"127.0.0.1:9464" help:"Address for metrics, profiles and the operator's view; keep it on loopback."`
	LogLevel        Level         `name:"log-level" default:"info" help:"Least level that is logged: debug, info, warn or error."`
	LogFormat       string        `name:"log-format" oneof:"json text" help:"How log lines look: json or text; unset means text on a terminal, json elsewhere."`
	AuditLog        string        `name:"audit-log" help:"File that gets a JSON line for each submission and each ended job, - for standard output; unset means none. SIGHUP opens it anew."`
	CORSOrigins     Origins       `name:"cors-allowed-origins" help:"Browser origins that may call, comma-separated, exact; unset or * means all. Must be set in network mode."`
	TrustedProxies  Prefixes      `name:"trusted-proxies" help:"Addresses or CIDRs of reverse proxies whose forwarding headers are believed, comma-separated."`
	TrustForwarding bool          `name:"trust-proxy-headers" default:"false" help:"Believe the forwarding headers of every loopback and private peer; prefer TRUSTED_PROXIES."`
	MaxBodyBytes    int64         `name:"max-body-bytes" default:"4096" min:"512" max:"1048576" help:"Largest request body that is read."`
	MaxStreams      int           `name:"max-streams" default:"20000" min:"1" help:"Most event streams and long-polls at once; lowered at start to the limit of open files minus 1,000."`
	StreamsPerIP    int           `name:"max-streams-per-ip" default:"200" min:"1" help:"Most event streams and long-polls at once from one address (/64 for IPv6)."`
	ShutdownTimeout time.Duration `name:"shutdown-timeout-seconds" unit:"s" default:"30" max:"86400" help:"How long running jobs may finish after SIGTERM."`
	DatabaseURL     Secret        `name:"database-url" help:"PostgreSQL to keep jobs in; without it everything lives in memory."`
}

// Access is who may call.
type Access struct {
	APIKeys             Secret `name:"api-keys" help:"Keys that may submit, comma-separated: key, name:key or name:sha256:<hex>; a key has at least 16 characters. SIGHUP reads the file again."`
	JWTSecret           Secret `name:"jwt-secret" help:"Secret of HS256 tokens, at least 32 bytes; also signs browser tokens."`
	JWTJWKSURL          URL    `name:"jwt-jwks-url" schemes:"https http" help:"Where the public keys of RS256, ES256 and EdDSA tokens are; needs JWT_AUDIENCE."`
	JWTIssuer           string `name:"jwt-issuer" help:"Issuer that tokens must name; unset means any."`
	JWTAudience         string `name:"jwt-audience" help:"Audience that tokens must name; unset means any."`
	AllowAnonymous      bool   `name:"allow-anonymous" default:"false" help:"Take submissions without a credential, as the service before did; a valid signature of an eligible account is then the credential."`
	RequireAuthForReads bool   `name:"require-auth-for-reads" default:"false" help:"Reading a job needs its owner's credential besides its id."`
	AuthFailures        int    `name:"auth-failures-per-minute" default:"30" help:"Wrong credentials an address (/64 for IPv6) may send in a minute before it is answered 429; 0 means any number."`
	VerifySignatures    bool   `name:"verify-signatures" default:"true" help:"Check each claim's sr25519 signature before it is queued; false is refused in network mode."`
	EligibilityFile     string `name:"eligibility-file" help:"JSON list of the accounts that may claim, with their amounts; unset means any account and any amount."`
	AllowAnyClaim       bool   `name:"allow-any-claim" default:"false" help:"Prove in network mode for any account without a list and without a budget."`
}

// Limits are how much is taken from whom.
type Limits struct {
	RateWindow       time.Duration `name:"rate-limit-window-seconds" unit:"s" default:"300" min:"1" help:"Window of the limits by public key and by EVM address."`
	RateMax          int64         `name:"rate-limit-max-requests" default:"3" help:"New jobs a public key may start in its window; 0 counts as 1, as it always did."`
	AddressRateMax   int64         `name:"address-rate-limit-max-requests" default:"20" min:"1" help:"New jobs for one EVM address in the same window."`
	IPRateWindow     time.Duration `name:"ip-rate-limit-window-seconds" unit:"s" default:"60" min:"1" help:"Window of the limit for callers without a credential."`
	IPRateMax        int64         `name:"ip-rate-limit-max-requests" default:"10" help:"Submissions of one address (/64 for IPv6) without a credential in that window; 0 counts as 1, as it always did."`
	KeyRateWindow    time.Duration `name:"key-rate-limit-window-seconds" unit:"s" default:"60" min:"1" help:"Window of the limit by API key or token subject."`
	KeyRateMax       int64         `name:"key-rate-limit-max-requests" default:"600" min:"1" help:"Submissions of one API key or token subject in that window."`
	MaxProofsPerHour int64         `name:"max-proofs-per-hour" default:"0" help:"Proof budget of an hour; 0 means no limit."`
	MaxProofsPerDay  int64         `name:"max-proofs-per-day" default:"0" help:"Proof budget of a day; 0 means no limit."`
	QueueCapacity    int           `name:"queue-capacity" default:"50" min:"1" max:"1000000" help:"Places for waiting jobs; when all are taken, submissions are answered queue_full."`
	WorkerCount      int           `name:"worker-count" default:"4" min:"1" max:"10000" help:"Proofs made at once."`
	ProofTimeout     time.Duration `name:"proof-timeout-seconds" unit:"s" default:"600" min:"1" help:"Longest a proof may take; then its work is stopped and its worker is free."`
	CacheTTL         time.Duration `name:"cache-ttl-seconds" unit:"s" default:"3600" help:"How long a finished proof answers the same claim again; 0 means never."`
	JobsTTL          time.Duration `name:"jobs-ttl-seconds" unit:"s" default:"3600" min:"1" help:"How long an ended job can be looked up."`
}

// Prover is who makes the proofs and how they are checked.
type Prover struct {
	Mode              Mode          `name:"sp1-prover" default:"local" oneof:"mock local network" help:"Who proves: mock (no real proof), local (PROVER_COMMAND on this machine) or network (Succinct's network or a cluster of your own)."`
	AllowMock         bool          `name:"allow-mock" default:"false" help:"Without it, mock mode refuses to start: its proofs are worth nothing on chain."`
	MockDelay         time.Duration `name:"mock-delay" default:"5s" max:"86400" help:"How long the mock prover takes for a proof, such as 5s or 250ms."`
	ProverCommand     Command       `name:"prover-command" help:"Program of local mode and its arguments, split at blanks or given as a JSON array; no shell is involved."`
	NetworkPrivateKey Secret        `name:"network-private-key" help:"secp256k1 key of the account that pays for proofs in network mode, 32 bytes of hex."`
	NetworkRPCURL     URL           `name:"network-rpc-url" schemes:"https http" help:"gRPC endpoint of the prover network; unset means the public one of NETWORK_MODE."`
	NetworkMode       string        `name:"network-mode" default:"mainnet" oneof:"mainnet reserved cluster" help:"Which network: mainnet (auction), reserved capacity, or a self-hosted cluster."`
	Credits           bool          `name:"network-credits" default:"false" help:"Pay for reserved capacity with credits instead of by contract."`
	ArtifactNets      Prefixes      `name:"network-artifact-nets" help:"CIDRs or addresses of your own cluster's artifact store, comma-separated, where it is neither public nor where NETWORK_RPC_URL is."`
	ProofMode         string        `name:"sp1-proof-mode" default:"groth16" oneof:"groth16 plonk" help:"Proof system that network proofs are wrapped in."`
	CircuitVersion    string        `name:"sp1-circuit-version" default:"v6.1.0" help:"SP1 circuit version of the program's proofs."`
	ProgramVKFile     string        `name:"sp1-program-vk-file" help:"The program's verifying key as SP1 writes it; with SP1_PROGRAM_ELF_FILE it registers a program that the network does not know."`
	ProgramELFFile    string        `name:"sp1-program-elf-file" help:"The program's ELF, to register it."`
	CycleLimit        uint64        `name:"network-cycle-limit" default:"0" max:"1000000000000000" help:"Most cycles a proof may take; 0 means what Succinct's own client sets."`
	GasLimit          uint64        `name:"network-gas-limit" default:"0" max:"1000000000000000" help:"Most prover gas a proof may take, and so what is set aside for each open request; 0 means what Succinct's own client sets."`
	MaxPricePerPGU    Wei           `name:"network-max-price-per-pgu" help:"Price of a unit of prover gas above which nothing is bought, in the smallest unit of PROVE; unset means any."`
	MaxBaseFee        Wei           `name:"network-max-base-fee" help:"Base fee above which nothing is bought, in the smallest unit of PROVE; unset means any."`
	MaxCost           Wei           `name:"network-max-cost" help:"What one proof may cost at the worst, in the smallest unit of PROVE; unset means any."`
	BalanceFloor      Prove         `name:"network-balance-floor" default:"5" help:"PROVE that the paying account should have on mainnet; less of it is warned of; 0 means none."`
	BalanceCeiling    Prove         `name:"network-balance-ceiling" default:"500" help:"PROVE above which there is a warning, because the account's key is online and whoever gets hold of it has what is there; 0 means none."`
	AuctionPeriod     time.Duration `name:"network-auction-period-seconds" unit:"s" default:"15" max:"3600" help:"How long bids for a proof are collected."`
	AuctionTimeout    time.Duration `name:"network-auction-timeout-seconds" unit:"s" default:"180" min:"30" max:"86400" help:"How long a request may stay without a bid before it is withdrawn."`
	RequestTimeout    time.Duration `name:"network-request-timeout-seconds" unit:"s" default:"14400" min:"60" max:"2592000" help:"How long the network has for a request."`
	MaxRequests       int           `name:"network-max-requests" default:"2" min:"1" max:"10" help:"Requests that may be made for one job, each after the last one's confirmed end."`
	Whitelist         Addresses     `name:"network-whitelist" help:"Provers that may bid, comma-separated; unset means those the network calls available."`
	PrivateStdin      bool          `name:"network-private-stdin" default:"true" help:"Keep a proof's input, which holds the wallet's signature, from the public."`
	VKey              VKey          `name:"sp1-program-vkey" help:"Verifying key of the claim program, 32 bytes of hex."`
	PublicValuesHash  string        `name:"sp1-public-values-hash" default:"sha256" oneof:"sha256 blake3" help:"How the program hashes its public values; blake3 is for a guest built with that feature, whose proofs no SP1 contract takes."`
	VerifyProof       *bool         `name:"verify-proof" help:"Check each proof natively before anybody gets it; unset means yes except in mock mode, false is refused in network mode."`
	VerifyOnchain     bool          `name:"verify-onchain" default:"false" help:"Also ask the verifier contract about each proof."`
}

// Chain is the EVM side.
type Chain struct {
	ClaimContract    common.Address `name:"claim-contract-address" help:"The migration contract; with CHAIN_ID the challenge of each claim is checked."`
	ChainID          uint64         `name:"chain-id" help:"EIP-155 id of its chain; unset means the RPC endpoint is asked."`
	ClaimRPCURL      URLs           `name:"claim-contract-rpc-url" schemes:"http https ws wss" help:"JSON-RPC endpoints that are asked about claims, comma-separated in order of preference; else VERIFY_ONCHAIN_RPC_URL, else RPC_URL."`
	VerifyRPCURL     URLs           `name:"verify-onchain-rpc-url" schemes:"http https ws wss" help:"JSON-RPC endpoints that are asked to verify; else RPC_URL."`
	RPCURL           URLs           `name:"rpc-url" schemes:"http https ws wss" help:"JSON-RPC endpoints for both; unset means http://localhost:8545, in mock mode that the chain is not asked."`
	RootCheck        string         `name:"eligibility-root-check" default:"on" oneof:"on off" help:"Whether the list's Merkle root must be the contract's; off is for a list that is published before its contract."`
	ClaimFresh       time.Duration  `name:"claim-fresh-seconds" unit:"s" default:"3" min:"1" max:"60" help:"How long the contract's answer that a claim is open is taken for true without asking again."`
	RPCTimeout       time.Duration  `name:"rpc-timeout-seconds" unit:"s" default:"10" min:"1" max:"3600" help:"Longest a question to the chain may take."`
	VerifierContract common.Address `name:"sp1-verifier-address" default:"0x397A5f7f3dBd538f23DE225B51f532c34448dA9B" help:"SP1's verifier gateway, asked when VERIFY_ONCHAIN is true."`
}

// Mode is who proves.
type Mode string

// The prover modes. Mock proofs are empty and never verified.
const (
	Mock    Mode = "mock"
	Local   Mode = "local"
	Network Mode = "network"
)

// real says that proofs are meant for a chain; an unset mode, one that did not parse, is neither real nor mock.
func (m Mode) real() bool { return m == Local || m == Network }

// defaultRPC is asked when no RPC URL is set, as by the service before.
const defaultRPC = "http://localhost:8545"

// VerifiesProofs says whether a proof is checked natively before anybody gets it.
func (c *Config) VerifiesProofs() bool {
	return c.Mode.real() && (c.VerifyProof == nil || *c.VerifyProof)
}

// NeedsKey says that nobody could call: a mock service then makes one API key and prints it, any other refuses to start.
func (c *Config) NeedsKey() bool {
	return !c.APIKeys.IsSet() && !c.JWTSecret.IsSet() && !c.JWTJWKSURL.IsSet() && !c.AllowAnonymous
}

// ClaimRPCs are the endpoints that are asked about claims, or none when the chain is not asked: no contract is set, or
// the mode is mock and no endpoint is.
func (c *Config) ClaimRPCs() []string {
	if c.ClaimContract == (common.Address{}) {
		return nil
	}
	return c.endpoints(c.ClaimRPCURL, c.VerifyRPCURL, c.RPCURL)
}

// VerifyRPCs are the endpoints that are asked to verify proofs, or none when none is.
func (c *Config) VerifyRPCs() []string {
	if !c.VerifyOnchain {
		return nil
	}
	return c.endpoints(c.VerifyRPCURL, c.RPCURL)
}

func (c *Config) endpoints(inOrder ...URLs) []string {
	for _, u := range inOrder {
		if len(u) > 0 {
			return u.Reveal()
		}
	}
	if c.Mode == Mock {
		return nil
	}
	return []string{defaultRPC}
}

// ProxyPrefixes are the peers whose forwarding headers are believed: TRUSTED_PROXIES, and with TRUST_PROXY_HEADERS the
// loopback and private ranges.
func (c *Config) ProxyPrefixes() []netip.Prefix {
	prefixes := []netip.Prefix(c.TrustedProxies)
	if c.TrustForwarding {
		prefixes = append(prefixes[:len(prefixes):len(prefixes)], privatePeers...)
	}
	return prefixes
}

// privatePeers are loopback, RFC 1918, link-local and RFC 4193.
var privatePeers = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("fc00::/7"),
}
