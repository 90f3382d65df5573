package server

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"claimprover/internal/api"
)

// stats is GET /v1/stats.
func (s *Server) stats(c *gin.Context) error {
	figures, err := s.Feed.Stats(c.Request.Context())
	if err != nil {
		return err
	}
	answer(c, http.StatusOK, figures)
	return nil
}

// health is GET /health, the seed's.
func (s *Server) health(c *gin.Context) error {
	h, err := s.Health(c.Request.Context())
	if err != nil {
		return err
	}
	answer(c, http.StatusOK, h)
	return nil
}

// live is GET /livez. It asks nobody: a dependency's trouble is no reason to restart this process.
func (s *Server) live(c *gin.Context) error {
	answer(c, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ok"})
	return nil
}

// ready is GET /readyz.
func (s *Server) ready(c *gin.Context) error {
	r := api.Ready{Ready: true, Checks: s.Ready(c.Request.Context())}
	for _, state := range r.Checks {
		r.Ready = r.Ready && state == "ok"
	}
	status := http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
		c.Header("Retry-After", "5")
	}
	answer(c, status, r)
	return nil
}
