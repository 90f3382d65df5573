package e2e

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCredentialsOnEveryRoute holds every route of the contract against no credential, a wrong one, two that differ, one
// in the URL, and good ones of each kind.
func TestCredentialsOnEveryRoute(t *testing.T) {
	t.Parallel()
	const attacks = "AUTH_FAILURES_PER_MINUTE=0"
	s := start(t, attacks, "MOCK_DELAY=60s")
	guarded := start(t, attacks, "MOCK_DELAY=60s", "REQUIRE_AUTH_FOR_READS=true")
	token := func(s *service) string {
		a := s.call("POST", "/v1/tokens", `{"scope":["submit"]}`, withKey)
		require.Equal(t, 201, a.StatusCode, "%s", a.body)
		var minted struct{ Token string }
		require.NoError(t, json.Unmarshal(a.body, &minted))
		return minted.Token
	}

	mine := s.submit(newClaim(t))
	type row struct {
		method, path, body          string
		none, byOther, byToken, key int // status without a credential, with another's key, a submit-only token, the owner's key
	}
	account := "/v1/claims/5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
	for _, r := range []row{
		{"GET", "/v1/jobs", "", 401, 200, 403, 200},
		{"GET", "/v1/jobs/" + mine.JobID, "", 200, 200, 200, 200},
		{"GET", "/status/" + mine.JobID, "", 200, 200, 200, 200},
		{"GET", "/v1/stats", "", 200, 200, 200, 200},
		{"GET", "/health", "", 200, 200, 200, 200},
		{"GET", account, "", 401, 200, 403, 200},
		{"POST", "/v1/tokens", "{}", 401, 201, 403, 201},
		{"POST", "/v1/verify", `{"proof":"0x","publicValues":"0x","vkey":"0x000d74444f16d75f72527687a36c1bd4c49e6799816dac4989be3bc175e86fd7"}`, 401, 200, 403, 200},
		{"POST", "/v1/jobs", "{}", 401, 400, 400, 400},
		{"POST", "/", "{}", 401, 400, 400, 400},
		{"DELETE", "/v1/jobs/" + mine.JobID, "", 401, 403, 403, 200},
	} {
		at := r.method + " " + r.path
		require.Equal(t, r.none, s.call(r.method, r.path, r.body).StatusCode, at)
		require.Equal(t, 401, s.call(r.method, r.path, r.body, "X-API-Key: nobody-has-this-key-0").StatusCode, "%s: a credential that is sent is always judged", at)
		require.Equal(t, 401, s.call(r.method, r.path, r.body, "Authorization: Basic YTpi").StatusCode, at)
		require.Equal(t, 401, s.call(r.method, r.path, r.body, withKey, "X-API-Key: "+otherKey).StatusCode, "%s: two that differ", at)
		require.Equal(t, r.byOther, s.call(r.method, r.path, r.body, "X-API-Key: "+otherKey).StatusCode, at)
		if r.path != "/v1/jobs/"+mine.JobID && r.path != "/status/"+mine.JobID { // a token without read is still the holder of an id
			require.Equal(t, r.byToken, s.call(r.method, r.path, r.body, "Authorization: Bearer "+token(s)).StatusCode, at)
		}
		if r.method != "GET" {
			require.Equal(t, 401, s.call(r.method, r.path+"?access_token="+apiKey, r.body).StatusCode, "%s: no key in the URL of a write", at)
		}
		require.Equal(t, r.key, s.call(r.method, r.path, r.body, withKey).StatusCode, at)
	}

	theirs := guarded.submit(newClaim(t))
	for _, path := range []string{"/v1/jobs/" + theirs.JobID, "/status/" + theirs.JobID, "/v1/jobs/" + theirs.JobID + "/events"} {
		require.Equal(t, 401, guarded.call("GET", path, "").StatusCode, path)
		require.Equal(t, 403, guarded.call("GET", path, "", "X-API-Key: "+otherKey).StatusCode, path)
		require.Equal(t, 200, guarded.call("HEAD", path, "", withKey).StatusCode, path)
		require.Equal(t, 200, guarded.call("HEAD", path+"?access_token="+apiKey, "").StatusCode, path)
	}
}
