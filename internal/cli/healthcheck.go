package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"claimprover/internal/client"
)

// HealthcheckCmd asks the service on this machine, as a container's health check does.
type HealthcheckCmd struct {
	Ready bool   `name:"ready" help:"Also ask whether it can take claims now."`
	Port  string `name:"port" env:"PORT" placeholder:"8080" help:"Port of the service ($PORT)."`
}

// Help is shown below the sentence.
func (*HealthcheckCmd) Help() string {
	return `The exit code is 0 when all is well and 1 otherwise.

    claimprover healthcheck
    claimprover healthcheck --ready --port 9000`
}

// healthTime is less than what container engines wait for a check.
const healthTime = 3 * time.Second

// Run asks.
func (cmd *HealthcheckCmd) Run(ctx context.Context, std Streams) error {
	service, err := client.New("http://127.0.0.1:"+cmp.Or(cmd.Port, "8080"), "", client.Options{})
	if err != nil {
		return usage(err)
	}
	defer service.Close()
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	if !cmd.Ready {
		if err := service.Live(ctx); err != nil {
			return notWell(ctx, err)
		}
		_, err = fmt.Fprintln(std.Out, "alive")
		return err
	}
	ready, err := service.Ready(ctx)
	switch {
	case err != nil:
		return notWell(ctx, err)
	case !ready.Ready:
		var wrong []string
		for _, name := range slices.Sorted(maps.Keys(ready.Checks)) {
			if says := ready.Checks[name]; says != "ok" {
				wrong = append(wrong, name+": "+says)
			}
		}
		return &ended{exit: exitFailed, code: "unavailable", message: "The service is not ready: " + strings.Join(wrong, "; ")}
	}
	_, err = fmt.Fprintln(std.Out, "ready")
	return err
}

// notWell is exit code 1, whatever the trouble: container engines know no other.
func notWell(ctx context.Context, err error) error {
	_, told := judge(asked(context.WithoutCancel(ctx), err))
	return &ended{exit: exitFailed, code: told.Code, message: told.Message}
}
