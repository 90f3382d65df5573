package network

import (
	"fmt"

	spn "claimprover/prover/network/internal/spn/common"
)

// Mode is the kind of network behind an endpoint. The endpoint decides it; there is no negotiation.
type Mode string

// The modes.
const (
	Mainnet  Mode = "mainnet"  // Succinct's market: proofs are auctioned and paid for in PROVE
	Reserved Mode = "reserved" // capacity that Succinct reserves by contract
	Cluster  Mode = "cluster"  // an SP1 cluster of one's own, behind its gateway
)

// Explorer is where people look at a request; nothing for a cluster.
func (m Mode) Explorer(id [32]byte) string {
	switch m {
	case Mainnet:
		return fmt.Sprintf("https://explorer.succinct.xyz/request/0x%x", id)
	case Reserved:
		return fmt.Sprintf("https://explorer.reserved.succinct.xyz/request/0x%x", id)
	}
	return ""
}

// ProofMode is the proof system that a proof is wrapped in for the chain.
type ProofMode string

// The proof systems.
const (
	Groth16 ProofMode = "groth16"
	PLONK   ProofMode = "plonk"
)

func (m ProofMode) wire() spn.ProofMode {
	if m == PLONK {
		return spn.ProofMode_PLONK
	}
	return spn.ProofMode_GROTH16
}
