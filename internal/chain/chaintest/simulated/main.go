//go:build ignore

// Command simulated is go-ethereum's simulated chain behind HTTP: whoever started it decides when there is a block, what
// its time is, and what is reorganised away. Tests start it through package chaintest. It is a program of its own, built
// from geth.mod as geth is, so that the fifty modules of an Ethereum node are not the service's.
//
//	simulated ADDRESS     ADDRESS has money; the first line of output is the endpoint
//
// Then each line of input is a command, answered by a line: "ok", or what is wrong.
//
//	commit N       makes N blocks
//	adjust SECONDS makes an empty block that much later than the last
//	fork HASH      takes the block for the newest; what came after it never happened, and nothing of it comes back
//
// It ends with its input.
package main

import (
	"bufio"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/eth/ethconfig"
	"github.com/ethereum/go-ethereum/ethclient/simulated"
	"github.com/ethereum/go-ethereum/log"
	"github.com/ethereum/go-ethereum/node"
)

func main() {
	log.SetDefault(log.NewLogger(log.DiscardHandler()))
	if err := serve(common.HexToAddress(os.Args[1]), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "simulated:", err)
		os.Exit(1)
	}
}

func serve(rich common.Address, in io.Reader, out io.Writer) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	money := new(big.Int).Lsh(big.NewInt(1), 100)
	chain := simulated.NewBackend(types.GenesisAlloc{rich: {Balance: money}}, func(n *node.Config, _ *ethconfig.Config) {
		n.HTTPHost, n.HTTPPort, n.HTTPModules = "127.0.0.1", port, []string{"eth"}
		n.WSHost, n.WSPort, n.WSModules = "127.0.0.1", port, []string{"eth"}
	})
	fmt.Fprintf(out, "http://127.0.0.1:%d\n", port)
	for lines := bufio.NewScanner(in); lines.Scan(); {
		if err := obey(chain, lines.Text()); err != nil {
			fmt.Fprintln(out, err)
			continue
		}
		fmt.Fprintln(out, "ok")
	}
	return chain.Close()
}

// freePort finds one; the backend cannot tell which it took.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func obey(chain *simulated.Backend, line string) error {
	word, arg, _ := strings.Cut(line, " ")
	if word == "fork" {
		if err := chain.Fork(common.HexToHash(arg)); err != nil {
			return err
		}
		chain.Rollback()
		return nil
	}
	n, err := strconv.Atoi(arg)
	if err != nil {
		return err
	}
	switch word {
	case "commit":
		for range n {
			chain.Commit()
		}
		return nil
	case "adjust":
		return chain.AdjustTime(time.Duration(n) * time.Second)
	}
	return fmt.Errorf("unknown command %q", word)
}
