package cli

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"claimprover/internal/config"
	"claimprover/prover"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

var allModes = []network.Mode{network.Mainnet, network.Reserved, network.Cluster}

const buyersAddress = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"

// teller is a network, and the settings with which it is asked.
type teller struct {
	*networktest.Server
	t    *testing.T
	mode network.Mode
	env  map[string]string
}

func newTeller(t *testing.T, mode network.Mode, o networktest.Options) *teller {
	t.Helper()
	o.Mode, o.Program, o.Guest = mode, testProgram, guest
	if o.Allowlist == nil {
		o.Allowlist = []common.Address{common.HexToAddress(buyersAddress), account(t, 1)} // a cluster then knows who asks
	}
	s := networktest.New(t, o)
	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte("0x"+buyersKey+"\n"), 0o600))
	return &teller{s, t, mode, map[string]string{
		"NETWORK_MODE": string(mode), "NETWORK_RPC_URL": s.URL, "NETWORK_PRIVATE_KEY_FILE": key,
		"SP1_PROGRAM_VKEY": fmt.Sprintf("0x%x", testProgram), "NETWORK_MAX_COST": "2000000000000000000", "NETWORK_BALANCE_CEILING": "0",
	}}
}

// guest runs the program on the claims of provertest, whose addresses are not those of their keys.
func guest(entry []byte) ([]byte, bool) {
	for n := range uint16(4) {
		if in := provertest.Input(n); bytes.Equal(entry, in.GuestStdin()) {
			return in.PublicValues[:], true
		}
	}
	return nil, false
}

// keyOf is an account's key; account 0 is the one that is asked about.
func keyOf(t *testing.T, account byte) *ecdsa.PrivateKey {
	t.Helper()
	key, err := crypto.HexToECDSA(buyersKey)
	if account > 0 {
		key, err = crypto.ToECDSA(append(make([]byte, 31), account))
	}
	require.NoError(t, err)
	return key
}

func account(t *testing.T, n byte) common.Address {
	return crypto.PubkeyToAddress(keyOf(t, n).PublicKey)
}

// with changes settings.
func (a *teller) with(changes map[string]string) *teller {
	for name, text := range changes {
		a.env[name] = text
	}
	return a
}

// answer is what a command said.
type answer struct {
	out, err string
	code     int
}

func (a *teller) ask(args ...string) answer { return a.askIn(a.t.Context(), args...) }

func (a *teller) askIn(ctx context.Context, args ...string) answer {
	a.t.Helper()
	var out, err bytes.Buffer
	code := Run(ctx, append([]string{"network"}, args...), Streams{Out: &out, Err: &err}, config.Environment{
		Lookup: func(name string) (string, bool) { text, ok := a.env[name]; return text, ok },
		Unset:  func(string) error { return nil },
	})
	require.NotContains(a.t, out.String()+err.String(), buyersKey)
	return answer{out.String(), err.String(), code}
}

// buy makes a request for the n-th claim with an account, and leaves it once something is known of it.
func (a *teller) buy(account, n byte) common.Hash {
	a.t.Helper()
	c, err := network.New(network.Options{Endpoint: a.URL, Mode: a.mode, Key: keyOf(a.t, account), Program: testProgram, DurableJournals: true})
	require.NoError(a.t, err)
	defer c.Close()
	ctx, stop := context.WithCancel(a.t.Context())
	defer stop()
	var id common.Hash
	_, err = c.Prove(ctx, provertest.Input(uint16(n)), &provertest.Journal{}, func(p prover.Progress) {
		if p.Request.ID != "" {
			id = common.HexToHash(p.Request.ID)
			stop()
		}
	})
	require.Error(a.t, err)
	if id == (common.Hash{}) { // it has failed at once
		id = a.list()[0]
	}
	return id
}

