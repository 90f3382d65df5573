package claim_test

import (
	"errors"
	"fmt"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
)

// A wallet and a dApp make a claim; the service binds it to its contract and checks who signed it.
func Example() {
	domain := claim.Domain{
		Contract:   common.HexToAddress("0x25e02490ff74668543f167aab838c835ed202db7"),
		ChainID:    84532,
		ProverMode: "mock",
	}
	wallet, err := claim.WalletFromSeed([32]byte{1})
	if err != nil {
		panic(err)
	}
	recipient := common.HexToAddress("0x742d35Cc6634C0532925a3b844Bc9e7595f4a3b2")
	c, err := wallet.Claim(domain, 42, recipient, *uint256.NewInt(1_000))
	if err != nil {
		panic(err)
	}

	fmt.Println(domain.CheckChallenge(c), c.CheckSignature())

	c.Amount.SetUint64(2_000)
	fmt.Println(fault.Of(domain.CheckChallenge(c)).Code)
	// Output:
	// <nil> <nil>
	// challenge_mismatch
}

func ExampleParse() {
	_, err := claim.Parse([]byte(`{"ss58Address":"5GrwvaEF","amount":"1.5","memo":"thanks"}`))
	if f, ok := errors.AsType[*fault.Error](err); ok {
		fmt.Println(f.Code)
		fmt.Println(f.Fields["amount"])
		fmt.Println(f.Fields["signature"])
		fmt.Println(f.Fields["memo"])
	}
	// Output:
	// invalid_input
	// must be decimal digits and nothing else: the whole listed amount in the smallest unit, without sign, point, exponent or blanks
	// is missing; a claim needs all of ss58Address, signature, evmAddress, challenge, amount
	// is not a field of a claim; remove it
}

func ExampleParseAddress() {
	key, err := claim.ParseAddress("tgGmBRR5yM53bvq8tTzgsUirpPtfCXngYYU7uiihmWFJhmYGM")
	fmt.Printf("%x %v\n", key, err)
	fmt.Println(claim.FormatAddress(42, key))
	// Output:
	// d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d <nil>
	// 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY
}
