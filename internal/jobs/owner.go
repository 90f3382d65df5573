package jobs

import "strings"

// Owner names who a job belongs to: "key:<name>", "jwt:<iss>:<sub>", "token:<key>:<jti>" or [Anonymous].
// A key also owns what was submitted with the browser tokens it minted.
type Owner string

// Anonymous owns the jobs of callers without a credential. It is nobody in particular, so it can neither list nor leave.
const Anonymous Owner = "anonymous"

// Everyone is whose list an operator reads. Nobody is called so: the names of owners have a colon, but for [Anonymous].
const Everyone Owner = "everyone"

// Minter is the key that minted a browser token; of any other owner, nobody.
func (o Owner) Minter() (Owner, bool) {
	rest, isToken := strings.CutPrefix(string(o), "token:")
	if !isToken {
		return "", false
	}
	key, _, _ := strings.Cut(rest, ":") // names of keys have no colon
	return Owner("key:" + key), true
}

// Covers says whether o may act as other: they are the same, or o is the key that minted other.
func (o Owner) Covers(other Owner) bool {
	if o == other {
		return true
	}
	minter, ok := other.Minter()
	return ok && o == minter
}
