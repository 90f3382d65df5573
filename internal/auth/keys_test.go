package auth_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"claimprover/internal/auth"
	"claimprover/internal/fault"
)

func TestNewKeys(t *testing.T) {
	t.Parallel()
	t.Run("sixteen characters are enough", func(t *testing.T) {
		t.Parallel()
		keys, err := auth.NewKeys("0123456789abcdef,dora:fedcba9876543210")
		require.NoError(t, err)
		wantOwner(t, newAuth(t, auth.Options{Keys: keys}), bearer("fedcba9876543210"), write, "key:dora")
	})
	t.Run("blanks, empty entries and line ends between entries are nothing", func(t *testing.T) {
		t.Parallel()
		keys, err := auth.NewKeys("\n alice:" + aliceKey + " ,,\r\nbob:" + bobKey + ",\n")
		require.NoError(t, err)
		a := newAuth(t, auth.Options{Keys: keys})
		wantOwner(t, a, bearer(aliceKey), write, "key:alice")
		wantOwner(t, a, bearer(bobKey), write, "key:bob")
	})
	t.Run("a key may hold colons after its name", func(t *testing.T) {
		t.Parallel()
		keys, err := auth.NewKeys("alice:key:with:colons:0123")
		require.NoError(t, err)
		wantOwner(t, newAuth(t, auth.Options{Keys: keys}), bearer("key:with:colons:0123"), write, "key:alice")
	})
	t.Run("a hash may be written in either case", func(t *testing.T) {
		t.Parallel()
		keys, err := auth.NewKeys("alice:sha256:" + strings.ToUpper(sha(aliceKey)))
		require.NoError(t, err)
		wantOwner(t, newAuth(t, auth.Options{Keys: keys}), bearer(aliceKey), write, "key:alice")
	})

	for problem, text := range map[string]string{
		"there is no API key":                                       " , \n",
		"API key 1 has 15 characters, fewer than 16":                "0123456789abcde",
		"API key 2 has 15 characters, fewer than 16":                aliceKey + ",bob:0123456789abcde",
		"API key 1 has 513 characters, more than 512":               strings.Repeat("a", 513),
		"API key 1 has a character that is not visible ASCII":       "0123456789 abcdef",
		"API key 1 has a hash but no name":                          "sha256:" + sha(aliceKey),
		"API key 1 has a name that is not 1 to 64 visible ASCII":    ":" + aliceKey,
		"API key 2 has a name that is not 1 to 64 visible ASCII":    "ok:" + bobKey + ",zoë:" + aliceKey,
		"API key 3 has a name that is not 1 to 64 visible ASCII":    "a:" + bobKey + ",b:" + hashedKey + "," + strings.Repeat("n", 65) + ":" + aliceKey,
		"API key 1 has a SHA-256 hash that is not 64 hex digits":    "alice:sha256:" + sha(aliceKey)[1:],
		"API key 2 has a SHA-256 hash that is not 64 hex digits":    "b:" + bobKey + ",alice:sha256:x" + sha(aliceKey)[1:],
		"API key 2 has the same name as key 1":                      "alice:" + aliceKey + ",alice:" + bobKey,
		"API key 2 is the same as key 1":                            "alice:" + aliceKey + ",bob:" + aliceKey,
		"API key 3 is the same as key 2":                            "x:" + bobKey + "," + aliceKey + ",bob:sha256:" + sha(aliceKey),
		"API key 2 has the same name as key 1 (no name, same key)":  aliceKey + "," + aliceKey,
		"API key 2 has the same name as key 1 (the name of a hash)": aliceKey + "," + sha(aliceKey)[:8] + ":" + bobKey,
	} {
		t.Run(problem, func(t *testing.T) {
			t.Parallel()
			keys, err := auth.NewKeys(text)
			problem, _, _ := strings.Cut(problem, " (")
			require.ErrorContains(t, err, problem)
			require.Nil(t, keys)
		})
	}
	t.Run("every problem is listed and no key shown", func(t *testing.T) {
		t.Parallel()
		_, err := auth.NewKeys("tooshort,swapped-key-0123456789:name, zoë:" + aliceKey + ",fine:" + bobKey)
		require.ErrorContains(t, err, "API key 1 ")
		require.ErrorContains(t, err, "API key 2 ")
		require.ErrorContains(t, err, "API key 3 ")
		require.NotContains(t, err.Error(), "API key 4 ")
		for _, text := range []string{"tooshort", "swapped", "zoë", aliceKey, bobKey} {
			require.NotContains(t, err.Error(), text)
		}
	})
	t.Run("printed keys are not keys", func(t *testing.T) {
		t.Parallel()
		printed := fmt.Sprintf("%v %+v %#v", newKeys(t), newKeys(t), newKeys(t))
		require.NotContains(t, printed, aliceKey)
	})
}

