package claim

// Identity names a claim: equal for two submissions exactly when one proof serves both.
type Identity [32]byte
