// Package telemetry is what an operator sees of the service: the log's shape and the metrics of jobs. Other packages
// keep metrics of their own and register them with the registry that is made here.
package telemetry

import (
	"io"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Longest values of a log record, in bytes. What foreign text an attribute may hold is cut; an error may carry a stack.
const (
	maxValue = 256
	maxError = 8 << 10
)

// NewLogger writes records to w as JSON, or as text for people. Whatever is in a value, a record stays one line.
func NewLogger(w io.Writer, level slog.Leveler, json bool) *slog.Logger {
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: tame}
	if json {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// tame cuts long values and takes out what could move a reader's cursor.
func tame(_ []string, a slog.Attr) slog.Attr {
	limit := maxValue
	if a.Key == "err" {
		limit = maxError
	}
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(tamed(v.String(), limit))
	case slog.KindAny:
		if err, ok := v.Any().(error); ok {
			a.Value = slog.StringValue(tamed(err.Error(), limit))
		}
	}
	return a
}

func tamed(text string, limit int) string {
	if len(text) > limit {
		cut := limit
		for cut > 0 && !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) { // both are escaped by either handler
			return '\uFFFD'
		}
		return r
	}, text)
}
