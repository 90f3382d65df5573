package network_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"claimprover/prover"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

// open is a network on loopback with a client. Its proofs are of no use.
func open(b *testing.B, o networktest.Options) (*networktest.Server, *network.Client) {
	o.Mode, o.Program = network.Mainnet, program
	o.Prove = func([32]byte, []byte) []byte { return bytes.Repeat([]byte{0}, 356) }
	o.Guest = func(entry []byte) ([]byte, bool) {
		for _, in := range inputs {
			if bytes.Equal(in.GuestStdin(), entry) {
				return in.PublicValues[:], true
			}
		}
		return nil, false
	}
	s := networktest.New(b, o)
	c, err := network.New(network.Options{Endpoint: s.URL, Mode: network.Mainnet, Key: testKey(b, 1), Program: program, DurableJournals: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return s, c
}

// BenchmarkJob is one claim on a network that proves at once: what a job costs beside its waiting. The network's own
// work, both ends of gRPC and HTTP, is in it.
func BenchmarkJob(b *testing.B) {
	_, c := open(b, networktest.Options{Fulfilled: time.Nanosecond})
	b.ReportAllocs()
	before := processorTime(b)
	for b.Loop() {
		if _, err := c.Prove(b.Context(), inputs[1], &provertest.Journal{}, func(prover.Progress) {}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// processorTime is what the process has used of all cores.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkInFlight has many requests waiting and tells what they take in memory, the network's own included.
func BenchmarkInFlight(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("requests=%d", n), func(b *testing.B) {
			for b.Loop() {
				inFlight(b, n)
			}
		})
	}
}

func inFlight(b *testing.B, n int) {
	_, c := open(b, networktest.Options{Executed: time.Hour, Assigned: time.Hour, Fulfilled: time.Hour})
	before := held()
	var all sync.WaitGroup
	ctx, stop := context.WithCancel(b.Context())
	waiting := make(chan struct{}, n)
	for i := range n {
		all.Go(func() {
			_, _ = c.Prove(ctx, provertest.Input(uint16(i)), &provertest.Journal{}, func(p prover.Progress) {
				if p.Phase == "requested" {
					waiting <- struct{}{}
				}
			})
		})
	}
	for range n {
		<-waiting
	}
	b.ReportMetric(float64(held()-before)/(1<<20), "MiB")
	stop()
	all.Wait()
}

// held is what the process has of the operating system for heap and stacks after a collection.
func held() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
