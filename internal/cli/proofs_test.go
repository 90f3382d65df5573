package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/internal/api"
	"claimprover/internal/auth"
	"claimprover/internal/claim"
	"claimprover/internal/client"
	"claimprover/internal/config"
	"claimprover/internal/feed"
	"claimprover/internal/verify"
	"claimprover/internal/verify/verifytest"
	"claimprover/prover"
	"claimprover/server/stream"

	"github.com/ethereum/go-ethereum/common/hexutil"
)

// proving is a prover made of one function.
type proving func(in prover.Input) (prover.Proof, error)

func (p proving) Prove(_ context.Context, in prover.Input, _ prover.Journal, report func(prover.Progress)) (prover.Proof, error) {
	report(prover.Progress{Phase: "proving"})
	return p(in)
}

const proofsKey = "in-process-test-key-0123"

var testProgram = [32]byte{0, 0x0d, 0x74}

// testSettings are those of a service that proves for real and checks its proofs.
func testSettings() *config.Config {
	yes := true
	return &config.Config{
		Limits: config.Limits{
			RateWindow: time.Minute, RateMax: 100, AddressRateMax: 100, IPRateWindow: time.Minute, IPRateMax: 100, KeyRateWindow: time.Minute,
			KeyRateMax: 1000, QueueCapacity: 10, WorkerCount: 2, ProofTimeout: time.Minute, CacheTTL: time.Hour, JobsTTL: time.Hour,
		},
		Service: config.Service{MaxBodyBytes: 4096, MaxStreams: 100, StreamsPerIP: 100, ShutdownTimeout: time.Second},
		Access:  config.Access{VerifySignatures: true},
		Prover:  config.Prover{Mode: config.Local, VKey: testProgram, VerifyProof: &yes},
		Chain:   config.Chain{RPCTimeout: 5 * time.Second, ClaimFresh: time.Second},
	}
}

// testParts has the native check of the test circuit, which no setting can reach.
func testParts(t *testing.T, cfg *config.Config, circuit *verifytest.Circuit, p prover.Prover) parts {
	t.Helper()
	keys, err := auth.NewKeys("test:" + proofsKey)
	require.NoError(t, err)
	native := []verify.Check{circuit.Verifier().Native}
	return parts{
		keys: keys, origins: stream.Origins{}, prover: p, proofs: verification{list: native, claim: native, names: []string{"groth16"}},
		anchor: newAnchor(cfg), chain: &chainSide{log: slog.New(slog.DiscardHandler)}, wait: new(atomic.Pointer[feed.Feed]),
	}
}

// serveInProcess runs the whole service in this process until the test ends, and gives a client of it.
func serveInProcess(t *testing.T, cfg *config.Config, p parts) (*client.Client, *service) {
	t.Helper()
	s, url := serveLogged(t, cfg, p, slog.New(slog.DiscardHandler))
	c, err := client.New(url, proofsKey, client.Options{})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c, s
}

// serveLogged also says where it serves.
func serveLogged(t *testing.T, cfg *config.Config, p parts, log *slog.Logger) (s *service, url string) {
	t.Helper()
	s, err := newService(cfg, p, log)
	require.NoError(t, err)
	public, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.run(ctx, public, admin) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
		p.chain.close()
	})
	return s, "http://" + public.Addr().String()
}

// serveProofs is a service that knows no chain.
func serveProofs(t *testing.T, circuit *verifytest.Circuit, p prover.Prover) *client.Client {
	t.Helper()
	cfg := testSettings()
	c, _ := serveInProcess(t, cfg, testParts(t, cfg, circuit, p))
	return c
}

func claimFor(t *testing.T, recipient byte) api.Submission {
	t.Helper()
	wallet, err := claim.NewWallet()
	require.NoError(t, err)
	c, err := wallet.Claim(claim.Domain{}, 42, common.Address{19: recipient}, *uint256.NewInt(5))
	require.NoError(t, err)
	return api.Submission{
		SS58Address: c.SS58, Signature: hexutil.Encode(c.Signature[:]), EVMAddress: hexutil.Encode(c.EVMAddress[:]),
		Challenge: hexutil.Encode(c.Challenge[:]), Amount: c.Amount.Dec(),
	}
}

