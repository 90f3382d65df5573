package claim

import (
	"fmt"
	"io"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"
	"github.com/vedhavyas/go-subkey/v2"
	"github.com/vedhavyas/go-subkey/v2/sr25519"
)

// Wallet is an sr25519 key pair that signs claims as a Substrate wallet does. It is for the demo, tests and load tools;
// the service itself never holds a claimant's key. Use [NewWallet] or [WalletFromSeed]; many goroutines may share one.
type Wallet struct {
	pair   subkey.KeyPair
	public [32]byte
}

// NewWallet makes a wallet with a fresh random key.
func NewWallet() (Wallet, error) {
	pair, err := sr25519.Scheme{}.Generate()
	if err != nil {
		return Wallet{}, fmt.Errorf("making an sr25519 key: %w", err)
	}
	return Wallet{pair: pair, public: [32]byte(pair.Public())}, nil
}

// WalletFromSeed makes the wallet of a mini secret, the 32 bytes that a Substrate seed phrase stands for.
func WalletFromSeed(miniSecret [32]byte) (Wallet, error) {
	pair, err := sr25519.Scheme{}.FromSeed(miniSecret[:])
	if err != nil {
		return Wallet{}, fmt.Errorf("expanding an sr25519 mini secret: %w", err)
	}
	return Wallet{pair: pair, public: [32]byte(pair.Public())}, nil
}

// PublicKey is the account that the wallet signs for.
func (w Wallet) PublicKey() [32]byte { return w.public }

// Address is the account's SS58 text on the network with that prefix, at most [MaxPrefix]; 42 fits every network.
func (w Wallet) Address(prefix uint16) string { return FormatAddress(prefix, w.public) }

// Sign signs exactly these bytes, without the <Bytes> wrapper. Each call gives another signature.
func (w Wallet) Sign(message []byte) (signature [64]byte, err error) {
	raw, err := w.pair.Sign(message)
	if err != nil {
		return signature, fmt.Errorf("signing with sr25519: %w", err)
	}
	return [64]byte(raw), nil
}

// Claim makes the signed claim of this account in that domain, as a dApp and a wallet do together: it computes the
// challenge and signs it between <Bytes> and </Bytes>.
func (w Wallet) Claim(d Domain, prefix uint16, recipient common.Address, amount uint256.Int) (Claim, error) {
	c := Claim{
		SS58:       w.Address(prefix),
		PublicKey:  w.public,
		EVMAddress: recipient,
		Amount:     amount,
		Challenge:  d.Challenge(recipient, amount),
	}
	var err error
	c.Signature, err = w.Sign(wrapped(c.Challenge[:]))
	return c, err
}

// Format prints the address, whatever the verb: the secret never reaches a log.
func (w Wallet) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, w.Address(42)) }
