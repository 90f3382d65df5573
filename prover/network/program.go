package network

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"google.golang.org/grpc/codes"

	"claimprover/prover/network/internal/spn"
	wire "claimprover/prover/network/internal/spn/common"
)

// ErrNotRegistered says that the network does not know the program, and that this client cannot register it.
var ErrNotRegistered = errors.New("the network does not know the program, and neither its verifying key nor its ELF is set")

// registration knows whether the network knows the program.
type registration struct {
	turn  chan struct{} // one slot: whoever fills it asks, or registers
	known atomic.Bool
}

func newRegistration() *registration { return &registration{turn: make(chan struct{}, 1)} }

// Registered asks whether the network knows the program.
func (c *Client) Registered(ctx context.Context) (bool, error) {
	var out wire.GetProgramResponse
	err := c.read(ctx, spn.GetProgram, &wire.GetProgramRequest{VkHash: c.vkHash[:]}, &out)
	switch {
	case err == nil:
		return true, nil
	case code(err) == codes.NotFound:
		return false, nil
	}
	return false, err
}

// Register makes the network know the program: it uploads the ELF and signs for it. One that is known already is left
// as it is.
func (c *Client) Register(ctx context.Context) error {
	select {
	case c.program.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-c.program.turn }()
	if c.program.known.Load() {
		return nil
	}
	known, err := c.Registered(ctx)
	if err == nil && !known {
		err = c.register(ctx)
	}
	if err == nil {
		c.program.known.Store(true)
	}
	return err
}

// mostNonces bounds how often a signed call is made anew because its nonce was not the next one. Only somebody else with
// the same key can bring that about again and again.
const mostNonces = 10

func (c *Client) register(ctx context.Context) error {
	if len(c.opts.ELF) == 0 {
		return ErrNotRegistered
	}
	uri, err := c.upload(ctx, wire.ArtifactType_PROGRAM, encodeELF(c.opts.ELF))
	if err != nil {
		return fmt.Errorf("uploading the program: %w", err)
	}
	err = c.signedCall(ctx, spn.CreateProgram, func(nonce uint64) ([]byte, error) {
		return encode(&wire.CreateProgramBody{Nonce: nonce, VkHash: c.vkHash[:], Vk: c.opts.VerifyingKey, ProgramUri: uri})
	}, func() (bool, error) { return c.Registered(ctx) })
	if err != nil {
		return fmt.Errorf("registering the program: %w", err)
	}
	return nil
}

// signedCall makes a signed call that may be made twice without harm: done says whether one whose answer was lost has
// been done.
func (c *Client) signedCall(ctx context.Context, m spn.Method, body func(nonce uint64) ([]byte, error), done func() (bool, error)) error {
	release, err := c.account.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	for range mostNonces {
		var nonce uint64
		if nonce, err = c.nonce(ctx); err != nil {
			return err
		}
		b, err2 := body(nonce)
		if err2 != nil {
			return err2
		}
		signature, err2 := sign(c.opts.Key, b)
		if err2 != nil {
			return err2
		}
		err = c.invoke(ctx, m, envelope(b, signature), new(wire.Receipt))
		switch got, trouble := answerOf(err, c.address); got {
		case accepted:
			c.used(nonce)
			return nil
		case refused:
			return err
		case misplaced:
			c.account.expects(trouble.expected)
		case doubtful, ambiguous:
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if is, err2 := done(); err2 == nil && is {
				return nil
			}
			if err2 := pause(ctx, c.opts.Poll); err2 != nil {
				return err2
			}
		}
	}
	return err
}
