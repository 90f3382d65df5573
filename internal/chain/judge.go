package chain

import (
	"cmp"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"
)

// Expected is what the service was set up for. What is zero is not compared.
type Expected struct {
	ChainID       uint64
	Program       [32]byte
	ListRoot      [32]byte // computed from the list
	FileRoot      [32]byte // that the list's file claims
	RootUnchecked bool     // ELIGIBILITY_ROOT_CHECK=off: another root is a warning only
	Gateway       common.Address
	Routed        bool // proofs are meant for this chain: the gateway must have a route for them
}

// Finding is a line for the operator: what is wrong and its remedy.
type Finding struct {
	Setting string // to change; empty: none of ours
	Text    string // a sentence of each
	Fatal   bool   // no proof made so could be claimed: the service must not start
}

// soon is how near a deadline is worth a line.
const soon = 7 * 24 * time.Hour

// Judge says everything that is wrong; nothing, and all is well.
func (f Facts) Judge(want Expected) []Finding {
	var j judgement
	j.endpoints(f)
	j.contract(f, want)
	if f.Code && f.Readable {
		j.root(f, want)
		j.verifier(f, want)
		j.terms(f)
	}
	return j.findings
}

// judgement collects findings.
type judgement struct{ findings []Finding }

func (j *judgement) fatal(setting, format string, args ...any) {
	j.findings = append(j.findings, Finding{setting, fmt.Sprintf(format, args...), true})
}

func (j *judgement) warn(setting, format string, args ...any) {
	j.findings = append(j.findings, Finding{setting, fmt.Sprintf(format, args...), false})
}

func (j *judgement) endpoints(f Facts) {
	for _, e := range f.Endpoints {
		switch {
		case e.Trouble != "":
			j.warn("RPC_URL", "%s cannot be used: %s. Repair it or take it out of the list.", e.Name, e.Trouble)
		case f.Code && !e.Code:
			j.warn("RPC_URL", "%s sees no contract at %s. It may be behind, or serve another network: take it out of the list.", e.Name, f.Contract)
		}
	}
}

func (j *judgement) contract(f Facts, want Expected) {
	switch chain := f.servedChain(); {
	case want.ChainID != 0 && chain != 0 && chain != want.ChainID:
		j.fatal("CHAIN_ID", "The RPC endpoint serves chain %d, and %d is set. Set the right one, or the RPC URL of the right chain.", chain, want.ChainID)
	case f.ChainID == 0:
		j.warn("RPC_URL", "No endpoint answers, so nothing is known of the contract. Until one does, submissions are answered rpc_unavailable.")
	case !f.Code:
		j.fatal("CLAIM_CONTRACT_ADDRESS", "There is no contract at %s on chain %d. Set the address of TangleMigration on this chain, or the RPC URL of its chain.", f.Contract, f.ChainID)
	case !f.Readable:
		j.fatal("CLAIM_CONTRACT_ADDRESS", "The contract at %s is not TangleMigration: it lacks its views. Set the right address.", f.Contract)
	}
}

// servedChain is the chain that was read, or, when none was good enough, the one of which the first endpoint spoke.
func (f Facts) servedChain() uint64 {
	chain := f.ChainID
	for _, e := range f.Endpoints {
		chain = cmp.Or(chain, e.ChainID)
	}
	return chain
}

// root compares three: of the list as read, of its file, of the contract.
func (j *judgement) root(f Facts, want Expected) {
	zero := [32]byte{}
	if want.FileRoot != zero && want.ListRoot != zero && want.FileRoot != want.ListRoot {
		j.warn("ELIGIBILITY_FILE", "The file names the root 0x%x, but its entries make 0x%x. Take the file as it was published.", want.FileRoot, want.ListRoot)
	}
	if want.ListRoot == zero || want.ListRoot == f.Terms.MerkleRoot {
		return
	}
	const text = "The contract pays by the list with root 0x%x, but the list here has 0x%x: its Merkle proofs would be refused. Take the contract's list"
	if want.RootUnchecked {
		j.warn("ELIGIBILITY_ROOT_CHECK", text+". (Not checked, as it is set.)", f.Terms.MerkleRoot, want.ListRoot)
		return
	}
	j.fatal("ELIGIBILITY_FILE", text+", or set ELIGIBILITY_ROOT_CHECK=off.", f.Terms.MerkleRoot, want.ListRoot)
}

func (j *judgement) verifier(f Facts, want Expected) {
	zero := [32]byte{}
	switch {
	case f.Terms.ZKVerifier == (common.Address{}):
		j.warn("", "The contract has no verifier: until its owner sets one, claims are closed.")
		return
	case f.Program == zero || f.Gateway == (common.Address{}):
		j.warn("", "The contract's verifier %s is not an SP1ZKVerifier, so its program and gateway cannot be compared.", f.Terms.ZKVerifier)
		return
	case want.Program != zero && f.Program != want.Program:
		j.fatal("SP1_PROGRAM_VKEY", "The contract takes proofs of program 0x%x, and 0x%x is set: no proof would be accepted. Set the contract's, and prove with its program.", f.Program, want.Program)
	case want.Gateway != (common.Address{}) && f.Gateway != want.Gateway:
		j.warn("SP1_VERIFIER_ADDRESS", "The contract asks the gateway %s, and VERIFY_ONCHAIN the one at %s. Set the contract's.", f.Gateway, want.Gateway)
	}
	say := j.warn
	if want.Routed {
		say = j.fatal
	}
	for _, r := range f.Routes {
		switch {
		case r.Verifier == (common.Address{}):
			say("SP1_CIRCUIT_VERSION", "The contract's gateway %s has no route for proofs that begin with 0x%x, which are those made here: none would be accepted. Its owner must add the verifier of this SP1 version, or another version must be proved with.", f.Gateway, r.Selector)
		case r.Frozen:
			say("SP1_CIRCUIT_VERSION", "The contract's gateway %s has frozen the route for proofs that begin with 0x%x, which are those made here: none will be accepted again.", f.Gateway, r.Selector)
		}
	}
}

func (j *judgement) terms(f Facts) {
	if f.Terms.Paused {
		j.warn("", "The contract is paused: until its owner goes on, claims are closed.")
	}
	switch left, limited := f.Terms.Left(); {
	case limited && left < 0:
		j.warn("", "The contract's deadline passed at %s: claims are closed.", f.Terms.Deadline.Format(time.RFC3339))
	case limited && left < soon:
		j.warn("", "The contract takes claims until %s only, %v from its newest block.", f.Terms.Deadline.Format(time.RFC3339), left)
	}
}
