package verify

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/consensys/gnark-crypto/ecc/bn254"
	"github.com/stretchr/testify/require"
)

// BenchmarkCheck is the whole check: SP1's bytes in, an answer out.
func BenchmarkCheck(b *testing.B) {
	v := verifier(b)
	for _, r := range oneOfEach(b) {
		b.Run(fmt.Sprintf("circuit=%s/system=%s", r.CircuitVersion, r.System), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := v.Check(r.proof, r.values, r.program); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAgainst takes turns, round by round, between our check, gnark's Verify on the decoded proof and the lower
// bound, so that what else the machine does hits all three alike. It reports medians, and their ratios.
func BenchmarkAgainst(b *testing.B) {
	for _, r := range oneOfEach(b) {
		if r.CircuitVersion != "v6.1.0" {
			continue
		}
		v := verifier(b)
		ours := func() error { return v.Check(r.proof, r.values, r.program) }
		for _, atOnce := range []int{1, runtime.GOMAXPROCS(0)} {
			b.Run(fmt.Sprintf("system=%s/programs=1/at-once=%d", r.System, atOnce), func(b *testing.B) { against(b, r, atOnce, ours) })
		}
		if r.System == "groth16" { // the key forgets each time what it could have remembered
			all := recordings(b)
			i := slices.IndexFunc(all, func(o recording) bool { return o.Selector == r.Selector && o.program != r.program })
			other, turns := all[i], new(atomic.Int64)
			turnwise := func() error {
				if turns.Add(1)%2 == 0 {
					return v.Check(other.proof, other.values, other.program)
				}
				return ours()
			}
			b.Run("system=groth16/programs=2/at-once=1", func(b *testing.B) { against(b, r, 1, turnwise) })
		}
	}
}

func against(b *testing.B, r recording, atOnce int, ours func() error) {
	inputs := r.inputs(b)
	verify, bound := gnarkVerify(b, r), lowerBound(b, r)
	gnark := func() error { return verify(inputs) }
	runs := []struct {
		unit  string
		run   func() error
		times []time.Duration
	}{{"ours-ns", ours, nil}, {"gnark-ns", gnark, nil}, {"bound-ns", bound, nil}}
	for b.Loop() {
		for i := range runs {
			runs[i].times = append(runs[i].times, turn(b, atOnce, runs[i].run))
		}
	}
	median := make([]float64, len(runs))
	for i, r := range runs {
		slices.Sort(r.times)
		median[i] = float64(r.times[len(r.times)/2])
		b.ReportMetric(median[i], r.unit)
	}
	b.ReportMetric(median[0]/median[2], "ours/bound")
	b.ReportMetric(median[1]/median[0], "gnark/ours")
	b.ReportMetric(0, "ns/op") // the sum of the three: of no use
}

// turn times each call of atOnce goroutines that run eight calls each.
func turn(b *testing.B, atOnce int, run func() error) time.Duration {
	const calls = 8
	var wg sync.WaitGroup
	start := time.Now()
	for range atOnce {
		wg.Go(func() {
			for range calls {
				if err := run(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start) / time.Duration(calls*atOnce)
}

// lowerBound is what no check of this kind can do without: for Groth16 the final exponentiation, one variable and two
// fixed pairs; for PLONK the final exponentiation and two fixed pairs.
func lowerBound(t testing.TB, r recording) func() error {
	c := verifier(t).circuits[[4]byte(r.proof)]
	body := r.proof[c.prefix:]
	p, err := decodeG1("a point", body)
	require.NoError(t, err)
	switch k := c.key.(type) {
	case *groth16Key:
		q, err := decodeG2("a point", body[64:])
		require.NoError(t, err)
		return func() error {
			fixed, err := k.lines.millerLoop(p, k.constant)
			if err != nil {
				return err
			}
			variable, err := bn254.MillerLoop([]bn254.G1Affine{p}, []bn254.G2Affine{q})
			bn254.FinalExponentiation(&variable, &fixed)
			return err
		}
	case *plonkKey:
		return func() error {
			fixed, err := k.setup.millerLoop(p, k.qk)
			bn254.FinalExponentiation(&fixed)
			return err
		}
	}
	return nil
}
