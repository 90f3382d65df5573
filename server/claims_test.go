package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/chain"
	"claimprover/internal/claim"
	"claimprover/internal/eligibility"
	"claimprover/internal/fault"
	"claimprover/server"
)

const recipient = "0x742d35Cc6634C0532925a3b844Bc9e7595f4a3b2"

func listOf(t *testing.T, w claim.Wallet, amount string) *eligibility.List {
	t.Helper()
	list, err := eligibility.Load(strings.NewReader(fmt.Sprintf(`{"entries":{%q:{"pubkey":"0x%x","balance":%q}}}`, w.Address(42), w.PublicKey(), amount)), 0)
	require.NoError(t, err)
	return list
}

// says is a contract that says the same of everybody.
func says(change func(*chain.Standing)) func(context.Context, [32]byte) (chain.Standing, error) {
	s := chain.Standing{Terms: chain.Terms{
		ChainID: domain.ChainID, Block: chain.Block{Number: 7, Time: time.Unix(1000, 0)}, ZKVerifier: common.MaxAddress, UnlockedBps: 1000,
	}}
	change(&s)
	return func(context.Context, [32]byte) (chain.Standing, error) { return s, nil }
}

func (w *world) claimStatus(path string) api.ClaimStatus {
	w.t.Helper()
	r := w.call("GET", "/v1/claims/"+path, "", withAlice)
	require.Equal(w.t, 200, r.StatusCode, "%s", r.body)
	return into[api.ClaimStatus](w.t, r)
}

func TestWhatIsSaidOfAClaim(t *testing.T) {
	t.Parallel()
	alice := wallet(t)
	path := alice.Address(42)

	t.Run("an open one, with its shares and what its wallet signs", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{claims: server.Claims{List: listOf(t, alice, "1005"), Standing: says(func(s *chain.Standing) { s.Deadline = time.Unix(2000, 0) })}})
		got := w.claimStatus(path + "?evmAddress=" + recipient)
		require.True(t, *got.Eligible)
		require.True(t, *got.Open)
		require.Nil(t, got.Refusal)
		require.Equal(t, "1005", got.Amount)
		require.Equal(t, domain.ChainID, got.ChainID)
		require.Equal(t, &api.ClaimOnChain{Block: 7, Deadline: api.At(time.Unix(2000, 0).UTC()), UnlockedBps: 1000, Unlocked: "100", Vesting: "905"}, got.OnChain)

		// Whoever signs these bytes has a claim that is taken.
		signature, err := alice.Sign(got.Sign.Bytes)
		require.NoError(t, err)
		body := api.Submission{SS58Address: path, Signature: fmt.Sprintf("0x%x", signature), EVMAddress: recipient, Challenge: fmt.Sprintf("0x%x", []byte(got.Sign.Challenge)), Amount: got.Amount}
		r := w.call("POST", "/v1/jobs", string(api.Encode(body)), withAlice)
		require.Equal(t, 202, r.StatusCode, "%s", r.body)
		require.Empty(t, w.call("GET", "/v1/claims/"+path, "", withAlice).Header.Get("RateLimit"), "a question counts on nothing")
		require.Equal(t, 200, w.call("HEAD", "/v1/claims/"+path, "", withAlice).StatusCode)
	})

	t.Run("why one is not open", func(t *testing.T) {
		t.Parallel()
		other := listOf(t, wallet(t), "1")
		for code, claims := range map[fault.Code]server.Claims{
			fault.NotEligible:    {List: other, Standing: says(func(s *chain.Standing) { s.Claimed = *uint256.NewInt(5) })},
			fault.AlreadyClaimed: {Standing: says(func(s *chain.Standing) { s.Claimed, s.Final = *uint256.NewInt(5), true })},
			fault.ClaimsClosed:   {Standing: says(func(s *chain.Standing) { s.Paused = true })},
		} {
			got := open(t, settings{claims: claims}).claimStatus(path)
			require.False(t, *got.Open, code)
			require.Equal(t, string(code), got.Refusal.Code)
			require.NotEmpty(t, got.Refusal.Message)
			require.Equal(t, code != fault.ClaimsClosed, got.OnChain.Claimed)
			require.Equal(t, code == fault.AlreadyClaimed, got.OnChain.Final)
			require.Equal(t, map[bool]string{true: "5"}[got.OnChain.Claimed], got.OnChain.ClaimedAmount)
			require.Empty(t, got.OnChain.Unlocked, "without an amount there are no shares")
		}
		got := open(t, settings{claims: server.Claims{List: other}}).claimStatus(path)
		require.Equal(t, "not_eligible", got.Refusal.Code)
		require.Nil(t, got.OnChain)
	})

	t.Run("a restricted account is paid nothing at once", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{claims: server.Claims{Standing: says(func(s *chain.Standing) { s.Restricted = true })}})
		got := w.claimStatus(path + "?amount=1000")
		require.Equal(t, &api.ClaimOnChain{Block: 7, Restricted: true, Unlocked: "0", Vesting: "1000"}, got.OnChain)
		require.Nil(t, got.Sign)
	})

	t.Run("without a list and a chain there is a challenge still, and no word on whether it is open", func(t *testing.T) {
		t.Parallel()
		got := open(t, settings{}).claimStatus(path + "?amount=0001000&evmAddress=" + strings.TrimPrefix(recipient, "0x"))
		require.Nil(t, got.Open)
		require.Nil(t, got.Eligible)
		challenge := domain.Challenge(common.HexToAddress(recipient), *uint256.NewInt(1000))
		require.Equal(t, api.Hex(challenge[:]), got.Sign.Challenge)
		require.Equal(t, "1000", got.Amount)
	})

	t.Run("a chain without a sure answer is no answer", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{claims: server.Claims{Standing: func(context.Context, [32]byte) (chain.Standing, error) {
			return chain.Standing{}, fault.New(fault.RPCUnavailable, "Away.").RetryIn(time.Second)
		}}})
		r := w.call("GET", "/v1/claims/"+path, "", withAlice)
		require.Equal(t, 503, r.StatusCode)
		require.Equal(t, "rpc_unavailable", r.code(t))
	})
}

