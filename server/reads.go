package server

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"claimprover/hub"
	"claimprover/internal/api"
	"claimprover/internal/auth"
	"claimprover/internal/jobs"
)

// job is GET /v1/jobs/{id}.
func (s *Server) job(c *gin.Context) error {
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	view, err := s.Feed.Job(c.Request.Context(), id)
	if err != nil {
		return err
	}
	known := c.GetHeader("If-None-Match")
	if wait := preferredWait(c.Request); wait > 0 && view.FinishedAt == nil {
		seen := cmp.Or(known, etag(view))
		view, err = s.await(c, id, wait, func(j api.Job) bool { return !matches(seen, etag(j)) })
		if err != nil {
			return err
		}
	}
	c.Header("ETag", etag(view))
	if known != "" && matches(known, etag(view)) {
		c.Status(http.StatusNotModified)
		return nil
	}
	answer(c, http.StatusOK, view)
	return nil
}

// status is GET /status/{id}, the seed's poll.
func (s *Server) status(c *gin.Context) error {
	id, err := s.readable(c)
	if err != nil {
		return err
	}
	view, err := s.Feed.Job(c.Request.Context(), id)
	if err != nil {
		return err
	}
	answer(c, http.StatusOK, view)
	return nil
}

// etag covers what a poll can see change: the version, and of a pending job its place.
func etag(j api.Job) string {
	if j.Position > 0 {
		return fmt.Sprintf(`"%d-%d"`, j.Version, j.Position)
	}
	return fmt.Sprintf(`"%d"`, j.Version)
}

func matches(header, etag string) bool {
	for known := range strings.SplitSeq(header, ",") {
		known = strings.TrimPrefix(strings.TrimSpace(known), "W/")
		if known == etag || known == "*" {
			return true
		}
	}
	return false
}

// maxWait bounds a held answer, in seconds.
const maxWait = 60

// preferredWait reads Prefer: wait=N (RFC 7240); zero: none. What it cannot read or does not know it ignores, as the
// RFC says of preferences.
func preferredWait(r *http.Request) time.Duration {
	for _, header := range r.Header.Values("Prefer") {
		for preference := range strings.SplitSeq(header, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
			n, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`))
			if err == nil && n > 0 && strings.EqualFold(strings.TrimSpace(name), "wait") {
				return time.Duration(min(n, maxWait)) * time.Second
			}
		}
	}
	return 0
}

// await gives the job once enough says so, or as it stands when the wait is over. A held answer counts as a stream;
// over a cap it is not held.
func (s *Server) await(c *gin.Context, id jobs.ID, wait time.Duration, enough func(api.Job) bool) (api.Job, error) {
	ctx := c.Request.Context()
	release, err := s.Streams.Acquire(clientIP(c))
	if err != nil {
		return s.Feed.Job(ctx, id)
	}
	defer release()
	woken := make(chan struct{}, 1)
	follower := s.Hub.NewFollower(func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	})
	defer follower.Close()
	follower.Follow(hub.Topic(id))
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		// Read after following: what is written from here on wakes us.
		view, err := s.Feed.Job(ctx, id)
		if err != nil || enough(view) {
			return view, err
		}
		select {
		case <-woken:
			for _, more := follower.Next(); more; _, more = follower.Next() {
			}
		case <-over.C:
			return view, nil
		case <-s.Streams.Draining():
			return view, nil
		case <-ctx.Done():
			return view, ctx.Err()
		}
	}
}

// list is GET /v1/jobs: the caller's own, newest first.
func (s *Server) list(c *gin.Context) error {
	who, err := s.authenticate(c, auth.Access{Reads: true}, auth.List)
	if err != nil {
		return err
	}
	query, err := listQuery(c)
	if err != nil {
		return err
	}
	page, err := s.Store.List(c.Request.Context(), jobs.Owner(who.Owner), query)
	if err != nil {
		return fmt.Errorf("listing jobs: %w", err)
	}
	out := api.JobList{Jobs: make([]api.Job, 0, len(page.Jobs)), NextCursor: page.Next}
	for _, j := range page.Jobs {
		view, err := s.Feed.View(c.Request.Context(), j)
		if err != nil {
			return err
		}
		out.Jobs = append(out.Jobs, withoutProof(view))
	}
	answer(c, http.StatusOK, out)
	return nil
}

// withoutProof leaves out of a list what is long.
func withoutProof(j api.Job) api.Job {
	j.ZKProof, j.Claim, j.Transaction = nil, nil, nil
	return j
}

func listQuery(c *gin.Context) (jobs.Query, error) {
	q := jobs.Query{Limit: 20, Cursor: c.Query("cursor")}
	bad := fields{}
	if text := c.Query("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 100 {
			bad["limit"] = "must be a whole number from 1 to 100"
		}
		q.Limit = n
	}
	if text := c.Query("status"); text != "" {
		q.Status = new(jobs.State)
		if q.Status.UnmarshalText([]byte(text)) != nil {
			bad["status"] = "must be pending, running, completed or failed"
		}
	}
	return q, bad.fault()
}

// cancel is DELETE /v1/jobs/{id}: an owner gives the job up.
func (s *Server) cancel(c *gin.Context) error {
	who, err := s.authenticate(c, auth.Access{}, auth.Cancel)
	if err != nil {
		return err
	}
	j, err := s.Store.Leave(c.Request.Context(), jobID(c.Param("id")), jobs.Owner(who.Owner))
	if err != nil {
		return fmt.Errorf("leaving a job: %w", err)
	}
	view, err := s.Feed.View(c.Request.Context(), j)
	if err != nil {
		return err
	}
	s.Logger.InfoContext(c.Request.Context(), "job given up", "job", jobs.Label(j.ID), "key", who.Owner,
		"status", j.State.String(), "request_id", requestID(c))
	answer(c, http.StatusOK, view)
	return nil
}
