package config_test

import (
	"fmt"

	"claimprover/internal/config"

	"github.com/alecthomas/kong"
)

// A command embeds a Config, and judges it before anything is started.
func ExampleReader() {
	env := map[string]string{"SP1_PROVER": "mock", "WORKER_COUNT": "none", "API_KEYS": "0123456789abcdef"}
	settings := config.NewReader(config.Environment{
		Lookup: func(name string) (string, bool) { text, ok := env[name]; return text, ok },
		Unset:  func(name string) error { delete(env, name); return nil },
	})
	var command struct{ config.Config }
	parser := kong.Must(&command, settings.Options()...)
	if _, err := parser.Parse([]string{"--port=9000"}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(command.Port, command.APIKeys)
	fmt.Println(settings.Judge(&command.Config).Err())
	// Output:
	// 9000 ***
	// WORKER_COUNT: "none" is not a whole number from 1 to 10000.
	// ALLOW_MOCK: SP1_PROVER=mock makes proofs that no chain accepts. Set ALLOW_MOCK=true if that is what you want, else set SP1_PROVER to local or network.
}
