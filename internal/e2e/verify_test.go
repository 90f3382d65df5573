package e2e

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
)

func TestVerify(t *testing.T) {
	t.Parallel()
	s := start(t)
	proof, err := os.ReadFile("../../docs/examples/proof.json")
	require.NoError(t, err)
	var fields map[string]string
	require.NoError(t, json.Unmarshal(proof, &fields))
	ask := func(change func(map[string]string)) answer {
		changed := map[string]string{}
		for name, value := range fields {
			changed[name] = value
		}
		change(changed)
		return s.call("POST", "/v1/verify", jsonOf(changed), withKey)
	}
	verdict := func(a answer) (v api.Verdict) {
		require.Equal(t, 200, a.StatusCode, "%s", a.body)
		require.NoError(t, json.Unmarshal(a.body, &v))
		return v
	}

	require.True(t, verdict(ask(func(map[string]string) {})).Valid)
	spoiled := verdict(ask(func(f map[string]string) { f["publicValues"] = "0x00" }))
	require.False(t, spoiled.Valid)
	require.Equal(t, api.Check{Name: "groth16", Reason: "invalid", Detail: spoiled.Checks[0].Detail}, spoiled.Checks[0])
	require.Equal(t, "unknown_selector", verdict(ask(func(f map[string]string) { f["proof"] = "0xdeadbeef" + f["proof"][10:] })).Checks[0].Reason)
	noKey := verdict(ask(func(f map[string]string) { f["vkey"] = strings.Repeat("f", 64) }))
	require.False(t, noKey.Valid, "32 bytes are a key to ask about, whatever they are")
	require.Equal(t, "non_canonical", noKey.Checks[0].Reason)
	require.Equal(t, "no_proof", verdict(ask(func(f map[string]string) { f["proof"] = "0x" })).Checks[0].Reason)

	bad := ask(func(f map[string]string) { f["proof"], f["vkey"], f["prove"] = "0x0", "0x12", "?" })
	require.Equal(t, 400, bad.StatusCode)
	require.Len(t, bad.fault(t).Fields, 3)
	require.Equal(t, 401, s.call("POST", "/v1/verify", string(proof)).StatusCode)
	require.Equal(t, 413, s.call("POST", "/v1/verify", strings.Repeat(" ", 5000), withKey).StatusCode)
	require.Equal(t, 415, s.call("POST", "/v1/verify", string(proof), withKey, "Content-Type: text/plain").StatusCode)
	require.Equal(t, 405, s.call("GET", "/v1/verify", "", withKey).StatusCode)
	for body, names := range map[string][]string{
		`{}`: {"proof", "publicValues", "vkey"},
		`{"proof":null,"publicValues":1,"vkey":["0x"]}`:                                                                    {"proof", "publicValues", "vkey"},
		`{"proof":"0x","publicValues":"0X00","vkey":"0x000d74444f16d75f72527687a36c1bd4c49e6799816dac4989be3bc175e86fd7"}`: {"publicValues"},
	} {
		a := s.call("POST", "/v1/verify", body, withKey)
		require.Equal(t, 400, a.StatusCode, body)
		require.ElementsMatch(t, names, slices.Collect(maps.Keys(a.fault(t).Fields)), body)
	}
	for _, body := range []string{`[]`, `null`, `{"proof":"0x","proof":"0x"}`, `{"proof":"0x"} {}`, "{\"proof\":\"\xff\"}"} {
		require.Equal(t, 400, s.call("POST", "/v1/verify", body, withKey).StatusCode, body)
	}
}

func TestAsksAboutProofsAreLimited(t *testing.T) {
	t.Parallel()
	s := start(t, "KEY_RATE_LIMIT_MAX_REQUESTS=2")
	const body = `{"proof":"0x","publicValues":"0x","vkey":"0x000d74444f16d75f72527687a36c1bd4c49e6799816dac4989be3bc175e86fd7"}`
	for range 2 {
		require.Equal(t, 200, s.call("POST", "/v1/verify", body, withKey).StatusCode)
	}
	refused := s.call("POST", "/v1/verify", body, withKey)
	require.Equal(t, 429, refused.StatusCode)
	require.NotEmpty(t, refused.Header.Get("Retry-After"))
	require.Equal(t, 429, s.call("POST", "/v1/jobs", newClaim(t), withKey).StatusCode, "the window is that of submissions too")
	require.Equal(t, 200, s.call("POST", "/v1/verify", body, "X-API-Key: "+otherKey).StatusCode, "another's is another's")
}
