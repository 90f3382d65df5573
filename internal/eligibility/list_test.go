package eligibility_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/internal/claim"
	"claimprover/internal/eligibility"
	"claimprover/internal/fault"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(loadAlone); path != "" {
		measureLoad(path)
		return
	}
	goleak.VerifyTestMain(m)
}

// account is one entry of a test's list.
type account struct {
	Key    common.Hash
	Amount string
	Proof  []common.Hash
}

// listOf is a file with these accounts in entriesByPubkey.
func listOf(accounts ...account) string {
	rows := make([]string, len(accounts))
	for i, a := range accounts {
		rows[i] = fmt.Sprintf(`%q:{"balance":%q}`, a.Key, a.Amount)
	}
	return `{"entries":{},"entriesByPubkey":{` + strings.Join(rows, ",") + `}}`
}

func load(t testing.TB, text string) *eligibility.List {
	t.Helper()
	list, err := eligibility.Load(strings.NewReader(text), int64(len(text)))
	require.NoError(t, err)
	return list
}

func decimal(text string) uint256.Int { return *uint256.MustFromDecimal(text) }

// verifies walks a proof as the contract does: OpenZeppelin's MerkleProof.verify over the leaf hashed twice.
func verifies(root [32]byte, key common.Hash, amount uint256.Int, proof [][32]byte) bool {
	value := amount.Bytes32()
	at := crypto.Keccak256(crypto.Keccak256(key[:], value[:]))
	for _, step := range proof {
		if bytes.Compare(at, step[:]) > 0 {
			at = crypto.Keccak256(step[:], at)
		} else {
			at = crypto.Keccak256(at, step[:])
		}
	}
	return bytes.Equal(at, root[:])
}

func TestTreeIsOpenZeppelins(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/merkle.json")
	require.NoError(t, err)
	var trees []struct {
		Root    common.Hash
		Entries []account
	}
	require.NoError(t, json.Unmarshal(text, &trees))
	require.Len(t, trees, 6)
	for _, tree := range trees {
		t.Run(fmt.Sprintf("of %d accounts", len(tree.Entries)), func(t *testing.T) {
			t.Parallel()
			list := load(t, listOf(tree.Entries...))
			require.Equal(t, len(tree.Entries), list.Len())
			require.Equal(t, [32]byte(tree.Root), list.Root())
			for _, e := range tree.Entries {
				amount, listed := list.Lookup(e.Key)
				require.True(t, listed)
				require.Equal(t, decimal(e.Amount), amount)
				proof, listed := list.Proof(e.Key)
				require.True(t, listed)
				require.Equal(t, e.Proof, asHashes(proof))
				require.True(t, verifies(list.Root(), e.Key, amount, proof))
				require.False(t, verifies(list.Root(), e.Key, *amount.AddUint64(&amount, 1), proof))
			}
		})
	}
}

func asHashes(proof [][32]byte) []common.Hash {
	hashes := make([]common.Hash, len(proof))
	for i, step := range proof {
		hashes[i] = step
	}
	return hashes
}

