package rate

import (
	"context"

	"github.com/ulule/limiter/v3"
)

// Store keeps the counts of windows. Beyond the library's contract it must promise:
//
//   - Every method is one atomic step, also between processes that share the store.
//   - Increment and Get refuse as a whole what would pass the limit: Reached is set and nothing was counted.
//     (The library's own stores count what they refuse, so that a caller who hammers stays out for good.)
//   - A window begins with the first spend of a key and lasts rate.Period, at least one second, on the store's clock.
//     Its Reset is its end in Unix seconds, rounded up, and stays the same while it runs: the windows that follow one
//     another under one key so never share a Reset.
//   - Memory and time: bounded, and no method waits for a scan of all keys.
type Store interface {
	limiter.Store
	// Refund takes count off key's window, not below zero, if the running window is the one that ends at reset (Unix
	// seconds, as an earlier answer said), and does nothing otherwise.
	Refund(ctx context.Context, key string, count, reset int64, rate limiter.Rate) error
}
