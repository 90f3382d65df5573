package network

import (
	"context"
	"net"
)

// DialedBy makes everything that a client connects to reachable by dial alone.
func (o Options) DialedBy(dial func(ctx context.Context, network, address string) (net.Conn, error)) Options {
	o.dial = dial
	return o
}
