package networktest

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/holiman/uint256"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"claimprover/prover/network"
	"claimprover/prover/network/internal/spn/auction"
	"claimprover/prover/network/internal/spn/base"
	wire "claimprover/prover/network/internal/spn/common"
)

// on is a method of a service, by hand: the two variants' generated code could not be registered both.
func on[In any, P interface {
	*In
	proto.Message
}](name string, do func(context.Context, P) (proto.Message, error)) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(srv any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
		in := P(new(In))
		if err := decode(in); err != nil {
			return nil, err
		}
		service := "/network.ProverNetwork/"
		if name == "CreateArtifact" {
			service = "/artifact.ArtifactStore/"
		}
		return intercept(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: service + name}, func(ctx context.Context, in any) (any, error) {
			if len(in.(P).ProtoReflect().GetUnknown()) > 0 {
				return nil, status.Error(codes.InvalidArgument, "a field that is not known")
			}
			return do(ctx, in.(P))
		})
	}}
}

func (s *Server) artifactStore() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{ServiceName: "artifact.ArtifactStore", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{
		on("CreateArtifact", s.createArtifact),
	}}
}

func (s *Server) proverNetwork() *grpc.ServiceDesc {
	methods := []grpc.MethodDesc{
		on("GetNonce", s.getNonce), on("GetBalance", s.getBalance), on("GetProgram", s.getProgram), on("CreateProgram", s.createProgram),
		on("RequestProof", s.requestProof), on("GetProofRequestStatus", s.getStatus), on("GetProofRequestDetails", s.getDetails),
	}
	if s.opts.Mode == network.Mainnet {
		methods = append(methods, on("GetFilteredProofRequests", s.filteredByAuction), on("GetProofRequestParams", s.getParams),
			on("GetProversByUptime", s.getProvers), on("CancelRequest", s.cancelRequest))
	} else {
		methods = append(methods, on("GetFilteredProofRequests", s.filteredByBase))
	}
	return &grpc.ServiceDesc{ServiceName: "network.ProverNetwork", HandlerType: (*any)(nil), Methods: methods}
}

func (s *Server) createArtifact(_ context.Context, in *wire.CreateArtifactRequest) (proto.Message, error) {
	if len(in.Signature) != 65 {
		return nil, status.Error(codes.Unauthenticated, "invalid signature bytes")
	}
	v := in.Signature[64]
	if s.opts.Faults.Seen != nil {
		s.opts.Faults.Seen("CreateArtifact", [20]byte{}, v)
	}
	if folders[in.ArtifactType] == "" {
		return nil, status.Error(codes.InvalidArgument, "unsupported artifact type")
	}
	if s.opts.Mode == network.Cluster {
		if err := s.allowed([]byte("create_artifact"), in.Signature); err != nil {
			return nil, err
		}
	} else if sdk := v == 54 || v == 55; sdk == s.opts.PlainArtifacts {
		return nil, status.Error(codes.Unauthenticated, "invalid signature")
	}
	uri, url := s.place(in.ArtifactType)
	return &wire.CreateArtifactResponse{ArtifactUri: uri, ArtifactPresignedUrl: url}, nil
}

// allowed is a cluster's authentication.
func (s *Server) allowed(message, signature []byte) error {
	by, err := signer(message, signature)
	if err != nil {
		return status.Errorf(codes.Unauthenticated, "signature recovery failed: %v", err)
	}
	for _, a := range s.opts.Allowlist {
		if a == by {
			return nil
		}
	}
	if s.opts.Allowlist != nil {
		return status.Errorf(codes.PermissionDenied, "signer %s not in allowlist", by.Hex())
	}
	return nil
}

func (s *Server) getNonce(_ context.Context, in *wire.GetNonceRequest) (proto.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of := common.BytesToAddress(in.Address)
	next := s.nonces[of]
	if s.opts.Mode == network.Cluster {
		s.nonces[of]++
	}
	if s.opts.Faults.Nonce != nil {
		next = s.opts.Faults.Nonce(next)
	}
	return &wire.GetNonceResponse{Nonce: next}, nil
}

func (s *Server) getBalance(_ context.Context, in *wire.GetBalanceRequest) (proto.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opts.Mode == network.Cluster {
		return &wire.GetBalanceResponse{Amount: new(uint256.Int).SetAllOne().Dec()}, nil
	}
	return &wire.GetBalanceResponse{Amount: s.balanceLocked(common.BytesToAddress(in.Address)).Dec()}, nil
}