func TestReplace(t *testing.T) {
	t.Parallel()
	t.Run("other keys are good at once, the old ones are not", func(t *testing.T) {
		t.Parallel()
		keys := newKeys(t)
		a := newAuth(t, auth.Options{Keys: keys})
		require.NoError(t, keys.Replace("dora:dora-key-0123456789"))
		wantOwner(t, a, bearer("dora-key-0123456789"), write, "key:dora")
		wantUnauthorized(t, a, bearer(aliceKey), write)
	})
	t.Run("after a mistake the old keys stay", func(t *testing.T) {
		t.Parallel()
		for _, mistake := range []string{"", "short", "dora:dora-key-0123456789,short"} {
			keys := newKeys(t)
			a := newAuth(t, auth.Options{Keys: keys})
			require.Error(t, keys.Replace(mistake))
			wantOwner(t, a, bearer(aliceKey), write, "key:alice")
			wantUnauthorized(t, a, bearer("dora-key-0123456789"), write)
		}
	})
	t.Run("a key that stays is good throughout", func(t *testing.T) {
		t.Parallel()
		keys := newKeys(t)
		a := newAuth(t, auth.Options{Keys: keys})
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 200 {
					if _, err := a.Authenticate(bearer(aliceKey), home, write); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for i := range 200 {
			require.NoError(t, keys.Replace(fmt.Sprintf("other%d:other-key-%016d,alice:%s", i, i, aliceKey)))
		}
		wg.Wait()
	})
}

func TestNewKey(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "dora", "team@example.org"} {
		key, entry, err := auth.NewKey(name)
		require.NoError(t, err)
		require.Regexp(t, `^cp_[A-Za-z0-9_-]{43}$`, key)
		require.NotContains(t, entry, key, "the entry is not the key")
		keys, err := auth.NewKeys(entry)
		require.NoError(t, err)
		if name == "" {
			name = sha(key)[:8]
		}
		wantOwner(t, newAuth(t, auth.Options{Keys: keys}), bearer(key), write, "key:"+name)
	}
	for _, name := range []string{"a:b", "a,b", "sha256", " a", "a\n", "zoë", strings.Repeat("n", 65)} {
		_, _, err := auth.NewKey(name)
		require.Error(t, err, "%q", name)
	}
}

func TestWhatCallersMayDo(t *testing.T) {
	t.Parallel()
	a := newAuth(t, auth.Options{Keys: newKeys(t), Secrets: newSecrets(t, secret)})
	alice := wantOwner(t, a, bearer(aliceKey), write, "key:alice")
	minted, err := a.Mint(alice, auth.Grant{Scope: auth.Submit})
	require.NoError(t, err)
	token, err := a.Authenticate(bearer(minted.Token), home, write)
	require.NoError(t, err)
	jwt := wantOwner(t, a, bearer(sign(t, hs256(secret), good())), write, "jwt:https://issuer.example:alice")
	nobody := wantOwner(t, a, request("POST"), open, "anonymous")

	const yes = fault.Code("")
	for _, c := range []struct {
		who                                       string
		caller                                    auth.Caller
		submit, read, cancel, list, verify, mints fault.Code
	}{
		{"an API key", alice, yes, yes, yes, yes, yes, yes},
		{"a JWT", jwt, yes, yes, yes, yes, yes, fault.Forbidden},
		{"a token minted to submit", token, yes, fault.Forbidden, fault.Forbidden, fault.Forbidden, fault.Forbidden, fault.Forbidden},
		{"nobody", nobody, yes, yes, fault.Unauthorized, fault.Unauthorized, fault.Unauthorized, fault.Unauthorized},
	} {
		for scope, want := range map[auth.Scope]fault.Code{
			auth.Submit: c.submit, auth.Read: c.read, auth.Cancel: c.cancel, auth.List: c.list, auth.Verify: c.verify, auth.Mint: c.mints,
		} {
			err := c.caller.May(scope)
			if want == yes {
				require.NoError(t, err, "%s, %s", c.who, scope)
			} else {
				require.True(t, fault.Is(err, want), "%s, %s: %v", c.who, scope, err)
			}
		}
	}
	require.Error(t, token.May(auth.Submit|auth.Cancel), "all of it, not some")
	require.Contains(t, fault.Of(token.May(auth.Cancel)).Message, "may not cancel")
	require.Contains(t, fault.Of(token.May(auth.List|auth.Cancel)).Message, "may not list")

	t.Run("whose window a submission counts on", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "key:alice", alice.FloodKey())
		require.Equal(t, "key:alice", token.FloodKey(), "the key that minted it")
		require.Equal(t, "jwt:https://issuer.example:alice", jwt.FloodKey())
		require.Empty(t, nobody.FloodKey())
		for caller, counts := range map[auth.Caller]bool{alice: false, jwt: false, token: true, nobody: true} {
			require.Equal(t, counts, caller.CountsOnAddress(), caller.Owner)
		}
	})
}

func TestParseScope(t *testing.T) {
	t.Parallel()
	all, err := auth.ParseScope(nil)
	require.NoError(t, err)
	require.Equal(t, auth.BrowserScope, all)
	some, err := auth.ParseScope([]string{"cancel", "submit", "cancel"})
	require.NoError(t, err)
	require.Equal(t, auth.Submit|auth.Cancel, some)
	require.Equal(t, "submit cancel", some.String())
	for _, words := range [][]string{{}, {""}, {"Submit"}, {"submit", "list"}, {"mint"}, {"verify"}, {"submit read"}} {
		_, err := auth.ParseScope(words)
		require.True(t, fault.Is(err, fault.InvalidInput), words)
		require.Contains(t, fault.Of(err).Fields, "scope")
	}
}
