package apitest

import (
	"bytes"
	"io"
	"mime"
	"net/http"
)

func isStream(res *http.Response) bool {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	return kind == "text/event-stream"
}

// events watches server-sent events go by and gives the data of each. The service writes one data line an event.
type events struct {
	io.ReadCloser
	found func(data []byte)
	line  []byte // of the line that has not ended yet
}

func (e *events) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	e.line = append(e.line, p[:n]...)
	for {
		line, rest, whole := bytes.Cut(e.line, []byte("\n"))
		if !whole {
			return n, err
		}
		if data, is := bytes.CutPrefix(line, []byte("data:")); is {
			e.found(bytes.TrimSpace(data))
		}
		e.line = rest
	}
}
