package command

import (
	"bufio"

	"golang.org/x/time/rate"
)

// What a program may put into our log: so many lines a second, after so many at once.
const (
	logRate  = 10
	logBurst = 100
)

// readErrors runs on a goroutine of its own and gives the log what the program writes to standard error: the beginning
// of each line, and not too many of them. All of it is read, so that the program never waits for us.
func (c *child) readErrors() {
	lines := bufio.NewReaderSize(c.stderr, 4096)
	limit := rate.NewLimiter(logRate, logBurst)
	dropped := 0
	for within := false; ; {
		line, more, err := lines.ReadLine()
		if err != nil {
			break
		}
		begins := !within
		within = more
		switch {
		case !begins:
		case limit.Allow():
			c.log.Info("prover program wrote", "run", c.run, "line", cut(string(line)))
		default:
			dropped++
		}
	}
	if dropped > 0 {
		c.log.Warn("prover program wrote too much", "run", c.run, "dropped_lines", dropped)
	}
}
