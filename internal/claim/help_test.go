package claim_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
)

var (
	// miniAlice is the mini secret of //Alice, the account that every Substrate development chain knows.
	miniAlice = [32]byte(hexutil.MustDecode("0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"))
	keyAlice  = [32]byte(hexutil.MustDecode("0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"))

	recipient = common.HexToAddress("0x742d35Cc6634C0532925a3b844Bc9e7595f4a3b2")
	amount    = *uint256.NewInt(5009550328826873592)
	domain    = claim.Domain{Contract: common.HexToAddress("0x25e02490ff74668543f167aab838c835ed202db7"), ChainID: 84532, ProverMode: "mock"}
)

func alice(t testing.TB) claim.Wallet {
	t.Helper()
	w, err := claim.WalletFromSeed(miniAlice)
	require.NoError(t, err)
	return w
}

func signed(t testing.TB) claim.Claim {
	t.Helper()
	c, err := alice(t).Claim(domain, 42, recipient, amount)
	require.NoError(t, err)
	return c
}

// fields are the five strings that a dApp would submit for c.
func fields(c claim.Claim) map[string]string {
	return map[string]string{
		"ss58Address": c.SS58,
		"signature":   hexutil.Encode(c.Signature[:]),
		"evmAddress":  hexutil.Encode(c.EVMAddress[:]),
		"challenge":   hexutil.Encode(c.Challenge[:]),
		"amount":      c.Amount.Dec(),
	}
}

func body(t testing.TB, fields map[string]string) []byte {
	t.Helper()
	text, err := json.Marshal(fields)
	require.NoError(t, err)
	return text
}

// with is the body of a good claim but for one field.
func with(t testing.TB, name, value string) []byte {
	t.Helper()
	f := maps.Clone(fields(signed(t)))
	f[name] = value
	return body(t, f)
}

// raw is the body of a good claim with members put before its own.
func raw(t testing.TB, members string) []byte {
	t.Helper()
	return []byte(strings.Replace(string(body(t, fields(signed(t)))), "{", "{"+members+",", 1))
}
