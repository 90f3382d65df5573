package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// siege says that the crowds are large and the program is the one that make build has built: make siege.
var siege = os.Getenv("SIEGE") != ""

// many is the size of a crowd: of this test run, or of a siege.
func many(usually, inSiege int) int {
	if siege {
		return inSiege
	}
	return usually
}

// crowded lets one address have as many streams as it likes.
const crowded = "MAX_STREAMS_PER_IP=15000"

const handshake = " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"

// dialSmall opens a connection whose kernel takes 4 KiB and no more until they are read.
func (s *service) dialSmall(t *testing.T, patience time.Duration) *net.TCPConn {
	t.Helper()
	small := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error { // afterwards the window is announced
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10) })
	}}
	conn, err := small.DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn.(*net.TCPConn)
}

// rude opens a stream of which only the header is ever read: half of them WebSockets, which answer no ping and no close.
func (s *service) rude(t *testing.T, n int, path string) *net.TCPConn {
	t.Helper()
	conn := s.dialSmall(t, 10*time.Minute)
	request, want := "GET "+path+handshake, "HTTP/1.1 101 "
	if n%2 == 0 {
		request, want = "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200 "
	}
	_, err := io.WriteString(conn, request)
	require.NoError(t, err)
	head := make([]byte, len(want))
	_, err = io.ReadFull(conn, head)
	require.NoError(t, err)
	require.Equal(t, want, string(head))
	return conn
}

// streams are those that the service counts.
func (s *service) streams() int {
	return int(s.metric(`claimprover_stream_subscribers\{transport="sse"\}`) + s.metric(`claimprover_stream_subscribers\{transport="websocket"\}`))
}

// footprint is what the service uses once all garbage is collected.
type footprint struct{ descriptors, goroutines, heap float64 }

func (s *service) footprint(t *testing.T) footprint {
	t.Helper()
	require.Equal(t, 200, s.operate("GET", "/debug/pprof/heap?gc=1", "").StatusCode)
	return footprint{s.metric("process_open_fds"), s.metric("go_goroutines"), s.metric("go_memstats_heap_inuse_bytes")}
}

func TestPeersThatNeverAnswerDelayNoDrain(t *testing.T) {
	t.Parallel()
	s := start(t, "MOCK_DELAY=60s", "SHUTDOWN_TIMEOUT_SECONDS=1", crowded)
	j := s.submit(newClaim(t))
	crowd := many(100, 1000)
	for n := range crowd {
		s.rude(t, n, []string{j.URLs.Events, "/v1/events"}[n/2%2])
	}
	require.Equal(t, crowd, s.streams())
	begin := time.Now()
	s.stop()
	took := time.Since(begin)
	t.Logf("%d peers that never answer: drained in %v", crowd, took)
	require.Less(t, took, 15*time.Second, "one after another they would have taken a second each")
}

// TestSubscribersThatNeverRead follow so many jobs that their sockets are full. They are cut, and nobody else notices.
func TestSubscribersThatNeverRead(t *testing.T) {
	t.Parallel()
	const followed = 60 // events of 700 bytes, of which the kernel keeps some dozens
	s := start(t, append(unlimited, "MOCK_DELAY=60s", "WORKER_COUNT=100", "QUEUE_CAPACITY=1000", crowded)...)
	var ids []string
	for range followed {
		ids = append(ids, s.submit(newClaim(t)).JobID)
	}
	fast := s.submit(newClaim(t)) // for those who behave
	good := s.sse(fast.URLs.Events)
	before, crowd := s.footprint(t), many(50, 1000)
	var all []*net.TCPConn
	for range crowd {
		all = append(all, s.rude(t, 1, "/v1/events"))
	}
	paced := time.NewTicker(60 * time.Millisecond) // twenty operations a second are allowed
	defer paced.Stop()
	for _, id := range ids {
		<-paced.C
		for _, conn := range all {
			_, _ = conn.Write(masked(`{"op":"subscribe","jobId":"` + id + `"}`)) // cut already: good
		}
	}
	begin := time.Now()
	require.Eventually(t, func() bool { return s.streams() == 1 }, time.Minute, 100*time.Millisecond, "they are cut")
	t.Logf("%d subscribers that never read were gone %v after their last word", crowd, time.Since(begin))
	if siege {
		require.Less(t, time.Since(begin), 30*time.Second)
	}
	require.Equal(t, 200, s.call("DELETE", fast.URLs.Self, "", withKey).StatusCode)
	seen := events(t, good.Body)
	require.Equal(t, "cancelled", seen[len(seen)-1].Job.Code, "who reads hears of the end")
	require.Eventually(t, func() bool { return s.metric("process_open_fds") <= before.descriptors+4 }, time.Minute, 100*time.Millisecond)
}

