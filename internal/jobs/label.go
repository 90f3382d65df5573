package jobs

import (
	"crypto/sha256"
	"encoding/hex"
)

// Label names a job in logs, metrics and traces. The id itself is the capability to read the job, so it never stands
// there: 8 bytes of its hash do.
func Label(id ID) string {
	sum := sha256.Sum256(id[:])
	return hex.EncodeToString(sum[:8])
}
