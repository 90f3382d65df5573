package config_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"claimprover/internal/config"

	"github.com/stretchr/testify/require"
)

func hexOf(text string) string { return hex.EncodeToString([]byte(text)) }

const theSecret = "sUp3r-s3cret-of-the-test-0123456789"

// Whatever prints a Config prints no secret.
func TestNothingPrintsASecret(t *testing.T) {
	t.Parallel()
	c, _, reader := read(t, mock.with(settings{
		"API_KEYS": theSecret, "JWT_SECRET": theSecret, "DATABASE_URL": theSecret, "NETWORK_PRIVATE_KEY": theSecret,
		"RPC_URL": "https://user:" + theSecret + "@node.example/" + theSecret + "?k=" + theSecret,
	}))
	require.Equal(t, theSecret, c.APIKeys.Reveal())

	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		fmt.Fprintf(&out, verb+"\n", *c)
		fmt.Fprintf(&out, verb+"\n", c)
		fmt.Fprintf(&out, verb+"\n", c.APIKeys)
		fmt.Fprintf(&out, verb+"\n", c.RPCURL)
		fmt.Fprintf(&out, verb+"\n", struct{ unexported config.Secret }{c.APIKeys})
		fmt.Fprintf(&out, verb+"\n", struct{ unexported config.URLs }{c.RPCURL})
	}
	encoded, err := json.Marshal(c)
	require.NoError(t, err)
	out.Write(encoded)
	for _, logger := range []*slog.Logger{slog.New(slog.NewJSONHandler(&out, nil)), slog.New(slog.NewTextHandler(&out, nil))} {
		logger.Info("settings", "config", *c, "keys", c.APIKeys, "url", c.RPCURL, "group", slog.GroupValue(slog.Any("s", c.JWTSecret)))
	}
	fmt.Fprint(&out, reader.List(c))

	require.NotContains(t, out.String(), theSecret)
	require.NotContains(t, strings.ToLower(out.String()), hexOf(theSecret))
	require.Contains(t, out.String(), "***")
	require.Contains(t, out.String(), "https://node.example/***")
}

func TestAProblemDoesNotRepeatASecret(t *testing.T) {
	t.Parallel()
	_, verdict, _ := read(t, mock.with(settings{
		"JWT_SECRET": theSecret[:31], "NETWORK_PRIVATE_KEY": theSecret, "SP1_PROVER": "network", "RPC_URL": "://" + theSecret, "JWT_JWKS_URL": "ftp://" + theSecret,
	}))
	require.Error(t, verdict.Err())
	require.Contains(t, settingsIn(verdict.Problems), "RPC_URL")
	require.NotContains(t, verdict.Err().Error(), theSecret[:31])
}

func TestASecretLeavesTheEnvironment(t *testing.T) {
	t.Parallel()
	env := mock.with(settings{"API_KEYS": theSecret, "JWT_SECRET": theSecret})
	_, verdict, _ := read(t, env, "--jwt-secret="+theSecret)

	require.NoError(t, verdict.Err())
	require.NotContains(t, env, "API_KEYS")
	require.NotContains(t, env, "JWT_SECRET", "also one that a flag overrules")
	require.Contains(t, env, "SP1_PROVER")
	require.Contains(t, settingsIn(verdict.Warnings), "JWT_SECRET", "a secret on the command line is in the process list")
}

func TestASecretFileIsJudged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))

	for name, c := range map[string]struct {
		env  settings
		says string
	}{
		"readable by the group":   {settings{"API_KEYS_FILE": file("group", theSecret, 0o640)}, "chmod 600"},
		"readable by others":      {settings{"API_KEYS_FILE": file("others", theSecret, 0o604)}, "chmod 600"},
		"not there":               {settings{"API_KEYS_FILE": filepath.Join(dir, "none")}, "no such file"},
		"a folder":                {settings{"API_KEYS_FILE": dir}, "not a regular file"},
		"a pipe nobody writes to": {settings{"API_KEYS_FILE": pipe}, "not a regular file"},
		"empty but for a newline": {settings{"API_KEYS_FILE": file("empty", "\n", 0o600)}, "is empty"},
		"endless":                 {settings{"API_KEYS_FILE": file("long", strings.Repeat("x", 64<<10+1), 0o600)}, "longer than 65536 bytes"},
		"given twice":             {settings{"API_KEYS_FILE": file("fine", theSecret, 0o600), "API_KEYS": theSecret}, "keep one of them"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, verdict, _ := read(t, mock.with(c.env))
			require.Len(t, verdict.Problems, 1)
			require.Equal(t, "API_KEYS", verdict.Problems[0].Setting)
			require.Contains(t, verdict.Problems[0].Text, c.says)
			require.NotContains(t, verdict.Problems[0].Text, theSecret)
		})
	}
	c, verdict, _ := read(t, mock.with(settings{"API_KEYS_FILE": file("good", theSecret+"\r\n", 0o400)}))
	require.NoError(t, verdict.Err())
	require.Equal(t, theSecret, c.APIKeys.Reveal())
}

func TestASecretFileIsReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	write := func(content string, mode os.FileMode) {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		require.NoError(t, os.Chmod(path, mode))
	}
	write(theSecret, 0o600)
	_, verdict, reader := read(t, mock.with(settings{"API_KEYS_FILE": path, "JWT_SECRET": theSecret}))
	require.NoError(t, verdict.Err())

	write(theSecret+"2\n", 0o400)
	secret, fromFile, err := reader.Reread("API_KEYS")
	require.NoError(t, err)
	require.True(t, fromFile)
	require.Equal(t, theSecret+"2", secret.Reveal())

	write(theSecret+"3", 0o644)
	_, fromFile, err = reader.Reread("API_KEYS")
	require.ErrorContains(t, err, "API_KEYS_FILE: ")
	require.ErrorContains(t, err, "chmod 600", "the checks of the start are made again")
	require.NotContains(t, err.Error(), theSecret)
	require.True(t, fromFile)

	for _, name := range []string{"JWT_SECRET", "DATABASE_URL"} {
		_, fromFile, err := reader.Reread(name)
		require.NoError(t, err)
		require.False(t, fromFile, "%s did not come from a file", name)
	}
	_, verdict, reader = read(t, mock.with(settings{"API_KEYS_FILE": path}), "--api-keys="+theSecret)
	require.NoError(t, verdict.Err())
	_, fromFile, err = reader.Reread("API_KEYS")
	require.NoError(t, err)
	require.False(t, fromFile, "a flag wins over the file")
}