// masked is a text frame of less than 126 bytes as a client sends it, under a mask of zeros.
func masked(text string) []byte {
	return append([]byte{0x81, 0x80 | byte(len(text)), 0, 0, 0, 0}, text...)
}

func TestWhatAVisitorUsedComesBack(t *testing.T) {
	t.Parallel()
	s := start(t, "MOCK_DELAY=60s", crowded)
	j := s.submit(newClaim(t))
	visit := func(visits int) {
		for n := range visits {
			conn := s.rude(t, n, []string{j.URLs.Events, "/v1/events"}[n/2%2])
			if n%3 == 0 {
				require.NoError(t, conn.SetLinger(0)) // leaves by a reset
			}
			require.NoError(t, conn.Close())
		}
		require.Eventually(t, func() bool { return s.streams() == 0 }, time.Minute, 10*time.Millisecond)
	}
	visit(100) // pools and buffers that any process has after a while
	before, visits := s.footprint(t), many(500, 10_000)
	visit(visits)
	var after footprint
	require.Eventually(t, func() bool {
		after = s.footprint(t)
		return after.descriptors <= before.descriptors+2 && after.goroutines <= before.goroutines+4
	}, time.Minute, 100*time.Millisecond, "before %v", before)
	t.Logf("%d connects and disconnects: before %+v, after %+v", visits, before, after)
	require.LessOrEqual(t, after.heap, before.heap+4<<20)
}

// TestIdleConnectionsAreLetGo after a minute and no sooner, and those that never send a word after ten seconds.
func TestIdleConnectionsAreLetGo(t *testing.T) {
	if !siege {
		t.Skip("takes a minute; see make siege")
	}
	s := start(t)
	before := s.metric("process_open_fds")
	const silent, idle = 1000, 1000
	for range silent {
		s.dial(t, 5*time.Minute)
	}
	for range idle {
		conn := s.dial(t, 5*time.Minute)
		_, err := io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
	}
	begin := time.Now()
	gone := func(left float64) func() bool {
		return func() bool { return s.metric("process_open_fds") <= before+left }
	}
	require.Eventually(t, gone(idle+4), 15*time.Second, 50*time.Millisecond, "the silent")
	t.Logf("%d silent connections were gone after %v", silent, time.Since(begin))
	require.Never(t, gone(idle-1), time.Until(begin.Add(45*time.Second)), 500*time.Millisecond, "an idle one was ended too soon")
	require.Eventually(t, gone(4), 75*time.Second, 50*time.Millisecond, "the idle")
	t.Logf("%d idle connections were gone after %v", idle, time.Since(begin))
}

// TestSlowHTTPTest has the program of that name try to use the service up, with a thousand connections of each kind.
func TestSlowHTTPTest(t *testing.T) {
	if !siege {
		t.Skip("the crowds are small; see make siege")
	}
	const connections = 1000
	for _, attack := range []struct {
		name  string
		flags string
		path  string
		limit time.Duration
	}{
		{"slow headers", "-H -i 2", "/livez", 15 * time.Second},
		{"slow bodies", "-B -i 2 -s 4000 -f application/json", "/v1/jobs", 15 * time.Second},
		{"slow readers", "-X -w 512 -y 1024 -n 2 -z 32 -k 10", "/openapi.json", 30 * time.Second},
	} {
		t.Run(attack.name, func(t *testing.T) {
			// It cannot send a credential, and who sends none is refused before he could be slow.
			s := start(t, append(unlimited, "MOCK_DELAY=1ms", "ALLOW_ANONYMOUS=true", "IP_RATE_LIMIT_MAX_REQUESTS=1000000")...)
			quiet := s.metric("process_open_fds") + 8 // ours, and those of the one who behaves
			decent := s.decentCaller()
			args := append(strings.Fields(attack.flags), "-c", fmt.Sprint(connections), "-r", "1000", "-l", "100", "-u", s.url+attack.path)
			cmd := exec.CommandContext(t.Context(), "slowhttptest", args...)
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start(), "apt-get install slowhttptest")
			go func() { _, _ = io.Copy(io.Discard, out) }()
			fds := func() float64 { return s.metric("process_open_fds") }
			require.Eventually(t, func() bool { return fds() >= connections }, 30*time.Second, 50*time.Millisecond, "the attack is on")
			begin := time.Now()
			require.Eventually(t, func() bool { return fds() <= quiet }, 2*time.Minute, 50*time.Millisecond, "they are gone")
			took := time.Since(begin)
			require.NoError(t, cmd.Process.Kill())
			_ = cmd.Wait() // it was killed
			decent.wantUnharmed(t)
			t.Logf("%d connections were gone %v after all stood; the slowest of the decent calls took %v", connections, took, decent.slowest)
			require.Less(t, took, attack.limit)
		})
	}
}
