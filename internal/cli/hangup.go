package cli

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"claimprover/internal/audit"
	"claimprover/internal/auth"
	"claimprover/internal/config"
)

// hangups answer SIGHUP: API_KEYS_FILE is read again, and AUDIT_LOG opened anew, so that both can change without a
// restart.
type hangups struct {
	keys   *auth.Keys // nil: there are none
	reread func(setting string) (config.Secret, bool, error)
	audit  *audit.Log // nil: none is kept
	log    *slog.Logger
	heard  chan os.Signal
}

// listen is called before anything is served: until then a SIGHUP ends the process, as usual.
//
// SIGPIPE is asked for as well, and nobody reads it: a write to a standard output or a log that nobody takes any more
// then fails, where it would end the process and every proof in it.
func (h *hangups) listen() (stop func()) {
	h.heard = make(chan os.Signal, 1)
	signal.Notify(h.heard, syscall.SIGHUP)
	broken := make(chan os.Signal, 1)
	signal.Notify(broken, syscall.SIGPIPE)
	return func() {
		signal.Stop(h.heard)
		signal.Stop(broken)
	}
}

// run answers until ctx ends.
func (h *hangups) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-h.heard:
			h.readKeys()
			h.audit.Reopen()
		}
	}
}

// readKeys lets new keys in and old ones, with the tokens they minted, out. A file that is not good changes nothing.
func (h *hangups) readKeys() {
	const setting = "API_KEYS"
	text, fromFile, err := h.reread(setting)
	switch {
	case !fromFile:
		h.log.Info("API keys stay as they are: they did not come from API_KEYS_FILE")
		return
	case err == nil:
		err = h.keys.Replace(text.Reveal())
	}
	if err != nil {
		h.log.Error("API keys stay as they are: the file is not good", "err", err)
		return
	}
	h.log.Info("API keys read again", "keys", h.keys.Len())
}
