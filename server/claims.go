package server

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/gin-gonic/gin"
	"github.com/holiman/uint256"

	"claimprover/internal/api"
	"claimprover/internal/auth"
	"claimprover/internal/chain"
	"claimprover/internal/claim"
	"claimprover/internal/eligibility"
	"claimprover/internal/fault"
)

// Claims is who knows of an account's claim. What is nil is not there.
type Claims struct {
	// Domain is what a challenge is made for. While the chain's id is not known it gives rpc_unavailable. Required.
	Domain   func() (claim.Domain, error)
	List     *eligibility.List
	Standing func(ctx context.Context, key [32]byte) (chain.Standing, error)
}

// claimStatus is GET /v1/claims/{ss58}: whether an account's claim is open, and what its wallet signs. It admits nothing
// and counts on no window; the chain is asked no more often than its answers are good for.
func (s *Server) claimStatus(c *gin.Context) error {
	who, err := s.authenticate(c, auth.Access{Reads: true}, auth.Read)
	if err != nil {
		return err
	}
	q, err := s.Claims.question(c.Param("ss58"), c.Request.URL.RawQuery)
	if err != nil {
		return err
	}
	if err := who.MayClaimFor(q.key); err != nil {
		return err
	}
	status, err := s.claimOf(c.Request.Context(), q)
	if err != nil {
		return err
	}
	answer(c, http.StatusOK, status)
	return nil
}

// question is what is asked of an account's claim.
type question struct {
	ss58      string
	key       [32]byte
	eligible  bool
	amount    *uint256.Int    // nil: nobody said
	recipient *common.Address // nil: nothing is to be signed
}

// question reads one.
func (cl Claims) question(ss58, query string) (q question, err error) {
	bad := fields{}
	q.ss58 = ss58
	if q.key, err = claim.ParseAddress(ss58); err != nil {
		bad["ss58"] = err.Error()
	} else if q.key == [32]byte{} {
		bad["ss58"] = "is the address of the zero key, which cannot claim"
	}
	asked := bad.query(query, "evmAddress", "amount")
	if text, sent := asked["evmAddress"]; sent {
		q.recipient = bad.recipient(text)
	}
	text, sent := asked["amount"]
	switch {
	case cl.List == nil && sent:
		q.amount = bad.amount(text)
	case cl.List == nil && q.recipient != nil && bad["amount"] == "":
		bad["amount"] = "is missing; this service has no list, so say what is to be claimed"
	case cl.List != nil && sent:
		bad["amount"] = "is what the list says; leave it out"
	case cl.List != nil:
		if amount, listed := cl.List.Lookup(q.key); listed {
			q.eligible, q.amount = true, &amount
		}
	}
	return q, bad.fault()
}

func (f fields) recipient(text string) *common.Address {
	var recipient common.Address
	if err := claim.DecodeHex(recipient[:], []byte(text)); err != nil {
		f["evmAddress"] = err.Error()
	} else if recipient == (common.Address{}) {
		f["evmAddress"] = "is the zero address, which the contract refuses; send the address that shall receive the tokens"
	}
	return &recipient
}

func (f fields) amount(text string) *uint256.Int {
	amount, err := claim.ParseAmount(text)
	if err != nil {
		f["amount"] = err.Error()
	} else if amount.IsZero() {
		f["amount"] = "is zero; send the whole amount in the smallest unit"
	}
	return &amount
}

// query reads a query strictly: each name once and in its one spelling. A credential may stand beside the others.
func (f fields) query(raw string, names ...string) map[string]string {
	values, err := url.ParseQuery(raw)
	if err != nil {
		f["query"] = "is not well formed; encode its values as a form's"
		return nil
	}
	single := map[string]string{}
	for name, all := range values {
		switch {
		case name == "access_token":
		case !slices.Contains(names, name):
			f.strange(name)
		case len(all) > 1:
			f[name] = "is given twice; send it once"
		default:
			single[name] = all[0]
		}
	}
	return single
}

func (s *Server) claimOf(ctx context.Context, q question) (api.ClaimStatus, error) {
	out := api.ClaimStatus{SS58Address: q.ss58, Pubkey: q.key[:]}
	if q.amount != nil {
		out.Amount = q.amount.Dec()
	}
	domain, err := s.Claims.Domain()
	if err != nil {
		return out, err
	}
	if domain.Known() {
		contract := api.Hex(domain.Contract[:])
		out.Contract, out.ChainID = &contract, domain.ChainID
	}
	refused := s.Claims.unlisted(q, &out)
	if s.Claims.Standing != nil {
		standing, err := s.Claims.Standing(ctx, q.key)
		if err != nil {
			return out, fmt.Errorf("asking the chain: %w", err)
		}
		out.OnChain = onChain(standing, q.amount)
		if refused == nil {
			refused = standing.Refusal(s.Feed.Wait(ctx))
		}
	}
	if s.Claims.Standing != nil || refused != nil {
		open := refused == nil
		out.Open = &open
	}
	if refused != nil {
		why := fault.Of(refused)
		out.Refusal = &api.Refusal{Code: string(why.Code), Message: why.Message}
	}
	if q.recipient != nil && q.amount != nil && domain.Known() {
		out.Sign = toSign(domain, *q.recipient, *q.amount)
	}
	return out, nil
}

// unlisted says that an account is not on the list; nil where it is, or where there is none.
func (cl Claims) unlisted(q question, out *api.ClaimStatus) error {
	if cl.List == nil {
		return nil
	}
	out.Eligible = &q.eligible
	return cl.List.CheckAccount(q.key)
}

func onChain(s chain.Standing, amount *uint256.Int) *api.ClaimOnChain {
	out := &api.ClaimOnChain{
		Block: s.Block.Number, Claimed: !s.Claimed.IsZero(), Final: s.Final, Deadline: api.At(s.Deadline),
		UnlockedBps: int(s.UnlockedNow()), Restricted: s.Restricted,
	}
	if out.Claimed {
		out.ClaimedAmount = s.Claimed.Dec()
	}
	if amount != nil {
		unlocked, vesting := s.Shares(*amount)
		out.Unlocked, out.Vesting = unlocked.Dec(), vesting.Dec()
	}
	return out
}

func toSign(d claim.Domain, recipient common.Address, amount uint256.Int) *api.ToSign {
	challenge := d.Challenge(recipient, amount)
	return &api.ToSign{EVMAddress: recipient[:], Challenge: challenge[:], Bytes: claim.SignedBytes(challenge)}
}
