package verifytest_test

import (
	"bytes"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"claimprover/internal/verify"
	"claimprover/internal/verify/verifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnythingCanBeProved(t *testing.T) {
	t.Parallel()
	c := verifytest.New(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			program, values := [32]byte{31: byte(i)}, bytes.Repeat([]byte{byte(i)}, i)
			proof := c.Prove(program, values)
			if err := c.Verifier().Check(proof, values, program); err != nil {
				t.Errorf("%d: %v", i, err)
			}
			if err := c.Verifier().Check(proof, append(values, 0), program); verify.ReasonOf(err) != verify.Invalid {
				t.Errorf("%d with another byte: %v", i, err)
			}
		})
	}
	wg.Wait()
}

func TestProofsHaveTheLookOfSP1(t *testing.T) {
	t.Parallel()
	c := verifytest.New(t)
	proof := c.Prove([32]byte{31: 1}, []byte("values"))
	require.Len(t, proof, 356)
	selector, hash, root := c.Selector(), c.Hash(), c.VKRoot()
	require.Equal(t, selector[:], proof[:4])
	require.Equal(t, hash[:4], proof[:4])
	require.Equal(t, make([]byte, 32), proof[4:36])
	require.Equal(t, root[:], proof[36:68])
	got, err := c.Verifier().Circuit(proof)
	require.NoError(t, err)
	require.Equal(t, verify.Circuit{Version: verifytest.Version, System: "groth16", Selector: selector}, got)
}

func TestProductionDoesNotKnowTheTestCircuit(t *testing.T) {
	t.Parallel()
	v, err := verify.New(verify.Options{})
	require.NoError(t, err)
	proof := verifytest.New(t).Prove([32]byte{31: 1}, nil)
	require.Equal(t, verify.UnknownSelector, verify.ReasonOf(v.Check(proof, nil, [32]byte{31: 1})))
}

func TestTheContractIsExported(t *testing.T) {
	t.Parallel()
	var source bytes.Buffer
	require.NoError(t, verifytest.New(t).WriteSolidity(&source))
	require.Contains(t, source.String(), "pragma solidity ^0.8.20;")
	require.Contains(t, source.String(), "uint256[5] calldata input")
}

// TestNoProgramLinksThisPackage: only tests, and packages of helpers for tests, may import it.
func TestNoProgramLinksThisPackage(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	require.FileExists(t, filepath.Join(root, "go.mod"))
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(d.Name(), ".") && len(d.Name()) > 2 || d.Name() == "node_modules"):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"), strings.HasSuffix(filepath.Dir(path), "test"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if os.IsNotExist(err) {
			return nil
		}
		require.NoError(t, err)
		for _, i := range file.Imports {
			require.NotContains(t, i.Path.Value, "/verifytest", "%s", path)
		}
		return nil
	}))
}
