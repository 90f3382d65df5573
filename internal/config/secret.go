package config

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"syscall"
)

// mask is what is shown instead of a secret.
const mask = "***"

// Secret is a text that is only given out by [Secret.Reveal]. Every other way to print it (each verb of fmt, JSON, text,
// slog) shows *** or, when it is not set, nothing. The text is held in a closure, so that a print of an unexported
// field by reflection does not reach it either. Go cannot promise that it is wiped from memory.
type Secret struct {
	text func() string
}

// NewSecret keeps text as a secret; the empty text is an unset one.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{text: func() string { return text }}
}

// Reveal gives the text itself, empty when unset.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return s.text()
}

// IsSet says whether there is a text.
func (s Secret) IsSet() bool { return s.text != nil }

// String shows the mask.
func (s Secret) String() string {
	if s.text == nil {
		return ""
	}
	return mask
}

// Format shows the mask whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// MarshalText shows the mask; encoding/json uses it too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText keeps text.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

// LogValue shows the mask.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// maxSecretBytes bounds a secret file; a thousand API keys fit.
const maxSecretBytes = 64 << 10

// readSecret gives the content of a secret file without the newline at its end.
func readSecret(path string) (string, error) {
	// O_NONBLOCK: a named pipe without a writer must not hang the start.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	switch {
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is not a regular file", path)
	case info.Mode().Perm()&0o077 != 0:
		return "", fmt.Errorf("%s can be read by others (mode %04o): run chmod 600 on it", path, info.Mode().Perm())
	}
	content, err := io.ReadAll(io.LimitReader(f, maxSecretBytes+1))
	switch text := strings.TrimRight(string(content), "\r\n"); {
	case err != nil:
		return "", fmt.Errorf("cannot be read: %w", err)
	case len(content) > maxSecretBytes:
		return "", fmt.Errorf("%s is longer than %d bytes", path, maxSecretBytes)
	case text == "":
		return "", fmt.Errorf("%s is empty", path)
	default:
		return text, nil
	}
}
