package cli

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"unicode"

	"claimprover/internal/client"
	"claimprover/internal/config"
)

// Output says how a command talks.
type Output struct {
	JSON       bool `name:"json" help:"Print JSON and nothing else on standard output, errors as JSON on standard error." group:"Common flags"`
	Quiet      bool `name:"quiet" short:"q" help:"Print only the job's id, or the proof." group:"Common flags"`
	NoColor    bool `name:"no-color" help:"No colours; NO_COLOR does the same." group:"Common flags"`
	NoProgress bool `name:"no-progress" help:"One plain line per change, as when piped, instead of a moving line." group:"Common flags"`
}

// Connection says which service is asked, and with which key.
type Connection struct {
	URL    string        `name:"url" env:"CLAIMPROVER_URL" placeholder:"http://localhost:8080" help:"Address of the service." group:"Common flags"`
	APIKey config.Secret `name:"api-key" env:"CLAIMPROVER_API_KEY" placeholder:"KEY" help:"API key or token; a flag can be read in the process list." group:"Common flags"`
}

const defaultURL = "http://localhost:8080"

// open makes a client; lost hears why a stream has to be opened again.
func (c Connection) open(lost func(error)) (*client.Client, error) {
	service, err := client.New(cmp.Or(c.URL, defaultURL), c.APIKey.Reveal(), client.Options{UserAgent: "claimprover/" + version, Lost: lost})
	if err != nil {
		return nil, usage(err)
	}
	return service, nil
}

// silent says that nobody reads the story.
func (o Output) silent() bool { return o.JSON || o.Quiet }

// moving says that a line may be redrawn.
func (o Output) moving(std Streams) bool {
	return !o.silent() && !o.NoProgress && os.Getenv("CI") == "" && os.Getenv("TERM") != "dumb" && isTerminal(std.Err)
}

// say writes a line of the story.
func (o Output) say(std Streams, format string, args ...any) {
	if !o.silent() {
		fmt.Fprintf(std.Err, format+"\n", args...)
	}
}

// good is the mark before a line that says what went well, in colour where eyes read it.
func (o Output) good(w any) string {
	const mark = "✓"
	file, ok := w.(*os.File)
	if !ok || o.NoColor || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !isTerminal(file) {
		return mark
	}
	return "\x1b[32m" + mark + "\x1b[0m"
}

// printable takes out what a terminal would obey: texts of a service or a prover are somebody else's. Control
// characters and those that turn the direction of text become a replacement character.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
