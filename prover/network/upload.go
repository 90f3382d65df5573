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

// form remembers which of its two forms of a CreateArtifact signature the endpoint takes.
type form struct{ sdk atomic.Bool }

// mostUploads bounds how often an artifact is created anew because the URL of the last one was not taken.
const mostUploads = 3

// upload packs and stores an artifact under a name of its own. Doing it twice costs nothing.
func (c *Client) upload(ctx context.Context, kind wire.ArtifactType, content []byte) (uri string, err error) {
	packed := c.packer.EncodeAll(content, nil)
	for range mostUploads {
		var place *wire.CreateArtifactResponse
		if place, err = c.createArtifact(ctx, kind); err != nil {
			return "", err
		}
		if place.ArtifactUri == "" || len(place.ArtifactUri) > 1024 {
			return "", errors.New("the network gave an artifact no name")
		}
		err = c.persist(ctx, func() error { return c.store.put(ctx, place.ArtifactPresignedUrl, packed) })
		if failed, is := errors.AsType[*transferError](err); !is || !failed.expired() {
			return place.ArtifactUri, err
		}
	}
	return "", err
}

func (c *Client) createArtifact(ctx context.Context, kind wire.ArtifactType) (*wire.CreateArtifactResponse, error) {
	sdk := c.form.sdk.Load()
	place, err := c.createArtifactAs(ctx, kind, sdk)
	if c.opts.Mode == Cluster {
		return place, err
	}
	switch code(err) {
	case codes.Unauthenticated, codes.PermissionDenied, codes.InvalidArgument:
		other, again := c.createArtifactAs(ctx, kind, !sdk)
		if again == nil {
			c.form.sdk.Store(!sdk)
			return other, nil
		}
	}
	return place, err
}

func (c *Client) createArtifactAs(ctx context.Context, kind wire.ArtifactType, sdk bool) (*wire.CreateArtifactResponse, error) {
	signature, err := signArtifact(c.opts.Key, sdk)
	if err != nil {
		return nil, err
	}
	var out wire.CreateArtifactResponse
	err = c.read(ctx, spn.CreateArtifact, &wire.CreateArtifactRequest{Signature: signature, ArtifactType: kind}, &out)
	if err != nil {
		return nil, fmt.Errorf("creating an artifact: %w", err)
	}
	return &out, nil
}
