// Claimprover turns signed migration claims into verified SP1 proofs.
package main

import (
	"os"

	"claimprover/internal/cli"
)

func main() { os.Exit(cli.Main()) }
