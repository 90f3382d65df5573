// Command load measures the service from outside: client here, server in another process. Each figure that is a ratio
// comes from one run, with what it is compared to in turns beside it.
//
//	load load      submissions of each kind, and events to followers, of the built program
//	load fanout    one topic with thousands of followers: our streams, two written by hand, and bare TCP writes
//	load overload  ten times the claims that can be proved, against once
//
// It is run by make load, make fanout and make overload; nothing of it is part of the service.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

var usualTime = map[string]time.Duration{"fanout": 10 * time.Second, "overload": time.Minute}

// options are the flags of all commands.
type options struct {
	binary string
	rounds int
	time   time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 2 && args[0] == "server" {
		return serveFanOut(args[1])
	}
	if len(args) == 0 {
		return fmt.Errorf("which of load, fanout, overload?")
	}
	flags := flag.NewFlagSet(args[0], flag.ExitOnError)
	var o options
	flags.StringVar(&o.binary, "binary", "bin/claimprover", "the built program")
	flags.IntVar(&o.rounds, "rounds", 3, "how often each measurement is made")
	flags.DurationVar(&o.time, "time", usualTime[args[0]], "how long a measurement lasts")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	fmt.Println(machine())
	switch args[0] {
	case "load":
		return measureLoad(ctx, o)
	case "fanout":
		return measureFanOut(ctx, o)
	case "overload":
		return measureOverload(ctx, o)
	}
	return fmt.Errorf("%q is none of load, fanout, overload", args[0])
}
