package networktest

import (
	"context"
	"net"
	"sync"
)

// tracked is a listener whose connections can be cut.
type tracked struct {
	net.Listener
	mu    sync.Mutex
	conns map[*conn]struct{} // guarded by mu
}

type conn struct {
	net.Conn
	from *tracked
}

func track(l net.Listener) *tracked { return &tracked{Listener: l, conns: map[*conn]struct{}{}} }

func (t *tracked) Accept() (net.Conn, error) {
	c, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	own := &conn{Conn: c, from: t}
	t.conns[own] = struct{}{}
	return own, nil
}

func (c *conn) Close() error {
	c.from.mu.Lock()
	delete(c.from.conns, c)
	c.from.mu.Unlock()
	return c.Conn.Close()
}

func (t *tracked) cut() {
	t.mu.Lock()
	var all []net.Conn
	for c := range t.conns {
		all = append(all, c.Conn)
	}
	t.mu.Unlock()
	for _, c := range all {
		_ = c.Close()
	}
}

// pipes is a listener in memory.
type pipes struct {
	waiting chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func newPipes() *pipes { return &pipes{waiting: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.waiting:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.waiting <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