func TestNetworkStatusSaysWhetherAClaimCouldBeProved(t *testing.T) {
	t.Parallel()
	for mode, lines := range map[network.Mode][]string{
		network.Mainnet: {
			`✓ domain: as expected, 0x55ea66757c5b1aecda6619905f594b320092db1cf4c8b6f89025c092f0bb7b5b`,
			`✓ price of a proof: at most 1.53 PROVE, of which 0.33 are the base fee`,
			`✓ paying account: ` + buyersAddress + ` has 999.6672 PROVE, enough for 653 proofs at the worst`,
		},
		network.Reserved: {`✓ paying account: ` + buyersAddress + `, balance 1000000000000000000000; `},
		network.Cluster:  {`✓ signing account: ` + buyersAddress + `; a cluster keeps no balance`},
	} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			a := newTeller(t, mode, networktest.Options{Faults: networktest.Faults{Request: stuck}})
			a.buy(0, 1)
			a.buy(1, 2)
			got := a.ask("status")
			require.Zero(t, got.code, got)
			require.Empty(t, got.err)
			for _, line := range append(lines, "✓ prover network: "+a.URL+" answers, mode "+string(mode), "✓ program at the network: registered as 0x", "✓ requests under way: 1\n") {
				require.Contains(t, got.out, line)
			}
			require.NotContains(t, got.out, "✗")
			require.NotContains(t, got.out, "!")

			var report networkReport
			got = a.ask("status", "--json")
			require.NoError(t, json.Unmarshal([]byte(got.out), &report))
			require.True(t, report.Well && *report.Registered && *report.Open == 1, got.out)
			require.Equal(t, buyersAddress, report.Account)
			if mode == network.Mainnet {
				require.EqualValues(t, 653, *report.Proofs)
				require.Equal(t, &termsReport{"330000000000000000", "1200000000", "1530000000000000000"}, report.Terms)
			}
		})
	}
}

func stuck(int, []byte) networktest.Fate { return networktest.Fate{Stuck: true} }

func unbid(int, []byte) networktest.Fate { return networktest.Fate{NoBids: true} }

func TestNetworkStatusSaysEachFaultWithItsRemedy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server networktest.Options
		env    map[string]string
		code   int
		says   string
	}{
		"an unknown program":       {networktest.Options{Unregistered: true}, nil, exitFailed, "✗ SP1_PROGRAM_VKEY: The network does not know the program as 0x"},
		"another domain":           {networktest.Options{Domain: [32]byte{1}}, nil, exitFailed, "✗ NETWORK_RPC_URL: The endpoint is that of another network"},
		"a price over the ceiling": {networktest.Options{}, map[string]string{"NETWORK_MAX_COST": "1"}, exitFailed, "✗ NETWORK_MAX_COST: "},
		"not enough for a proof":   {networktest.Options{Balance: uint256.NewInt(1e18)}, nil, exitFailed, "✗ The balance is not enough for a proof that costs 1.53 PROVE: no claim is proved. Deposit PROVE for " + buyersAddress},
		"a balance under the floor": {networktest.Options{Balance: uint256.NewInt(4e18)}, map[string]string{"NETWORK_BALANCE_FLOOR": "4.5"}, exitFailed,
			"✗ NETWORK_BALANCE_FLOOR: The balance is under 4.5 PROVE."},
		"a balance over the ceiling": {networktest.Options{}, map[string]string{"NETWORK_BALANCE_CEILING": "999.9"}, exitDone, "! NETWORK_BALANCE_CEILING: The balance is over 999.9 PROVE"},
		"no ceiling of the price":    {networktest.Options{}, map[string]string{"NETWORK_MAX_COST": ""}, exitDone, "! NETWORK_MAX_COST: Without it the network's price is paid"},
		"nobody there":               {networktest.Options{}, map[string]string{"NETWORK_RPC_URL": "http://127.0.0.1:9"}, exitLater, "✗ NETWORK_RPC_URL: The prover network cannot be asked"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newTeller(t, network.Mainnet, c.server).with(c.env)
			got := a.ask("status")
			require.Equal(t, c.code, got.code, got)
			require.Contains(t, got.out, c.says)
			require.Equal(t, c.code == exitDone, !bytes.Contains([]byte(got.out), []byte("✗")))

			json := a.ask("status", "--json")
			require.Equal(t, c.code, json.code)
			require.Equal(t, c.code == exitDone, json.err == "")
		})
	}

	t.Run("the other kind of network", func(t *testing.T) {
		t.Parallel()
		a := newTeller(t, network.Cluster, networktest.Options{}).with(map[string]string{"NETWORK_MODE": "mainnet"})
		got := a.ask("status")
		require.Equal(t, exitRefused, got.code)
		require.Contains(t, got.out+got.err, "NETWORK_MODE")
	})
	t.Run("an account that a cluster does not take", func(t *testing.T) {
		t.Parallel()
		a := newTeller(t, network.Cluster, networktest.Options{Unregistered: true, Allowlist: []common.Address{{1}}}).withProgram()
		require.Equal(t, exitCredentials, a.ask("register").code)
	})
	t.Run("settings that are missing, all at once", func(t *testing.T) {
		t.Parallel()
		a := newTeller(t, network.Mainnet, networktest.Options{}).with(map[string]string{"NETWORK_PRIVATE_KEY_FILE": "", "SP1_PROGRAM_VKEY": "", "CHAIN_ID": "none"})
		got := a.ask("status")
		require.Equal(t, exitUsage, got.code)
		require.Contains(t, got.err, "  NETWORK_PRIVATE_KEY\n")
		require.Contains(t, got.err, "  SP1_PROGRAM_VKEY\n")
		require.NotContains(t, got.err, "CHAIN_ID")
	})
}

