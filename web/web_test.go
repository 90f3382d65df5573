package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/internal/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func file(t *testing.T, at string) File {
	t.Helper()
	for _, f := range Files() {
		if f.Path == at {
			return f
		}
	}
	t.Fatalf("%s is not served", at)
	return File{}
}

func TestEveryFileIsServedUnderOnePathWithItsTypeAndTag(t *testing.T) {
	t.Parallel()
	kinds := make(map[string]string)
	tags := make(map[string]string)
	for _, f := range Files() {
		assert.NotContains(t, kinds, f.Path)
		kinds[f.Path] = f.ContentType
		assert.NotEmpty(t, f.Body, f.Path)
		assert.Regexp(t, `^"[\w-]{16}"$`, f.ETag)
		assert.NotContains(t, tags, f.ETag, f.Path)
		tags[f.ETag] = f.Path
	}
	assert.Equal(t, "text/html; charset=utf-8", kinds["/"])
	assert.Equal(t, "text/javascript; charset=utf-8", kinds["/client.js"])
	assert.Equal(t, "text/plain; charset=utf-8", kinds["/client.d.ts"])
	assert.Equal(t, "image/svg+xml", kinds["/assets/icon.svg"])
	assert.Equal(t, Files(), Files())
}

func TestThePageHoldsTheBannersThatLast(t *testing.T) {
	t.Parallel()
	plain, told := Files()[0], Files("mock", "a\"b")[0]
	assert.Equal(t, "/", told.Path)
	assert.Contains(t, string(told.Body), `<html data-banners="mock a&#34;b" lang="en">`)
	assert.NotEqual(t, plain.ETag, told.ETag)
	assert.NotContains(t, string(plain.Body), "data-banners")
	assert.Equal(t, Files()[0], plain, "one service's page is not another's")
}

// What the page names must be there: a missing module would leave it dead.
func TestEveryFileThatIsAskedForIsServed(t *testing.T) {
	t.Parallel()
	served := make(map[string]bool)
	for _, f := range Files() {
		served[f.Path] = true
	}
	references := regexp.MustCompile(`(?:src|href)="([^"#]+)"|from "(\.[^"]+)"|import\("(\.[^"]+)"\)`)
	for _, f := range Files() {
		for _, m := range references.FindAllStringSubmatch(string(f.Body), -1) {
			to := m[1] + m[2] + m[3]
			if to == "v1/stats" || strings.HasSuffix(f.Path, ".d.ts") || strings.Contains(to, "${") {
				continue
			}
			assert.True(t, served[path.Join(path.Dir(f.Path), to)], "%s asks for %s", f.Path, to)
		}
	}
}

func TestNothingInThePageNeedsMoreThanItsPolicyAllows(t *testing.T) {
	t.Parallel()
	for _, f := range Files() {
		body := string(f.Body)
		switch {
		case strings.HasPrefix(f.ContentType, "text/html"):
			assert.NotRegexp(t, `<script(?:\s[^>]*)?>[^<]`, body, "an inline script")
			assert.NotRegexp(t, `<style|\sstyle=|\son\w+=`, body, "an inline style or handler")
			assert.NotContains(t, body, "//", "another host")
		case strings.HasSuffix(f.Path, ".js"):
			assert.NotRegexp(t, `innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function`, body, f.Path)
		case strings.HasSuffix(f.Path, ".css"):
			assert.NotRegexp(t, `@import|url\(`, body)
		}
	}
}

func TestThePageTellsEveryCodeInWords(t *testing.T) {
	t.Parallel()
	texts, types := string(file(t, "/assets/texts.js").Body), string(file(t, "/client.d.ts").Body)
	_, codes, ok := strings.Cut(texts, "export const codes = {")
	require.True(t, ok)
	for code := range fault.Codes() {
		assert.Contains(t, codes, "\n  "+string(code)+": [", "the page's words")
		assert.Contains(t, types, `"`+string(code)+`"`, "the client's types")
	}
	_, union, _ := strings.Cut(types, "export type ErrorCode")
	assert.Len(t, regexp.MustCompile(`"\w+"`).FindAllString(union, -1), len(fault.Codes()), "no code that does not exist")
}

