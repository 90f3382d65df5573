package config

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// startAnew replaces this program by itself, without secrets in its environment. Process id, descriptors and limits stay,
// so whoever watches or supervises the process sees nothing of it.
func startAnew(secrets map[string][]byte) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	fd, err := handOver(secrets)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	env := []string{fmt.Sprintf("%s=%d", handedOver, fd)}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if _, secret := secrets[name]; !secret {
			env = append(env, entry)
		}
	}
	return fmt.Errorf("starting anew: %w", syscall.Exec(program, os.Args, env))
}

// handOver gives a descriptor on which [receive] finds the secrets.
func handOver(secrets map[string][]byte) (fd int, err error) {
	text, err := json.Marshal(secrets)
	if err != nil {
		return -1, err
	}
	fd, err = unix.MemfdCreate("secrets", 0) // without MFD_CLOEXEC: it is for the program to come
	if err != nil {
		return -1, fmt.Errorf("making a file in memory: %w", err)
	}
	if _, err := unix.Pwrite(fd, text, 0); err != nil {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("writing to memory: %w", err)
	}
	return fd, nil
}
