package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Source is where a setting's value came from.
type Source string

// The sources, later ones win. An empty variable is unset.
const (
	FromDefault Source = "default"
	FromEnv     Source = "env"
	FromFile    Source = "file" // the file that NAME_FILE names
	FromFlag    Source = "flag"
)

// Reader fills a [Config] for kong. It never lets parsing stop at a setting: what is wrong is kept for [Reader.Judge],
// so that everything is said at once. It is used by one goroutine, for one command line; see [Reader.Reread].
type Reader struct {
	env      Environment
	sources  map[string]Source // by environment name; a setting that was not asked for came from a flag
	problems map[string]string // by environment name: what is wrong with its text
}

// NewReader reads from env.
func NewReader(env Environment) *Reader {
	return &Reader{env: env, sources: map[string]Source{}, problems: map[string]string{}}
}

// groups are the headings of help and tables, in order. Only settings carry these keys.
var groups = []kong.Group{
	{Key: "service", Title: "Service"},
	{Key: "access", Title: "Who may call"},
	{Key: "limits", Title: "Limits"},
	{Key: "prover", Title: "Proving"},
	{Key: "chain", Title: "Chain"},
}

// Options make kong take the settings of every command that embeds a [Config] through this reader.
func (r *Reader) Options() []kong.Option {
	return []kong.Option{
		kong.ExplicitGroups(groups),
		kong.Resolvers(resolver{r}),
		kong.ValueFormatter(describe),
		kong.PostBuild(func(k *kong.Kong) error {
			return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
				if flag, ok := node.(*kong.Flag); ok && isSetting(flag) {
					flag.Mapper = mapper{r, flag}
				}
				return next(nil)
			})
		}),
	}
}

func isSetting(flag *kong.Flag) bool {
	return flag.Group != nil && slices.ContainsFunc(groups, func(g kong.Group) bool { return g.Key == flag.Group.Key })
}

// describe adds the environment variable to a flag's help.
func describe(value *kong.Value) string {
	if value.Flag == nil || !isSetting(value.Flag) {
		return kong.DefaultHelpValueFormatter(value)
	}
	return strings.TrimSuffix(value.Help, ".") + " ($" + envName(value.Name) + ")."
}

// envName is the variable of a flag.
func envName(flag string) string { return strings.ToUpper(strings.ReplaceAll(flag, "-", "_")) }

// mapper reads the text of one setting, whether it comes from the command line, the environment or the default.
type mapper struct {
	reader *Reader
	flag   *kong.Flag
}

// IsBool lets --name stand for --name=true.
func (m mapper) IsBool() bool {
	kind := m.flag.Target.Type()
	return kind.Kind() == reflect.Bool || kind == reflect.TypeFor[*bool]()
}

func (m mapper) Decode(ctx *kong.DecodeContext, target reflect.Value) error {
	text := "true"
	if !m.IsBool() || ctx.Scan.Peek().Type == kong.FlagValueToken {
		token, err := ctx.Scan.PopValue("value")
		if err != nil {
			return err
		}
		text = token.String()
	}
	if err := parse(target, text, m.flag.Tag); err != nil {
		m.reader.problems[envName(m.flag.Name)] = err.Error()
	}
	return nil
}

// resolver finds the values of flags that were not on the command line. Its errors are kept, not returned: kong would
// stop at the first.
type resolver struct{ *Reader }

func (r resolver) Validate(*kong.Application) error { return nil }

func (r resolver) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !isSetting(flag) {
		return nil, nil
	}
	name := envName(flag.Name)
	text, source := r.find(name, flag.Target.Type() == reflect.TypeFor[Secret]())
	r.sources[name] = source
	if source == FromDefault {
		return nil, nil
	}
	return text, nil
}

// find looks for a setting's text in the environment and, for a secret, in the file that NAME_FILE names.
func (r *Reader) find(name string, secret bool) (string, Source) {
	text, _ := r.env.Lookup(name)
	path := ""
	if secret {
		path, _ = r.env.Lookup(name + "_FILE")
	}
	switch {
	case path == "" && text == "":
		return "", FromDefault
	case path == "":
		return text, FromEnv
	case text != "":
		r.problems[name] = "both " + name + " and " + name + "_FILE are set: keep one of them"
		return "", FromDefault
	}
	text, err := readSecret(path)
	if err != nil {
		r.problems[name] = name + "_FILE: " + err.Error()
		return "", FromDefault
	}
	return text, FromFile
}

// Reread reads the file of a secret again, with all the checks of the first time. It gives false for a secret that did
// not come from a file. It may be called from any goroutine once the settings have been judged.
func (r *Reader) Reread(name string) (Secret, bool, error) {
	if r.source(name) != FromFile {
		return Secret{}, false, nil
	}
	path, _ := r.env.Lookup(name + "_FILE")
	text, err := readSecret(path)
	if err != nil {
		return Secret{}, true, fmt.Errorf("%s_FILE: %w", name, err)
	}
	return NewSecret(text), true, nil
}
