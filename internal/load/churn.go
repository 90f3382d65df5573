package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// measureChurn connects and disconnects ten thousand followers of the real service, half of them on each transport, and
// looks at what is left of them.
func measureChurn(ctx context.Context, o options) error {
	p, err := startProgram(ctx, o.binary)
	if err != nil {
		return err
	}
	defer p.stop()
	fmt.Print("\nThe service itself, after connects and disconnects of followers of /v1/events:\n\n")
	fmt.Println("| connects | descriptors | goroutines | resident MiB |\n|---|---|---|---|")
	for total := 0; total <= 30_000; total += 10_000 {
		if total > 0 {
			for range 10 {
				if err := comeAndGo(p, 500); err != nil {
					return err
				}
			}
		}
		after, err := p.settled()
		if err != nil {
			return err
		}
		fmt.Printf("| %d | %.0f | %.0f | %.1f |\n", total, after["process_open_fds"], after["go_goroutines"], float64(p.memory("VmRSS"))/(1<<20))
	}
	return nil
}

func comeAndGo(p *process, each int) error {
	for _, kind := range []string{"service-sse", "service-websocket"} {
		f := &followers{kind: kind}
		for range each {
			if err := f.visit(p.address); err != nil {
				return err
			}
		}
		f.close()
	}
	return nil
}

// settled reads the service's own metrics once its streams are gone.
func (p *process) settled() (map[string]float64, error) {
	for range 100 {
		m, err := p.metrics("process_open_fds", "go_goroutines", `claimprover_stream_subscribers{transport="sse"}`, `claimprover_stream_subscribers{transport="websocket"}`)
		if err != nil {
			return nil, err
		}
		if m[`claimprover_stream_subscribers{transport="sse"}`]+m[`claimprover_stream_subscribers{transport="websocket"}`] == 0 {
			return m, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil, fmt.Errorf("streams are still open ten seconds after their clients have gone")
}

func (p *process) metrics(names ...string) (map[string]float64, error) {
	res, err := http.Get("http://" + p.admin + "/metrics")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	values := make(map[string]float64)
	for _, name := range names {
		found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(text)
		if found == nil {
			return nil, fmt.Errorf("there is no metric %s", name)
		}
		if values[name], err = strconv.ParseFloat(string(found[1]), 64); err != nil {
			return nil, err
		}
	}
	return values, nil
}

// visit opens a stream of the service and waits for its first event.
func (f *followers) visit(address string) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	tcp := conn.(*net.TCPConn)
	f.conns = append(f.conns, tcp)
	_ = tcp.SetLinger(0)
	if _, err := io.WriteString(tcp, f.request("/v1/events")); err != nil {
		return err
	}
	_ = tcp.SetReadDeadline(time.Now().Add(time.Minute))
	for got := []byte(nil); !bytes.Contains(got, []byte(`"type":"service"`)); {
		buf := make([]byte, 2048)
		n, err := tcp.Read(buf)
		if err != nil {
			return fmt.Errorf("waiting for the service's figures: %w: %q", err, got)
		}
		got = append(got, buf[:n]...)
	}
	return nil
}