func TestThePageIsSmallOnTheWire(t *testing.T) {
	t.Parallel()
	sum := 0
	for _, f := range Files() {
		if f.Path != "/client.d.ts" && f.Path != "/assets/qr.js" { // which are fetched by nobody and on demand
			sum += len(f.Gzip)
		}
	}
	t.Logf("%d bytes compressed", sum)
	assert.Less(t, sum, 40_000)
}

func TestThePolicyNamesOnlyHostsThatAreHosts(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"localhost", "localhost:8080", "prover.example", "127.0.0.1:1", "[::1]:8080", "a-b.c"} {
		assert.True(t, strings.HasSuffix(CSP(host), " connect-src 'self' ws://"+host+" wss://"+host), host)
	}
	for _, host := range []string{
		"", " ", "*", "a b", "a;script-src *", "a'", "a/b", "a:", "a:x", "a:123456", "a\r\nX: y", "-a", "[", "[::1", "::1", "ä", "a,b", "user@a", strings.Repeat("a", 300),
	} {
		assert.True(t, strings.HasSuffix(CSP(host), "; connect-src 'self'"), host)
	}
	for _, wanted := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
		assert.Contains(t, CSP("a")+";", wanted+";")
	}
}

func serve(f File, method string, header map[string]string) *http.Response {
	r := httptest.NewRequest(method, "http://prover.example"+f.Path, nil)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	f.Serve(w, r)
	return w.Result()
}

func TestServe(t *testing.T) {
	t.Parallel()
	page := file(t, "/")

	t.Run("gives the file with what a browser must know of it", func(t *testing.T) {
		t.Parallel()
		res := serve(page, http.MethodGet, nil)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		assert.Equal(t, page.Body, body)
		for name, want := range map[string]string{
			"Content-Type": page.ContentType, "ETag": page.ETag, "Content-Encoding": "", "Cache-Control": "no-cache", "Vary": "Accept-Encoding",
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Content-Security-Policy": CSP("prover.example"),
		} {
			assert.Equal(t, want, res.Header.Get(name), name)
		}
	})

	t.Run("compresses for who takes it, under another tag", func(t *testing.T) {
		t.Parallel()
		for accept, want := range map[string]string{"gzip": "gzip", "br;q=1.0, GZIP ; q=0.5": "gzip", "gzip;q=0": "", "gzip; q=0.000": "", "br": "", "x-gzip": "", "": ""} {
			res := serve(page, http.MethodGet, map[string]string{"Accept-Encoding": accept})
			require.Equal(t, want, res.Header.Get("Content-Encoding"), accept)
			var body io.Reader = res.Body
			if want == "gzip" {
				assert.NotEqual(t, page.ETag, res.Header.Get("ETag"))
				zipped, err := gzip.NewReader(res.Body)
				require.NoError(t, err)
				body = zipped
			}
			got, err := io.ReadAll(body)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(page.Body, got), accept)
		}
	})

	t.Run("answers 304 to who has it, with the policy all the same", func(t *testing.T) {
		t.Parallel()
		res := serve(page, http.MethodGet, map[string]string{"If-None-Match": page.ETag})
		assert.Equal(t, http.StatusNotModified, res.StatusCode)
		assert.NotEmpty(t, res.Header.Get("Content-Security-Policy"))
		res = serve(page, http.MethodGet, map[string]string{"If-None-Match": page.ETag, "Accept-Encoding": "gzip"})
		assert.Equal(t, http.StatusOK, res.StatusCode)
	})

	t.Run("leaves the body out for HEAD", func(t *testing.T) {
		t.Parallel()
		res := serve(page, http.MethodHead, nil)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		assert.Empty(t, body)
		assert.Equal(t, http.StatusOK, res.StatusCode)
	})
}
