package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"
)

// figures are what one server did with one number of followers.
type figures struct {
	rate     float64 // deliveries a second, one event after the other
	cpu      float64 // seconds of the server's per million deliveries
	p50, p99 time.Duration
	idle     float64 // KiB resident for each follower, while nothing happens
	peak     float64 // KiB for each follower, at the most
}

var kindsInTurn = []string{"raw", "raw-goroutines", "ours-websocket", "hand-websocket", "ours-sse", "hand-sse"}

func measureFanOut(ctx context.Context, o options) error {
	fmt.Printf("\nOne topic, events of %d bytes. A delivery is an event at one follower. Each round measures all in turn; the\n"+
		"share of raw is the median over %d rounds of the ratio within a round.\n\n", payload, o.rounds)
	fmt.Println("| followers | server | deliveries/s | of raw | of raw-goroutines | CPU s/million | p50 at 10/s | p99 at 10/s | idle KiB | peak KiB |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|")
	for _, n := range []int{1000, 5000, 9000} {
		rounds := make(map[string][]figures)
		for range o.rounds {
			for _, kind := range kindsInTurn {
				got, err := fanOutOf(ctx, kind, n, o.time)
				if err != nil {
					return fmt.Errorf("%s with %d followers: %w", kind, n, err)
				}
				rounds[kind] = append(rounds[kind], got)
			}
		}
		for _, kind := range kindsInTurn {
			printFanOut(n, kind, rounds[kind], rounds["raw"], rounds["raw-goroutines"])
		}
	}
	if err := measureStalled(ctx, o); err != nil {
		return err
	}
	return measureChurn(ctx, o)
}

func printFanOut(n int, kind string, its, raw, goroutines []figures) {
	share := func(of []figures) float64 {
		all := make([]float64, len(its))
		for i := range its {
			all[i] = its[i].rate / of[i].rate
		}
		return median(all)
	}
	med := func(of func(figures) float64) float64 {
		var all []float64
		for _, f := range its {
			all = append(all, of(f))
		}
		return median(all)
	}
	fmt.Printf("| %d | %s | %.0f | %.2f | %.2f | %.1f | %.1f ms | %.1f ms | %.1f | %.1f |\n", n, kind,
		med(func(f figures) float64 { return f.rate }), share(raw), share(goroutines),
		med(func(f figures) float64 { return f.cpu }),
		med(func(f figures) float64 { return f.p50.Seconds() * 1000 }), med(func(f figures) float64 { return f.p99.Seconds() * 1000 }),
		med(func(f figures) float64 { return f.idle }), med(func(f figures) float64 { return f.peak }))
}

func median(of []float64) float64 {
	slices.Sort(of)
	if len(of) == 0 {
		return math.NaN()
	}
	return of[len(of)/2]
}

// fanOutOf measures one server: memory while idle, then as many events as it can one after the other, then ten a second.
func fanOutOf(ctx context.Context, kind string, n int, lasting time.Duration) (got figures, err error) {
	p, err := startServer(ctx, kind)
	if err != nil {
		return got, err
	}
	defer p.stop()
	if err := p.do("collect"); err != nil {
		return got, err
	}
	base := p.memory("VmRSS")
	f, err := follow(p, kind, n, 0)
	if err != nil {
		return got, err
	}
	defer f.close()
	for range 3 { // stacks shrink by half at each collection
		if err := p.do("collect"); err != nil {
			return got, err
		}
	}
	got.idle = kib(p.memory("VmRSS")-base, n)

	before, begin := p.cpu(), time.Now()
	events := 0
	for time.Since(begin) < lasting/2 {
		if err := f.publish(p, n); err != nil {
			return got, err
		}
		events++
	}
	got.rate = float64(events*n) / time.Since(begin).Seconds()
	got.cpu = (p.cpu() - before).Seconds() / float64(events*n) * 1e6
	if err := steadily(ctx, p, f, lasting); err != nil {
		return got, err
	}
	got.peak = kib(p.memory("VmHWM")-base, n)
	if lost := f.lost.Load(); lost > 0 {
		return got, fmt.Errorf("%d followers were cut", lost)
	}
	f.close()
	got.p50, got.p99 = percentile(f.lags, .5), percentile(f.lags, .99)
	return got, nil
}

func kib(bytes int64, n int) float64 { return float64(bytes) / 1024 / float64(n) }

// steadily publishes ten events a second, whether they have arrived or not, and keeps how late each was.
func steadily(ctx context.Context, p *process, f *followers, lasting time.Duration) error {
	f.target.Store(0)
	f.keep.Store(true)
	defer f.keep.Store(false)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(lasting); time.Now().Before(end); {
		if err := p.do("publish"); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// measureStalled has one follower in ten stop reading, until the writes to him block, and looks at the others.
func measureStalled(ctx context.Context, o options) error {
	const all, stalled = 9000, 900
	fmt.Printf("\n%d followers of ours, %d of them stalled; how late the others get 10 events/s:\n\n", all, stalled)
	fmt.Println("| server | p99, all read | p99 of the others | ratio, median of rounds | others cut | events replaced for the stalled |\n|---|---|---|---|---|---|")
	for _, kind := range []string{"ours-websocket", "ours-sse"} {
		var without, with, ratio []float64
		var rude lateness
		for range o.rounds {
			quiet, err := latenessOf(ctx, kind, all, 0)
			if err != nil {
				return err
			}
			if rude, err = latenessOf(ctx, kind, all, stalled); err != nil {
				return err
			}
			without, with = append(without, quiet.p99.Seconds()*1000), append(with, rude.p99.Seconds()*1000)
			ratio = append(ratio, rude.p99.Seconds()/quiet.p99.Seconds())
		}
		fmt.Printf("| %s | %.1f ms | %.1f ms | %.2f | %d | %s |\n", kind, median(without), median(with), median(ratio), rude.cut, rude.replaced)
	}
	return nil
}

// lateness is what those who read saw of a run with others who do not.
type lateness struct {
	p99      time.Duration
	cut      int64
	replaced string // events that went unread, because the writes to the others block
}

func latenessOf(ctx context.Context, kind string, n, stalled int) (l lateness, err error) {
	p, err := startServer(ctx, kind)
	if err != nil {
		return l, err
	}
	defer p.stop()
	f, err := follow(p, kind, n, stalled)
	if err != nil {
		return l, err
	}
	defer f.close()
	for range 200 { // 140 KB: more than the kernels keep for one who does not read
		if err := f.publish(p, n-stalled); err != nil {
			return l, err
		}
	}
	if err := steadily(ctx, p, f, 5*time.Second); err != nil { // blocked writes end after ten
		return l, err
	}
	if l.replaced, err = p.ask("replaced"); err != nil {
		return l, err
	}
	l.cut = f.lost.Load()
	f.close()
	l.p99 = percentile(f.lags, .99)
	return l, nil
}