func TestNetworkRequestTellsARequestsLife(t *testing.T) {
	t.Parallel()
	quick := networktest.Options{Executed: time.Nanosecond, Assigned: 2 * time.Nanosecond, Fulfilled: 3 * time.Nanosecond}
	for name, c := range map[string]struct {
		mode network.Mode
		fate networktest.Fate
		says []string
	}{
		"done": {network.Mainnet, networktest.Fate{}, []string{
			`^✓ done: `, `^  explorer +https://explorer\.succinct\.xyz/request/0x`, `^  status +FULFILLED, EXECUTED$`, `^  requester +` + buyersAddress, `^  created +20..-`, `^  deadline +20..-`,
			`^  cycles +1234567$`, `^  gas +2800000 PGU$`, `^  cost +0\.3328 PROVE$`, `^  public values +SHA-256 0x`,
		}},
		"failed": {network.Mainnet, networktest.Fate{Executes: unexecutable, Cause: 9, Error: 1, Charged: true}, []string{
			`^✗ failed: `, `^  cause +EXCEEDED_GAS_LIMIT: NETWORK_GAS_LIMIT is too low`, `^  error +EXECUTION_FAILURE$`, `^  cost +0\.3328 PROVE$`,
		}},
		"waiting":                 {network.Mainnet, networktest.Fate{NoBids: true}, []string{`^● waiting: `}},
		"proving":                 {network.Reserved, networktest.Fate{Stuck: true}, []string{`^● proving: `, `^  explorer +https://explorer\.reserved\.succinct\.xyz/request/0x`}},
		"waiting, in a cluster":   {network.Cluster, networktest.Fate{Stuck: true}, []string{`^● waiting: `, `^  request +0x7265715f`}},
		"a status of the future":  {network.Mainnet, networktest.Fate{Odd: true, Slow: -time.Hour, Ends: 77}, []string{`^● under way, with a status that is not known here$`, `^  status +77, `}},
		"reverted, with no cause": {network.Mainnet, networktest.Fate{Ends: 5}, []string{`^✗ failed: `, `^  status +REVERTED, EXECUTED$`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := quick
			o.Faults.Request = func(int, []byte) networktest.Fate { return c.fate }
			a := newTeller(t, c.mode, o)
			id := a.buy(0, 1)
			got := a.ask("request", id.Hex())
			require.Zero(t, got.code, got)
			for _, line := range c.says {
				require.Regexp(t, "(?m)"+line, got.out)
			}
			var report requestReport
			require.NoError(t, json.Unmarshal([]byte(a.ask("request", id.Hex(), "--json").out), &report))
			require.Equal(t, id.Hex(), report.ID)
		})
	}
}

func (a *teller) list() (ids []common.Hash) {
	a.t.Helper()
	var l listReport
	got := a.ask("list", "--json")
	require.Zero(a.t, got.code, got)
	require.NoError(a.t, json.Unmarshal([]byte(got.out), &l))
	for _, r := range l.Requests {
		ids = append(ids, common.HexToHash(r.ID))
	}
	return ids
}

// withProgram has files to register the program with.
func (a *teller) withProgram() *teller {
	a.t.Helper()
	dir := a.t.TempDir()
	vk, elf := filepath.Join(dir, "vk"), filepath.Join(dir, "elf")
	require.NoError(a.t, os.WriteFile(vk, make([]byte, 104), 0o600))
	require.NoError(a.t, os.WriteFile(elf, []byte("\x7fELF program"), 0o600))
	return a.with(map[string]string{"SP1_PROGRAM_VK_FILE": vk, "SP1_PROGRAM_ELF_FILE": elf})
}

