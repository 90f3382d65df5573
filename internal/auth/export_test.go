package auth

import (
	"context"
	"net/http"
)

// Refresh fetches once, as Run does, so that a test need not wait for it.
func (k *JWKS) Refresh(ctx context.Context) { k.refresh(ctx) }

// Through has the keys fetched without a network.
func (k *JWKS) Through(rt http.RoundTripper) { k.client.Transport = rt }
