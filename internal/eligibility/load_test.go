package eligibility_test

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
	"claimprover/internal/eligibility"
)

const (
	aliceKey  = "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
	aliceName = "tgGmBRR5yM53bvq8tTzgsUirpPtfCXngYYU7uiihmWFJhmYGM"
	aliceRoot = "0x47789abf532e3a2be08628263731c1d99176f98f733b226723df2a8a8f165327" // alone, with that balance
	balance   = "5009550328826873592"
)

func TestLoadAccepts(t *testing.T) {
	t.Parallel()
	full := fmt.Sprintf(`{"pubkey":%q,"balance":%q,"proof":["0x00"],"leaf":[%q,%q],"ss58Address":%q}`, aliceKey, balance, aliceKey, balance, aliceName)
	for name, text := range map[string]string{
		"what the generator writes":            fmt.Sprintf(`{"root":%q,"totalValue":"1","entryCount":1,"entries":{%q:%s},"entriesByPubkey":{%q:%s}}`, aliceRoot, aliceName, full, aliceKey, full),
		"its sections the other way round":     fmt.Sprintf(`{"entriesByPubkey":{%q:%s},"entries":{%q:%s},"root":%q}`, aliceKey, full, aliceName, full, aliceRoot),
		"entries alone":                        fmt.Sprintf(`{"entries":{%q:%s}}`, aliceName, full),
		"entriesByPubkey as null":              fmt.Sprintf(`{"entries":{%q:%s},"entriesByPubkey":null}`, aliceName, full),
		"entriesByPubkey with balances alone":  fmt.Sprintf(`{"entries":{},"entriesByPubkey":{%q:{"balance":%q}}}`, aliceKey, balance),
		"entriesByPubkey with better entries":  fmt.Sprintf(`{"entries":{"x":{"balance":"-"}},"entriesByPubkey":{%q:{"balance":%q}}}`, aliceKey, balance),
		"entries that entriesByPubkey lacks":   fmt.Sprintf(`{"entries":{"5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM":{"balance":"1"}},"entriesByPubkey":{%q:%s}}`, aliceKey, full),
		"the same the other way round":         fmt.Sprintf(`{"entriesByPubkey":{%q:%s},"entries":{"5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM":{"balance":"1"}}}`, aliceKey, full),
		"keys in capitals or without 0x":       fmt.Sprintf(`{"entries":{},"entriesByPubkey":{%q:{"balance":%q}}}`, strings.ToUpper(aliceKey[2:]), balance),
		"the object entries by itself":         fmt.Sprintf(`{%q:%s}`, aliceName, full),
		"its older form":                       fmt.Sprintf(`{%q:{"proof":[],"leaf":[%q,%q]}}`, aliceName, aliceName, balance),
		"names that are no addresses":          fmt.Sprintf(`{"entries":{"alice":{"pubkey":%q,"balance":%q}}}`, aliceKey, balance),
		"one account under two prefixes":       fmt.Sprintf(`{"entries":{%q:{"balance":%q},"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY":{"balance":%q}}}`, aliceName, balance, balance),
		"members that nobody knows":            fmt.Sprintf(`{"block":8116528,"x":{"entries":[]},"entries":{%q:%s}}`, aliceName, full),
		"an entryCount that is wrong or worse": fmt.Sprintf(`{"entryCount":999999999999999,"entries":{%q:%s}}`, aliceName, full),
		"an entryCount as text":                fmt.Sprintf(`{"entryCount":"1","entries":{%q:%s}}`, aliceName, full),
		"escapes in names":                     strings.Replace(fmt.Sprintf(`{"entries":{%q:%s}}`, aliceName, full), `"balance"`, `"\u0062alance"`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int64{int64(len(text)), 0, -1, 1 << 40} {
				list, err := eligibility.Load(iotest.OneByteReader(strings.NewReader(text)), size)
				require.NoError(t, err)
				require.Equal(t, 1, list.Len())
				require.Equal(t, common.HexToHash(aliceRoot), common.Hash(list.Root()))
				amount, listed := list.Lookup(common.HexToHash(aliceKey))
				require.True(t, listed)
				require.Equal(t, decimal(balance), amount)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	entry := func(name, value string) string { return fmt.Sprintf(`{"entries":{%q:%s}}`, name, value) }
	byPubkey := func(name, value string) string {
		return fmt.Sprintf(`{"entries":{},"entriesByPubkey":{%q:%s}}`, name, value)
	}
	good := fmt.Sprintf(`{"balance":%q}`, balance)
	for _, c := range []struct{ name, text, says string }{
		{"an empty file", "", "ends in the middle"},
		{"half a file", entry(aliceName, good)[:90], "ends in the middle"},
		{"no JSON", "root: 0x", "not valid JSON"},
		{"no object", "[]", "entries is missing"},
		{"no entries", `{"root":"` + aliceRoot + `"}`, "entries is missing"},
		{"entriesByPubkey without entries", fmt.Sprintf(`{"entriesByPubkey":{%q:%s}}`, aliceKey, good), "entries is missing"},
		{"entries as an array", `{"entries":[]}`, "entries must be an object"},
		{"entries as null", `{"entries":null}`, "entries must be an object"},
		{"entriesByPubkey as an array", `{"entries":{},"entriesByPubkey":[]}`, "entriesByPubkey must be an object"},
		{"entries twice", `{"entries":{},"entries":{}}`, "entries is there twice"},
		{"entriesByPubkey twice", `{"entries":{},"entriesByPubkey":{},"entriesByPubkey":{}}`, "entriesByPubkey is there twice"},
		{"entries inside and outside", fmt.Sprintf(`{%q:%s,"entries":{}}`, aliceName, good), "inside and outside"},
		{"something after the list", entry(aliceName, good) + "{}", "something follows the list"},
		{"another root", strings.Replace(entry(aliceName, good), "{", fmt.Sprintf(`{"root":%q,`, aliceKey), 1), "the entries make " + aliceRoot},
		{"a root that is no hex", `{"root":"0x12","entries":{}}`, "root must be 32 bytes"},
		{"a root that is no string", `{"root":12,"entries":{}}`, "root must be a JSON string"},
		{"an entry that is no object", entry(aliceName, `"`+balance+`"`), `entry "` + aliceName + `": must be an object`},
		{"an entry without a balance", entry(aliceName, `{"proof":[]}`), "balance is missing"},
		{"a balance as a number", entry(aliceName, `{"balance":1e18}`), "balance must be a JSON string"},
		{"a balance as null", byPubkey(aliceKey, `{"balance":null}`), "balance must be a JSON string"},
		{"an empty balance", entry(aliceName, `{"balance":""}`), "balance must be a JSON string"},
		{"a balance twice", entry(aliceName, `{"balance":"1","balance":"2"}`), "balance is there twice"},
		{"a balance with a point", byPubkey(aliceKey, `{"balance":"1.5"}`), "balance must be decimal digits"},
		{"a balance of 2^256", byPubkey(aliceKey, `{"balance":"115792089237316195423570985008687907853269984665640564039457584007913129639936"}`), "balance is greater than"},
		{"a name that is no key", byPubkey("0xd43593", good), `entry "0xd43593": its name must be 32 bytes`},
		{"an address as a key", byPubkey(aliceName, good), "its name must be 32 bytes"},
		{"no pubkey and no address", entry("alice", good), `entry "alice": pubkey is missing`},
		{"a pubkey that is too short", entry("alice", `{"pubkey":"0x12","balance":"1"}`), "pubkey must be 32 bytes"},
		{"a pubkey as a number", entry("alice", `{"pubkey":1,"balance":"1"}`), "pubkey must be a JSON string"},
		{"a pubkey of another address", entry(aliceName, fmt.Sprintf(`{"pubkey":%q,"balance":"1"}`, aliceRoot)), "another key than the name"},
		{"a pubkey of another key", byPubkey(aliceKey, fmt.Sprintf(`{"pubkey":%q,"balance":"1"}`, aliceRoot)), "another key than the name"},
		{"a key with two balances", fmt.Sprintf(`{"entries":{},"entriesByPubkey":{%q:{"balance":"1"},%q:{"balance":"2"}}}`, aliceKey, aliceKey[2:]), "key " + aliceKey + " is listed twice, with 1 and with 2"},
		{"a wrong entry before the sections end", `{"entries":{"alice":{"balance":"1"}},"x":[`, "ends in the middle"},
		{"a leaf without an amount", entry(aliceName, `{"leaf":["x"]}`), "balance is missing"},
		{"a leaf that is no array", entry(aliceName, `{"leaf":{}}`), "balance is missing"},
		{"a leaf with a number", entry(aliceName, `{"leaf":["x",1]}`), "leaf must be a JSON string"},
		{"invalid UTF-8", entry("a", "{\"balance\":\"\xff\"}"), "not valid JSON"},
		{"great depth", `{"x":` + strings.Repeat("[", 20_000), "not valid JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			list, err := eligibility.Load(strings.NewReader(c.text), int64(len(c.text)))
			require.ErrorContains(t, err, c.says)
			require.Nil(t, list)
			require.Less(t, len(err.Error()), 500)
		})
	}
}

func TestAnyRootTakesAChangedList(t *testing.T) {
	t.Parallel()
	text := fmt.Sprintf(`{"root":%q,"entries":{%q:{"balance":%q}}}`, aliceKey, aliceName, balance)
	list, err := eligibility.Loader{AnyRoot: true}.Load(strings.NewReader(text), int64(len(text)))
	require.NoError(t, err)
	require.Equal(t, common.HexToHash(aliceRoot), common.Hash(list.Root()))
	require.Equal(t, common.HexToHash(aliceKey), common.Hash(list.Stated()), "both are known")
}

func TestLoadKeepsEveryEntryHoweverItGuessed(t *testing.T) {
	t.Parallel()
	accounts := make([]account, 2500)
	for i := range accounts {
		accounts[i] = account{Key: common.BigToHash(big.NewInt(int64(i))), Amount: fmt.Sprint(i)}
	}
	text := listOf(accounts...)
	// A long note before or blanks behind the entries make the guess from the part that was read too low or too high.
	long := strings.Replace(text, `{"entries":{}`, `{"entries":{},"note":"`+strings.Repeat("x", 1<<20)+`"`, 1)
	for _, text := range []string{text, long, long + strings.Repeat(" ", 1<<20)} {
		for _, size := range []int64{int64(len(text)), 0, 1 << 30} {
			list, err := eligibility.Load(strings.NewReader(text), size)
			require.NoError(t, err)
			require.Equal(t, len(accounts), list.Len())
		}
	}
}

func TestOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "list.json")

	_, err := eligibility.Open(path)
	require.ErrorIs(t, err, os.ErrNotExist)

	require.NoError(t, os.WriteFile(path, []byte(`{"entries":{"alice":{}}}`), 0o600))
	_, err = eligibility.Open(path)
	require.ErrorContains(t, err, path)
	require.ErrorContains(t, err, `entry "alice"`)

	require.NoError(t, os.WriteFile(path, []byte(listOf(account{Key: common.HexToHash(aliceKey), Amount: balance})), 0o600))
	list, err := eligibility.Open(path)
	require.NoError(t, err)
	require.Equal(t, 1, list.Len())

	_, err = eligibility.Open(t.TempDir())
	require.Error(t, err)
}

func TestATroubleOfTheDiskIsNotCalledBadJSON(t *testing.T) {
	t.Parallel()
	trouble := errors.New("disk on fire")
	whole := listOf(account{Key: common.HexToHash(aliceKey), Amount: balance})
	for cut := range len(whole) {
		_, err := eligibility.Load(io.MultiReader(strings.NewReader(whole[:cut]), iotest.ErrReader(trouble)), 0)
		require.ErrorIs(t, err, trouble)
		require.NotContains(t, err.Error(), "not valid JSON")
	}
}

func ExampleList_Check() {
	text := fmt.Sprintf(`{"entries":{%q:{"balance":%q}}}`, aliceName, balance)
	list, err := eligibility.Load(strings.NewReader(text), int64(len(text)))
	if err != nil {
		panic(err)
	}
	key, err := claim.ParseAddress(aliceName)
	if err != nil {
		panic(err)
	}
	fmt.Println(list.Check(claim.Claim{PublicKey: key, Amount: decimal(balance)}))
	fmt.Printf("%x\n", list.Root())
	// Output:
	// <nil>
	// 47789abf532e3a2be08628263731c1d99176f98f733b226723df2a8a8f165327
}