func TestAProofIsGivenOutOnlyAfterItsCheck(t *testing.T) {
	t.Parallel()
	circuit := verifytest.New(t)
	good := func(in prover.Input) prover.Proof {
		return prover.Proof{Bytes: circuit.Prove(testProgram, in.PublicValues[:]), PublicValues: in.PublicValues[:]}
	}

	t.Run("a real proof is verified, then completed, over SSE and WebSocket", func(t *testing.T) {
		t.Parallel()
		start := make(chan struct{})
		c := serveProofs(t, circuit, proving(func(in prover.Input) (prover.Proof, error) {
			<-start
			return good(in), nil
		}))
		j, err := c.Submit(t.Context(), claimFor(t, 1))
		require.NoError(t, err)
		type follow = func(yield func(api.Event, error) bool)
		kinds := make(chan []string, 2)
		for _, events := range []follow{follow(c.Follow(t.Context(), j.JobID)), follow(c.FollowWebSocket(t.Context(), j.JobID))} {
			first := make(chan struct{})
			go func() {
				var all []string
				for e, err := range events {
					if err != nil {
						all = append(all, err.Error())
						break
					}
					if all = append(all, e.Type); len(all) == 1 {
						close(first)
					}
				}
				kinds <- all
			}()
			<-first
		}
		close(start)
		for range 2 {
			all := <-kinds
			require.Equal(t, []string{"verified", "completed"}, all[len(all)-2:])
		}
		j, err = c.Get(t.Context(), j.JobID)
		require.NoError(t, err)
		require.True(t, *j.Verified)
		require.Equal(t, []string{"groth16"}, j.VerifiedBy)
		require.NoError(t, circuit.Verifier().Check(*j.ZKProof, *j.PublicValues, testProgram))
	})

	for name, spoil := range map[string]func(in prover.Input) prover.Proof{
		"one bit of the proof is another": func(in prover.Input) prover.Proof {
			p := good(in)
			p.Bytes[len(p.Bytes)-1] ^= 1
			return p
		},
		"a valid proof of another claim": func(in prover.Input) prover.Proof {
			in.PublicValues[63] ^= 1
			return good(in)
		},
		"another claim's proof with this claim's public values": func(in prover.Input) prover.Proof {
			other := in
			other.PublicValues[63] ^= 1
			return prover.Proof{Bytes: good(other).Bytes, PublicValues: in.PublicValues[:]}
		},
		"a proof by another program": func(in prover.Input) prover.Proof {
			return prover.Proof{Bytes: circuit.Prove([32]byte{0, 1}, in.PublicValues[:]), PublicValues: in.PublicValues[:]}
		},
		"a proof that the program failed": func(in prover.Input) prover.Proof {
			return prover.Proof{Bytes: circuit.ProveExit(testProgram, in.PublicValues[:], 1), PublicValues: in.PublicValues[:]}
		},
		"bytes after the proof": func(in prover.Input) prover.Proof {
			p := good(in)
			p.Bytes = append(p.Bytes, 0)
			return p
		},
		"a mock's empty proof": func(in prover.Input) prover.Proof { return prover.Proof{PublicValues: in.PublicValues[:]} },
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			t.Parallel()
			bad := true
			c := serveProofs(t, circuit, proving(func(in prover.Input) (prover.Proof, error) {
				if bad {
					bad = false
					return spoil(in), nil
				}
				return good(in), nil
			}))
			body := claimFor(t, 1)
			j, err := c.Submit(t.Context(), body)
			require.NoError(t, err)
			j, err = c.Wait(t.Context(), j.JobID)
			require.NoError(t, err)
			require.Equal(t, "verification_failed", j.Code)
			raw, err := json.Marshal(j)
			require.NoError(t, err)
			require.False(t, bytes.Contains(raw, []byte("zkProof")))

			again, err := c.Submit(t.Context(), body) // nothing was cached: the claim is proved anew
			require.NoError(t, err)
			require.NotEqual(t, j.JobID, again.JobID)
			again, err = c.Wait(t.Context(), again.JobID)
			require.NoError(t, err)
			require.Equal(t, "completed", again.Status)
		})
	}
}
