package config_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// what the Rust service read from its environment, with its defaults; its seed's API code last changed 2026-04-24.
var before = map[string]string{
	"PORT": "8080", "SP1_PROVER": "local", "ALLOW_MOCK": "false", "VERIFY_PROOF": "false", "VERIFY_ONCHAIN": "false",
	"VERIFY_ONCHAIN_RPC_URL": "", "RPC_URL": "http://localhost:8545", "SP1_VERIFIER_ADDRESS": "0x397A5f7f3dBd538f23DE225B51f532c34448dA9B",
	"SP1_PROGRAM_VKEY": "", "CLAIM_CONTRACT_ADDRESS": "", "CLAIM_CONTRACT_RPC_URL": "", "CACHE_TTL_SECONDS": "3600",
	"RATE_LIMIT_WINDOW_SECONDS": "300", "RATE_LIMIT_MAX_REQUESTS": "3", "IP_RATE_LIMIT_WINDOW_SECONDS": "60",
	"IP_RATE_LIMIT_MAX_REQUESTS": "10", "QUEUE_CAPACITY": "50", "WORKER_COUNT": "4", "PROOF_TIMEOUT_SECONDS": "600",
	"RPC_TIMEOUT_SECONDS": "10", "MAX_BODY_BYTES": "4096", "JOBS_TTL_SECONDS": "3600", "ELIGIBILITY_FILE": "../merkle-tree.json",
	"VERIFY_SIGNATURES": "true", "TRUST_PROXY_HEADERS": "false", "CORS_ALLOWED_ORIGINS": "", "NETWORK_PRIVATE_KEY": "", "RUST_LOG": "info",
}

// gone are those that are not read any more.
var gone = []string{"RUST_LOG"}

func TestThePaperOnMigratingNamesEverySettingOfTheRustServiceWithBothDefaults(t *testing.T) {
	t.Parallel()
	paper, err := os.ReadFile("../../docs/migrate.md")
	require.NoError(t, err)
	c, _, reader := read(t, settings{})
	now := map[string]string{}
	for _, s := range reader.List(c) {
		now[s.Name] = s.Value
	}
	said := func(cell string) string { return strings.Trim(strings.Replace(cell, "unset", "", 1), "`") }

	rows := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z0-9_]+)` \\| (\\S+) \\| (\\S+) \\| (.+) \\|$").FindAllStringSubmatch(string(paper), -1) {
		name, there, here, change := row[1], said(row[2]), said(row[3]), row[4]
		rows[name] = true
		was, known := before[name]
		require.True(t, known, "%s is no setting of the Rust service", name)
		require.Equal(t, was, there, "%s: its default there", name)
		if slices.Contains(gone, name) {
			require.Equal(t, "gone", here, name)
			require.NotContains(t, now, name)
			continue
		}
		require.Equal(t, now[name], here, "%s: its default here", name)
		if there != here {
			require.NotContains(t, change, "nothing", "%s: its default has changed", name)
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(rows)))
}

// Every setting of the network that the paper calls needed is one without which the network is refused.
func TestThePaperOnMigratingSaysWhatTheNetworkNeeds(t *testing.T) {
	t.Parallel()
	paper, err := os.ReadFile("../../docs/migrate.md")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(paper), "everything that makes a proof worth having: ")
	require.True(t, found)
	list, _, _ := strings.Cut(rest, ".")
	var named []string
	for _, name := range regexp.MustCompile("`([A-Z0-9_]+)`").FindAllStringSubmatch(list, -1) {
		named = append(named, name[1])
	}
	_, verdict, _ := read(t, settings{"SP1_PROVER": "network", "API_KEYS": "0123456789abcdef"})
	var needed []string
	for _, p := range verdict.Problems {
		if p.Setting != "MAX_PROOFS_PER_DAY" { // which the paper calls a list or a budget
			needed = append(needed, p.Setting)
		}
	}
	require.ElementsMatch(t, needed, named)
}