func (s *Server) getProgram(_ context.Context, in *wire.GetProgramRequest) (proto.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(in.VkHash) != 32 || !s.programs[[32]byte(in.VkHash)] {
		return nil, status.Errorf(codes.NotFound, "program not registered for vk_hash %x", in.VkHash)
	}
	return &wire.GetProgramResponse{Program: &wire.Program{VkHash: in.VkHash}}, nil
}

// opened takes a signed request apart: the body by its variant's fields, encoded again, and who signed that.
func (s *Server) opened(method string, in *wire.Signed, body proto.Message) (encoded []byte, by common.Address, err error) {
	switch {
	case in.Format != wire.MessageFormat_BINARY:
		return nil, by, status.Error(codes.InvalidArgument, "invalid message format")
	case len(in.Body) == 0:
		return nil, by, status.Error(codes.InvalidArgument, strings.ToLower(method)+": missing body")
	case proto.Unmarshal(in.Body, body) != nil:
		return nil, by, status.Error(codes.InvalidArgument, "failed to decode the body")
	case len(body.ProtoReflect().GetUnknown()) > 0:
		return nil, by, status.Error(codes.InvalidArgument, "the body has a field that is not known")
	}
	if encoded, err = (proto.MarshalOptions{Deterministic: true}).Marshal(body); err != nil {
		return nil, by, status.Error(codes.Internal, err.Error())
	}
	if by, err = signer(encoded, in.Signature); err != nil {
		return nil, by, status.Errorf(codes.Unauthenticated, "signature recovery failed: %v", err)
	}
	if s.opts.Faults.Seen != nil {
		s.opts.Faults.Seen(method, by, in.Signature[64])
	}
	if s.opts.Mode == network.Cluster {
		return encoded, by, s.allowed(encoded, in.Signature)
	}
	return encoded, by, nil
}

// checkNonceLocked holds a signed call to its account's next nonce; a cluster does not look at it.
func (s *Server) checkNonceLocked(by common.Address, nonce uint64) error {
	if want := s.nonces[by]; s.opts.Mode != network.Cluster && nonce != want {
		return s.refuseLocked(codes.Aborted, "failed nonce verification: invalid nonce for sender %s expected %d, got %d", by.Hex(), want, nonce)
	}
	return nil
}

func (s *Server) useNonceLocked(by common.Address) {
	if s.opts.Mode != network.Cluster {
		s.nonces[by]++
	}
}

func (s *Server) refuseLocked(c codes.Code, format string, args ...any) error {
	err := status.Errorf(c, format, args...)
	s.refused = append(s.refused, err.Error())
	return err
}

