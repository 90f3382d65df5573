package eligibility_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
	"claimprover/internal/eligibility"
)

// loadAlone names the list that a child process of the benchmark shall load, alone, so that its memory is the loader's.
const loadAlone = "CLAIMPROVER_BENCH_LIST"

// measured is what that child prints.
type measured struct {
	Seconds           float64
	PeakMB, AfterMB   float64 // resident memory of the process
	Entries           int
	LookupNs, ProofNs float64
}

// BenchmarkLoad loads lists of a million accounts in a process of its own and reports its resident memory (Linux).
func BenchmarkLoad(b *testing.B) {
	for form, write := range map[string]func(w *bufio.Writer, key [32]byte, amount int){
		"form=entriesByPubkey": func(w *bufio.Writer, key [32]byte, amount int) {
			_, _ = fmt.Fprintf(w, `"0x%x":{"balance":"%d"}`, key, amount)
		},
		"form=entries": func(w *bufio.Writer, key [32]byte, amount int) {
			_, _ = fmt.Fprintf(w, `%q:{"pubkey":"0x%x","balance":"%d"}`, claim.FormatAddress(5845, key), key, amount)
		},
	} {
		b.Run(form+"/entries=1000000", func(b *testing.B) {
			path := writeList(b, form, 1_000_000, write)
			var sum measured
			var cpu time.Duration
			for b.Loop() {
				child := exec.CommandContext(b.Context(), os.Args[0])
				child.Env = append(os.Environ(), loadAlone+"="+path)
				output, err := child.Output()
				require.NoError(b, err)
				var m measured
				require.NoError(b, json.Unmarshal(output, &m))
				require.Equal(b, 1_000_000, m.Entries)
				sum.Seconds += m.Seconds
				cpu += child.ProcessState.UserTime() + child.ProcessState.SystemTime()
				sum.PeakMB, sum.AfterMB = max(sum.PeakMB, m.PeakMB), max(sum.AfterMB, m.AfterMB)
				sum.LookupNs, sum.ProofNs = m.LookupNs, m.ProofNs
			}
			b.ReportMetric(sum.Seconds/float64(b.N), "s/load")
			b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/load")
			b.ReportMetric(sum.PeakMB, "MB-peak")
			b.ReportMetric(sum.AfterMB, "MB-after")
			b.ReportMetric(sum.LookupNs, "ns/lookup")
			b.ReportMetric(sum.ProofNs, "ns/proof")
		})
	}
}

func writeList(b *testing.B, form string, n int, write func(*bufio.Writer, [32]byte, int)) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "list.json")
	f, err := os.Create(path)
	require.NoError(b, err)
	w := bufio.NewWriterSize(f, 1<<20)
	_, section, _ := strings.Cut(form, "=")
	_, _ = w.WriteString(`{"entries":{`)
	if section != "entries" {
		_, _ = fmt.Fprintf(w, `},%q:{`, section)
	}
	for i := range n {
		if i > 0 {
			_ = w.WriteByte(',')
		}
		write(w, sha256.Sum256(fmt.Append(nil, i)), 1_000_000_000_000_000_000+i)
	}
	_, _ = w.WriteString("}}")
	require.NoError(b, w.Flush())
	require.NoError(b, f.Close())
	return path
}

// measureLoad runs in the child process.
func measureLoad(path string) {
	start := time.Now()
	list, err := eligibility.Open(path)
	if err != nil {
		panic(err)
	}
	m := measured{Seconds: time.Since(start).Seconds(), Entries: list.Len()}
	m.PeakMB, m.AfterMB = resident("VmHWM"), resident("VmRSS")
	const asked = 10_000
	keys := make([][32]byte, asked)
	for i := range keys {
		keys[i] = sha256.Sum256(fmt.Append(nil, i))
	}
	m.LookupNs = each(keys, func(key [32]byte) { list.Lookup(key) })
	m.ProofNs = each(keys, func(key [32]byte) { list.Proof(key) })
	if err := json.NewEncoder(os.Stdout).Encode(m); err != nil {
		panic(err)
	}
}

func each(keys [][32]byte, ask func([32]byte)) (ns float64) {
	start := time.Now()
	for _, key := range keys {
		ask(key)
	}
	return float64(time.Since(start).Nanoseconds()) / float64(len(keys))
}

// resident reads a line of /proc/self/status, which counts in units of 1,024 bytes.
func resident(name string) (megabytes float64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		panic(err)
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte(name+":")); ok {
			kib, err := strconv.ParseFloat(string(bytes.Fields(rest)[0]), 64)
			if err != nil {
				panic(err)
			}
			return kib * 1024 / 1e6
		}
	}
	panic("no " + name)
}
