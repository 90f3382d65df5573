package networktest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"claimprover/prover/network"
	wire "claimprover/prover/network/internal/spn/common"
)

// blob is a place in the artifact store.
type blob struct {
	uri    string
	secret string // of its URL; nothing on a cluster
	kind   wire.ArtifactType
	data   []byte // as it was put; nil: it was not
}

var folders = map[wire.ArtifactType]string{
	wire.ArtifactType_PROGRAM: "programs", wire.ArtifactType_STDIN: "stdins", wire.ArtifactType_PRIVATE_STDIN: "private-stdins",
}

var segments = map[wire.ArtifactType]string{
	wire.ArtifactType_PROGRAM: "program", wire.ArtifactType_STDIN: "stdin", wire.ArtifactType_PRIVATE_STDIN: "private-stdin",
}

// place makes room for an artifact and gives its name and the URL to put it to.
func (s *Server) place(kind wire.ArtifactType) (uri, url string) {
	b := &blob{kind: kind}
	id := "artifact_" + random()
	if s.opts.Mode == network.Cluster {
		b.uri = fmt.Sprintf("%s/artifacts/%s/%s", s.artifacts, segments[kind], id)
		url = b.uri
	} else {
		b.secret = random()
		b.uri = fmt.Sprintf("s3://test-bucket/%s/%s", folders[kind], id)
		url = fmt.Sprintf("%s/%s/%s?X-Signature=%s", s.artifacts, folders[kind], id, b.secret)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blobs[id] = b
	return b.uri, url
}

// stdinLocked gives the input of that name, decoded, if it has its place here and was uploaded there.
func (s *Server) stdinLocked(uri string, private bool) (entry []byte, err error) {
	id := uri[strings.LastIndexByte(uri, '/')+1:]
	b := s.blobs[id]
	switch {
	case b == nil || b.uri != uri:
		return nil, fmt.Errorf("no artifact has this name")
	case b.data == nil:
		return nil, fmt.Errorf("the artifact was not uploaded")
	case private != (b.kind == wire.ArtifactType_PRIVATE_STDIN):
		return nil, fmt.Errorf("the artifact and the request differ in whether it is private")
	}
	raw, err := unpack(b.data)
	if err != nil {
		return nil, err
	}
	buffers, err := network.DecodeStdin(raw)
	if err != nil || len(buffers) != 1 {
		return nil, fmt.Errorf("not a stdin with one entry: %v", err)
	}
	return buffers[0], nil
}

func unpack(b []byte) ([]byte, error) {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(1<<26))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.DecodeAll(b, nil)
}

