package cli

import (
	"fmt"

	"claimprover/internal/api"
	"claimprover/internal/auth"
)

// KeygenCmd makes an API key.
type KeygenCmd struct {
	Name  string `arg:"" optional:"" help:"Name of who will use the key; it names the owner of jobs and stands in logs."`
	JSON  bool   `name:"json" help:"Print one JSON object." group:"Common flags"`
	Quiet bool   `name:"quiet" short:"q" help:"Print the key and its entry only, a line each." group:"Common flags"`
}

// Help is shown below the sentence.
func (*KeygenCmd) Help() string {
	return `The service keeps the entry, which is a hash; the key is shown this once and goes to its user.

    claimprover keygen backend
    claimprover keygen backend --json`
}

// newKey is what keygen --json prints.
type newKey struct {
	Key   string `json:"key"`
	Entry string `json:"entry"`
}

// Run makes one.
func (cmd *KeygenCmd) Run(std Streams) error {
	key, entry, err := auth.NewKey(cmd.Name)
	switch {
	case err != nil:
		return usage(err)
	case cmd.JSON:
		fmt.Fprintf(std.Out, "%s\n", api.Encode(newKey{key, entry}))
	case cmd.Quiet:
		fmt.Fprintf(std.Out, "%s\n%s\n", key, entry)
	default:
		fmt.Fprintf(std.Out, "key     %s\nentry   %s\n", key, entry)
		fmt.Fprintln(std.Err, "\nGive the key to its user: it is not shown again. Add the entry to API_KEYS, separated by a comma.")
	}
	return nil
}
