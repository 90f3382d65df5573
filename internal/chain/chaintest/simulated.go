package chaintest

import (
	"bufio"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
)

// Simulated is a chain on which the test decides when there is a block, what its time is, what is reorganised away and so
// what is final: every 32nd block is, with all before it. A transaction of [Node.Send] makes a block of its own.
type Simulated struct {
	*Node
	t       testing.TB
	orders  io.Writer
	answers *bufio.Scanner
}

//go:embed simulated/main.go
var simulatedSource []byte

// NewSimulated starts one for one test and ends it with the test.
func NewSimulated(t testing.TB) *Simulated {
	t.Helper()
	s, err := startSimulated(t)
	if err != nil {
		t.Fatalf("starting a simulated chain: %v", err)
	}
	t.Cleanup(s.Stop)
	return s
}

func startSimulated(t testing.TB) (*Simulated, error) {
	path, err := built("simulated-%s-%.4x", sha256.Sum256(simulatedSource)) // by what it is made of
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, crypto.PubkeyToAddress(developer.PublicKey).Hex())
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	orders, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Simulated{Node: &Node{cmd: cmd, gone: make(chan struct{})}, t: t, orders: orders, answers: bufio.NewScanner(answers)}
	s.end = func() { _ = orders.Close() }
	s.seal = func() error { return s.order("commit 1") }
	if !s.answers.Scan() {
		return nil, errors.Join(errors.New("it ended before it served"), cmd.Wait())
	}
	s.URL = s.answers.Text()
	go func() {
		defer close(s.gone)
		_ = cmd.Wait()
	}()
	s.Client, err = ethclient.Dial(s.URL)
	return s, err
}

func (s *Simulated) order(format string, args ...any) error {
	if _, err := fmt.Fprintf(s.orders, format+"\n", args...); err != nil {
		return fmt.Errorf("telling the simulated chain: %w", err)
	}
	if !s.answers.Scan() {
		return errors.New("the simulated chain has ended")
	}
	if answer := s.answers.Text(); answer != "ok" {
		return fmt.Errorf("the simulated chain: %s", answer)
	}
	return nil
}

// Commit makes blocks.
func (s *Simulated) Commit(blocks int) {
	s.t.Helper()
	if err := s.order("commit %d", blocks); err != nil {
		s.t.Fatal(err)
	}
}

// AdjustTime makes an empty block that is so much later than the newest one, in whole seconds.
func (s *Simulated) AdjustTime(by time.Duration) {
	s.t.Helper()
	if err := s.order("adjust %d", int(by/time.Second)); err != nil {
		s.t.Fatal(err)
	}
}

// Fork takes a block for the newest: what came after it is reorganised away, and none of it comes back by itself.
func (s *Simulated) Fork(at common.Hash) {
	s.t.Helper()
	err := s.order("fork %s", at.Hex())
	if err == nil {
		err = s.recount()
	}
	if err != nil {
		s.t.Fatal(err)
	}
}
