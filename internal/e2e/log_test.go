package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// TestOneLineARecord fills everything that a caller can say with what moves the cursor of a terminal, or ends a line.
func TestOneLineARecord(t *testing.T) {
	t.Parallel()
	for format, check := range map[string]func(string) bool{
		"json": func(line string) bool { return json.Valid([]byte(line)) },
		"text": regexp.MustCompile(`^time=\S+ level=[A-Z]+ msg=`).MatchString,
	} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := start(t, append(unlimited, "LOG_LEVEL=debug", "ALLOW_ANONYMOUS=true", "IP_RATE_LIMIT_MAX_REQUESTS=1000000", "AUDIT_LOG=-", "LOG_FORMAT="+format)...)
			s.shout(t)
			s.stop()
			lines := strings.Split(strings.TrimSpace(s.logged()), "\n")
			require.Greater(t, len(lines), 100)
			for _, line := range lines {
				require.NotContains(t, line, "forged", "a line that somebody else wrote")
				require.False(t, strings.ContainsFunc(line, notForTerminals), "%q", line)
				if !strings.HasPrefix(line, "{") || format == "json" { // the audit log is JSON in any case
					require.True(t, check(line), "%q", line)
				}
			}
		})
	}
}

func notForTerminals(r rune) bool { return !unicode.IsPrint(r) }

func (s *service) shout(t *testing.T) {
	var fields map[string]string
	require.NoError(t, json.Unmarshal([]byte(newClaim(t)), &fields))
	for _, nasty := range []string{"\r\n", "\n", "\x1b[2J", "\u202e", "\u2028", "\x00", "\x7f", "\u0085"} {
		loud := nasty + `time=2026-01-01T00:00:00Z level=ERROR msg=forged`
		for name, value := range fields {
			spoilt := map[string]string{name: value + loud}
			for other, its := range fields {
				if other != name {
					spoilt[other] = its
				}
			}
			require.Equal(t, 400, s.call("POST", "/v1/jobs", jsonOf(spoilt), withKey).StatusCode)
		}
		require.Equal(t, 400, s.call("POST", "/v1/jobs", jsonOf(map[string]string{loud: loud}), withKey).StatusCode)

		// On the wire as it is: what net/http refuses, it may write down too.
		for _, header := range []string{"Authorization", "X-API-Key", "X-Request-Id", "Content-Type", "Prefer", "If-None-Match", "Last-Event-ID", "Origin", "X-Forwarded-For", "User-Agent", "Host", "Upgrade", "Transfer-Encoding", "Content-Length", "Expect"} {
			s.raw(t, fmt.Sprintf("POST /v1/jobs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s: Bearer %s\r\n\r\n", header, loud))
		}
		s.raw(t, fmt.Sprintf("GET /v1/jobs/%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", loud))
		s.raw(t, fmt.Sprintf("GET%s / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", loud))
		s.raw(t, fmt.Sprintf("GET /?access_token=%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", strings.ReplaceAll(loud, " ", "+")))
	}
	s.raw(t, "GET /v1/jobs/%0d%0atime=x%20level=ERROR%20msg=forged HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	s.raw(t, "GET /v1/jobs/%1b%5b2J%e2%80%ae HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}
