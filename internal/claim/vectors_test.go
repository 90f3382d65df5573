package claim_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// vectors are claims that polkadot.js signed, and ways to get one wrong.
type vectors struct {
	Contract common.Address
	ChainID  uint64
	Valid    []vector
	Invalid  []vector
}

type vector struct {
	Name         string
	Code         fault.Code
	Request      json.RawMessage
	PubKey       hexutil.Bytes
	PublicValues hexutil.Bytes
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	text, err := os.ReadFile("../../testdata/claims.json")
	require.NoError(t, err)
	var v vectors
	require.NoError(t, json.Unmarshal(text, &v))
	require.Len(t, v.Valid, 12)
	require.Len(t, v.Invalid, 37)
	return v
}

func (v vectors) domain() claim.Domain {
	return claim.Domain{Contract: v.Contract, ChainID: v.ChainID, ProverMode: "mock"}
}

// judge runs the checks that need nothing but the claim, in the service's order.
func judge(d claim.Domain, body []byte) (claim.Claim, error) {
	c, err := claim.Parse(body)
	if err != nil {
		return c, err
	}
	if err := d.CheckChallenge(c); err != nil {
		return c, err
	}
	return c, c.CheckSignature()
}

func TestVectors(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	for _, entry := range v.Valid {
		t.Run("accepts "+entry.Name, func(t *testing.T) {
			t.Parallel()
			c, err := judge(v.domain(), entry.Request)
			require.NoError(t, err)
			values := c.PublicValues()
			require.Equal(t, []byte(entry.PubKey), c.PublicKey[:])
			require.Equal(t, []byte(entry.PublicValues), values[:])
		})
	}
	for _, entry := range v.Invalid {
		t.Run("refuses "+entry.Name, func(t *testing.T) {
			t.Parallel()
			_, err := judge(v.domain(), entry.Request)
			require.Error(t, err)
			require.Equal(t, entry.Code, fault.Of(err).Code)
			requireAdvice(t, err)
		})
	}
}

// requireAdvice wants a message that is a sentence and says what to do next.
func requireAdvice(t *testing.T, err error) {
	t.Helper()
	message := fault.Of(err).Message
	require.Regexp(t, `^[A-Z].*\.$`, message)
	require.Regexp(t, `(?i)\b(correct|send|sign|submit|remove|copy)\b`, message)
}
