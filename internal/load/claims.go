package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/holiman/uint256"

	"claimprover/internal/api"
	"claimprover/internal/claim"
)

// keys are the API keys that submissions come with in turn.
var keys = func() (all []string) {
	for i := range 8 {
		all = append(all, fmt.Sprintf("load%d:load-key-of-caller-%d", i, i))
	}
	return all
}()

func keyOf(i int) string {
	_, key, _ := strings.Cut(keys[i%len(keys)], ":")
	return key
}

// claims signs n claims, each for an account and a recipient of its own.
func claims(n int) ([]string, error) {
	all := make([]string, n)
	for i := range all {
		recipient := common.HexToAddress(fmt.Sprintf("0x%040x", i+1))
		text, err := claimFor(recipient)
		if err != nil {
			return nil, err
		}
		all[i] = text
	}
	return all, nil
}

func claimFor(recipient common.Address) (string, error) {
	wallet, err := claim.NewWallet()
	if err != nil {
		return "", err
	}
	c, err := wallet.Claim(claim.Domain{}, 42, recipient, *uint256.NewInt(1_000_000))
	if err != nil {
		return "", err
	}
	return string(api.Encode(api.Submission{
		SS58Address: c.SS58, Signature: hexutil.Encode(c.Signature[:]), EVMAddress: hexutil.Encode(c.EVMAddress[:]),
		Challenge: hexutil.Encode(c.Challenge[:]), Amount: c.Amount.Dec(),
	})), nil
}

// callers is a client with many connections to one service.
type callers struct {
	http *http.Client
	url  string
}

func newCallers(p *process, connections int) callers {
	return callers{url: "http://" + p.address, http: &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections},
	}}
}

func (c callers) close() { c.http.CloseIdleConnections() }

// submit sends a claim with the i-th key.
func (c callers) submit(i int, body string) (*http.Response, error) {
	req, err := http.NewRequest(http.MethodPost, c.url+"/v1/jobs", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+keyOf(i))
	req.Header.Set("Content-Type", "application/json")
	return c.http.Do(req)
}

// each does n things, so many at a time, and gives how long each took; the first error ends it.
func each(n, atATime int, do func(int) error) (took []time.Duration, err error) {
	took = make([]time.Duration, n)
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var workers sync.WaitGroup
	for range atATime {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				begin := time.Now()
				if err := do(i); err != nil {
					failed.Store(&err)
				}
				took[i] = time.Since(begin)
			}
		})
	}
	workers.Wait()
	if first := failed.Load(); first != nil {
		return nil, *first
	}
	return took, nil
}
