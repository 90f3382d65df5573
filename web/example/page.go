package main

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"claimprover/web"
)

//go:embed page
var embedded embed.FS

// page serves the page. The browser client and the status page's look come with it, from its own origin: a page that
// wallets talk to should run no script that somebody else can change.
func page(service string) http.Handler {
	mux := http.NewServeMux()
	for _, f := range web.Files() {
		if f.Path != "/" {
			mux.HandleFunc("GET "+f.Path, f.Serve)
		}
	}
	files, err := fs.Sub(embedded, "page")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	at, err := url.Parse(service)
	if err != nil {
		panic(err) // it is an operator's, and was tried at start
	}
	policy := web.CSP("") + " " + at.Scheme + "://" + at.Host + " ws" + strings.TrimPrefix(at.Scheme, "http") + "://" + at.Host
	var index bytes.Buffer
	if err := template.Must(template.ParseFS(files, "index.html")).Execute(&index, service); err != nil {
		panic(err) // a string is all the template takes
	}
	rest := http.FileServerFS(files)
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Cache-Control", "no-cache")
		h.Set("Referrer-Policy", "no-referrer") // the job's id is in the address
		h.Set("X-Content-Type-Options", "nosniff")
		switch {
		case r.URL.Path == "/":
			h.Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write(index.Bytes())
		case strings.HasSuffix(r.URL.Path, "/"):
			http.NotFound(w, r) // no lists of files
		default:
			rest.ServeHTTP(w, r)
		}
	})
	return mux
}
