package stream

import (
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// One event of 700 bytes to a hundred readers over loopback, until the last has it. The readers are part of the
// process. transport=raw is the same bytes by plain writes, one goroutine for each socket, as the measure.
func BenchmarkDelivery(b *testing.B) {
	const readers = 100
	m := event("1", 1_000_000_000, 1, "running") // as long as the ids that follow
	m.Data = append(m.Data, strings.Repeat(" ", 700-len(m.Data))...)
	for _, transport := range []string{"raw", "sse", "websocket"} {
		b.Run("transport="+transport, func(b *testing.B) {
			w := loopback(b, Options{})
			w.store(m)
			arrived := make(chan struct{}, readers)
			size, deliver := len(m.Data), func() {
				next := *m
				next.Version++ // else it would be nothing new
				next.At = time.Now()
				m = &next
				w.hub.Publish(m)
			}
			switch transport {
			case "sse":
				size = len(eventFrame(m))
			case "websocket":
				size += 4
			case "raw":
				deliver = rawFanOut(b, m.Data, readers, arrived)
			}
			if transport != "raw" {
				for range readers {
					peer := w.upgradedOrSSE(transport, size)
					b.Cleanup(func() { _ = peer.Close() })
					go count(peer, size, arrived)
				}
			}
			b.ReportAllocs()
			before := cpu(b)
			for b.Loop() {
				deliver()
				for range readers {
					<-arrived
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*readers), "ns/delivery")
			b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(b.N*readers), "cpu-ns/delivery")
		})
	}
}

// cpu is what the process has used, which is steadier than time on a busy machine.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// rawFanOut has a goroutine for each socket that waits for a nudge and writes.
func rawFanOut(b *testing.B, data []byte, readers int, arrived chan struct{}) (deliver func()) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	nudges := make([]chan struct{}, readers)
	var writers sync.WaitGroup
	for i := range nudges {
		client, err := net.Dial("tcp", listener.Addr().String())
		require.NoError(b, err)
		server, err := listener.Accept()
		require.NoError(b, err)
		nudges[i] = make(chan struct{}, 1)
		go count(client, len(data), arrived)
		writers.Go(func() {
			defer server.Close()
			for range nudges[i] {
				if _, err := server.Write(data); err != nil {
					return
				}
			}
		})
	}
	b.Cleanup(func() {
		for _, n := range nudges {
			close(n)
		}
		writers.Wait()
		_ = listener.Close()
	})
	return func() {
		for _, n := range nudges {
			n <- struct{}{}
		}
	}
}

// upgradedOrSSE opens a stream and reads its first event.
func (w *world) upgradedOrSSE(transport string, size int) net.Conn {
	request := "GET /jobs/1" + handshake
	if transport == "sse" {
		request = "GET /jobs/1 HTTP/1.1\r\nHost: service.test\r\n\r\n"
	}
	conn := w.raw(request)
	var got []byte
	for one := make([]byte, 1); ; {
		_, err := conn.Read(one)
		require.NoError(w.t, err)
		got = append(got, one...)
		head, rest, ok := strings.Cut(string(got), "\r\n\r\n")
		if transport == "sse" {
			rest = strings.TrimPrefix(rest, "retry:")
			_, rest, ok = strings.Cut(rest, "\n") // the delay
		}
		if ok && len(rest) == size {
			require.Contains(w.t, head, "HTTP/1.1")
			return conn
		}
	}
}

// count tells of each size bytes.
func count(conn net.Conn, size int, arrived chan<- struct{}) {
	defer conn.Close()
	for buf := make([]byte, size); ; arrived <- struct{}{} {
		if _, err := io.ReadFull(conn, buf); err != nil {
			return
		}
	}
}

// What an open stream costs while nothing happens: heap and stacks of the process, the clients' bare sockets included.
func BenchmarkIdleStream(b *testing.B) {
	const streams = 2000
	for _, transport := range []string{"sse", "websocket"} {
		b.Run("transport="+transport, func(b *testing.B) {
			for b.Loop() {
				w := loopback(b, Options{})
				m := event("1", 1, 1, "running")
				w.store(m)
				size := len(m.Data) + 2
				if transport == "sse" {
					size = len(eventFrame(m))
				}
				before := footprint()
				conns := make([]net.Conn, streams)
				for i := range conns {
					conns[i] = w.upgradedOrSSE(transport, size)
				}
				b.ReportMetric(float64(footprint()-before)/streams, "B/stream")
				for _, c := range conns {
					_ = c.Close()
				}
				require.NoError(b, w.streams.Drain(context.Background()))
			}
		})
	}
}

func footprint() int64 {
	for range 3 { // stacks shrink, one half at each collection
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
