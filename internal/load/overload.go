package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"claimprover/internal/api"
)

// The service of this measurement proves 100 claims a second.
const (
	workers   = 4
	proofTime = 40 * time.Millisecond
	provable  = int(workers * time.Second / proofTime)
)

// outcome is what one rate of submissions came to.
type outcome struct {
	sent, accepted, full, other, unanswered int64
	proved                                  int64
	resident                                int64 // bytes, the most that was seen
	cpu                                     time.Duration
	live                                    []time.Duration // answers of /livez
}

// measureOverload sends claims at the rate that can be proved, and at ten times that, whether they are answered or not.
func measureOverload(ctx context.Context, o options) error {
	fmt.Printf("\n%d workers, %v a proof: %d claims a second can be proved. Open loop, every claim another account, %v each:\n\n",
		workers, proofTime, provable, o.time)
	fmt.Println("| claims/s | sent | accepted | queue_full | other | unanswered | proved | peak resident MiB | CPU s | /livez p50 | /livez p99 |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|")
	var outcomes []outcome
	for _, times := range []int{1, 10} {
		got, err := overloadOf(ctx, o, times*provable)
		if err != nil {
			return err
		}
		outcomes = append(outcomes, got)
		fmt.Printf("| %d | %d | %d | %d | %d | %d | %d | %.1f | %.1f | %.1f ms | %.1f ms |\n", times*provable, got.sent, got.accepted,
			got.full, got.other, got.unanswered, got.proved, float64(got.resident)/(1<<20), got.cpu.Seconds(),
			percentile(got.live, .5).Seconds()*1000, percentile(got.live, .99).Seconds()*1000)
	}
	one, ten := outcomes[0], outcomes[1]
	fmt.Printf("\nAt ten times: resident memory %.2f of that at once, goodput %.0f %%, /livez p99 %.1f ms.\n",
		float64(ten.resident)/float64(one.resident), 100*float64(ten.proved)/float64(one.proved), percentile(ten.live, .99).Seconds()*1000)
	return nil
}

func overloadOf(ctx context.Context, o options, rate int) (got outcome, err error) {
	bodies, err := claims(int(o.time.Seconds() * float64(rate)))
	if err != nil {
		return got, err
	}
	p, err := startProgram(ctx, o.binary, fmt.Sprintf("WORKER_COUNT=%d", workers), "MOCK_DELAY="+proofTime.String())
	if err != nil {
		return got, err
	}
	defer p.stop()
	c := newCallers(p, 2000)
	defer c.close()

	watching, enough := context.WithCancel(ctx)
	defer enough()
	var beside sync.WaitGroup
	beside.Go(func() { got.live = p.aliveness(watching) })
	beside.Go(func() { got.resident = p.mostResident(watching) })
	before := p.cpu()
	c.openLoop(ctx, bodies, o.time, &got)
	got.cpu = p.cpu() - before
	var h api.Health
	err = c.get("/health", &h)
	got.proved = int64(h.ProofMetrics.TotalCompletions)
	enough()
	beside.Wait()
	return got, err
}

// openLoop sends each body at its time, however many are unanswered by then.
func (c callers) openLoop(ctx context.Context, bodies []string, lasting time.Duration, got *outcome) {
	var sent, accepted, full, other, unanswered atomic.Int64
	var calls sync.WaitGroup
	begin := time.Now()
	for first := 0; first < len(bodies) && ctx.Err() == nil; {
		due := min(len(bodies), int(float64(len(bodies))*time.Since(begin).Seconds()/lasting.Seconds()))
		for i := range bodies[first:due] {
			i += first
			sent.Add(1)
			calls.Go(func() {
				res, err := c.submit(i, bodies[i])
				if err != nil {
					unanswered.Add(1)
					return
				}
				defer res.Body.Close()
				_, _ = io.Copy(io.Discard, res.Body)
				switch res.StatusCode {
				case http.StatusAccepted:
					accepted.Add(1)
				case http.StatusServiceUnavailable:
					full.Add(1)
				default:
					other.Add(1)
				}
			})
		}
		first = due
		time.Sleep(time.Millisecond)
	}
	calls.Wait()
	got.sent, got.accepted, got.full, got.other, got.unanswered = sent.Load(), accepted.Load(), full.Load(), other.Load(), unanswered.Load()
}

// aliveness asks /livez ten times a second.
func (p *process) aliveness(ctx context.Context) (took []time.Duration) {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return took
		case <-tick.C:
		}
		begin := time.Now()
		res, err := client.Get("http://" + p.address + "/livez")
		if err != nil {
			took = append(took, 10*time.Second)
			continue
		}
		_ = res.Body.Close()
		took = append(took, time.Since(begin))
	}
}

// mostResident looks twice a second.
func (p *process) mostResident(ctx context.Context) (most int64) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		most = max(most, p.memory("VmRSS"))
		select {
		case <-ctx.Done():
			return most
		case <-tick.C:
		}
	}
}
