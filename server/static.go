package server

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"claimprover/internal/api"
	"claimprover/web"
)

// static serves the page, the browser client and the documents. They hold nothing of anybody.
func (s *Server) static(read func(string, handler)) {
	for _, f := range web.Files() {
		read(f.Path, func(c *gin.Context) error {
			h := c.Writer.Header()
			h.Set("Content-Security-Policy", web.CSP(c.Request.Host))
			h.Set("X-Frame-Options", "DENY")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Cache-Control", "no-cache") // may be kept, but is asked about each time
			return s.file(c, f.ContentType, f.ETag, f.Body)
		})
	}
	document := func(path string, body []byte) {
		read(path, func(c *gin.Context) error {
			c.Data(http.StatusOK, "application/json", body)
			return nil
		})
	}
	document("/openapi.json", api.OpenAPI)
	document("/asyncapi.json", api.AsyncAPI)
}

func (s *Server) file(c *gin.Context, kind, etag string, body []byte) error {
	c.Header("ETag", etag)
	if known := c.GetHeader("If-None-Match"); known != "" && matches(known, etag) {
		c.Status(http.StatusNotModified)
		return nil
	}
	c.Data(http.StatusOK, kind, body)
	return nil
}
