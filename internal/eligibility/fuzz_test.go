package eligibility_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"claimprover/internal/eligibility"
)

// FuzzLoad: a list is read the same whatever size is claimed for it and however it arrives, and loading never panics.
func FuzzLoad(f *testing.F) {
	f.Add(fmt.Appendf(nil, `{"root":%q,"entryCount":1,"entries":{%q:{"pubkey":%q,"balance":%q,"proof":["0x"],"leaf":["x","1"]}},"entriesByPubkey":{%q:{"balance":"5"}}}`,
		aliceRoot, aliceName, aliceKey, balance, aliceKey))
	f.Add(fmt.Appendf(nil, `{%q:{"leaf":["",%q]}}`, aliceName, balance))
	f.Add([]byte(listOf(account{Key: common.HexToHash("0x01"), Amount: "1"}, account{Key: common.HexToHash("0x02"), Amount: "2"})))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := eligibility.Loader{AnyRoot: true}.Load(bytes.NewReader(text), int64(len(text)))
		again, errAgain := eligibility.Loader{AnyRoot: true}.Load(bytes.NewBuffer(text), 0)
		require.Equal(t, err == nil, errAgain == nil)
		if err != nil {
			require.Nil(t, list)
			return
		}
		require.Equal(t, list.Root(), again.Root())
		require.Equal(t, list.Len(), again.Len())
		require.Equal(t, list.Len() == 0, list.Root() == [32]byte{})
	})
}

// FuzzProof: whatever is listed can be proved to the root, and nothing else can.
func FuzzProof(f *testing.F) {
	f.Add([]byte("abc"), uint8(3))
	f.Add([]byte{0}, uint8(1))
	f.Fuzz(func(t *testing.T, salt []byte, size uint8) {
		var accounts []account
		for i := range int(size) {
			var key common.Hash
			copy(key[:], salt)
			key[31] ^= byte(i)
			accounts = append(accounts, account{Key: key, Amount: fmt.Sprint(i)})
		}
		path := filepath.Join(t.TempDir(), "list.json")
		require.NoError(t, os.WriteFile(path, []byte(listOf(accounts...)), 0o600))
		list, err := eligibility.Open(path)
		require.NoError(t, err)
		for _, a := range accounts {
			proof, listed := list.Proof(a.Key)
			require.True(t, listed)
			require.True(t, verifies(list.Root(), a.Key, decimal(a.Amount), proof))
			require.False(t, verifies(list.Root(), a.Key, decimal(a.Amount+"0"+"1"), proof))
		}
	})
}
