package e2e

import (
	"encoding/json"
	"os"
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
	require.Equal(t, "no_proof", verdict(ask(func(f map[string]string) { f["proof"] = "0x" })).Checks[0].Reason)

	bad := ask(func(f map[string]string) { f["proof"], f["vkey"], f["prove"] = "0x0", "0x12", "?" })
	require.Equal(t, 400, bad.StatusCode)
	require.Len(t, bad.fault(t).Fields, 3)
	require.Equal(t, 401, s.call("POST", "/v1/verify", string(proof)).StatusCode)
	require.Equal(t, 413, s.call("POST", "/v1/verify", strings.Repeat(" ", 5000), withKey).StatusCode)
}
