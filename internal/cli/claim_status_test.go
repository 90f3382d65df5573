package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
)

func TestHowAClaimIsPrinted(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	contract := api.Hex{0xc0}
	for want, status := range map[string]api.ClaimStatus{
		`✓ open
  account        5F
  amount         1000
  paid at once   100
  vesting        900
  deadline       2027-06-30T00:00:00Z
  block          7
  contract       0xc0 on chain 5
  recipient      0xaa
  challenge      0xbb
  to sign        0xcc
`: {
			SS58Address: "5F", Amount: "1000", Open: &yes, Contract: &contract, ChainID: 5,
			OnChain: &api.ClaimOnChain{Block: 7, UnlockedBps: 1000, Unlocked: "100", Vesting: "900", Deadline: api.At(time.Date(2027, 6, 30, 0, 0, 0, 0, time.UTC))},
			Sign:    &api.ToSign{EVMAddress: api.Hex{0xaa}, Challenge: api.Hex{0xbb}, Bytes: api.Hex{0xcc}},
		},
		`✗ not open: Claimed. (already_claimed)
  account        5F
  paid at once   2.5 %, the rest vests
  claimed        5, not final yet
  block          7
`: {
			SS58Address: "5F", Open: &no, Refusal: &api.Refusal{Code: "already_claimed", Message: "Claimed."},
			OnChain: &api.ClaimOnChain{Block: 7, Claimed: true, ClaimedAmount: "5", UnlockedBps: 250},
		},
		"✗ not open: \uFFFD[31m (x)\n  account   5F\n": {SS58Address: "5F", Refusal: &api.Refusal{Code: "x", Message: "\x1b[31m"}},
	} {
		var out strings.Builder
		require.NoError(t, printClaim(&out, status))
		require.Equal(t, want, out.String())
	}
}
