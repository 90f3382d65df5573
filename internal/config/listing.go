package config

import (
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// Setting is one setting as it is shown: secrets and URLs masked.
type Setting struct {
	Name    string `json:"name"` // its environment variable
	Value   string `json:"value"`
	Source  Source `json:"source"`
	Default string `json:"default,omitempty"`
	Group   string `json:"group"`
	Help    string `json:"help"`
	Secret  bool   `json:"secret,omitempty"` // also read from the file that NAME_FILE names
}

// List gives every setting of c in the order of the struct, with the source that this reader found it in.
func (r *Reader) List(c *Config) []Setting {
	var all []Setting
	for s := range settingsOf(c) {
		all = append(all, Setting{
			Name: s.env, Value: shown(s.value, s.tag), Source: r.source(s.env),
			Default: s.tag.Get("default"), Group: s.group, Help: s.tag.Get("help"),
			Secret: s.value.Type() == reflect.TypeFor[Secret](),
		})
	}
	return all
}

// Markdown is the table of all settings for the README.
func Markdown() string {
	var b strings.Builder
	group := ""
	for s := range settingsOf(&Config{}) {
		if s.group != group {
			group = s.group
			fmt.Fprintf(&b, "\n**%s**\n\n| setting | default | meaning |\n|---|---|---|\n", group)
		}
		name, preset := "`"+s.env+"`", ""
		if s.value.Type() == reflect.TypeFor[Secret]() {
			name += ", `" + s.env + "_FILE`"
		}
		if text := s.tag.Get("default"); text != "" {
			preset = "`" + text + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, preset, strings.ReplaceAll(s.tag.Get("help"), "|", `\|`))
	}
	return strings.TrimPrefix(b.String(), "\n")
}

// field is a setting's place in a Config.
type field struct {
	env   string
	group string
	tag   reflect.StructTag
	value reflect.Value
}

// settingsOf walks the settings of c in the order of the struct.
func settingsOf(c *Config) iter.Seq[field] {
	return func(yield func(field) bool) {
		whole := reflect.ValueOf(c).Elem()
		for i := range whole.NumField() {
			part, key := whole.Field(i), whole.Type().Field(i).Tag.Get("group")
			title := groups[slices.IndexFunc(groups, func(g kong.Group) bool { return g.Key == key })].Title
			for j := range part.NumField() {
				tag := part.Type().Field(j).Tag
				if !yield(field{envName(tag.Get("name")), title, tag, part.Field(j)}) {
					return
				}
			}
		}
	}
}

// shown is a value as it would be set, secrets masked; nothing for what is unset.
func shown(value reflect.Value, tag reflect.StructTag) string {
	if value.IsZero() && tag.Get("default") == "" {
		return ""
	}
	switch v := value.Interface().(type) {
	case time.Duration:
		if tag.Get("unit") == "s" {
			return fmt.Sprint(int64(v / time.Second))
		}
		return v.String()
	case Origins:
		return strings.Join(v, ",")
	case *bool:
		return fmt.Sprint(*v)
	default:
		return fmt.Sprint(v)
	}
}
