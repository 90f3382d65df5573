package chaintest

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"

	"claimprover/internal/verify/verifytest"
)

// Stage is a claim contract with everything that it needs to pay, all owned by the developer's account. Its gateway
// takes proofs of the test circuit.
type Stage struct {
	Node       *Node
	Gateway    *Deployed
	ZKVerifier *Deployed
	Token      *Deployed
	Claims     *Deployed // TangleMigration
}

// New starts a node for one test and ends it with the test.
func New(t testing.TB) *Node {
	t.Helper()
	n, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Stop)
	return n
}

// exported is the verifier of the process's test circuit; its key is another in each process.
var exported struct {
	once sync.Once
	code Contract
	err  error
}

func circuitCode(circuit *verifytest.Circuit) (Contract, error) {
	exported.once.Do(func() {
		var source strings.Builder
		if exported.err = circuit.WriteSolidity(&source); exported.err == nil {
			exported.code, exported.err = verifierOf(compileAnew(source.String()))
		}
	})
	return exported.code, exported.err
}

// CompileVerifier compiles what gnark exported for a Groth16 or a PLONK key, as [Compile] does.
func CompileVerifier(source string) (Contract, error) { return verifierOf(Compile(source)) }

func verifierOf(contracts map[string]Contract, err error) (Contract, error) {
	if err != nil {
		return Contract{}, fmt.Errorf("what gnark exported: %w", err)
	}
	for name, around := range map[string]string{"Verifier": "SP1Verifier", "PlonkVerifier": "SP1PlonkVerifier"} {
		if c, ok := contracts[name]; ok {
			c.around = around
			return c, nil
		}
	}
	return Contract{}, errors.New("gnark's exported contract has another name")
}

// Stage deploys one for a program and the root of its list. The contract has as many tokens as a test could want.
func (n *Node) Stage(t testing.TB, program, listRoot [32]byte) *Stage {
	t.Helper()
	s, err := n.stage(verifytest.New(t), program, listRoot)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (n *Node) stage(circuit *verifytest.Circuit, program, listRoot [32]byte) (*Stage, error) {
	contracts, err := Contracts()
	if err != nil {
		return nil, err
	}
	shared, err := n.commonParts(contracts, circuit)
	if err != nil {
		return nil, err
	}
	s := &Stage{Node: n, Token: shared.token}
	if s.Gateway, err = n.gateway(contracts, shared.verifier); err != nil {
		return nil, err
	}
	if s.ZKVerifier, err = n.Deploy(contracts["SP1ZKVerifier"], s.Gateway.Address, program); err != nil {
		return nil, err
	}
	s.Claims, err = n.Deploy(contracts["TangleMigration"], s.Token.Address, listRoot, s.ZKVerifier.Address, new(big.Int))
	if err != nil {
		return nil, err
	}
	return s, s.Token.Send("mint", s.Claims.Address, new(big.Int).Lsh(big.NewInt(1), 128))
}

// commonParts is what all stages of a node have in common, for nothing of it can change.
type commonParts struct {
	once     sync.Once
	verifier *Deployed // of the test circuit
	token    *Deployed
	err      error
}

func (n *Node) commonParts(contracts map[string]Contract, circuit *verifytest.Circuit) (*commonParts, error) {
	c := &n.shared
	c.once.Do(func() {
		var pairing Contract
		if pairing, c.err = circuitCode(circuit); c.err != nil {
			return
		}
		if c.verifier, c.err = n.verifier(contracts, pairing, circuit.Hash(), circuit.VKRoot()); c.err == nil {
			c.token, c.err = n.Deploy(contracts["Token"])
		}
	})
	return c, c.err
}

// GatewayOf deploys a gateway whose one route is SP1's verifier around a contract of [CompileVerifier].
func (n *Node) GatewayOf(t testing.TB, exported Contract, hash, vkRoot [32]byte) *Deployed {
	t.Helper()
	contracts, err := Contracts()
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := n.verifier(contracts, exported, hash, vkRoot)
	if err != nil {
		t.Fatal(err)
	}
	gateway, err := n.gateway(contracts, verifier)
	if err != nil {
		t.Fatal(err)
	}
	return gateway
}

func (n *Node) verifier(contracts map[string]Contract, exported Contract, hash, vkRoot [32]byte) (*Deployed, error) {
	arithmetic, err := n.Deploy(exported)
	if err != nil {
		return nil, err
	}
	return n.Deploy(contracts[exported.around], hash, vkRoot, arithmetic.Address)
}

func (n *Node) gateway(contracts map[string]Contract, verifier *Deployed) (*Deployed, error) {
	gateway, err := n.Deploy(contracts["Gateway"])
	if err != nil {
		return nil, err
	}
	return gateway, gateway.Send("addRoute", verifier.Address)
}

// Nobody is an address without code and without money.
var Nobody = common.HexToAddress("0x00000000000000000000000000000000DeaDBeef")
