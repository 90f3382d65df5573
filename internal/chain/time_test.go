package chain

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
)

// onlyOnce answers one request, late, and no other.
type onlyOnce struct {
	after    time.Duration
	answered bool
}

func (o *onlyOnce) RoundTrip(r *http.Request) (*http.Response, error) {
	if o.answered {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	o.answered = true
	time.Sleep(o.after)
	return saying(truth()).RoundTrip(r)
}

// A contract whose verifier is not known yet is asked more than once before there is an answer.
func TestAllThatIsAskedForOneAnswerSharesItsTime(t *testing.T) {
	t.Parallel()
	const timeout = 3 * time.Second
	for name, ask := range map[string]func(context.Context, *Claims) error{
		"about one account": func(ctx context.Context, c *Claims) error { return c.Open(ctx, claim.Claim{}) },
		"about all in flight": func(ctx context.Context, c *Claims) error {
			_, err := c.Again(ctx, make([]claim.Claim, 3))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, err := NewRPC([]string{"http://node.example"}, RPCOptions{ChainID: 1337, Timeout: timeout})
				require.NoError(t, err)
				defer r.Close()
				endpoint := &onlyOnce{after: timeout/2 - time.Millisecond}
				r.nodes[0].http = &http.Client{Transport: endpoint}
				claims, err := NewClaims(r, common.MaxAddress, ClaimsOptions{Program: [32]byte{1}})
				require.NoError(t, err)
				defer claims.Close()

				began := time.Now()
				err = ask(t.Context(), claims)
				require.True(t, endpoint.answered)
				require.True(t, fault.Is(err, fault.RPCUnavailable), "%v", err)
				require.LessOrEqual(t, time.Since(began), timeout)
			})
		})
	}
}
