package cli

import "io"

// Streams are what a command reads and writes: results go to Out, the story to Err.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// version is set by the linker.
var version = "dev"
