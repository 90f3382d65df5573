package telemetry

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestARecordStaysOneLine(t *testing.T) {
	t.Parallel()
	for name, asJSON := range map[string]bool{"json": true, "text": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			log := NewLogger(&out, slog.LevelInfo, asJSON)
			log.Info("event", "foreign", "a\r\nb\x1b[2J\u202ec", "err", errors.New("first\nsecond"), "long", strings.Repeat("é", 1000))
			require.Equal(t, 1, strings.Count(out.String(), "\n"))
			require.NotContains(t, out.String(), "\x1b")
			require.NotContains(t, out.String(), "\u202e")
			require.Less(t, out.Len(), 1000, "what is foreign is cut")
			require.Contains(t, out.String(), "second", "an error may be long")
		})
	}
}

func TestPhasesAreAClosedSet(t *testing.T) {
	t.Parallel()
	require.Equal(t, "proving", phaseLabel("proving"))
	require.Equal(t, "other", phaseLabel(`<img src=x onerror="x">`))
}
