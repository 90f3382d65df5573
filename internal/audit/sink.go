package audit

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// sink takes whole lines. It is used by one goroutine.
type sink struct {
	io.Writer
	file *os.File // nil: a stream, which is neither opened nor closed here
	torn bool     // the last line may have no end
}

// write appends a line in one write, so that it stands whole among the lines of others who append to the same file. After
// a write that broke off the next line begins on a line of its own.
func (s *sink) write(line []byte) error {
	if s.torn {
		line = append([]byte{'\n'}, line...)
	}
	n, err := s.Write(line)
	if err == nil {
		s.torn = false
	} else if n > 0 {
		s.torn = true
	}
	return err
}

// reopen opens the path anew; the old file is closed once there is a new one.
func (s *sink) reopen() error {
	if s.file == nil {
		return nil
	}
	fresh, err := openFile(s.file.Name())
	if err != nil {
		return err
	}
	s.close()
	*s = *fresh
	return nil
}

func (s *sink) close() {
	if s.file != nil {
		_ = s.file.Close() // every line was handed to the system as it came
	}
}

// openFile opens a file to append to. What another process left of a line is ended.
func openFile(path string) (*sink, error) {
	f, err := open(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	s := &sink{Writer: f, file: f}
	if s.torn, err = endsTorn(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return s, nil
}

// open refuses what is no regular file. A named pipe must not hang the process.
func open(path string, how int) (*os.File, error) {
	f, err := os.OpenFile(path, how|os.O_APPEND|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func endsTorn(f *os.File) (bool, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return false, err
	}
	var last [1]byte
	_, err = f.ReadAt(last[:], info.Size()-1)
	return last[0] != '\n', err
}

// Check says what is wrong with a path, without making a file.
func Check(path string) error {
	if path == "" || path == Stdout {
		return nil
	}
	f, err := open(path, os.O_RDWR)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	info, err := os.Stat(filepath.Dir(path))
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is not a folder", filepath.Dir(path))
	}
	return err
}