// transfer serves the artifact store.
func (s *Server) transfer(w http.ResponseWriter, r *http.Request) {
	kind := "proof"
	for _, k := range []string{"stdin", "program"} {
		if strings.Contains(r.URL.Path, k) {
			kind = k
		}
	}
	fault := s.transferFault(r, kind)
	switch fault {
	case Breaks:
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	case Expires:
		http.Error(w, "the request has expired", http.StatusForbidden)
		return
	case Resets:
		if r.Method == http.MethodPut {
			panic(http.ErrAbortHandler)
		}
	}
	if _, host, _ := strings.Cut(s.artifacts, "://"); r.Host != host {
		http.Error(w, "another host was signed", http.StatusForbidden)
		return
	}
	code, body := http.StatusMethodNotAllowed, []byte(nil)
	switch {
	case r.Method == http.MethodPut:
		code = s.put(r)
	case r.Method == http.MethodGet && kind == "proof":
		code, body = s.proof(r)
	case r.Method == http.MethodGet:
		code, body = s.get(r)
	}
	if fault == MovesAnswer {
		code, body = http.StatusInternalServerError, nil
	}
	if fault == Resets && len(body) > 0 {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = w.Write(body[:len(body)/2])
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(code)
	_, _ = w.Write(body)
	if code == http.StatusOK && kind == "proof" {
		s.delivered(r)
	}
}

// put takes an upload: once where URLs are signed, with its length and without headers that nobody signed.
func (s *Server) put(r *http.Request) int {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	if err != nil || r.ContentLength != int64(len(body)) || len(body) == 0 {
		return http.StatusLengthRequired
	}
	for name := range r.Header {
		if name != "Content-Length" {
			return http.StatusForbidden
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.blobs[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]
	switch {
	case b == nil:
		return http.StatusNotFound
	case s.opts.Mode != network.Cluster && (b.data != nil || r.URL.Query().Get("X-Signature") != b.secret || !strings.HasSuffix(b.uri, "test-bucket"+r.URL.Path)):
		return http.StatusForbidden
	case s.opts.Mode == network.Cluster && s.artifacts+r.URL.Path != b.uri:
		return http.StatusBadRequest
	}
	b.data = body
	return http.StatusOK
}

// get gives an artifact to everybody, unpacked, as a cluster's gateway does.
func (s *Server) get(r *http.Request) (int, []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.blobs[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]]
	if s.opts.Mode != network.Cluster || b == nil || b.data == nil || s.proved(b) {
		return http.StatusNotFound, []byte("artifact not found")
	}
	raw, err := unpack(b.data)
	if err != nil {
		return http.StatusInternalServerError, nil
	}
	return http.StatusOK, raw
}

// proved says whether the proof of an input is there; then a cluster has deleted the input.
func (s *Server) proved(b *blob) bool {
	return slices.ContainsFunc(s.requests, func(r *request) bool {
		return r.terms.stdinURI == b.uri && s.state(r).fulfillment == wire.FulfillmentStatus_FULFILLED
	})
}

// urlLife is for how long the URL of a proof is good.
const urlLife = time.Minute

func (s *Server) proofURL(r *request) string {
	if s.opts.Mode == network.Cluster {
		return fmt.Sprintf("%s/artifacts/proof/%x", s.artifacts, r.id)
	}
	return fmt.Sprintf("%s/proofs/%x?X-Expires=%d&X-Signature=secret", s.artifacts, r.id, time.Now().Add(urlLife).Unix())
}

func (s *Server) requested(r *http.Request) *request {
	var id []byte
	_, _ = fmt.Sscanf(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], "%x", &id)
	return s.findLocked(id)
}

func (s *Server) proof(r *http.Request) (int, []byte) {
	s.mu.Lock()
	found := s.requested(r)
	if found == nil || s.state(found).fulfillment != wire.FulfillmentStatus_FULFILLED {
		s.mu.Unlock()
		return http.StatusNotFound, []byte("artifact not found")
	}
	var until int64
	_, _ = fmt.Sscan(r.URL.Query().Get("X-Expires"), &until)
	found.tried++
	bad := found.fate.Bad
	if found.fate.BadTimes >= 0 && found.tried > found.fate.BadTimes {
		bad = Good
	}
	mode, values := found.terms.mode, found.values
	version := strings.TrimPrefix(found.terms.version, "sp1-")
	s.mu.Unlock()
	if s.opts.Mode != network.Cluster && time.Now().Unix() > until {
		return http.StatusForbidden, []byte("the request has expired")
	}
	return http.StatusOK, s.made(mode, version, values, bad)
}

// delivered notes that the good proof of a request was given out whole.
func (s *Server) delivered(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.requested(r); found != nil && (found.fate.Bad == Good || found.fate.BadTimes >= 0 && found.tried > found.fate.BadTimes) {
		found.fetched++
	}
}

// made is the artifact with the proof, or with what is wrong with it.
func (s *Server) made(mode wire.ProofMode, version string, values []byte, bad BadProof) []byte {
	program := s.opts.Program
	values = bytes.Clone(values)
	switch bad {
	case Garbage:
		return []byte("<html>503</html>")
	case Bomb:
		return bomb()
	case OfAnotherClaim:
		values[len(values)-1] ^= 1
	case OfAnotherProgram:
		program[31] ^= 1
	}
	onChain := s.opts.Prove(program, values)
	a := network.Artifact{Mode: network.Groth16, Encoded: onChain[4:], PublicValues: values, Version: version}
	if mode == wire.ProofMode_PLONK {
		a.Mode = network.PLONK
	}
	switch bad {
	case OfAFailedProgram:
		a.Encoded = bytes.Clone(a.Encoded)
		a.Encoded[31] = 1 // its exit code
	case OfTheOtherSystem:
		if a.Mode == network.Groth16 {
			a.Mode, a.Encoded = network.PLONK, append(bytes.Clone(a.Encoded), make([]byte, 864-256)...)
		} else {
			a.Mode, a.Encoded = network.Groth16, a.Encoded[:96+256]
		}
	}
	copy(a.KeyHash[:], onChain[:4])
	a.Inputs[0] = program
	for i := range 3 {
		copy(a.Inputs[2+i][:], a.Encoded[32*i:])
	}
	if bad == Mock {
		a.Encoded = nil
	}
	out := network.EncodeArtifact(a)
	if bad == Truncated {
		out = out[:len(out)/2]
	}
	return out
}

// bomb is 64 MiB of zeros in a few bytes.
var bomb = sync.OnceValue(func() []byte {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil
	}
	defer w.Close()
	return w.EncodeAll(make([]byte, 64<<20), nil)
})
