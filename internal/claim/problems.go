package claim

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"claimprover/internal/fault"
)

// problems are the faults of fields; the first one of a field stands.
type problems map[string]string

func (p problems) add(field, format string, args ...any) {
	if !p.has(field) {
		p[field] = fmt.Sprintf(format, args...)
	}
}

func (p problems) has(field string) bool { _, ok := p[field]; return ok }

// fault is nil without problems; else it lists them in the order of the fields, unknown ones last.
func (p problems) fault() error {
	if len(p) == 0 {
		return nil
	}
	var list []string
	for _, name := range names {
		if p.has(name) {
			list = append(list, name+" "+p[name])
		}
	}
	for _, field := range slices.Sorted(maps.Keys(p)) {
		if !slices.Contains(names, field) {
			list = append(list, quoted(field)+" "+p[field])
		}
	}
	return fault.New(fault.InvalidInput, "Correct the claim and send it again: %s.", strings.Join(list, "; ")).WithFields(p)
}

// clipped bounds what is repeated of the caller's words.
func clipped(text string) string {
	if runes := []rune(text); len(runes) > maxEcho {
		return string(runes[:maxEcho]) + "…"
	}
	return text
}

// quoted repeats the caller's words, bounded and in ASCII, so that they disturb neither a terminal nor a log.
func quoted(text string) string { return fmt.Sprintf("%+q", clipped(text)) }
