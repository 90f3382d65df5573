package server_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"claimprover/server"
)

func TestThePageSaysBeforeAnyFiguresWhatLasts(t *testing.T) {
	t.Parallel()
	for anonymous, banners := range map[bool]string{true: "mock anonymous", false: "mock"} {
		w := open(t, settings{Options: server.Options{AnonymousAllowed: anonymous}})
		require.Contains(t, string(w.call("GET", "/", "").body), `<html data-banners="`+banners+`" `)
	}
}