func TestAskingOfAClaim(t *testing.T) {
	t.Parallel()
	alice := wallet(t)
	path := "/v1/claims/" + alice.Address(42)

	t.Run("needs a credential that reads, and one for this account", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{Options: server.Options{AnonymousAllowed: true}})
		require.Equal(t, 401, w.call("GET", path, "").StatusCode)
		require.Equal(t, 403, w.call("GET", path, "", bearer(w.mint(`{"scope":["submit"]}`))).StatusCode)
		require.Equal(t, 403, w.call("GET", path, "", bearer(w.mint(`{"ss58Address":"`+wallet(t).Address(42)+`"}`))).StatusCode)
		require.Equal(t, 200, w.call("GET", path, "", bearer(w.mint(`{"ss58Address":"`+alice.Address(42)+`"}`))).StatusCode)
		require.Equal(t, 200, w.call("GET", path+"?access_token="+aliceKey, "").StatusCode)
	})

	t.Run("is read strictly, and a refusal names everything that is wrong", func(t *testing.T) {
		t.Parallel()
		unlisted := open(t, settings{})
		listed := open(t, settings{claims: server.Claims{List: listOf(t, alice, "1000")}})
		zero := "/v1/claims/" + claim.FormatAddress(42, [32]byte{})
		for _, c := range []struct {
			w     *world
			path  string
			wrong []string
		}{
			{unlisted, zero, []string{"ss58"}},
			{unlisted, "/v1/claims/5F", []string{"ss58"}},
			{unlisted, "/v1/claims/" + alice.Address(42)[1:] + "?evmAddress=0x12&amount=1e3&x=1", []string{"ss58", "evmAddress", "amount", "x"}},
			{unlisted, path + "?evmAddress=" + recipient, []string{"amount"}},
			{unlisted, path + "?evmAddress=" + recipient + "&amount=0", []string{"amount"}},
			{unlisted, path + "?evmAddress=" + recipient + "&amount=1&amount=1", []string{"amount"}},
			{unlisted, path + "?evmAddress=" + recipient + "&evmAddress=" + recipient, []string{"evmAddress"}},
			{unlisted, path + "?evmaddress=" + recipient, []string{"evmaddress"}},
			{unlisted, path + "?amount=", []string{"amount"}},
			{unlisted, path + "?evmAddress=0x0000000000000000000000000000000000000000&amount=1", []string{"evmAddress"}},
			{unlisted, path + "?amount=%zz", []string{"query"}},
			{unlisted, path + "?amount=1;evmAddress=2", []string{"query"}},
			{listed, path + "?amount=1000", []string{"amount"}},
		} {
			r := c.w.call("GET", c.path, "", withAlice)
			require.Equal(t, 400, r.StatusCode, "%s: %s", c.path, r.body)
			refused := into[api.Error](t, r)
			require.Len(t, refused.Fields, len(c.wrong), "%s: %s", c.path, r.body)
			for _, name := range c.wrong {
				require.NotEmpty(t, refused.Fields[name], "%s: %s", c.path, r.body)
			}
		}
		require.Equal(t, 404, listed.call("GET", "/v1/claims/", "", withAlice).StatusCode)
		require.Equal(t, 405, listed.call("POST", path, `{}`, withAlice).StatusCode)
	})

	t.Run("an account that is not listed has no challenge", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{claims: server.Claims{List: listOf(t, alice, "1000")}})
		r := w.call("GET", "/v1/claims/"+wallet(t).Address(42)+"?evmAddress="+recipient, "", withAlice)
		require.Equal(t, 200, r.StatusCode)
		var fields map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(r.body, &fields))
		require.Contains(t, fields, "refusal")
		require.NotContains(t, fields, "sign")
		require.NotContains(t, fields, "amount")
	})
}
