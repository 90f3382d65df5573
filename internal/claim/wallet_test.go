package claim_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
)

func TestWallet(t *testing.T) {
	t.Parallel()

	t.Run("expands a mini secret as Substrate does", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, keyAlice, alice(t).PublicKey())
		require.Equal(t, "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY", alice(t).Address(42))
	})

	t.Run("makes claims that pass every check, from a new key each time", func(t *testing.T) {
		t.Parallel()
		keys := make(map[[32]byte]bool)
		for range 20 {
			w, err := claim.NewWallet()
			require.NoError(t, err)
			c, err := w.Claim(domain, 5845, recipient, amount)
			require.NoError(t, err)
			got, err := judge(domain, body(t, fields(c)))
			require.NoError(t, err)
			require.Equal(t, c, got)
			keys[w.PublicKey()] = true
		}
		require.Len(t, keys, 20)
	})

	t.Run("prints as its address in every format", func(t *testing.T) {
		t.Parallel()
		w := alice(t)
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
			require.Equal(t, w.Address(42), fmt.Sprintf(format, w), format)
		}
		text, err := json.Marshal(w) //lint:ignore SA9005 that nothing of a wallet is encoded is what is tested
		require.NoError(t, err)
		require.Equal(t, "{}", string(text))
	})
}
