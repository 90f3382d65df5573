package server

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"claimprover/internal/api"
	"claimprover/web"
)

// banners are those of the page that are known before any figures.
func (s *Server) banners() (kinds []string) {
	if domain, _ := s.Claims.Domain(); domain.ProverMode == "mock" { // known also while the chain is not
		kinds = append(kinds, "mock")
	}
	if s.opts.AnonymousAllowed {
		kinds = append(kinds, "anonymous")
	}
	return kinds
}

// static serves the page, the browser client and the documents. They hold nothing of anybody.
func (s *Server) static(read func(string, handler)) {
	for _, f := range web.Files(s.banners()...) {
		read(f.Path, func(c *gin.Context) error {
			takeWithin(c.Writer, takingTime)
			f.Serve(c.Writer, c.Request)
			return nil
		})
	}
	document := func(path string, body []byte) {
		read(path, func(c *gin.Context) error {
			give(c, http.StatusOK, body)
			return nil
		})
	}
	document("/openapi.json", api.OpenAPI)
	document("/asyncapi.json", api.AsyncAPI)
}
