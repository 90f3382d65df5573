package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"claimprover/internal/api"
	"claimprover/prover/mock"
)

const (
	submissions = 4000
	atATime     = 32
)

func measureLoad(ctx context.Context, o options) error {
	fmt.Printf("\nSubmissions over %d connections with %d API keys in turn; medians of %d rounds:\n\n", atATime, len(keys), o.rounds)
	fmt.Println("| submission | a second | p50 | p99 |\n|---|---|---|---|")
	kinds := []string{"new", "joined", "cached"}
	rates, p50s, p99s := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}
	for range o.rounds {
		for _, kind := range kinds {
			rate, took, err := submissionsOf(ctx, o, kind)
			if err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
			rates[kind] = append(rates[kind], rate)
			p50s[kind] = append(p50s[kind], percentile(took, .5).Seconds()*1000)
			p99s[kind] = append(p99s[kind], percentile(took, .99).Seconds()*1000)
		}
	}
	for _, kind := range kinds {
		fmt.Printf("| %s | %.0f | %.1f ms | %.1f ms |\n", kind, median(rates[kind]), median(p50s[kind]), median(p99s[kind]))
	}
	return measureDeliveries(ctx, o)
}

// submissionsOf sends claims that all are of one kind to a service made ready for it.
func submissionsOf(ctx context.Context, o options, kind string) (rate float64, took []time.Duration, err error) {
	all, err := claims(submissions)
	if err != nil {
		return 0, nil, err
	}
	settings := []string{"QUEUE_CAPACITY=1000000", "WORKER_COUNT=1", "MOCK_DELAY=1h", "PROOF_TIMEOUT_SECONDS=7200"}
	want := http.StatusAccepted
	if kind == "cached" {
		settings[1], settings[2], want = "WORKER_COUNT=16", "MOCK_DELAY=1ms", http.StatusOK
	}
	p, err := startProgram(ctx, o.binary, settings...)
	if err != nil {
		return 0, nil, err
	}
	defer p.stop()
	c := newCallers(p, atATime)
	defer c.close()
	send := func(want int) func(int) error {
		return func(i int) error {
			res, err := c.submit(i, all[i])
			if err != nil {
				return err
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if want != 0 && res.StatusCode != want {
				return fmt.Errorf("%s instead of %d: %s", res.Status, want, body)
			}
			return err
		}
	}
	if kind != "new" {
		if _, err := each(len(all), atATime, send(0)); err != nil {
			return 0, nil, err
		}
	}
	if kind == "cached" {
		if err := c.untilIdle(ctx); err != nil {
			return 0, nil, err
		}
	}
	begin := time.Now()
	took, err = each(len(all), atATime, send(want))
	return float64(len(all)) / time.Since(begin).Seconds(), took, err
}

// untilIdle waits until nothing is queued or running.
func (c callers) untilIdle(ctx context.Context) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var h api.Health
		if err := c.get("/health", &h); err != nil {
			return err
		}
		if h.QueueSize == 0 && h.Running == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (c callers) get(path string, into any) error {
	res, err := c.http.Get(c.url + path)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return json.NewDecoder(res.Body).Decode(into)
}

// job submits a claim and gives the job.
func (c callers) job(body string) (j api.Job, err error) {
	res, err := c.submit(0, body)
	if err != nil {
		return j, err
	}
	defer res.Body.Close()
	return j, json.NewDecoder(res.Body).Decode(&j)
}

// giveUp cancels a job of the first key.
func (c callers) giveUp(id string) error {
	req, err := http.NewRequest(http.MethodDelete, c.url+"/v1/jobs/"+id, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+keyOf(0))
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// blocking is a claim whose mock proof never ends by itself.
func blocking() (string, error) { return claimFor(mock.Recipient(mock.Timeout)) }
