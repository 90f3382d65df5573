package stream

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// RFC 6455 abused on raw sockets: each is sent away with its code, or cut, and nobody else notices.
func TestAbuse(t *testing.T) {
	t.Parallel()
	w := loopback(t, Options{})
	w.store(event("1", 1, 1, "running"))
	bystander := w.ws("/jobs/1")
	require.Contains(t, bystander.next(), "running")

	closing := func(code uint16, reason string) []byte {
		return frameBytes(0x88, append(binary.BigEndian.AppendUint16(nil, code), reason...))
	}
	unmasked := []byte{0x81, 2, 'h', 'i'}
	huge := append([]byte{0x81, 0x80 | 127}, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)
	negative := append([]byte{0x81, 0x80 | 127}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0)
	big := bytes.Repeat([]byte(" "), maxMessage)

	cases := map[string]struct {
		sent []byte
		code int // 0: cut without a word
	}{
		"reserved bit 1":                  {frameBytes(0xc1, []byte("{}")), 1002},
		"reserved bit 2":                  {frameBytes(0xa1, []byte("{}")), 1002},
		"reserved bit 3":                  {frameBytes(0x91, []byte("{}")), 1002},
		"reserved data opcode":            {frameBytes(0x83, nil), 1002},
		"reserved control opcode":         {frameBytes(0x8b, nil), 1002},
		"unmasked":                        {unmasked, 1002},
		"fragmented ping":                 {frameBytes(0x09, nil), 1002},
		"fragmented close":                {frameBytes(0x08, nil), 1002},
		"ping of 126 bytes":               {frameBytes(0x89, make([]byte, 126)), 1002},
		"continuation of nothing":         {frameBytes(0x80, []byte("{}")), 1002},
		"text within a fragmented text":   {append(frameBytes(0x01, []byte("{")), text("}")...), 1002},
		"a length of 2^63-1":              {append(huge, append(big, big...)...), 1009},
		"a length with its top bit set":   {negative, 1002},
		"one byte too much":               {frameBytes(0x81, append(big, ' ')), 1009},
		"too much in parts":               {append(frameBytes(0x01, big), frameBytes(0x80, []byte(" "))...), 1009},
		"a megabyte":                      {frameBytes(0x81, make([]byte, 1<<20)), 1009},
		"close without a code":            {frameBytes(0x88, nil), 1005},
		"close 1000":                      {closing(1000, "bye"), 1000},
		"close 4000":                      {closing(4000, ""), 4000},
		"close of one byte":               {frameBytes(0x88, []byte{3}), 1002},
		"close 999":                       {closing(999, ""), 1002},
		"close 1004":                      {closing(1004, ""), 1002},
		"close 1005":                      {closing(1005, ""), 1002},
		"close 1006":                      {closing(1006, ""), 1002},
		"close 1015":                      {closing(1015, ""), 1002},
		"close 2999":                      {closing(2999, ""), 1002},
		"close 65535":                     {closing(65535, ""), 1002},
		"UTF-8 cut in two is whole again": {append(frameBytes(0x01, []byte("{\"op\":\"\xc3")), frameBytes(0x80, []byte("\xa9\"}"))...), -1},
		"UTF-8 that never ends":           {text("{\"op\":\"\xc3\"}"), 1007},
		"binary":                          {frameBytes(0x82, []byte("{}")), 1003},
		"a pong nobody asked for":         {frameBytes(0x8a, []byte("x")), -1},
		"HTTP":                            {[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), 1002},
		"zeros":                           {make([]byte, 100), 1002},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			peer := w.upgraded("/jobs/1")
			peer.t = t
			defer peer.Close()
			_, err := peer.Write(c.sent)
			require.NoError(t, err)
			if c.code == -1 {
				_, err := peer.Write(closing(1000, ""))
				require.NoError(t, err)
				c.code = 1000
			}
			require.Equal(t, c.code, peer.closeCode())
			require.NoError(t, peer.Close())
			w.untilHeld(1)
		})
	}

	t.Run("a socket that vanishes at any moment", func(t *testing.T) {
		whole := "GET /jobs/1" + handshake + string(text(`{"op":"ping"}`))
		for n := 0; n <= len(whole); n += 7 {
			conn := w.raw(whole[:n])
			if tcp, ok := conn.(*net.TCPConn); ok && n%2 == 0 {
				require.NoError(t, tcp.SetLinger(0)) // a reset instead of an end
			}
			require.NoError(t, conn.Close())
		}
		w.untilHeld(1)
	})

	w.publish(event("1", 2, 1, "failed"))
	require.Contains(t, bystander.next(), "failed")
	require.Equal(t, "closed 1000", bystander.next())
}

// A reader that stops costs the kernel's small buffer and nobody else anything.
func TestStalledReadersHarmNobody(t *testing.T) {
	t.Parallel()
	w := loopback(t, Options{})
	w.store(event("1", 1, 1, "running"))
	for range 100 {
		defer w.upgraded("/jobs/1").Close()
	}
	w.untilHeld(100)
	good := w.ws("/jobs/1")
	require.Contains(t, good.next(), "running")
	for v := uint64(2); v < 200; v++ {
		big := event("1", v, 1, "running")
		big.Data = append(big.Data, bytes.Repeat([]byte(" "), 8<<10)...)
		w.publish(big)
		require.Contains(t, good.next(), "running")
	}
	require.Greater(t, w.hub.Counts().Replaced, uint64(1000), "they stand still")
}
