package cli

import (
	"fmt"
	"io"
	"os"
)

// readFile reads a file that somebody named, which must not be longer than most bytes.
func readFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(content)) > most {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, most)
	}
	return content, err
}
