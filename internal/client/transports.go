package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"claimprover/internal/api"

	"github.com/coder/websocket"
	"github.com/tmaxmax/go-sse"
)

// After how long a silent stream counts as cut: the service writes a comment every 15 s on SSE and a ping every 30 s on
// a WebSocket, so two in a row were missed.
const (
	sseSilence    = 40 * time.Second
	socketSilence = 75 * time.Second
)

// maxEventBytes bounds one event; a completed job is a few kilobytes.
const maxEventBytes = 1 << 20

// errEnded says that a stream ended before the job did.
var errEnded = errors.New("the stream ended before the job")

// readSSE follows one SSE stream. A temporary refusal is an empty stream: the next connection waits.
func (c *Client) readSSE(ctx context.Context, f *follower) error {
	ctx, dog, stop := watch(ctx, sseSilence)
	defer stop()
	header := http.Header{"Accept": {"text/event-stream"}}
	if f.last.ID > 0 {
		header.Set("Last-Event-ID", strconv.FormatUint(f.last.ID, 10))
	}
	answer, err := c.do(ctx, http.MethodGet, c.url("v1", "jobs", f.id, "events"), nil, header)
	if err != nil {
		return because(ctx, err)
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusNoContent: // the job has ended and we have seen its last event
		return nil
	default:
		return read(answer, nil)
	}
	for message, err := range sse.Read(kept{answer.Body, dog}, &sse.ReadConfig{MaxEventSize: maxEventBytes}) {
		if err != nil {
			return because(ctx, fmt.Errorf("reading the stream: %w", err))
		}
		if err := f.take([]byte(message.Data)); err != nil || f.ended {
			return err
		}
	}
	return errEnded
}

// kept tells the watchdog of every byte that comes.
type kept struct {
	io.Reader
	dog *watchdog
}

func (k kept) Read(p []byte) (int, error) {
	n, err := k.Reader.Read(p)
	k.dog.alive()
	return n, err
}

// readSocket follows one WebSocket.
func (c *Client) readSocket(ctx context.Context, f *follower) error {
	ctx, dog, stop := watch(ctx, socketSilence)
	defer stop()
	u := c.url("v1", "jobs", f.id, "events")
	if f.last.ID > 0 {
		u.RawQuery = url.Values{"lastEventId": {strconv.FormatUint(f.last.ID, 10)}}.Encode()
	}
	socket, answer, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{
		HTTPClient:     c.http,
		HTTPHeader:     c.header(),
		OnPingReceived: func(context.Context, []byte) bool { dog.alive(); return true },
	})
	if err != nil {
		if answer != nil && answer.StatusCode != http.StatusSwitchingProtocols {
			defer answer.Body.Close()
			return read(answer, nil)
		}
		return because(ctx, err)
	}
	defer socket.CloseNow()
	socket.SetReadLimit(maxEventBytes)
	for {
		_, message, err := socket.Read(ctx)
		if err != nil {
			return because(ctx, fmt.Errorf("reading the socket: %w", err))
		}
		dog.alive()
		if err := f.take(message); err != nil || f.ended {
			return err
		}
	}
}

// take reads an event and delivers it.
func (f *follower) take(message []byte) error {
	var event api.Event
	if err := json.Unmarshal(message, &event); err != nil {
		return fmt.Errorf("reading an event: %w", err)
	}
	if event.Job.JobID == "" { // a type that later versions may send
		return nil
	}
	return f.deliver(event)
}

// pollPause is how long to wait before asking again when the service did not hold its answer, as over a cap of streams.
const pollPause = 2 * time.Second

// poll asks again and again; each answer waits until something has changed.
func (c *Client) poll(ctx context.Context, f *follower) error {
	etag := ""
	for !f.ended {
		asked := time.Now()
		job, tag, err := c.pollOnce(ctx, f.id, etag)
		if err != nil {
			return err
		}
		if job.JobID != "" {
			if err := f.deliver(api.Event{Type: typeOf(job), ID: job.Version, Job: job}); err != nil {
				return err
			}
		}
		if (tag == etag || tag == "") && time.Since(asked) < pollPause && !f.ended {
			if err := pause(ctx, pollPause); err != nil {
				return err
			}
		}
		etag = tag
	}
	return nil
}

// pollOnce gives the job when its ETag is another than etag; after a while, or at once over a cap of streams, no job.
func (c *Client) pollOnce(ctx context.Context, id, etag string) (job api.Job, tag string, err error) {
	ctx, cancel := context.WithTimeout(ctx, pollWait+callTimeout)
	defer cancel()
	header := http.Header{}
	if etag != "" {
		header.Set("If-None-Match", etag)
		header.Set("Prefer", "wait="+strconv.Itoa(int(pollWait.Seconds())))
	}
	answer, err := c.do(ctx, http.MethodGet, c.url("v1", "jobs", id), nil, header)
	if err != nil {
		return job, "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotModified {
		return job, etag, nil
	}
	err = read(answer, &job)
	return job, answer.Header.Get("ETag"), err
}

// typeOf is the event that a job's present state stands for.
func typeOf(job api.Job) string {
	if job.Status == "pending" {
		return "position"
	}
	return job.Status
}
