package config

import (
	"encoding/json"
	"io"
	"os"
	"strconv"
	"syscall"
)

// Environment is where settings come from besides flags.
type Environment struct {
	Lookup    func(name string) (string, bool)
	Unset     func(name string) error // takes a secret out of what child processes inherit
	OpenFiles uint64                  // how many files the process may open; 0 means unknown
}

// handedOver names the descriptor on which [Reader.Withdraw] left the secrets for the program that came in its place.
const handedOver = "CLAIMPROVER_HANDED_OVER"

// Process is the environment of this process, with the secrets that were handed over to it.
func Process() Environment {
	secrets := receive(os.Getenv(handedOver))
	_ = os.Unsetenv(handedOver)
	env := Environment{
		Lookup: func(name string) (string, bool) {
			if text, is := secrets[name]; is {
				return text, true
			}
			return os.LookupEnv(name)
		},
		Unset: func(name string) error {
			delete(secrets, name)
			return os.Unsetenv(name)
		},
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		env.OpenFiles = limit.Cur
	}
	return env
}

// receive reads what was handed over. What is none of ours is nothing.
func receive(descriptor string) (secrets map[string]string) {
	fd, err := strconv.Atoi(descriptor)
	if err != nil || fd <= syscall.Stderr {
		return nil
	}
	file := os.NewFile(uintptr(fd), "handed over")
	defer file.Close()
	var sent map[string][]byte
	text, err := io.ReadAll(file)
	if err != nil || json.Unmarshal(text, &sent) != nil {
		return nil
	}
	secrets = make(map[string]string, len(sent))
	for name, secret := range sent {
		secrets[name] = string(secret)
	}
	return secrets
}

// Withdraw has the system forget the secrets that this process was started with in its environment. They would stay
// readable in /proc/PID/environ for as long as it lives, whatever it unsets; so the program takes its own place, in the
// same process, with an environment without them, and they come along in memory that has no name. It returns when there
// is nothing to withdraw, or when it could not be done. It is called before anything is opened or started.
func (r *Reader) Withdraw(c *Config) error {
	secrets := map[string][]byte{}
	for s := range settingsOf(c) {
		switch s.value.Interface().(type) {
		case Secret, URL, URLs: // many an address holds a key
			if text := os.Getenv(s.env); text != "" {
				secrets[s.env] = []byte(text) // which need not be UTF-8
			}
		}
	}
	if len(secrets) == 0 {
		return nil
	}
	return startAnew(secrets)
}
