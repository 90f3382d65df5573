package api

// ClaimStatus is the answer to GET /v1/claims/{ss58}: what the list and the contract say of an account.
type ClaimStatus struct {
	SS58Address string        `json:"ss58Address"` // as it was asked
	Pubkey      Hex           `json:"pubkey"`
	Eligible    *bool         `json:"eligible,omitempty"` // absent: the service has no list
	Amount      string        `json:"amount,omitempty"`   // as listed; without a list as asked
	Open        *bool         `json:"open,omitempty"`     // absent: the service asks no contract
	Refusal     *Refusal      `json:"refusal,omitempty"`  // why not open
	Contract    *Hex          `json:"contract,omitempty"`
	ChainID     uint64        `json:"chainId,omitempty"`
	OnChain     *ClaimOnChain `json:"onChain,omitempty"`
	Sign        *ToSign       `json:"sign,omitempty"`
}

// Refusal is what a submission would be refused with.
type Refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ClaimOnChain is what the contract says of an account, at one block.
type ClaimOnChain struct {
	Block         uint64 `json:"block"`
	Claimed       bool   `json:"claimed"`
	ClaimedAmount string `json:"claimedAmount,omitempty"`
	Final         bool   `json:"final"`              // claimed, and no reorganisation can undo it
	Deadline      *Time  `json:"deadline,omitempty"` // absent: none
	UnlockedBps   int    `json:"unlockedBps"`        // of 10,000: what this account is paid at once
	Restricted    bool   `json:"restricted"`         // nothing of it is paid at once, whatever others get
	Unlocked      string `json:"unlocked,omitempty"` // of the amount; absent without one
	Vesting       string `json:"vesting,omitempty"`  // the rest
}

// ToSign is what a wallet signs so that the recipient is paid.
type ToSign struct {
	EVMAddress Hex `json:"evmAddress"`
	Challenge  Hex `json:"challenge"`
	Bytes      Hex `json:"bytes"` // <Bytes>, the challenge, </Bytes>: what signRaw signs of the challenge
}