func TestNetworkRequestNeedsOneThatIsThere(t *testing.T) {
	t.Parallel()
	a := newTeller(t, network.Mainnet, networktest.Options{})
	got := a.ask("request", common.Hash{1}.Hex(), "--json")
	require.Equal(t, exitRefused, got.code)
	require.Regexp(t, `^\{"code":"not_found",`, got.err)
	require.Empty(t, got.out)
	for _, id := range []string{"0x", "zz", common.Hash{1}.Hex() + "00"} {
		require.Equal(t, exitUsage, a.ask("request", id).code, id)
	}
	a.with(map[string]string{"NETWORK_RPC_URL": "http://127.0.0.1:9"})
	require.Equal(t, exitLater, a.ask("request", common.Hash{1}.Hex()).code)
	require.Equal(t, exitLater, a.ask("list").code)
	require.Equal(t, exitLater, a.ask("cancel", common.Hash{1}.Hex()).code)
	require.Equal(t, exitLater, a.ask("register").code)
}

func TestNetworkListShowsTheAccountsOwn(t *testing.T) {
	t.Parallel()
	for _, mode := range allModes {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			a := newTeller(t, mode, networktest.Options{Faults: networktest.Faults{Request: stuck}})
			got := a.ask("list")
			require.Zero(t, got.code)
			require.Equal(t, "No request in the last 24h0m0s.\n", got.err)
			require.Empty(t, got.out)
			mine := []common.Hash{a.buy(0, 1), a.buy(0, 2)}
			a.buy(1, 3)
			require.ElementsMatch(t, mine, a.list())

			got = a.ask("list", "--limit", "1")
			require.Zero(t, got.code)
			require.Regexp(t, `^created +stage +cost +request\n20\S+Z +(waiting|proving) +- +0x[0-9a-f]{64}\n$`, got.out)
			require.Equal(t, "There are more than 1.\n", got.err)
			require.Equal(t, exitUsage, a.ask("list", "--limit", "0").code)
			require.Equal(t, exitUsage, a.ask("list", "--since", "-1h").code)
		})
	}
}

func TestNetworkRegisterMakesTheProgramKnownOnce(t *testing.T) {
	t.Parallel()
	for _, mode := range allModes {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			a := newTeller(t, mode, networktest.Options{Unregistered: true})
			got := a.ask("register")
			require.Equal(t, exitUsage, got.code)
			require.Contains(t, got.err, "set SP1_PROGRAM_VK_FILE and SP1_PROGRAM_ELF_FILE")
			require.Equal(t, exitFailed, a.ask("status").code)

			a.withProgram()
			got = a.ask("status")
			require.Zero(t, got.code, got)
			require.Contains(t, got.out, "the first claim registers it")
			require.Regexp(t, `^✓ registered: 0x[0-9a-f]{64}\n$`, a.ask("register").out)
			require.Regexp(t, `^✓ known already: 0x`, a.ask("register").out)
			require.Contains(t, a.ask("register", "--json").out, `"changed":false`)
			require.Contains(t, a.ask("status").out, "registered as 0x")

			require.NoError(t, os.WriteFile(a.env["SP1_PROGRAM_ELF_FILE"], []byte("#!/bin/sh"), 0o600))
			got = a.ask("register")
			require.Equal(t, exitUsage, got.code)
			require.Contains(t, got.err, "SP1_PROGRAM_ELF_FILE: it is not an ELF file")
		})
	}
}

func TestNetworkCancelWithdrawsWhatNobodyHasTaken(t *testing.T) {
	t.Parallel()
	a := newTeller(t, network.Mainnet, networktest.Options{Faults: networktest.Faults{Request: unbid}})
	id, other := a.buy(0, 1), a.buy(1, 2)
	got := a.ask("cancel", id.Hex())
	require.Zero(t, got.code, got)
	require.Equal(t, "✓ withdrawn: nothing will come of "+id.Hex()+"\n", got.out)
	require.Zero(t, a.Spent(common.HexToAddress(buyersAddress)).Uint64())
	got = a.ask("cancel", id.Hex(), "--json")
	require.Zero(t, got.code, "twice is as once")
	require.Empty(t, got.err)
	require.Contains(t, got.out, `"stage":"withdrawn"`)
	require.Contains(t, a.ask("request", id.Hex()).out, "✗ withdrawn: nothing will come of it")

	got = a.ask("cancel", other.Hex(), "--json")
	require.Equal(t, exitRefused, got.code)
	require.Contains(t, got.err, `"code":"forbidden"`)
}

