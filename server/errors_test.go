package server

import (
	"testing"

	"github.com/stretchr/testify/require"

	"claimprover/internal/api/apitest"
	"claimprover/internal/fault"
)

// TestTheTableIsTheContracts walks the table from codes to statuses against the published one, so that a code cannot be
// added in one place alone.
func TestTheTableIsTheContracts(t *testing.T) {
	t.Parallel()
	published, err := apitest.Statuses()
	require.NoError(t, err)
	ours := map[string]int{}
	for code, status := range statusOf {
		require.Contains(t, fault.Codes(), code)
		ours[string(code)] = status
	}
	require.Equal(t, published, ours)
}
