package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/claim"
	"claimprover/server"
)

func bearer(token string) string { return "Authorization: Bearer " + token }

func TestMinting(t *testing.T) {
	t.Parallel()

	t.Run("an API key gets a token for 15 minutes, or as long as it asks", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{})
		for body, ttl := range map[string]time.Duration{
			`{}`: 15 * time.Minute, `{"ttlSeconds":1}`: time.Second, `{"ttlSeconds":3600}`: time.Hour,
			` {"scope":["submit","read","cancel"],"ttlSeconds":60} `: time.Minute,
		} {
			r := w.call("POST", "/v1/tokens", body, withAlice)
			require.Equal(t, 201, r.StatusCode, "%s", r.body)
			token := into[api.Token](t, r)
			require.WithinDuration(t, time.Now().Add(ttl), time.Time(token.ExpiresAt), 30*time.Second, body)
			require.NotContains(t, w.log.String(), token.Token)
			require.NotContains(t, w.log.String(), token.Token[strings.LastIndex(token.Token, ".")+1:])
		}
		require.Contains(t, w.log.String(), `"msg":"token minted","key":"key:alice","scope":"submit read cancel","bound":false`)
	})

	t.Run("nobody else gets one", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{Options: server.Options{AnonymousAllowed: true}})
		outside, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "alice", "exp": time.Now().Add(time.Hour).Unix()}).SignedString([]byte(secret))
		require.NoError(t, err)
		w.submit(bearer(outside)) // a good one
		for name, c := range map[string]struct {
			headers []string
			query   string
			want    int
		}{
			"without a credential, also where submissions need none": {nil, "", 401},
			"with a wrong key": {[]string{bearer("not-a-key-of-anybody")}, "", 401},
			"with a JWT":       {[]string{bearer(outside)}, "", 403},
			"with a token":     {[]string{bearer(w.mint(`{}`))}, "", 403},
			"with a key where only a read has its credential": {nil, "?access_token=" + aliceKey, 401},
		} {
			r := w.call("POST", "/v1/tokens"+c.query, `{}`, c.headers...)
			require.Equal(t, c.want, r.StatusCode, "%s: %s", name, r.body)
			require.True(t, r.Close, "%s: the body was not read", name)
		}
	})

	t.Run("a body that is not right is refused with every field that is wrong", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{})
		none := claim.FormatAddress(42, [32]byte{})
		for body, wrong := range map[string][]string{
			``: nil, `[]`: nil, `null`: nil, `"x"`: nil, `{`: nil, `{}{}`: nil, `{} x`: nil, `{"ttlSeconds":60,"ttlSeconds":60}`: nil, "{\"\xff\":1}": nil,
			`{"ttlSeconds":0}`: {"ttlSeconds"}, `{"ttlSeconds":3601}`: {"ttlSeconds"}, `{"ttlSeconds":-1}`: {"ttlSeconds"}, `{"ttlSeconds":1.5}`: {"ttlSeconds"},
			`{"ttlSeconds":1e3}`: {"ttlSeconds"}, `{"ttlSeconds":"60"}`: {"ttlSeconds"}, `{"ttlSeconds":null}`: {"ttlSeconds"}, `{"ttlSeconds":99999999999999999999}`: {"ttlSeconds"},
			`{"ttlSeconds":9223372036854775807}`: {"ttlSeconds"},
			`{"scope":[]}`:                       {"scope"}, `{"scope":["list"]}`: {"scope"}, `{"scope":["submit","mint"]}`: {"scope"}, `{"scope":"submit"}`: {"scope"}, `{"scope":null}`: {"scope"},
			`{"scope":[null]}`: {"scope"}, `{"scope":["Submit"]}`: {"scope"}, `{"scope":[["submit"]]}`: {"scope"},
			`{"ss58Address":""}`: {"ss58Address"}, `{"ss58Address":"5F"}`: {"ss58Address"}, `{"ss58Address":null}`: {"ss58Address"}, `{"ss58Address":5}`: {"ss58Address"},
			`{"ss58Address":"` + none + `"}`: {"ss58Address"},
			`{"TTLSeconds":60}`:              {"TTLSeconds"}, `{"ttl":60,"scope":[],"ttlSeconds":0}`: {"ttl", "scope", "ttlSeconds"}, `{"ttlSeconds\u0000":1}`: {"ttlSeconds\x00"},
		} {
			headers := []string{withAlice, "Content-Type: application/json"}
			r := w.call("POST", "/v1/tokens", body, headers...)
			require.Equal(t, 400, r.StatusCode, "%s: %s", body, r.body)
			refused := into[api.Error](t, r)
			require.Equal(t, "invalid_input", refused.Code, body)
			require.Len(t, refused.Fields, len(wrong), "%s: %s", body, r.body)
			for _, field := range wrong {
				require.NotEmpty(t, refused.Fields[field], "%s: %s", body, r.body)
			}
		}
		many := `{"` + strings.Join(strings.Split(strings.Repeat("ab", 300), ""), `":1,"`) + `":1}`
		require.Equal(t, 400, w.call("POST", "/v1/tokens", many, withAlice).StatusCode)
		unknown := `{"` + strings.Repeat("é", 500) + `":1`
		for i := range 50 {
			unknown += `,"` + strings.Repeat("x", i+1) + `":1`
		}
		refused := into[api.Error](t, w.call("POST", "/v1/tokens", unknown+"}", withAlice))
		require.Len(t, refused.Fields, 8, "the first few are enough")
		require.Less(t, len(refused.Message), 2000)
	})

	t.Run("the body is bounded as that of a submission", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{})
		r := w.call("POST", "/v1/tokens", strings.Repeat(" ", 5000)+`{}`, withAlice)
		require.Equal(t, 413, r.StatusCode)
		require.True(t, r.Close)
		r = w.call("POST", "/v1/tokens", `{}`, withAlice, "Content-Type: text/plain")
		require.Equal(t, 415, r.StatusCode)
		require.True(t, r.Close)
	})

	t.Run("it counts on the key's flood window, as submissions do, and so do its tokens", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{perKey: 3})
		token := w.mint(`{}`)
		w.submit(bearer(token))
		r := w.call("POST", "/v1/tokens", `{"ttlSeconds":0}`, withAlice) // a refused one counts too
		require.Equal(t, 400, r.StatusCode)
		require.Contains(t, r.Header.Get("RateLimit"), `"caller";r=0`)
		r = w.call("POST", "/v1/tokens", `{}`, withAlice)
		require.Equal(t, 429, r.StatusCode)
		require.NotEmpty(t, r.Header.Get("Retry-After"))
		require.Equal(t, 429, w.call("POST", "/v1/jobs", claimOf(t, wallet(t)), bearer(token)).StatusCode)
		require.Equal(t, 201, w.call("POST", "/v1/tokens", `{}`, withBob).StatusCode)
	})

	t.Run("it goes on while submissions are paused", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{})
		w.gate.Pause("For a moment.")
		w.mint(`{}`)
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()

	t.Run("submit, read and cancel their own jobs, and cannot list or mint", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{Options: server.Options{AuthForReads: true}})
		token, other := bearer(w.mint(`{}`)), bearer(w.mint(`{}`))
		j := w.submit(token)
		require.Equal(t, 200, w.call("GET", j.URLs.Self, "", token).StatusCode)
		require.Equal(t, 200, w.call("GET", j.URLs.Self+"?access_token="+strings.TrimPrefix(token, bearer("")), "").StatusCode)
		require.Equal(t, 403, w.call("GET", j.URLs.Self, "", other).StatusCode)
		require.Equal(t, 403, w.call("GET", j.URLs.Self, "", withBob).StatusCode)
		require.Equal(t, 403, w.call("DELETE", j.URLs.Self, "", other).StatusCode)
		require.Equal(t, 403, w.call("GET", "/v1/jobs", "", token).StatusCode)
		require.Equal(t, 403, w.call("POST", "/v1/tokens", `{}`, token).StatusCode)
		gone := w.call("DELETE", j.URLs.Self, "", token)
		require.Equal(t, 200, gone.StatusCode)
		require.Equal(t, "cancelled", into[api.Job](t, gone).Code)
	})

	t.Run("belong to their key, which lists, reads and cancels what they submitted", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{Options: server.Options{AuthForReads: true}})
		j := w.submit(bearer(w.mint(`{}`)))
		require.Equal(t, 200, w.call("GET", j.URLs.Self, "", withAlice).StatusCode)
		list := into[api.JobList](t, w.call("GET", "/v1/jobs", "", withAlice))
		require.Len(t, list.Jobs, 1)
		require.Equal(t, j.JobID, list.Jobs[0].JobID)
		require.Equal(t, 200, w.call("DELETE", j.URLs.Self, "", withAlice).StatusCode)
	})

	t.Run("do no more than their scope says", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{Options: server.Options{AuthForReads: true}})
		for scope, want := range map[string][2]int{ // read, cancel
			`"submit"`: {403, 403}, `"submit","read"`: {200, 403}, `"submit","cancel"`: {403, 200},
		} {
			token := bearer(w.mint(`{"scope":[` + scope + `]}`))
			j := w.submit(token)
			require.Equal(t, want[0], w.call("GET", j.URLs.Self, "", token).StatusCode, scope)
			require.Equal(t, want[1], w.call("DELETE", j.URLs.Self, "", token).StatusCode, scope)
		}
		for _, scope := range []string{`"read"`, `"cancel"`, `"read","cancel"`} {
			r := w.call("POST", "/v1/jobs", claimOf(t, wallet(t)), bearer(w.mint(`{"scope":[`+scope+`]}`)))
			require.Equal(t, 403, r.StatusCode, "%s: %s", scope, r.body)
		}
	})

	t.Run("that are bound claim for their account alone", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{})
		mine := wallet(t)
		token := bearer(w.mint(`{"ss58Address":"` + mine.Address(0) + `"}`))
		r := w.call("POST", "/v1/jobs", claimOf(t, wallet(t)), token)
		require.Equal(t, 403, r.StatusCode)
		require.Equal(t, "forbidden", r.code(t))
		require.Equal(t, 403, w.call("POST", "/", claimOf(t, wallet(t)), token).StatusCode)
		require.Equal(t, 202, w.call("POST", "/v1/jobs", claimOf(t, mine), token).StatusCode, "whatever the network of the address")
	})

	t.Run("end with their key", func(t *testing.T) {
		t.Parallel()
		w := open(t, settings{})
		token := bearer(w.mint(`{}`))
		w.submit(token)
		require.NoError(t, w.keys.Replace("alice:another-key-of-alice,bob:"+bobKey))
		require.Equal(t, 401, w.call("POST", "/v1/jobs", claimOf(t, wallet(t)), token).StatusCode)
	})
}
