package jobs_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"claimprover/internal/jobs"
)

func TestOwner(t *testing.T) {
	t.Parallel()
	t.Run("the minter of a browser token is its key, and nobody else has one", func(t *testing.T) {
		t.Parallel()
		for owner, want := range map[jobs.Owner]jobs.Owner{
			"token:alice:7f":   "key:alice",
			"token:alice:7:f":  "key:alice",
			"key:alice":        "",
			"jwt:token:alice":  "",
			"jwt:iss:token:al": "",
			jobs.Anonymous:     "",
			"":                 "",
		} {
			minter, ok := owner.Minter()
			require.Equal(t, want, minter, "%q", owner)
			require.Equal(t, want != "", ok, "%q", owner)
		}
	})
	t.Run("an owner covers himself, and a key the tokens it minted; nothing else", func(t *testing.T) {
		t.Parallel()
		all := []jobs.Owner{
			"key:alice", "key:bob", "key:alice2", "token:alice:1", "token:alice:2", "token:bob:1",
			"jwt:iss:alice", "jwt:iss:key:alice", jobs.Anonymous,
		}
		covers := map[[2]jobs.Owner]bool{
			{"key:alice", "token:alice:1"}: true,
			{"key:alice", "token:alice:2"}: true,
			{"key:bob", "token:bob:1"}:     true,
		}
		for _, o := range all {
			for _, other := range all {
				want := o == other || covers[[2]jobs.Owner{o, other}]
				require.Equal(t, want, o.Covers(other), "%s over %s", o, other)
			}
		}
	})
	t.Run("an API key and a JWT subject of one name do not own each other's jobs", func(t *testing.T) {
		t.Parallel()
		j := jobs.Job{Owners: []jobs.Owner{"key:alice"}}
		require.True(t, j.OwnedBy("key:alice"))
		require.False(t, j.OwnedBy("jwt:iss:alice"))
		require.False(t, j.OwnedBy("token:alice:1"), "a token does not own what its key submitted")
	})
}
