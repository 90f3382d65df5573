// Package web holds what the service serves to browsers: the status page and the client module.
//
// The files are embedded and never change while the process runs; everything here may be called from many goroutines.
// The package does not know how they are routed.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed static client/client.js client/client.d.ts
var embedded embed.FS

// File is one file as it is served under one path. Its slices are never written to.
type File struct {
	Path        string // from the root: "/client.js"
	ContentType string
	Body        []byte
	Gzip        []byte // Body compressed, for those who accept it; nil when that gains nothing
	ETag        string // strong and quoted; of Body
}

// Files gives every file there is, ordered by path: the page is "/". There are no others, so a router needs no wildcard.
//
// The kinds of banners that last as long as the process ("mock", "anonymous") are written into the page, which so shows
// them before it has heard from the service: when they come later, all below them moves.
func Files(banners ...string) []File {
	all := slices.Clone(files())
	if len(banners) > 0 {
		kinds := html.EscapeString(strings.Join(banners, " "))
		all[0] = made("/", "static/index.html", bytes.Replace(all[0].Body, []byte("<html "), []byte(`<html data-banners="`+kinds+`" `), 1))
	}
	return all
}

var files = sync.OnceValue(func() []File {
	all := []File{
		load("/", "static/index.html"),
		load("/client.d.ts", "client/client.d.ts"),
		load("/client.js", "client/client.js"),
	}
	assets, err := fs.Glob(embedded, "static/assets/*")
	must(err)
	for _, name := range assets {
		all = append(all, load("/assets/"+path.Base(name), name))
	}
	slices.SortFunc(all, func(a, b File) int { return bytes.Compare([]byte(a.Path), []byte(b.Path)) })
	return all
})

// contentTypes are named here because the system's table differs from machine to machine.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".ts":   "text/plain; charset=utf-8",
	".svg":  "image/svg+xml",
}

func load(at, name string) File {
	body, err := embedded.ReadFile(name)
	must(err)
	return made(at, name, body)
}

func made(at, name string, body []byte) File {
	kind, ok := contentTypes[path.Ext(name)]
	if !ok {
		panic("web: no content type for " + name)
	}
	sum := sha256.Sum256(body)
	return File{
		Path: at, ContentType: kind, Body: body, Gzip: compressed(body),
		ETag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
	}
}

func compressed(body []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	must(err)
	_, err = w.Write(body)
	must(err)
	must(w.Close())
	if b.Len() >= len(body) {
		return nil
	}
	return b.Bytes()
}

// must is for what cannot go wrong once the program is built.
func must(err error) {
	if err != nil {
		panic("web: " + err.Error())
	}
}

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'; connect-src 'self'"

// hostname is what a Host header may be to stand in the policy: a name, an IPv4 or a bracketed IPv6 address, and a port.
var hostname = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$`)

// CSP is the Content-Security-Policy of the page. Older browsers do not count a WebSocket to the page's own host as
// 'self', so it is named; a Host header that is none is left out.
func CSP(host string) string {
	if !hostname.MatchString(host) {
		return policy
	}
	return policy + " ws://" + host + " wss://" + host
}

// Serve answers a GET or HEAD with the file and all of its headers: compressed for who takes that, 304 for who has it.
// The cache may keep a file but must ask about it each time: the page and the client are of one version.
func (f File) Serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.ContentType)
	h.Set("Content-Security-Policy", CSP(r.Host))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // other sites may import the client
	h.Set("Cache-Control", "no-cache")
	h.Add("Vary", "Accept-Encoding")
	body, etag := f.Body, f.ETag
	if f.Gzip != nil && takesGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body, etag = f.Gzip, strings.TrimSuffix(f.ETag, `"`)+`-gzip"`
	}
	h.Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

var gzipRefused = regexp.MustCompile(`;\s*q=0(\.0*)?\s*$`)

func takesGzip(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept-Encoding") {
		for coding := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(coding, ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") && !gzipRefused.MatchString(coding) {
				return true
			}
		}
	}
	return false
}
