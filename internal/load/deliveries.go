package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"claimprover/internal/api"
)

// jobFollowers is how many watch one job, half of them over each transport.
const jobFollowers = 1000

// measureDeliveries lets a job run while a thousand watch it, from its first event to the last one's last.
func measureDeliveries(ctx context.Context, o options) error {
	p, err := startProgram(ctx, o.binary, "WORKER_COUNT=1", "MOCK_DELAY=300ms", "PROOF_TIMEOUT_SECONDS=7200")
	if err != nil {
		return err
	}
	defer p.stop()
	c := newCallers(p, 4)
	defer c.close()
	var rates []float64
	var lags []time.Duration
	for range 4 * o.rounds {
		rate, late, err := c.watched(p)
		if err != nil {
			return err
		}
		rates, lags = append(rates, rate), append(lags, late...)
	}
	fmt.Printf("\nA job with %d followers, SSE and WebSocket in equal parts: its last event reaches %.0f followers a second;\n"+
		"p50 %.1f ms, p99 %.1f ms from finishedAt, which is cut to the millisecond, to receipt (%d jobs).\n",
		jobFollowers, median(rates), percentile(lags, .5).Seconds()*1000, percentile(lags, .99).Seconds()*1000, len(rates))
	return nil
}

// watched keeps a job waiting behind another until all its followers are there.
func (c callers) watched(p *process) (rate float64, late []time.Duration, err error) {
	first, err := blocking()
	if err != nil {
		return 0, nil, err
	}
	blocker, err := c.job(first)
	if err != nil {
		return 0, nil, err
	}
	next, err := claims(1)
	if err != nil {
		return 0, nil, err
	}
	job, err := c.job(next[0])
	if err != nil {
		return 0, nil, err
	}
	w := &watchers{ended: make([]time.Time, jobFollowers)}
	for i := range jobFollowers {
		if err := w.watch(p.address, job.URLs.Events, i); err != nil {
			return 0, nil, err
		}
	}
	if err := c.giveUp(blocker.JobID); err != nil {
		return 0, nil, err
	}
	w.reading.Wait()
	if w.failed.Load() > 0 {
		return 0, nil, fmt.Errorf("%d of %d followers missed the end of their job", w.failed.Load(), jobFollowers)
	}
	var done api.Job
	if err := c.get(job.URLs.Self, &done); err != nil {
		return 0, nil, err
	}
	finished := time.Time(*done.FinishedAt)
	var last time.Duration
	for _, at := range w.ended {
		late = append(late, at.Sub(finished))
		last = max(last, at.Sub(finished))
	}
	return jobFollowers / last.Seconds(), late, nil
}

// watchers follow one job to its end.
type watchers struct {
	ended   []time.Time // one for each
	failed  atomic.Int64
	reading sync.WaitGroup
}

func (w *watchers) watch(address, path string, i int) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	kind := []string{"service-sse", "service-websocket"}[i%2]
	if _, err := io.WriteString(conn, (&followers{kind: kind}).request(path)); err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Now().Add(2 * time.Minute))
	follows := make(chan struct{})
	w.reading.Go(func() {
		defer conn.Close()
		w.untilEnd(conn, i, sync.OnceFunc(func() { close(follows) }))
	})
	<-follows
	return nil
}

// untilEnd reads; follows is told with the first event.
func (w *watchers) untilEnd(conn net.Conn, i int, follows func()) {
	defer follows()
	var got []byte
	for buf := make([]byte, 4096); ; {
		n, err := conn.Read(buf)
		if err != nil {
			w.failed.Add(1)
			return
		}
		got = append(got, buf[:n]...)
		if bytes.Contains(got, []byte(`"type":"position"`)) {
			follows()
		}
		if bytes.Contains(got, []byte(`"type":"completed"`)) {
			w.ended[i] = time.Now()
			return
		}
	}
}
