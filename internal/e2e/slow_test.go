package e2e

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	// An arrival may take 10 s and an answer 20; the rest is for a machine that is busy. The kernel alone would let go of
	// these readers after 30 s and a little.
	arrivalPatience = 25 * time.Second
	readPatience    = 30 * time.Second
)

var slowCallers = many(50, 1000)

// drip opens connections that begin alike and go on by a byte now and then, until the service has enough of all. It
// gives what each was answered.
func (s *service) drip(t *testing.T, begin string, patience time.Duration) [][]reply {
	t.Helper()
	answers := make([][]reply, slowCallers)
	conns := make([]net.Conn, slowCallers)
	for i := range conns {
		conns[i] = s.dial(t, patience)
		_, err := io.WriteString(conns[i], begin)
		require.NoError(t, err)
	}
	over := make(chan struct{})
	var dripping, reading sync.WaitGroup
	dripping.Go(func() {
		drops := time.NewTicker(500 * time.Millisecond)
		defer drops.Stop()
		for {
			select {
			case <-over:
				return
			case <-drops.C:
			}
			for _, conn := range conns {
				_, _ = io.WriteString(conn, "x") // gone already: good
			}
		}
	})
	for i, conn := range conns {
		reading.Go(func() { answers[i] = replies(t, conn) })
	}
	reading.Wait()
	close(over)
	dripping.Wait()
	return answers
}

func slowHeaders(t *testing.T, s *service) {
	for _, got := range s.drip(t, "GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ", arrivalPatience) {
		require.Empty(t, got, "there was no request to answer")
	}
}

func slowBodies(t *testing.T, s *service) {
	for _, got := range s.drip(t, toSubmit+"Content-Length: 500\r\n\r\n{", arrivalPatience) {
		require.Len(t, got, 1)
		require.Equal(t, 400, got[0].StatusCode)
		require.Contains(t, string(got[0].body), "within 10s")
		got[0].wantRefusal(t, "slow body")
	}
}

// slowReaders ask for much and read nothing, or a few bytes now and then. What the service does about it they can only
// learn by writing.
func slowReaders(t *testing.T, s *service) {
	ask := strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", 20)
	var callers sync.WaitGroup
	for n := range slowCallers {
		reads := n%2 == 0
		dial := s.dialSmall
		if reads {
			dial = s.dial
		}
		conn := dial(t, readPatience)
		_, err := io.WriteString(conn, ask)
		require.NoError(t, err)
		callers.Go(func() {
			tries := time.NewTicker(500 * time.Millisecond)
			defer tries.Stop()
			for tick := 0; ; tick++ {
				<-tries.C
				if reads && tick%8 == 0 { // enough for the kernel to see life in it, too little for one answer in its time
					_, _ = conn.Read(make([]byte, 8<<10))
				}
				if _, err := io.WriteString(conn, "G"); err != nil {
					timeout, is := err.(net.Error)
					if is && timeout.Timeout() {
						t.Error("a caller who does not read was borne for too long")
					}
					return
				}
			}
		})
	}
	callers.Wait()
}
