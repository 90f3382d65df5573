package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
)

// TestTwoHundredAtOnce sends 200 claims of one account at one instant, each for another recipient.
func TestTwoHundredAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t, "MOCK_DELAY=60s", "QUEUE_CAPACITY=500")
	wallet, err := claim.NewWallet()
	require.NoError(t, err)
	bodies := make([]string, 200)
	for i := range bodies {
		bodies[i] = claimOf(t, wallet, common.Address{18: 1, 19: byte(i)})
	}
	plain := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: len(bodies)}} // to check each answer would take its time
	defer plain.CloseIdleConnections()
	var mu sync.Mutex
	answers := map[int]int{}
	var all sync.WaitGroup
	gun := make(chan struct{})
	for _, body := range bodies {
		all.Go(func() {
			<-gun
			req, err := http.NewRequestWithContext(t.Context(), "POST", s.url+"/v1/jobs", strings.NewReader(body))
			if err != nil {
				return
			}
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("X-API-Key", apiKey)
			res, err := plain.Do(req)
			if err != nil {
				return
			}
			defer res.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			answers[res.StatusCode]++
		})
	}
	close(gun)
	all.Wait()
	require.Equal(t, map[int]int{202: 3, 429: 197}, answers)
}
