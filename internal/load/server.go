package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"

	"claimprover/hub"
	"claimprover/server/stream"
)

// payload is the size of an event: that of a running job.
const payload = 700

// event is JSON with the time of its making in it, between @ and the sentinel |, which stand nowhere else in it.
func event() []byte {
	head := fmt.Sprintf(`{"type":"running","id":1000000000,"at":"@%019d`, time.Now().UnixNano())
	return fmt.Appendf(nil, `%s","pad":"%s|"}`, head, strings.Repeat("x", payload-len(head)-12))
}

// fanOut is a server with one topic.
type fanOut interface {
	serve(net.Listener) error
	publish([]byte)
}

var fanOuts = map[string]func() fanOut{
	"ours-sse":       newOurs,
	"ours-websocket": newOurs,
	"hand-sse":       func() fanOut { return new(handSSE) },
	"hand-websocket": func() fanOut { return new(handWebSocket) },
	"raw":            func() fanOut { return new(rawTCP) },
	"raw-goroutines": func() fanOut { return new(rawGoroutines) },
}

// serveFanOut runs one of them: it says its address, then does what each line it reads says, until there are no more.
func serveFanOut(kind string) error {
	build := fanOuts[kind]
	if build == nil {
		return fmt.Errorf("there is no server %q", kind)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := build()
	go func() {
		fmt.Fprintln(os.Stderr, "load:", server.serve(listener))
		os.Exit(1)
	}()
	fmt.Println(listener.Addr())
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch lines.Text() {
		case "publish":
			server.publish(event())
		case "collect":
			debug.FreeOSMemory()
		case "replaced":
			fmt.Println(server.(*ours).hub.Counts().Replaced)
			continue
		}
		fmt.Println("done")
	}
	return nil
}

// ours is wired as the service is: hub, streams, Gin, and the socket options of its server.
type ours struct {
	hub     *hub.Hub
	streams *stream.Streams
	last    atomic.Pointer[hub.Message]
}

func newOurs() fanOut {
	h := hub.New()
	o := &ours{hub: h, streams: stream.New(h, stream.Options{})}
	o.last.Store(o.message(event()))
	return o
}

var topic = hub.Topic{1}

func (o *ours) message(data []byte) *hub.Message {
	m := &hub.Message{Topic: topic, Version: 1_000_000_000, Tick: 1, Type: "running", Data: data}
	if last := o.last.Load(); last != nil {
		m.Version = last.Version + 1
	}
	return m
}

func (o *ours) publish(data []byte) {
	m := o.message(data)
	m.At = time.Now()
	o.last.Store(m)
	o.hub.Publish(m)
}

func (o *ours) serve(l net.Listener) error {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.GET("/events", func(c *gin.Context) {
		_ = o.streams.Serve(c.Writer, c.Request, stream.Subscription{
			Topic:    topic,
			Snapshot: func(context.Context) (*hub.Message, error) { return o.last.Load(), nil },
		})
	})
	server := http.Server{Handler: e, ReadHeaderTimeout: 10 * time.Second, ConnContext: stream.ConnContext}
	return server.Serve(l)
}

// crowd is how one writes a broadcast by hand: a channel for each follower, and who is too slow loses.
type crowd struct {
	mu      sync.Mutex
	members map[chan []byte]struct{} // guarded by mu
}

func (c *crowd) join() chan []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.members == nil {
		c.members = make(map[chan []byte]struct{})
	}
	mailbox := make(chan []byte, 16)
	c.members[mailbox] = struct{}{}
	return mailbox
}

func (c *crowd) leave(mailbox chan []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.members, mailbox)
}

func (c *crowd) publish(data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for mailbox := range c.members {
		select {
		case mailbox <- data:
		default:
		}
	}
}

// handSSE is an event stream as Gin's own example has it, with a heartbeat.
type handSSE struct{ crowd }

func (h *handSSE) serve(l net.Listener) error {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.GET("/events", func(c *gin.Context) {
		mailbox := h.join()
		defer h.leave(mailbox)
		c.Header("Content-Type", "text/event-stream")
		fmt.Fprintf(c.Writer, "event:running\ndata:%s\n\n", event())
		c.Writer.Flush()
		beat := time.NewTicker(15 * time.Second)
		defer beat.Stop()
		for {
			select {
			case data := <-mailbox:
				if _, err := fmt.Fprintf(c.Writer, "event:running\ndata:%s\n\n", data); err != nil {
					return
				}
			case <-beat.C:
				_, _ = io.WriteString(c.Writer, ":\n\n")
			case <-c.Request.Context().Done():
				return
			}
			c.Writer.Flush()
		}
	})
	return http.Serve(l, e)
}

// handWebSocket is the broadcast that coder/websocket's documentation leads to.
type handWebSocket struct{ crowd }

func (h *handWebSocket) serve(l net.Listener) error {
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer conn.CloseNow()
		mailbox := h.join()
		defer h.leave(mailbox)
		ctx := conn.CloseRead(r.Context())
		write := func(data []byte) error {
			ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			defer cancel()
			return conn.Write(ctx, websocket.MessageText, data)
		}
		if write(event()) != nil {
			return
		}
		for {
			select {
			case data := <-mailbox:
				if write(data) != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}))
}

// rawTCP is the measure: nothing but the writes, by as many goroutines as there are cores.
type rawTCP struct {
	mu    sync.Mutex
	conns []net.Conn // guarded by mu
}

func (r *rawTCP) serve(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		_, _ = conn.Write(event())
		r.mu.Lock()
		r.conns = append(r.conns, conn)
		r.mu.Unlock()
	}
}

func (r *rawTCP) publish(data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var writers sync.WaitGroup
	share := max(1, (len(r.conns)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	for from := 0; from < len(r.conns); from += share {
		writers.Go(func() {
			for _, conn := range r.conns[from:min(from+share, len(r.conns))] {
				_, _ = conn.Write(data)
			}
		})
	}
	writers.Wait()
}

// rawGoroutines lets no peer delay another: each has a goroutine, which is the least that any such server needs.
type rawGoroutines struct{ crowd }

func (r *rawGoroutines) serve(l net.Listener) error {
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		mailbox := r.join()
		go func() {
			defer conn.Close()
			defer r.leave(mailbox)
			_, err := conn.Write(event())
			for err == nil {
				_, err = conn.Write(<-mailbox)
			}
		}()
	}
}
