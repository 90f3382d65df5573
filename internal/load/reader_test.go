package main

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReader(t *testing.T) {
	t.Parallel()
	one := event()
	require.Len(t, one, payload)

	for name, c := range map[string]struct {
		websocket bool
		sent      string
	}{
		"event streams in any framing": {false, "HTTP/1.1 200 OK\r\n\r\n2c8\r\ndata:" + string(one) + "\n\n\r\n:\n\ndata:" + string(one) + "\n\n"},
		"frames":                       {true, "HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x7e\x02\xbc" + string(one) + "\x81\x7e\x02\xbc" + string(one)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, server := net.Pipe()
			defer client.Close()
			go func() {
				defer server.Close()
				for i := range c.sent { // byte by byte: an event may come in pieces
					_, _ = io.WriteString(server, c.sent[i:i+1])
				}
			}()
			r := &reader{conn: client, websocket: c.websocket, buf: make([]byte, 2048)}
			for range 2 {
				at, err := r.next()
				require.NoError(t, err)
				require.WithinDuration(t, time.Now(), at, time.Minute)
			}
			_, err := r.next()
			require.ErrorIs(t, err, io.EOF)
		})
	}

	t.Run("a ping is answered", func(t *testing.T) {
		t.Parallel()
		client, server := net.Pipe()
		defer client.Close()
		defer server.Close()
		go func() { _, _ = io.WriteString(server, "HTTP/1.1 101\r\n\r\n\x89\x02ab\x88\x00\x00\x00") }()
		r := &reader{conn: client, websocket: true, buf: make([]byte, 2048)}
		done := make(chan error)
		go func() { _, err := r.next(); done <- err }()
		pong := make([]byte, 8)
		_, err := io.ReadFull(server, pong)
		require.NoError(t, err)
		require.Equal(t, "\x8a\x82\x00\x00\x00\x00ab", string(pong))
		require.ErrorContains(t, <-done, "a frame of type 8")
	})
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	var all []time.Duration
	for i := range 100 {
		all = append(all, time.Duration(100-i))
	}
	require.Equal(t, time.Duration(51), percentile(all, .5))
	require.Equal(t, time.Duration(100), percentile(all, .99))
	require.Zero(t, percentile(nil, .99))
}
