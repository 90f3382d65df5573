package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/internal/claim"
	"claimprover/internal/eligibility"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = "an-api-key-that-stays-here"

// open starts the back end before a service that answers every request with status and body; asked gives its requests.
func open(t *testing.T, status int, body string) (backEnd *httptest.Server, asked *[]string) {
	asked = new([]string)
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := io.ReadAll(r.Body)
		*asked = append(*asked, fmt.Sprintf("%s %s %s %s", r.Method, r.URL.Path, r.Header.Get("Authorization"), sent))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(service.Close)
	backEnd = httptest.NewServer(example(service.URL, key))
	t.Cleanup(backEnd.Close)
	return backEnd, asked
}

func call(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultTransport.(*http.Transport).Clone().RoundTrip(r)
	require.NoError(t, err)
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(got)
}

func TestTheBackEnd(t *testing.T) {
	t.Parallel()
	const asking = `{"ss58Address":"5Grw"}`

	t.Run("mints for one account and a quarter of an hour, and its key stays with it", func(t *testing.T) {
		t.Parallel()
		backEnd, asked := open(t, http.StatusCreated, `{"token":"t","expiresAt":"2026-01-01T00:00:00.000Z"}`)
		res, body := call(t, "POST", backEnd.URL+"/token", asking)
		require.Equal(t, http.StatusCreated, res.StatusCode)
		require.JSONEq(t, `{"token":"t","expiresAt":"2026-01-01T00:00:00.000Z"}`, body)
		require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
		require.Equal(t, []string{`POST /v1/tokens Bearer ` + key + ` {"scope":["submit","read"],"ss58Address":"5Grw","ttlSeconds":900}`}, *asked)
		for _, path := range []string{"/", "/app.js"} {
			_, body := call(t, "GET", backEnd.URL+path, "")
			require.NotContains(t, body, key)
		}
	})

	t.Run("hands the service's refusal on", func(t *testing.T) {
		t.Parallel()
		backEnd, _ := open(t, http.StatusBadRequest, `{"code":"invalid_input"}`)
		res, body := call(t, "POST", backEnd.URL+"/token", asking)
		require.Equal(t, http.StatusBadRequest, res.StatusCode)
		require.JSONEq(t, `{"code":"invalid_input"}`, body)
	})

	t.Run("says that the service is away without saying where it is", func(t *testing.T) {
		t.Parallel()
		backEnd := httptest.NewServer(example("http://127.0.0.1:1", key))
		t.Cleanup(backEnd.Close)
		res, body := call(t, "POST", backEnd.URL+"/token", asking)
		require.Equal(t, http.StatusBadGateway, res.StatusCode)
		require.JSONEq(t, `{"code":"unavailable","message":"The service cannot be reached. Try again in a moment.","retryable":true}`, body)
	})

	t.Run("mints for nobody's page but its own, and reads no long story", func(t *testing.T) {
		t.Parallel()
		backEnd, asked := open(t, http.StatusCreated, `{}`)
		res, _ := call(t, "POST", backEnd.URL+"/token", asking, "Sec-Fetch-Site", "cross-site")
		require.Equal(t, http.StatusForbidden, res.StatusCode)
		res, _ = call(t, "POST", backEnd.URL+"/token", asking, "Origin", "https://evil.example")
		require.Equal(t, http.StatusForbidden, res.StatusCode)
		res, _ = call(t, "POST", backEnd.URL+"/token", `{"ss58Address":"`+strings.Repeat("5", 2000)+`"}`)
		require.Equal(t, http.StatusBadRequest, res.StatusCode)
		require.Empty(t, *asked)
	})
}

func TestThePageHasAStrictPolicyAndNoListsOfFiles(t *testing.T) {
	t.Parallel()
	backEnd := httptest.NewServer(example("https://prover.example/below", key))
	t.Cleanup(backEnd.Close)
	res, body := call(t, "GET", backEnd.URL+"/", "")
	require.Contains(t, body, `data-service="https://prover.example/below"`)
	policy := res.Header.Get("Content-Security-Policy")
	require.True(t, strings.HasSuffix(policy, "connect-src 'self' https://prover.example wss://prover.example"), policy)
	require.Contains(t, policy, "default-src 'none'; script-src 'self'; style-src 'self';")
	require.NotRegexp(t, `<script(?:\s[^>]*)?>[^<]|<style|\sstyle=|\son\w+=`, body, "nothing inline")
	for path, kind := range map[string]string{
		"/app.js": "text/javascript; charset=utf-8", "/example.css": "text/css; charset=utf-8", "/vendor/sr25519.js": "text/javascript; charset=utf-8",
		"/client.js": "text/javascript; charset=utf-8", "/assets/page.css": "text/css; charset=utf-8",
	} {
		res, _ := call(t, "GET", backEnd.URL+path, "")
		require.Equal(t, kind, res.Header.Get("Content-Type"), path)
	}
	for _, path := range []string{"/vendor/", "/none.js", "/token"} {
		res, _ := call(t, "GET", backEnd.URL+path, "")
		require.Equal(t, http.StatusNotFound, res.StatusCode, path)
	}
}

func TestWhatIsVendoredIsWhatWasLookedAt(t *testing.T) {
	t.Parallel()
	module, err := os.ReadFile("page/vendor/sr25519.js")
	require.NoError(t, err)
	noted, err := os.ReadFile("page/vendor/sr25519.js.sha256")
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%x  sr25519.js\n", sha256.Sum256(module)), string(noted), "scripts/vendor-sr25519.sh writes both")
	licence, err := os.ReadFile("page/vendor/LICENSE")
	require.NoError(t, err)
	for _, name := range []string{"@scure/sr25519", "@noble/curves", "@noble/hashes"} {
		require.Contains(t, string(module[:300]), name+" 2.3.0", "its version")
		require.Contains(t, string(licence), name+"\n\nThe MIT License", "its licence")
	}
	lock, err := os.ReadFile("../../package-lock.json")
	require.NoError(t, err)
	var locked struct {
		Packages map[string]struct{ Version string }
	}
	require.NoError(t, json.Unmarshal(lock, &locked))
	require.Equal(t, "2.3.0", locked.Packages["node_modules/@scure/sr25519"].Version, "the tests sign with the same")
}

func TestTheListHoldsTheDevelopmentAccountsButOne(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("list.json")
	require.NoError(t, err)
	list, err := eligibility.Load(bytes.NewReader(file), int64(len(file))) // which computes the tree anew
	require.NoError(t, err)
	for address, listed := range map[string]bool{
		"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY": true, "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL": false,
	} {
		account, err := claim.ParseAddress(address)
		require.NoError(t, err)
		require.Equal(t, listed, list.CheckAccount(account) == nil)
	}
}