// TestWorkedValues are from the generator's own test set and from claims that the compiled contract accepted.
func TestWorkedValues(t *testing.T) {
	t.Parallel()
	alice := common.HexToHash("0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d")

	t.Run("the root of a single account is its leaf", func(t *testing.T) {
		t.Parallel()
		for amount, leaf := range map[string]string{
			"5009550328826873592": "0x47789abf532e3a2be08628263731c1d99176f98f733b226723df2a8a8f165327",
			"1":                   "0xfc5bbdc6962e304357b55132afc9dbc10c4991a946ee4d5cd02bb4171967ed1c",
			"115792089237316195423570985008687907853269984665640564039457584007913129639935": "0x93cb28b949c810aa2dc642dd4a0508254289d1a2b0ce3efa06f27349cf5b8820",
		} {
			list := load(t, listOf(account{Key: alice, Amount: amount}))
			require.Equal(t, common.HexToHash(leaf), common.Hash(list.Root()))
			proof, listed := list.Proof(alice)
			require.True(t, listed)
			require.Empty(t, proof)
			require.NotNil(t, proof)
		}
	})

	t.Run("proofs of one tree differ in length", func(t *testing.T) {
		t.Parallel()
		last := common.HexToHash("0xe659a7a1628cdd93febc04a4e0646ea20e9f5f0ce097d9a05290d4a9e054df4e")
		list := load(t, listOf(
			account{Key: alice, Amount: "1000000000000000000000000"},
			account{Key: common.HexToHash("0x8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48"), Amount: "500000000000000000000000"},
			account{Key: common.HexToHash("0x90b5ab205c6974c9ea841be688864633dc9ca8a357843eeacf2314649965fe22"), Amount: "250000000000000000000000"},
			account{Key: common.HexToHash("0x306721211d5404bd9da88e0204360a1a9ab8b87c66c1bc2fcdd37f3c2222cc20"), Amount: "100000000000000000000000"},
			account{Key: last, Amount: "50000000000000000000000"},
		))
		require.Equal(t, common.HexToHash("0x51986a17625a828c089acb7cf55348b8e27fe19e2c34c600d8326ac6d6925ff5"), common.Hash(list.Root()))
		proof, _ := list.Proof(alice)
		require.Equal(t, []common.Hash{
			common.HexToHash("0x16fd72842b38d01c3de371526485649b2b6b83dab55a5a56e57f0bc6e11abed8"),
			common.HexToHash("0xbc68b3fd0a4819c359ee266305fa3608b76cebd881810f17a55b84256e4cf7c7"),
			common.HexToHash("0xb68294bcaa4072a3363a4b67df419ebb77be0112e72e750a258a3d0232a6ed86"),
		}, asHashes(proof))
		proof, _ = list.Proof(last)
		require.Equal(t, []common.Hash{
			common.HexToHash("0xbe6c142433584af370ed0ab5c3b192987f6acfcb0c6c86663dcdfe563f400d32"),
			common.HexToHash("0xb68294bcaa4072a3363a4b67df419ebb77be0112e72e750a258a3d0232a6ed86"),
		}, asHashes(proof))
	})
}

func TestALargeTreeProvesEveryAccount(t *testing.T) {
	t.Parallel()
	accounts := make([]account, 5000) // enough that levels are hashed in parallel, and no power of two
	for i := range accounts {
		accounts[i] = account{Key: crypto.Keccak256Hash(fmt.Append(nil, i)), Amount: fmt.Sprint(i)}
	}
	list := load(t, listOf(accounts...))
	for _, a := range accounts {
		proof, listed := list.Proof(a.Key)
		require.True(t, listed)
		require.True(t, verifies(list.Root(), a.Key, decimal(a.Amount), proof))
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	key := common.HexToHash("0x01")
	list := load(t, listOf(account{Key: key, Amount: "1000"}, account{Key: common.HexToHash("0x02"), Amount: "7"}))

	t.Run("passes the listed amount", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, list.Check(claim.Claim{PublicKey: key, Amount: decimal("1000")}))
	})
	t.Run("refuses another amount without telling the listed one", func(t *testing.T) {
		t.Parallel()
		for _, amount := range []string{"999", "1001", "7", "0"} {
			err := list.Check(claim.Claim{PublicKey: key, Amount: decimal(amount)})
			require.Equal(t, fault.AmountMismatch, fault.Of(err).Code)
			require.Contains(t, fault.Of(err).Message, "check that this is the account from the snapshot")
			require.NotContains(t, err.Error(), "1000")
		}
	})
	t.Run("refuses an account that is not listed", func(t *testing.T) {
		t.Parallel()
		for _, key := range []common.Hash{{}, common.HexToHash("0x03"), allOnes} {
			err := list.Check(claim.Claim{PublicKey: key, Amount: decimal("1000")})
			require.Equal(t, fault.NotEligible, fault.Of(err).Code)
			require.Contains(t, fault.Of(err).Message, "Check that it is the account from the snapshot")
			_, listed := list.Lookup(key)
			require.False(t, listed)
			_, listed = list.Proof(key)
			require.False(t, listed)
		}
	})
	t.Run("a list without entries refuses everybody", func(t *testing.T) {
		t.Parallel()
		empty := load(t, `{"entries":{}}`)
		require.Zero(t, empty.Len())
		require.Zero(t, empty.Root())
		require.Equal(t, fault.NotEligible, fault.Of(empty.Check(claim.Claim{PublicKey: key})).Code)
	})
}

var allOnes = common.Hash(hexutil.MustDecode("0x" + strings.Repeat("ff", 32)))