func TestNetworkCancelSaysWhyItCannot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mode network.Mode
		fate networktest.Fate
		says string
	}{
		"a prover has it":     {network.Mainnet, networktest.Fate{Stuck: true, Slow: -time.Hour}, "A prover has taken the request"},
		"it is done":          {network.Mainnet, networktest.Fate{Slow: -time.Hour}, "The request has ended already: done."},
		"reserved capacity":   {network.Reserved, networktest.Fate{Stuck: true}, "Reserved capacity has no way to withdraw a request"},
		"a cluster's gateway": {network.Cluster, networktest.Fate{Stuck: true}, "A cluster's gateway has no way to withdraw a request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newTeller(t, c.mode, networktest.Options{Faults: networktest.Faults{Request: func(int, []byte) networktest.Fate { return c.fate }}})
			got := a.ask("cancel", a.buy(0, 1).Hex())
			require.Equal(t, exitRefused, got.code)
			require.Contains(t, got.err, c.says)
			require.Empty(t, a.Refused(), "nothing was signed for it")
		})
	}
}

func TestAnInterruptedCancelSaysHowToLookAgain(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	a := newTeller(t, network.Mainnet, networktest.Options{Faults: networktest.Faults{
		Request: unbid,
		Call: func(method string) networktest.CallFault {
			if method == "CancelRequest" {
				interrupt()
				return networktest.Hangs
			}
			return networktest.Works
		},
	}})
	id := a.buy(0, 1)
	got := a.askIn(ctx, "cancel", id.Hex())
	require.Equal(t, exitInterrupted, got.code)
	require.Contains(t, got.err, "claimprover network request "+id.Hex())
	require.Equal(t, exitInterrupted, a.askIn(ctx, "status").code)
	require.Equal(t, exitInterrupted, a.askIn(ctx, "list").code)
}

func TestThePaperShowsWhatTheCommandsPrint(t *testing.T) {
	t.Parallel()
	paper, err := os.ReadFile("../../docs/network.md")
	require.NoError(t, err)
	a := newTeller(t, network.Mainnet, networktest.Options{
		Executed: time.Nanosecond, Assigned: time.Hour, Fulfilled: time.Hour, Faults: networktest.Faults{Request: unbid},
	})
	id := a.buy(0, 1)
	hash, moment := regexp.MustCompile("0x[0-9a-f]{64}"), regexp.MustCompile(`20[0-9T:-]{17}Z`)
	for _, command := range [][]string{{"status"}, {"list"}, {"request", id.Hex()}, {"cancel", id.Hex()}, {"register"}} {
		got := a.ask(command...)
		require.Zero(t, got.code, got)
		shown := "$ claimprover network " + strings.Join(command, " ") + "\n" + got.err + got.out
		shown = hash.ReplaceAllString(strings.ReplaceAll(shown, a.URL, "https://rpc.mainnet.succinct.xyz"), "0x…")
		require.Contains(t, string(paper), "```\n"+moment.ReplaceAllString(shown, "2026-11-24T12:00:00Z")+"```\n")
	}
}

func TestWhatTheNetworkSaysHasItsExitCode(t *testing.T) {
	t.Parallel()
	exits := map[int][]codes.Code{
		exitLater:       {codes.Unavailable, codes.DeadlineExceeded, codes.Internal, codes.Aborted, codes.Canceled, codes.ResourceExhausted},
		exitCredentials: {codes.Unauthenticated, codes.PermissionDenied},
		exitRefused:     {codes.InvalidArgument, codes.NotFound, codes.FailedPrecondition, codes.Unimplemented, codes.OutOfRange, codes.AlreadyExists, codes.DataLoss},
		exitFailed:      {codes.Unknown},
	}
	for exit, all := range exits {
		for _, c := range all {
			err := sorted(t.Context(), fmt.Errorf("asking: %w", status.Error(c, "no \x1b[2J")))
			var out bytes.Buffer
			require.Equal(t, exit, report(err, &out, false), c)
			require.NotContains(t, out.String(), "\x1b", "it is a stranger's text")
		}
	}
	require.NoError(t, sorted(t.Context(), nil))
	ctx, cancel := context.WithTimeoutCause(t.Context(), 0, errNoAnswer)
	defer cancel()
	require.Equal(t, exitLater, report(sorted(t.Context(), context.Cause(ctx)), io.Discard, false))
}
