// Package cli is the command line: a file per command, and in serve.go the composition root that turns settings into a
// running service.
//
// Results go to standard output, the story to standard error. Only this package sees package config, signals and exit
// codes.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"claimprover/internal/config"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
)

// grammar is what can be typed.
type grammar struct {
	Serve       ServeCmd                  `cmd:"" default:"withargs" help:"Run the service (what happens without a command)."`
	Demo        DemoCmd                   `cmd:"" help:"Run a mock service, submit a signed claim to it and watch the proof being made."`
	Submit      SubmitCmd                 `cmd:"" help:"Submit a claim."`
	Watch       WatchCmd                  `cmd:"" help:"Watch a job until it ends."`
	ClaimStatus ClaimStatusCmd            `cmd:"" help:"Ask whether an account's claim is open, and what its wallet signs."`
	Verify      VerifyCmd                 `cmd:"" help:"Check an SP1 proof on this machine."`
	Config      ConfigCmd                 `cmd:"" help:"Show every setting with its value and where it came from, and judge them as serve would."`
	Network     NetworkCmd                `cmd:"" help:"Ask the prover network: its terms, the account, requests."`
	Doctor      DoctorCmd                 `cmd:"" help:"Ask everything that serve depends on, and say what is wrong and its remedy."`
	Audit       AuditCmd                  `cmd:"" help:"Sum an audit log up by owner and outcome."`
	Keygen      KeygenCmd                 `cmd:"" help:"Make an API key and the entry of API_KEYS that lets it in."`
	Healthcheck HealthcheckCmd            `cmd:"" help:"Ask the service on this machine whether it is alive."`
	Completion  kongcompletion.Completion `cmd:"" help:"Show how to switch on tab completion for bash, zsh or fish."`
	Version     kong.VersionFlag          `help:"Show version, commit, Go and prover modes." group:"Common flags"`
}

const description = `Turns signed migration claims into verified SP1 proofs, and tells a browser about every step.`

// Main runs the command line of this process and gives its exit code. The first SIGINT or SIGTERM ends the command's
// context, the second one the process.
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return Run(ctx, os.Args[1:], Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, config.Process())
}

// exited carries kong's wish to end the process, after help or version were printed.
type exited int

// Run runs one command line and gives its exit code.
func Run(ctx context.Context, args []string, std Streams, env config.Environment) (code int) {
	defer func() {
		if recovered := recover(); recovered != nil {
			wish, ok := recovered.(exited)
			if !ok {
				panic(recovered)
			}
			code = int(wish)
		}
	}()
	settings := config.NewReader(env)
	parser := kong.Must(&grammar{}, append(settings.Options(),
		kong.Name("claimprover"), kong.Description(description), kong.Vars{"version": versionText()},
		kong.Writers(std.Out, std.Err), kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 110}),
		kong.Help(help), kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(settings, std),
	)...)
	kongcompletion.Register(parser)

	command, err := parser.Parse(args)
	if err == nil {
		err = command.Run()
	} else {
		err = mistyped(parser, args, err)
	}
	return report(err, std.Err, slices.Contains(args, "--json"))
}

// mistyped makes a usage error that says where help is.
func mistyped(parser *kong.Kong, args []string, err error) error {
	page, usual := "claimprover --help", parser.Model.DefaultCmd
	parse, ok := errors.AsType[*kong.ParseError](err)
	if !ok || parse.Context == nil {
		return usage(fmt.Errorf("%w; see %s", err, page))
	}
	switch command := parse.Context.Selected(); {
	case command != nil && (command != usual || slices.Contains(args, usual.Name)):
		page = command.FullPath() + " --help"
	case strings.HasPrefix(err.Error(), "unexpected argument"):
		// It was taken for an argument of the command that need not be typed. Without that, kong names the near one.
		parser.Model.DefaultCmd = nil
		if _, nearer := parser.Parse(args); nearer != nil {
			err = nearer
		}
	}
	return usage(fmt.Errorf("%w; see %s", err, page))
}

// help leaves the settings out of the overview: there are sixty, and serve --help has them.
func help(options kong.HelpOptions, ctx *kong.Context) error {
	if ctx.Selected() == nil {
		ctx.Model.DefaultCmd = nil
	}
	return kong.DefaultHelpPrinter(options, ctx)
}

// versionText is what --version shows.
func versionText() string {
	return "claimprover " + version + ", commit " + commit() + ", " + goVersion() + ", provers: " + proverModes
}
