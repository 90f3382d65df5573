// Package chain is the EVM side: what the claim contract, TangleMigration, and SP1's verifier gateway are asked and told.
//
// A question is one JSON-RPC batch, answered by one endpoint at one block, or not at all: an answer that is missing,
// empty, late, of another chain or out of an old head is trouble and never an answer. Trouble ends as rpc_unavailable.
// Where an endpoint is, which is often a secret, is in no error and no log line: they are called RPC 1, RPC 2 and so on,
// in their order of preference. Everything may be used from many goroutines. The package knows no jobs.
package chain

import (
	"time"

	"github.com/ethereum/go-ethereum/common"

	"claimprover/internal/fault"
)

// Block is where an answer was true.
type Block struct {
	Number uint64
	Hash   common.Hash
	Time   time.Time // the block's own, in whole seconds; what the contract compares deadlines with
}

// retryIn is the advice to a caller whom the chain's trouble met: long enough for a dead endpoint to be tried again.
const retryIn = 5 * time.Second

// unavailable turns trouble into what a caller may see.
func unavailable(cause error) error {
	return fault.New(fault.RPCUnavailable,
		"The chain cannot be asked right now, and nothing is done on a guess. Try again in a few seconds.").
		RetryIn(retryIn).Because(cause)
}
