package chaintest

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/ethereum/go-ethereum/ethclient"
)

// ChainID is that of every geth --dev.
const ChainID = 1337

// developer is the funded account of every geth --dev.
var developer = func() *ecdsa.PrivateKey {
	key, err := crypto.HexToECDSA("b71c71a67e1177ad4e901695e1b4b9ee17ae16c6668d313eac2f96dbcda3f291")
	if err != nil {
		panic(err)
	}
	return key
}()

// Times a node may take; far more than it needs on an idle machine.
const (
	startTime = time.Minute
	stopTime  = 10 * time.Second
	waitTime  = 30 * time.Second
)

// Node is a geth --dev of its own, in memory: a transaction makes a block at once, and without one there is none.
type Node struct {
	URL    string // HTTP and WebSocket, on one port of 127.0.0.1
	Client *ethclient.Client

	cmd  *exec.Cmd
	gone chan struct{} // closed once geth has ended
	end  func()        // asks it to end
	seal func() error  // makes the block of a transaction; nil: it comes by itself

	mu    sync.Mutex
	nonce uint64 // guarded by mu: of the next transaction

	shared commonParts
}

// Start starts a node. Most tests want [New]; this is for a node that the tests of a package share.
func Start() (*Node, error) {
	path, err := built("geth-%s")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path, "--dev", "--ipcdisable", "--port", "0", "--nodiscover", "--verbosity", "3",
		"--http", "--http.addr", "127.0.0.1", "--http.port", "0", "--http.api", "eth,net,web3,debug,dev",
		"--ws", "--ws.addr", "127.0.0.1", "--ws.port", "0", "--ws.api", "eth,net,web3")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, fmt.Errorf("starting geth: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting geth: %w", err)
	}
	n := &Node{cmd: cmd, gone: make(chan struct{}), end: func() { _ = cmd.Process.Signal(os.Interrupt) }}
	endpoint := make(chan string, 1)
	go n.read(stderr, endpoint)
	select {
	case address := <-endpoint:
		n.URL = "http://" + address
	case <-n.gone:
		return nil, errors.New("starting geth: it ended before it served")
	case <-time.After(startTime):
		n.Stop()
		return nil, fmt.Errorf("starting geth: nothing served after %v", startTime)
	}
	if n.Client, err = ethclient.Dial(n.URL); err != nil {
		n.Stop()
		return nil, fmt.Errorf("connecting to geth: %w", err)
	}
	if err := n.firstBlock(); err != nil {
		n.Stop()
		return nil, err
	}
	return n, nil
}

// firstBlock waits until geth makes blocks. It serves before it listens to its own pool, and a transaction that comes in
// between would wait for the next one; so it is woken by a withdrawal, of which there may be many.
func (n *Node) firstBlock() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	for i := 0; ; i++ {
		withdrawal := types.Withdrawal{Index: uint64(i), Address: Nobody}
		if err := n.Client.Client().CallContext(ctx, nil, "dev_addWithdrawal", &withdrawal); err != nil {
			return fmt.Errorf("waking geth: %w", err)
		}
		for range 20 {
			if number, err := n.Client.BlockNumber(ctx); err != nil {
				return fmt.Errorf("waking geth: %w", err)
			} else if number > 0 {
				return nil
			}
			pause(ctx)
		}
	}
}

// pause lets the node work for a moment.
func pause(ctx context.Context) {
	moment := time.NewTimer(5 * time.Millisecond)
	defer moment.Stop()
	select {
	case <-moment.C:
	case <-ctx.Done():
	}
}

// read finds the endpoint that geth prints, drains the rest, and takes its end.
func (n *Node) read(stderr io.Reader, endpoint chan<- string) {
	defer close(n.gone)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if _, after, found := strings.Cut(lines.Text(), "HTTP server started"); found {
			_, after, _ = strings.Cut(after, "endpoint=")
			address, _, _ := strings.Cut(after, " ")
			select {
			case endpoint <- address:
			default:
			}
		}
	}
	_, _ = io.Copy(io.Discard, stderr)
	_ = n.cmd.Wait()
}

// Stop ends the node and returns when it is gone. It may be called twice.
func (n *Node) Stop() {
	if n.Client != nil {
		n.Client.Close()
	}
	n.end()
	select {
	case <-n.gone:
	case <-time.After(stopTime):
		_ = n.cmd.Process.Kill()
		<-n.gone
	}
}

// Send sends a transaction of the developer's account and waits for its block. One that reverts is an error too. A nil
// to makes a contract.
func (n *Node) Send(to *common.Address, data []byte) (*types.Receipt, error) {
	ctx, cancel := context.WithTimeout(context.Background(), waitTime)
	defer cancel()
	signed, err := n.sign(ctx, to, data)
	if err != nil {
		return nil, err
	}
	receipt, err := n.Receipt(ctx, signed.Hash())
	if err != nil {
		return nil, err
	}
	if receipt.Status != types.ReceiptStatusSuccessful {
		return receipt, fmt.Errorf("transaction %v reverted", signed.Hash())
	}
	return receipt, nil
}

func (n *Node) sign(ctx context.Context, to *common.Address, data []byte) (*types.Transaction, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	signed, err := types.SignNewTx(developer, types.LatestSignerForChainID(big.NewInt(ChainID)), &types.DynamicFeeTx{
		ChainID: big.NewInt(ChainID), Nonce: n.nonce, To: to, Data: data, Gas: 8_000_000,
		GasFeeCap: big.NewInt(100e9), GasTipCap: big.NewInt(1e9),
	})
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	if err := n.Client.SendTransaction(ctx, signed); err != nil {
		return nil, fmt.Errorf("sending: %w", err)
	}
	n.nonce++
	if n.seal != nil {
		return signed, n.seal()
	}
	return signed, nil
}

// Receipt waits for a transaction's block: a few milliseconds, where bind.WaitMined takes a whole second.
func (n *Node) Receipt(ctx context.Context, hash common.Hash) (*types.Receipt, error) {
	for ctx.Err() == nil {
		// Before the block is there geth answers "not found", or that it is still indexing.
		if receipt, err := n.Client.TransactionReceipt(ctx, hash); err == nil {
			return receipt, nil
		}
		pause(ctx)
	}
	return nil, fmt.Errorf("waiting for transaction %v: %w", hash, ctx.Err())
}

// Mine makes blocks, each at least a second of the chain's time after the one before, whatever the clock says.
func (n *Node) Mine(blocks int) error {
	self := crypto.PubkeyToAddress(developer.PublicKey)
	for range blocks {
		if _, err := n.Send(&self, nil); err != nil {
			return fmt.Errorf("making a block: %w", err)
		}
	}
	return nil
}

// Rewind drops every block after number, as a reorganisation would, and with them their transactions.
func (n *Node) Rewind(number uint64) error {
	ctx, cancel := context.WithTimeout(context.Background(), waitTime)
	defer cancel()
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.Client.Client().CallContext(ctx, nil, "debug_setHead", hexutil.Uint64(number)); err != nil {
		return fmt.Errorf("rewinding: %w", err)
	}
	return n.recountLocked(ctx)
}

// recount asks for the next transaction's number, after a reorganisation took some away.
func (n *Node) recount() error {
	ctx, cancel := context.WithTimeout(context.Background(), waitTime)
	defer cancel()
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.recountLocked(ctx)
}

func (n *Node) recountLocked(ctx context.Context) error {
	nonce, err := n.Client.NonceAt(ctx, crypto.PubkeyToAddress(developer.PublicKey), nil)
	if err != nil {
		return fmt.Errorf("rewinding: %w", err)
	}
	n.nonce = nonce
	return nil
}
