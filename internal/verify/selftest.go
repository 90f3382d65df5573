package verify

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"claimprover/internal/verify/internal/registry"
)

// selfTest tries every circuit on its control proof, good and spoiled. A verifier that accepts everything (keys with
// zeroed pairing lines do) looks healthy until somebody forges a proof; this is where it shows.
func (v *Verifier) selfTest(entries []registry.Circuit) error {
	for _, entry := range entries {
		if err := v.selfTestOne(entry.Control); err != nil {
			return fmt.Errorf("self-test of %s %s: %w", entry.Version, entry.System, err)
		}
	}
	return nil
}

func (v *Verifier) selfTestOne(good registry.Control) error {
	c, err := v.circuit(good.Proof)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(good.PublicValues)
	if err := c.check(good.Proof, good.Program, digest); err != nil {
		return fmt.Errorf("a good proof was refused: %w", err)
	}
	otherDigest, otherProgram := digest, good.Program
	otherDigest[31] ^= 1
	otherProgram[31] ^= 1
	// The last point replaced by the first: still well formed, so that only the pairing can tell.
	otherProof := slices.Clone(good.Proof)
	copy(otherProof[len(otherProof)-g1Bytes:], otherProof[c.prefix:c.prefix+g1Bytes])

	return errors.Join(
		mustRefuse("other public values", c.check(good.Proof, good.Program, otherDigest)),
		mustRefuse("another program", c.check(good.Proof, otherProgram, digest)),
		mustRefuse("another point", c.check(otherProof, good.Program, digest)),
	)
}

func mustRefuse(spoiledBy string, err error) error {
	if ReasonOf(err) == Invalid {
		return nil
	}
	return fmt.Errorf("a proof spoiled by %s got %v, not a refusal by its pairing", spoiledBy, err)
}
