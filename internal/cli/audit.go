package cli

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"claimprover/internal/api"
	"claimprover/internal/audit"
)

// AuditCmd sums an audit log up.
type AuditCmd struct {
	Since time.Duration `name:"since" default:"24h" placeholder:"24h" help:"How far back to look, such as 90m or 168h; 0 means to the beginning."`
	CSV   bool          `name:"csv" xor:"form" help:"Print comma-separated values."`
	JSON  bool          `name:"json" xor:"form" help:"Print one JSON object." group:"Common flags"`
	Files []string      `arg:"" optional:"" name:"file" help:"Audit logs, older ones too; - reads standard input (default: the file that $$AUDIT_LOG names)."`
}

// Help is shown below the sentence.
func (*AuditCmd) Help() string {
	return `Counts submissions and ended jobs by owner and outcome: the disposition, or the code. Browser tokens are counted
together, under the key that minted them. The cost is in base units of the network's token.

    claimprover audit /var/log/claimprover/audit.log
    claimprover audit --since 720h --csv audit.log.1 audit.log`
}

// auditReport is what audit --json prints.
type auditReport struct {
	Since  *api.Time  `json:"since,omitempty"`
	Lines  int        `json:"lines"`  // that were counted
	Lost   uint64     `json:"lost"`   // that the log says are missing
	Unread int        `json:"unread"` // that are none
	Sums   []auditSum `json:"sums"`
}

type auditSum struct {
	Owner   string   `json:"owner"`
	Event   string   `json:"event"`
	Outcome string   `json:"outcome"`
	Count   int      `json:"count"`
	Waited  *float64 `json:"meanWaitedSeconds,omitempty"` // of jobs that ran
	Ran     *float64 `json:"meanRanSeconds,omitempty"`
	Cost    string   `json:"cost,omitempty"` // in all
}

// Run reads them.
func (cmd *AuditCmd) Run(std Streams) error {
	if cmd.Since < 0 {
		return usage(errors.New("--since must not be negative"))
	}
	files := cmd.Files
	if len(files) == 0 {
		path := os.Getenv("AUDIT_LOG")
		if path == "" || path == audit.Stdout {
			return usage(errors.New("name the file of the audit log, or set AUDIT_LOG to it"))
		}
		files = []string{path}
	}
	var s audit.Summary
	if cmd.Since > 0 {
		s.Since = time.Now().Add(-cmd.Since)
	}
	for _, path := range files {
		if err := readAudit(&s, path, std.In); err != nil {
			return usage(fmt.Errorf("reading the audit log: %w", err))
		}
	}
	sums := auditSums(&s)
	switch {
	case cmd.JSON:
		fmt.Fprintf(std.Out, "%s\n", api.Encode(auditReport{api.At(s.Since), s.Counted, s.Lost, s.Unread, sums}))
		return nil
	case cmd.CSV:
		if err := printCSV(std.Out, sums); err != nil {
			return err
		}
	default:
		printSums(std.Out, sums)
	}
	tellAudit(std.Err, &s)
	return nil
}

func readAudit(s *audit.Summary, path string, in io.Reader) error {
	if path == audit.Stdout {
		return s.Read(in)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return s.Read(f)
}

func auditSums(s *audit.Summary) []auditSum {
	sums := []auditSum{}
	for _, of := range s.Sums() {
		sum := auditSum{Owner: of.Owner, Event: string(of.Event), Outcome: of.Outcome, Count: of.Count}
		if of.Ran > 0 || of.Waited > 0 {
			waited, ran := of.Waited.Round(time.Millisecond).Seconds(), of.Ran.Round(time.Millisecond).Seconds()
			sum.Waited, sum.Ran = &waited, &ran
		}
		if of.Cost != nil {
			sum.Cost = of.Cost.String()
		}
		sums = append(sums, sum)
	}
	return sums
}

func (s auditSum) fields() []string {
	seconds := func(n *float64) string {
		if n == nil {
			return ""
		}
		return strconv.FormatFloat(*n, 'f', -1, 64)
	}
	return []string{s.Owner, s.Event, s.Outcome, strconv.Itoa(s.Count), seconds(s.Waited), seconds(s.Ran), s.Cost}
}

func printCSV(w io.Writer, sums []auditSum) error {
	out := csv.NewWriter(w)
	_ = out.Write([]string{"owner", "event", "outcome", "count", "meanWaitedSeconds", "meanRanSeconds", "cost"})
	for _, s := range sums {
		_ = out.Write(s.fields())
	}
	out.Flush()
	return out.Error()
}

func printSums(w io.Writer, sums []auditSum) {
	out := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	defer out.Flush()
	fmt.Fprintln(out, "owner\tevent\toutcome\tcount\twaited s\tran s\tcost")
	for _, s := range sums {
		f := s.fields()
		for i, text := range f[4:] {
			if text == "" {
				f[4+i] = "-"
			}
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f[0], f[1], f[2], f[3], f[4], f[5], f[6])
	}
}

// tellAudit says what the sums are of, and what is not in them.
func tellAudit(w io.Writer, s *audit.Summary) {
	if s.Counted == 0 {
		fmt.Fprintln(w, "There is no line of that time.")
	} else {
		fmt.Fprintf(w, "%d lines from %s to %s.\n", s.Counted, s.Earliest.UTC().Format(time.RFC3339), s.Latest.UTC().Format(time.RFC3339))
	}
	if s.Lost > 0 {
		fmt.Fprintf(w, "%d more lines are missing: they could not be written at the time.\n", s.Lost)
	}
	if s.Unread > 0 {
		fmt.Fprintf(w, "%d lines are none of an audit log, or were cut.\n", s.Unread)
	}
}
