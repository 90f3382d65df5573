package claim

import (
	"encoding/binary"

	"github.com/ethereum/go-ethereum/crypto"
)

// identityTag separates these hashes from every other use of keccak256, and one encoding from the next.
const identityTag = "claimprover/claim/v1"

// Identity names a claim: equal for two submissions exactly when one proof serves both.
type Identity [32]byte

// Identity hashes what makes a proof serve a claim: the domain, public key, recipient, amount and challenge. The SS58
// spelling is not part of it, nor is the signature, which a wallet makes anew each time, unless the domain binds it.
// Every part has a fixed width or its length in front, so no two claims share an encoding.
func (d Domain) Identity(c Claim) Identity {
	amount := c.Amount.Bytes32()
	encoded := make([]byte, 0, 320)
	encoded = append(encoded, identityTag...)
	encoded = append(encoded, d.Contract[:]...)
	encoded = binary.BigEndian.AppendUint64(encoded, d.ChainID)
	encoded = binary.BigEndian.AppendUint64(encoded, uint64(len(d.ProverMode)))
	encoded = append(encoded, d.ProverMode...)
	encoded = append(encoded, d.Program[:]...)
	encoded = append(encoded, c.PublicKey[:]...)
	encoded = append(encoded, c.EVMAddress[:]...)
	encoded = append(encoded, amount[:]...)
	encoded = append(encoded, c.Challenge[:]...)
	if !d.BindSignature {
		return Identity(crypto.Keccak256Hash(append(encoded, 0)))
	}
	encoded = append(encoded, 1)
	return Identity(crypto.Keccak256Hash(append(encoded, c.Signature[:]...)))
}
