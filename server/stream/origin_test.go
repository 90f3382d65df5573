package stream

import (
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOrigins(t *testing.T) {
	t.Parallel()
	listed, err := ParseOrigins([]string{"https://app.example", "http://localhost:3000", "https://[2001:db8::1]:8443"})
	require.NoError(t, err)
	all, err := ParseOrigins([]string{"*"})
	require.NoError(t, err)
	for _, c := range []struct {
		origin string
		own    string
		listed bool
		all    bool
	}{
		{"https://app.example", "api.example", true, true},
		{"http://localhost:3000", "api.example", true, true},
		{"https://[2001:db8::1]:8443", "api.example", true, true},
		{"http://app.example", "api.example", false, true},
		{"https://app.example:8443", "api.example", false, true},
		{"https://app.example:443", "api.example", false, false},
		{"https://app.example.evil.com", "api.example", false, true},
		{"https://evil-app.example", "api.example", false, true},
		{"https://sub.app.example", "api.example", false, true},
		{"https://APP.example", "api.example", false, false},
		{"HTTPS://app.example", "api.example", false, false},
		{"https://app.example/", "api.example", false, false},
		{"https://app.example.", "api.example", false, true},
		{"https://app.example@evil.com", "api.example", false, false},
		{"https://evil.com#https://app.example", "api.example", false, false},
		{"https://app.example https://evil.com", "api.example", false, false},
		{"//app.example", "api.example", false, false},
		{"app.example", "api.example", false, false},
		{"null", "api.example", false, false},
		{"", "api.example", false, false},
		{"*", "api.example", false, false},
		{"http://localhost:3001", "api.example", false, true},
		// the service's own host, behind TLS or not
		{"https://api.example", "api.example", true, true},
		{"http://api.example", "api.example", true, true},
		{"https://api.example", "API.example", true, true},
		{"https://api.example", "api.example:443", true, true},
		{"http://api.example", "api.example:80", true, true},
		{"http://api.example:8080", "api.example:8080", true, true},
		{"http://api.example:8081", "api.example:8080", false, true},
		{"http://api.example", "api.example:8080", false, true},
		{"ws://api.example", "api.example", false, true},
		{"http://", "", false, false},
		{"null", "null", false, false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = c.own
		r.Header["Origin"] = []string{c.origin}
		require.Equal(t, c.listed, listed.AllowsRequest(r), "%q at %q", c.origin, c.own)
		require.Equal(t, c.all, all.AllowsRequest(r), "%q at %q, all allowed", c.origin, c.own)
	}

	r := httptest.NewRequest("GET", "/", nil)
	require.True(t, Origins{}.AllowsRequest(r), "no browser, no origin")
	r.Header["Origin"] = []string{"https://app.example", "https://app.example"}
	require.False(t, listed.AllowsRequest(r), "two headers")
	require.False(t, Origins{}.Allows("https://app.example"))
	require.True(t, all.Any())
	require.False(t, listed.Any())
}

func TestParseOriginsNamesEveryMistake(t *testing.T) {
	t.Parallel()
	for entry, want := range map[string]string{
		"app.example":                  `"app.example" is not scheme://host or scheme://host:port`,
		"https://app.example/":         `"https://app.example/" is sent by browsers as "https://app.example"`,
		"https://App.example":          `sent by browsers as "https://app.example"`,
		"https://app.example:443":      `sent by browsers as "https://app.example"`,
		"http://app.example:80":        `sent by browsers as "http://app.example"`,
		"https://app.example/path":     `is not scheme://host`,
		"https://*.app.example":        `is not scheme://host`,
		"https://app.example?x":        `is not scheme://host`,
		"https://app.example?":         `is not scheme://host`,
		"https://app.example#x":        `is not scheme://host`,
		"https://me@app.example":       `is not scheme://host`,
		"https://bücher.example":       `is not scheme://host`,
		"https://a.example,b.example":  `is not scheme://host`,
		"null":                         `is not scheme://host`,
		"":                             `is not scheme://host`,
		"https://app.example:notaport": `is not scheme://host`,
	} {
		_, err := ParseOrigins([]string{"https://good.example", entry})
		require.ErrorContains(t, err, want, entry)
		require.NotContains(t, err.Error(), "good.example")
	}
	_, err := ParseOrigins([]string{"one", "two"})
	require.ErrorContains(t, err, `"one"`)
	require.ErrorContains(t, err, `"two"`)
}
