package server

import (
	"context"

	"github.com/gin-gonic/gin"

	"claimprover/hub"
	"claimprover/internal/api"
	"claimprover/internal/auth"
	"claimprover/internal/feed"
	"claimprover/internal/jobs"
	"claimprover/server/stream"
)

// jobEvents is GET /v1/jobs/{id}/events: SSE, or a WebSocket for who asks for one.
func (s *Server) jobEvents(c *gin.Context) error {
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	sub := s.subscription(id)
	sub.Seen = stream.LastEventID(c.Request)
	return s.follow(c, sub)
}

// serviceEvents is GET /v1/events: the public figures, and on a WebSocket any jobs besides. The figures come at once,
// whatever a client has seen: their numbers begin anew with the process.
func (s *Server) serviceEvents(c *gin.Context) error {
	who, err := s.authenticate(c, auth.Access{Reads: true, Open: true}, 0)
	if err != nil {
		return err
	}
	peer := clientIP(c)
	return s.follow(c, stream.Subscription{
		Topic:    feed.ServiceTopic,
		Snapshot: s.Feed.ServiceSnapshot,
		Resolve: func(ctx context.Context, op api.Operation) (stream.Subscription, error) {
			who := who // of this operation: a token that comes with it speaks for it alone
			if op.Token != "" {
				named, err := s.Auth.AuthenticateToken(ctx, op.Token, peer)
				if err != nil {
					return stream.Subscription{}, err
				}
				who = named
			}
			id, err := s.mayRead(ctx, who, op.JobID)
			if err != nil {
				return stream.Subscription{}, err
			}
			return s.subscription(id), nil
		},
	})
}

func (s *Server) subscription(id jobs.ID) stream.Subscription {
	return stream.Subscription{
		Topic:    hub.Topic(id),
		Snapshot: func(ctx context.Context) (*hub.Message, error) { return s.Feed.Snapshot(ctx, id) },
	}
}

func (s *Server) follow(c *gin.Context, sub stream.Subscription) error {
	sub.Peer = clientIP(c)
	err := s.Streams.Serve(c.Writer, c.Request, sub)
	c.Set(streamKey, err == nil)
	return err
}

const streamKey = "stream"

func isStream(c *gin.Context) bool { return c.GetBool(streamKey) }
