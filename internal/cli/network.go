package cli

import (
	"bytes"
	"crypto/ecdsa"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/ethereum/go-ethereum/crypto"

	"claimprover/internal/config"
	"claimprover/prover/network"
)

// publicEndpoints are Succinct's own.
var publicEndpoints = map[network.Mode]string{
	network.Mainnet:  "https://rpc.mainnet.succinct.xyz",
	network.Reserved: "https://rpc.production.succinct.xyz",
}

// networkOf makes the service's client of the prover network from settings that were judged.
func networkOf(cfg *config.Config, log *slog.Logger) (*network.Client, error) {
	o, err := networkOptions(&cfg.Prover, log)
	if err != nil {
		return nil, err
	}
	return network.New(o)
}

// networkAsker makes a client for somebody who waits in front of a terminal.
func networkAsker(p *config.Prover) (*network.Client, error) {
	o, err := networkOptions(p, nil)
	if err != nil {
		return nil, err
	}
	o.Tries = 3
	return network.New(o)
}

func networkOptions(cfg *config.Prover, log *slog.Logger) (o network.Options, err error) {
	key, err := payingKey(cfg)
	if err != nil {
		return o, err
	}
	vk, err := readProgram(cfg.ProgramVKFile)
	if err != nil {
		return o, fmt.Errorf("SP1_PROGRAM_VK_FILE: %w", err)
	}
	elf, err := readProgram(cfg.ProgramELFFile)
	if err != nil {
		return o, fmt.Errorf("SP1_PROGRAM_ELF_FILE: %w", err)
	}
	if len(elf) > 0 && !bytes.HasPrefix(elf, []byte("\x7fELF")) {
		return o, errors.New("SP1_PROGRAM_ELF_FILE: it is not an ELF file")
	}
	mode := network.Mode(cfg.NetworkMode)
	endpoint := publicEndpoints[mode]
	if cfg.NetworkRPCURL.IsSet() {
		endpoint = cfg.NetworkRPCURL.Reveal()
	}
	return network.Options{
		Endpoint: endpoint, Mode: mode, Key: key, Program: cfg.VKey, VerifyingKey: vk, ELF: elf,
		ProofMode: network.ProofMode(cfg.ProofMode), Version: cfg.CircuitVersion, PublicStdin: !cfg.PrivateStdin,
		CycleLimit: cfg.CycleLimit, GasLimit: cfg.GasLimit, Timeout: cfg.RequestTimeout, Whitelist: cfg.Whitelist,
		Credits: cfg.Credits, ArtifactNets: cfg.ArtifactNets,
		AuctionPeriod: cfg.AuctionPeriod, AuctionTimeout: cfg.AuctionTimeout, MaxRequests: cfg.MaxRequests,
		MaxPricePerPGU: cfg.MaxPricePerPGU.Amount(), MaxBaseFee: cfg.MaxBaseFee.Amount(), MaxCost: cfg.MaxCost.Amount(), Logger: log,
	}, nil
}

// payingKey parses the account's key; its errors do not repeat it.
func payingKey(cfg *config.Prover) (*ecdsa.PrivateKey, error) {
	key, err := crypto.HexToECDSA(strings.TrimPrefix(cfg.NetworkPrivateKey.Reveal(), "0x"))
	if err != nil {
		return nil, errors.New("NETWORK_PRIVATE_KEY is not a secp256k1 key of 32 bytes of hex")
	}
	return key, nil
}

// maxProgram bounds a program's files; an ELF has a few megabytes.
const maxProgram = 256 << 20

func readProgram(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	return readFile(path, maxProgram)
}
