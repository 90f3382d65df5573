package cli

import (
	"fmt"
	"log/slog"
	"text/tabwriter"

	"claimprover/internal/api"
	"claimprover/internal/config"
)

// ConfigCmd shows the settings that serve would run with.
type ConfigCmd struct {
	config.Config
	JSON     bool `name:"json" help:"Print one JSON object." group:"Common flags"`
	Markdown bool `name:"markdown" hidden:"" help:"Print the README's table of all settings."`
}

// Help is shown below the sentence.
func (*ConfigCmd) Help() string {
	return `Secrets are shown as ***. The exit code is 2 when serve would refuse to start.

    claimprover config
    SP1_PROVER=mock claimprover config --json`
}

// settingsReport is what config --json prints.
type settingsReport struct {
	Settings []config.Setting `json:"settings"`
	Warnings []config.Finding `json:"warnings"`
	Problems []config.Finding `json:"problems"`
}

// Run shows them.
func (cmd *ConfigCmd) Run(settings *config.Reader, std Streams) error {
	if cmd.Markdown {
		_, err := fmt.Fprint(std.Out, config.Markdown())
		return err
	}
	verdict := settings.Judge(&cmd.Config)
	judgeParts(&cmd.Config, verdict, slog.New(slog.DiscardHandler))
	all := settings.List(&cmd.Config)
	if cmd.JSON {
		fmt.Fprintf(std.Out, "%s\n", api.Encode(settingsReport{
			all, append([]config.Finding{}, verdict.Warnings...), append([]config.Finding{}, verdict.Problems...),
		}))
		return verdict.Err()
	}
	printSettings(std, all)
	if len(verdict.Warnings) > 0 {
		fmt.Fprintln(std.Err, "\nDangerous or doubtful:")
		printFindings(std.Err, verdict.Warnings)
	}
	return verdict.Err()
}

func printSettings(std Streams, all []config.Setting) {
	w := tabwriter.NewWriter(std.Out, 0, 0, 3, ' ', 0)
	defer w.Flush()
	group := ""
	for _, s := range all {
		if s.Group != group {
			if group != "" {
				fmt.Fprintln(w)
			}
			group = s.Group
			fmt.Fprintln(w, group)
		}
		value := s.Value
		if value == "" {
			value = "-"
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\n", s.Name, value, s.Source)
	}
}