func (s *Server) createProgram(_ context.Context, in *wire.Signed) (proto.Message, error) {
	var body wire.CreateProgramBody
	_, by, err := s.opened("CreateProgram", in, &body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkNonceLocked(by, body.Nonce); err != nil {
		return nil, err
	}
	b := s.blobs[body.ProgramUri[strings.LastIndexByte(body.ProgramUri, '/')+1:]]
	switch {
	case len(body.VkHash) != 32 || len(body.Vk) != 104:
		return nil, s.refuseLocked(codes.InvalidArgument, "a key of the wrong size")
	case b == nil || b.kind != wire.ArtifactType_PROGRAM || b.uri != body.ProgramUri || b.data == nil:
		return nil, s.refuseLocked(codes.FailedPrecondition, "create_program: ELF not present in artifact store at %s", body.ProgramUri)
	}
	raw, err := unpack(b.data)
	if err != nil || len(raw) < 12 || !bytes.Equal(raw[8:12], []byte("\x7fELF")) {
		return nil, s.refuseLocked(codes.InvalidArgument, "not an ELF file")
	}
	s.useNonceLocked(by)
	s.programs[[32]byte(body.VkHash)] = true
	if s.opts.Mode == network.Cluster {
		b.data = nil // it is moved to where programs are
	}
	return s.receipt(by, body.Nonce, nil), nil
}

func (s *Server) receipt(by common.Address, nonce uint64, id []byte) *wire.Receipt {
	tx := crypto.Keccak256(by[:], fmt.Append(nil, nonce))
	if s.opts.Mode == network.Cluster {
		clear(tx)
	}
	return &wire.Receipt{TxHash: tx, Body: &wire.Receipt_Body{RequestId: id}}
}

func (s *Server) requestProof(_ context.Context, in *wire.Signed) (proto.Message, error) {
	if s.opts.Mode == network.Mainnet {
		var body auction.RequestProofBody
		encoded, by, err := s.opened("RequestProof", in, &body)
		if err != nil {
			return nil, err
		}
		return s.take(by, encoded, body.VkHash, terms{
			body.Mode, body.Strategy, body.Version, body.StdinUri, body.Deadline, body.CycleLimit, body.GasLimit, body.StdinPrivate,
			body.PublicValuesHash, body.Nonce,
		}, &body)
	}
	var body base.RequestProofBody
	encoded, by, err := s.opened("RequestProof", in, &body)
	if err != nil {
		return nil, err
	}
	return s.take(by, encoded, body.VkHash, terms{
		body.Mode, body.Strategy, body.Version, body.StdinUri, body.Deadline, body.CycleLimit, body.GasLimit, body.StdinPrivate, nil, body.Nonce,
	}, nil)
}

// take judges a request and takes it.
func (s *Server) take(by common.Address, body, vkHash []byte, t terms, bid *auction.RequestProofBody) (proto.Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkNonceLocked(by, t.nonce); err != nil {
		return nil, err
	}
	if err := s.judgeLocked(by, vkHash, t); err != nil {
		return nil, err
	}
	r := &request{requester: by, terms: t, taken: time.Now(), cost: new(uint256.Int)}
	if bid != nil {
		var err error
		if r.cost, err = s.judgeBidLocked(by, bid); err != nil {
			return nil, err
		}
	}
	var err error
	if r.entry, err = s.stdinLocked(t.stdinURI, t.private); err != nil {
		return nil, s.refuseLocked(codes.InvalidArgument, "invalid stdin_uri: %v", err)
	}
	if values, ok := s.opts.Guest(r.entry); ok {
		r.values = values
	}
	if s.opts.Mode == network.Cluster && s.opts.Allowlist == nil {
		r.shown = new(common.Address) // nobody's, where nobody has to say who he is
	}
	r.id = crypto.Keccak256Hash(by[:], body)
	if s.opts.Mode == network.Cluster {
		r.id = [32]byte{}
		copy(r.id[:], "req_"+random()[:20])
	} else if s.opts.RandomIDs {
		r.id = crypto.Keccak256Hash([]byte(random()))
	}
	s.useNonceLocked(by)
	s.takeLocked(r)
	if r.fate.Alias {
		return s.receipt(by, t.nonce, crypto.Keccak256([]byte(random()))), nil
	}
	return s.receipt(by, t.nonce, r.id[:]), nil
}

func (s *Server) judgeLocked(by common.Address, vkHash []byte, t terms) error {
	now := uint64(time.Now().Unix())
	strategies := map[network.Mode][]wire.Strategy{
		network.Mainnet: {wire.Strategy_AUCTION}, network.Reserved: {wire.Strategy_RESERVED}, network.Cluster: {0, 1, 2, 3},
	}[s.opts.Mode]
	if s.opts.Credits {
		strategies = []wire.Strategy{wire.Strategy_HOSTED}
	}
	switch {
	case len(vkHash) != 32 || !s.programs[[32]byte(vkHash)]:
		return s.refuseLocked(codes.FailedPrecondition, "program not registered for vk_hash %s", hex.EncodeToString(vkHash))
	case !bytes.Contains(bytesOf(strategies), []byte{byte(t.strategy)}):
		return s.refuseLocked(codes.InvalidArgument, "unsupported strategy")
	case t.mode != wire.ProofMode_GROTH16 && t.mode != wire.ProofMode_PLONK && t.mode != wire.ProofMode_COMPRESSED:
		return s.refuseLocked(codes.InvalidArgument, "unsupported proof mode")
	case s.opts.Mode != network.Cluster && !strings.HasPrefix(t.version, "sp1-v6."):
		return s.refuseLocked(codes.InvalidArgument, "unsupported version %s", t.version)
	case t.deadline <= now || t.deadline >= 1<<63:
		return s.refuseLocked(codes.InvalidArgument, "the deadline is in the past")
	case s.opts.Mode == network.Mainnet && (t.gas == 0 || t.cycles == 0):
		return s.refuseLocked(codes.InvalidArgument, "no limits")
	}
	return nil
}

func bytesOf(all []wire.Strategy) (b []byte) {
	for _, s := range all {
		b = append(b, byte(s))
	}
	return b
}

func (s *Server) judgeBidLocked(by common.Address, b *auction.RequestProofBody) (cost *uint256.Int, err error) {
	baseFee, err1 := uint256.FromDecimal(b.BaseFee)
	price, err2 := uint256.FromDecimal(b.MaxPricePerPgu)
	switch {
	case err1 != nil || err2 != nil:
		return nil, s.refuseLocked(codes.InvalidArgument, "an amount is none")
	case string(b.Domain) != string(s.opts.Domain[:]):
		return nil, s.refuseLocked(codes.InvalidArgument, "domain mismatch")
	case b.Variant != 0:
		return nil, s.refuseLocked(codes.InvalidArgument, "invalid transaction variant")
	case string(b.Auctioneer) != string(party(1)) || string(b.Executor) != string(party(2)) || string(b.Verifier) != string(party(3)) || string(b.Treasury) != string(party(4)):
		return nil, s.refuseLocked(codes.InvalidArgument, "a party mismatch")
	case baseFee.Lt(s.opts.BaseFee):
		return nil, s.refuseLocked(codes.InvalidArgument, "the base fee is too low")
	case s.opts.Tick > 1 && !new(uint256.Int).Mod(price, uint256.NewInt(s.opts.Tick)).IsZero():
		return nil, s.refuseLocked(codes.InvalidArgument, "the price is no multiple of %d", s.opts.Tick)
	case b.PublicValuesHash != nil && len(b.PublicValuesHash) != 32:
		return nil, s.refuseLocked(codes.InvalidArgument, "the hash of the public values has %d bytes", len(b.PublicValuesHash))
	}
	for _, a := range b.Whitelist {
		if len(a) != 20 {
			return nil, s.refuseLocked(codes.InvalidArgument, "an address of %d bytes", len(a))
		}
	}
	worst := new(uint256.Int).Add(baseFee, new(uint256.Int).Mul(price, uint256.NewInt(b.GasLimit)))
	if worst.Gt(s.balanceLocked(by)) {
		return nil, s.refuseLocked(codes.FailedPrecondition, "insufficient funds")
	}
	return new(uint256.Int).Add(baseFee, new(uint256.Int).Mul(s.opts.Price, uint256.NewInt(gasUsed))), nil
}

// What each proof takes.
const (
	cyclesUsed = 1_234_567
	gasUsed    = 2_800_000
)

// party is the address of an auctioneer, an executor, a verifier and a treasury.
func party(n byte) []byte { return bytes.Repeat([]byte{n}, 20) }

func (s *Server) getParams(context.Context, *auction.GetParamsRequest) (proto.Message, error) {
	return &auction.GetParamsResponse{
		Domain: s.opts.Domain[:], Auctioneer: party(1), Executor: party(2), Verifier: party(3), Treasury: party(4),
		MaxPricePerPgu: s.opts.Price.Dec(), BaseFee: s.opts.BaseFee.Dec(), TickSize: s.opts.Tick,
	}, nil
}

func (s *Server) getProvers(context.Context, *auction.GetProversByUptimeRequest) (proto.Message, error) {
	return &auction.GetProversByUptimeResponse{Provers: [][]byte{party(0xa1), party(0xa2)}}, nil
}

func (s *Server) cancelRequest(_ context.Context, in *wire.Signed) (proto.Message, error) {
	var body auction.CancelRequestBody
	_, by, err := s.opened("CancelRequest", in, &body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkNonceLocked(by, body.Nonce); err != nil {
		return nil, err
	}
	r := s.findLocked(body.RequestId)
	switch {
	case r == nil:
		return nil, s.refuseLocked(codes.NotFound, "proof request not found")
	case r.requester != by:
		return nil, s.refuseLocked(codes.PermissionDenied, "not the requester")
	case s.state(r).fulfillment != wire.FulfillmentStatus_REQUESTED:
		return nil, s.refuseLocked(codes.FailedPrecondition, "request is not in the requested state")
	}
	s.useNonceLocked(by)
	if r.cancelled.IsZero() {
		r.cancelled = time.Now()
		r.terms.deadline = uint64(r.cancelled.Unix())
		s.balances[by].Add(s.balances[by], r.cost)
	}
	return s.receipt(by, body.Nonce, nil), nil
}
