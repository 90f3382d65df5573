package server_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/server"
)

func TestDryRun(t *testing.T) {
	t.Parallel()

	t.Run("says what would become of a submission, and leaves nothing behind", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{})
		body := claimOf(t, wallet(t))
		try := func(want string) {
			r := w.call("POST", "/v1/jobs?dryRun=1", body, withBob)
			require.Equal(t, 200, r.StatusCode, "%s", r.body)
			require.Equal(t, api.DryRun{Disposition: want}, into[api.DryRun](t, r))
			require.Empty(t, r.Header.Get("Location"))
			require.Contains(t, r.Header.Get("RateLimit"), `"pubkey";r=`)
		}
		try("queued")
		f, err := w.store.Figures(t.Context())
		require.NoError(t, err)
		require.Zero(t, f.Kept)
		require.Equal(t, 202, w.call("POST", "/v1/jobs", body, withAlice).StatusCode)
		try("joined")
		require.Empty(t, into[api.JobList](t, w.call("GET", "/v1/jobs", "", withBob)).Jobs, "nobody became an owner")
		trail, err := os.ReadFile(w.trail)
		require.NoError(t, err)
		require.NotContains(t, string(trail), "bob")
	})

	t.Run("goes through the checks of a submission", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{perKey: 2})
		body := claimOf(t, wallet(t))
		require.Equal(t, 401, w.call("POST", "/v1/jobs?dryRun=1", body).StatusCode)
		require.Equal(t, 400, w.call("POST", "/v1/jobs?dryRun=1", `{}`, withAlice).StatusCode)
		require.Equal(t, 403, w.call("POST", "/v1/jobs?dryRun=1", body, bearer(w.mint(`{"scope":["read"]}`))).StatusCode)
		r := w.call("POST", "/v1/jobs?dryRun=1", body, withAlice)
		require.Equal(t, 429, r.StatusCode, "it counts on the flood guard")
		w.gate.Pause("Later.")
		require.Equal(t, 503, w.call("POST", "/v1/jobs?dryRun=1", body, withBob).StatusCode)
	})

	t.Run("what is nearly one is neither that nor a submission", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{Options: server.Options{}})
		for _, query := range []string{"dryRun=0", "dryRun=true", "dryRun=", "dryRun", "dryrun=1", "dryRun=1&dryRun=1", "dryRun=1&DRYRUN=1", "dryRun=1;x", "x=%zz"} {
			r := w.call("POST", "/v1/jobs?"+query, claimOf(t, wallet(t)), withAlice)
			require.Equal(t, 400, r.StatusCode, "%s: %s", query, r.body)
			require.Len(t, into[api.Error](t, r).Fields, 1)
			require.Equal(t, 401, w.call("POST", "/v1/jobs?"+query, claimOf(t, wallet(t))).StatusCode)
		}
		f, err := w.store.Figures(t.Context())
		require.NoError(t, err)
		require.Zero(t, f.Kept)
		require.Equal(t, 202, w.call("POST", "/v1/jobs?other=1", claimOf(t, wallet(t)), withAlice).StatusCode)
	})
}
