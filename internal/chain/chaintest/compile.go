package chaintest

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
)

//go:embed contracts
var files embed.FS

// Contract is what solc makes of one.
type Contract struct {
	ABI  abi.ABI
	Code []byte // that deploys it

	around string // of what gnark exported: the verifier of SP1's that calls it
}

// Contracts gives the contracts of this package by name.
func Contracts() (map[string]Contract, error) {
	sources, err := readSources()
	if err != nil {
		return nil, err
	}
	return compileOnce(sources)
}

// Compile gives the contracts of one source text by name. It is for a text that is the same in every run.
func Compile(source string) (map[string]Contract, error) {
	return compileOnce(map[string]string{"source.sol": source})
}

// compileOnce keeps what solc made in bin/solc, by the hash of everything that it is made of.
func compileOnce(sources map[string]string) (map[string]Contract, error) {
	input, err := standardInput(sources)
	if err != nil {
		return nil, err
	}
	dir, err := root()
	if err != nil {
		return nil, err
	}
	lock, err := os.ReadFile(filepath.Join(dir, "package-lock.json")) // names the compiler
	if err != nil {
		return nil, fmt.Errorf("reading which solc is needed: %w", err)
	}
	key := sha256.Sum256(slices.Concat(lock, input))
	kept := filepath.Join(dir, "bin/solc", fmt.Sprintf("%x.json", key))
	if output, err := os.ReadFile(kept); err == nil {
		return parseOutput(output)
	}
	output, err := solc(input)
	if err != nil {
		return nil, err
	}
	contracts, err := parseOutput(output)
	if err != nil {
		return nil, err
	}
	return contracts, keep(kept, output)
}

// compileAnew takes a second or two. It is for a text that is another in every run.
func compileAnew(source string) (map[string]Contract, error) {
	input, err := standardInput(map[string]string{"source.sol": source})
	if err != nil {
		return nil, err
	}
	output, err := solc(input)
	if err != nil {
		return nil, err
	}
	return parseOutput(output)
}

func readSources() (map[string]string, error) {
	sources := map[string]string{}
	names, err := fs.Glob(files, "contracts/*.sol")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		sources[filepath.Base(name)] = string(text)
	}
	return sources, nil
}

func standardInput(sources map[string]string) ([]byte, error) {
	type source struct {
		Content string `json:"content"`
	}
	wrapped := map[string]source{}
	for name, text := range sources {
		wrapped[name] = source{text}
	}
	input, err := json.Marshal(map[string]any{
		"language": "Solidity",
		"sources":  wrapped,
		"settings": map[string]any{
			"optimizer":       map[string]any{"enabled": true, "runs": 200},
			"outputSelection": map[string]any{"*": map[string]any{"*": []string{"abi", "evm.bytecode.object"}}},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("writing solc's input: %w", err)
	}
	return input, nil
}

func solc(input []byte) ([]byte, error) {
	dir, err := root()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules/solc")); err != nil {
		return nil, errors.New("solc is not there: run make test, or npm ci")
	}
	run := exec.Command("node", filepath.Join(dir, "internal/chain/chaintest/solc.mjs"))
	run.Stdin = bytes.NewReader(input)
	var stderr strings.Builder
	run.Stderr = &stderr
	output, err := run.Output()
	if err != nil {
		return nil, fmt.Errorf("running solc: %w: %s", err, stderr.String())
	}
	return output, nil
}

// keep writes a file whole or not at all, for several processes may compile the same.
func keep(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return fmt.Errorf("keeping what solc made: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(name), "*.part")
	if err != nil {
		return fmt.Errorf("keeping what solc made: %w", err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("keeping what solc made: %w", err)
	}
	return nil
}

func parseOutput(output []byte) (map[string]Contract, error) {
	var parsed struct {
		Errors    []struct{ Severity, FormattedMessage string }
		Contracts map[string]map[string]struct {
			ABI abi.ABI
			EVM struct{ Bytecode struct{ Object string } }
		}
	}
	if err := json.Unmarshal(output, &parsed); err != nil {
		return nil, fmt.Errorf("reading solc's answer: %w", err)
	}
	for _, e := range parsed.Errors {
		if e.Severity == "error" {
			return nil, fmt.Errorf("compiling: %s", e.FormattedMessage)
		}
	}
	contracts := map[string]Contract{}
	for _, file := range parsed.Contracts {
		for name, c := range file {
			code, err := hexutil.Decode("0x" + c.EVM.Bytecode.Object)
			if err != nil {
				return nil, fmt.Errorf("the code of %s: %w", name, err)
			}
			contracts[name] = Contract{ABI: c.ABI, Code: code}
		}
	}
	return contracts, nil
}

// Deployed is a contract with its address.
type Deployed struct {
	Contract
	Address common.Address
	node    *Node
}

// Deploy makes a contract with what its constructor takes.
func (n *Node) Deploy(c Contract, args ...any) (*Deployed, error) {
	packed, err := c.ABI.Pack("", args...)
	if err != nil {
		return nil, fmt.Errorf("encoding what the constructor takes: %w", err)
	}
	receipt, err := n.Send(nil, slices.Concat(c.Code, packed))
	if err != nil {
		return nil, fmt.Errorf("deploying: %w", err)
	}
	return &Deployed{c, receipt.ContractAddress, n}, nil
}

// Send calls a method in a transaction of the developer's account, which also owns what it deployed.
func (d *Deployed) Send(method string, args ...any) error {
	data, err := d.ABI.Pack(method, args...)
	if err != nil {
		return fmt.Errorf("encoding a call of %s: %w", method, err)
	}
	if _, err := d.node.Send(&d.Address, data); err != nil {
		return fmt.Errorf("calling %s: %w", method, err)
	}
	return nil
}
