package network

import (
	"context"
	"net"
	"time"
)

// DialedBy makes everything that a client connects to reachable by dial alone.
func (o Options) DialedBy(dial func(ctx context.Context, network, address string) (net.Conn, error)) Options {
	o.dial = dial
	return o
}

// Looking makes a client look for a request that may have been taken for as long as d, instead of more than a minute:
// for tests in real time.
func (o Options) Looking(d time.Duration) Options {
	o.look = d
	return o
}

// Even makes a client's waits exact, so that one life is as the other.
func (o Options) Even() Options {
	o.even = true
	return o
}
