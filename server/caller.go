package server

import (
	"context"
	"net/netip"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"claimprover/internal/auth"
	"claimprover/internal/fault"
	"claimprover/internal/jobs"
)

const callerKey = "caller"

// authenticate says who is calling, refuses who may not do what the route does, and remembers the caller for the log.
func (s *Server) authenticate(c *gin.Context, access auth.Access, scope auth.Scope) (auth.Caller, error) {
	who, err := s.Auth.Authenticate(c.Request, clientIP(c), access)
	if err != nil {
		return auth.Caller{}, err
	}
	c.Set(callerKey, who)
	return who, who.May(scope)
}

// judge looks at a credential where none is needed: one that is sent is always judged.
func (s *Server) judge(h handler) handler {
	return func(c *gin.Context) error {
		if _, err := s.authenticate(c, auth.Access{Reads: true, Open: true}, 0); err != nil {
			return err
		}
		return h(c)
	}
}

// ownerOf is who is calling, for the log; nothing while that is not known.
func ownerOf(c *gin.Context) string {
	who, _ := c.Value(callerKey).(auth.Caller)
	return who.Owner
}

// clientIP is the caller's address: the peer's, or what a trusted proxy says of him.
func clientIP(c *gin.Context) netip.Addr {
	ip, _ := netip.ParseAddr(c.ClientIP()) // gin has parsed it; a peer without an address shares one window
	return ip.Unmap()
}

// readAccess is what the routes ask that read one job: its id, and with REQUIRE_AUTH_FOR_READS a credential.
func (s *Server) readAccess() auth.Access {
	return auth.Access{Reads: true, Open: !s.opts.AuthForReads}
}

// readable is the job that a caller may read: whoever has its id, or with REQUIRE_AUTH_FOR_READS one of its owners.
func (s *Server) readable(c *gin.Context) (jobs.ID, error) {
	who, err := s.authenticate(c, s.readAccess(), auth.Read)
	if err != nil {
		return jobs.ID{}, err
	}
	return s.mayRead(c.Request.Context(), who, c.Param("id"))
}

func (s *Server) mayRead(ctx context.Context, who auth.Caller, text string) (jobs.ID, error) {
	id := jobID(text)
	if !s.opts.AuthForReads {
		return id, nil
	}
	if err := who.May(auth.Read); err != nil {
		return jobs.ID{}, err
	}
	j, err := s.Store.Get(ctx, id)
	if err != nil {
		return jobs.ID{}, err
	}
	if !j.OwnedBy(jobs.Owner(who.Owner)) {
		return jobs.ID{}, fault.New(fault.Forbidden, "This job belongs to somebody else. Ask with a credential of one of its owners.")
	}
	return id, nil
}

// jobID reads an id in its one spelling. Anything else becomes the zero id, which no job has, so that a malformed id
// takes the way of an unknown one.
func jobID(text string) jobs.ID {
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return jobs.ID{}
	}
	return id
}
