package network

import (
	"crypto/ecdsa"
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/accounts"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"google.golang.org/protobuf/proto"

	spn "claimprover/prover/network/internal/spn/common"
)

// artifactText is what a CreateArtifact request signs. It has no nonce: whoever sees the signature can create artifacts
// in this account's name for ever.
const artifactText = "create_artifact"

// encode gives a body's one canonical encoding. The network decodes what it gets, encodes it again, and checks the
// signature over that, so the signed bytes must be what it arrives at.
func encode(body proto.Message) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.Marshal(body)
}

// sign makes an EIP-191 signature over body's bytes: r, s, and v as 27 or 28. It recovers the signer before it gives it
// away, because a wrong signature is not refused by the network: it belongs to another account.
func sign(key *ecdsa.PrivateKey, body []byte) ([]byte, error) {
	signature, err := crypto.Sign(accounts.TextHash(body), key)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	signature[64] += 27
	signer, err := recoverSigner(body, signature)
	if err != nil || signer != crypto.PubkeyToAddress(key.PublicKey) {
		return nil, errors.New("signing: the signature does not give the key's address")
	}
	return signature, nil
}

// recoverSigner gives the address whose signature over body this is.
func recoverSigner(body, signature []byte) (common.Address, error) {
	if len(signature) != 65 || signature[64] < 27 {
		return common.Address{}, errors.New("not a signature of r, s and v")
	}
	plain := append([]byte(nil), signature...)
	plain[64] -= 27
	key, err := crypto.SigToPub(accounts.TextHash(body), plain)
	if err != nil {
		return common.Address{}, fmt.Errorf("recovering the signer: %w", err)
	}
	return crypto.PubkeyToAddress(*key), nil
}

// signArtifact signs a CreateArtifact request. Every SDK of SP1 6 adds 27 to v twice; Succinct's endpoints are only
// known to take that form (sdk true), a cluster's gateway with a list of signers only takes the plain one.
func signArtifact(key *ecdsa.PrivateKey, sdk bool) ([]byte, error) {
	signature, err := sign(key, []byte(artifactText))
	if err == nil && sdk {
		signature[64] += 27
	}
	return signature, err
}

// requestID is the id that the auction's settlement program demands of a request: known before it is sent.
func requestID(requester common.Address, body []byte) [32]byte {
	return crypto.Keccak256Hash(requester[:], body)
}

// envelope is a signed request around a body's own bytes.
func envelope(body, signature []byte) *spn.Signed {
	return &spn.Signed{Format: spn.MessageFormat_BINARY, Signature: signature, Body: body}
}
