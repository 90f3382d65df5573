package network_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"claimprover/internal/fault"
	"claimprover/prover"
	"claimprover/prover/network"
	"claimprover/prover/network/networktest"
	"claimprover/prover/provertest"
)

func TestAnEndpointIsTrustedByItsCertificate(t *testing.T) {
	t.Parallel()
	serve := func(t *testing.T, tls bool) *networktest.Server {
		return networktest.New(t, networktest.Options{
			Mode: network.Reserved, Program: program, Prove: prove(t), Guest: guest(inputs...), TLS: tls, Fulfilled: time.Millisecond,
		})
	}
	client := func(t *testing.T, o network.Options) *network.Client {
		o.Mode, o.Key, o.Program, o.Poll = network.Reserved, testKey(t, 1), program, 10*time.Millisecond
		c, err := network.New(o)
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	t.Run("one whose authority is trusted sells a proof", func(t *testing.T) {
		s := serve(t, true)
		c := client(t, network.Options{Endpoint: s.URL, RootCAs: s.Authorities})
		_, err := c.Prove(t.Context(), inputs[1], &provertest.Journal{}, func(prover.Progress) {})
		require.NoError(t, err)
		require.Equal(t, 1, s.Bought(inputs[1].PublicValues[:]))
	})
	for name, endpoint := range map[string]func(t *testing.T) network.Options{
		"a stranger's certificate": func(t *testing.T) network.Options { return network.Options{Endpoint: serve(t, true).URL} },
		"another authority's": func(t *testing.T) network.Options {
			return network.Options{Endpoint: serve(t, true).URL, RootCAs: serve(t, true).Authorities}
		},
		"a certificate for another name": func(t *testing.T) network.Options {
			s := serve(t, true)
			_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "https://"), ":")
			return network.Options{Endpoint: "https://localhost:" + port, RootCAs: s.Authorities}
		},
		"no TLS": func(t *testing.T) network.Options {
			return network.Options{Endpoint: strings.Replace(serve(t, false).URL, "http://", "https://", 1)}
		},
	} {
		t.Run(name+" is refused at once", func(t *testing.T) {
			c := client(t, endpoint(t))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // trying again takes longer
			defer cancel()
			_, err := c.Standing(ctx)
			require.ErrorIs(t, err, network.ErrUntrusted)
			require.ErrorContains(t, err, "does not prove who it is")
			var j provertest.Journal
			_, err = c.Prove(t.Context(), inputs[1], &j, func(prover.Progress) {})
			require.True(t, fault.Is(err, fault.RPCUnavailable), "%v", err)
			require.Nil(t, j.Load())
		})
	}
}
