package spn_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/reflect/protoreflect"

	"claimprover/prover/network/internal/spn/auction"
	"claimprover/prover/network/internal/spn/base"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestTheGeneratedCodeIsOfTheseFiles needs no protoc: generate.sh wrote down what it read and what it made.
func TestTheGeneratedCodeIsOfTheseFiles(t *testing.T) {
	t.Parallel()
	sums, err := os.ReadFile("generated.sum")
	require.NoError(t, err)
	recorded := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		sum, name, found := strings.Cut(strings.TrimSpace(line), "  ")
		require.True(t, found)
		recorded[name] = sum
	}
	var files []string
	for _, pattern := range []string{"*/*.proto", "*/*.pb.go"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		files = append(files, found...)
	}
	require.Len(t, recorded, len(files))
	for _, name := range files {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		sum := sha256.Sum256(content)
		require.Equal(t, recorded[name], hex.EncodeToString(sum[:]), "%s has changed: run go generate ./prover/network/...", name)
	}
}

func TestTheVariantsDifferInTheSameFields(t *testing.T) {
	t.Parallel()
	field := func(m protoreflect.ProtoMessage, number protoreflect.FieldNumber) string {
		f := m.ProtoReflect().Descriptor().Fields().ByNumber(number)
		if f == nil {
			return ""
		}
		return string(f.Name())
	}
	for n := protoreflect.FieldNumber(1); n < 12; n++ {
		require.Equal(t, field(&auction.RequestProofBody{}, n), field(&base.RequestProofBody{}, n))
	}
	for n := protoreflect.FieldNumber(1); n < 34; n++ {
		require.Equal(t, field(&auction.ProofRequest{}, n), field(&base.ProofRequest{}, n))
	}
	require.Equal(t, "domain", field(&auction.RequestProofBody{}, 12))
	require.Equal(t, "stdin_private", field(&base.RequestProofBody{}, 12))
	require.Equal(t, "error", field(&auction.ProofRequest{}, 36))
	require.Equal(t, "error", field(&base.ProofRequest{}, 34))
}
