package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
)

const (
	minKeyChars  = 16
	maxKeyChars  = 512
	maxNameChars = 64

	hashMarker = "sha256" // of an entry that has the hash of a key in place of the key
)

// Keys are the API keys that are good now. Only their hashes are kept. A nil one has no key.
type Keys struct {
	set atomic.Pointer[[]apiKey] // replaced as a whole, never written to
}

type apiKey struct {
	name string // no colon: names of owners are taken apart at it
	hash [sha256.Size]byte
}

// NewKeys reads API_KEYS: entries separated by commas or line ends, each "key", "name:key" or "name:sha256:<hex of the
// key's hash>". A key without a name is named by the first eight hex digits of its hash. The error lists every problem
// by the number of the entry and shows nothing of any entry, since all of it may be a key.
func NewKeys(text string) (*Keys, error) {
	k := new(Keys)
	if err := k.Replace(text); err != nil {
		return nil, err
	}
	return k, nil
}

// Replace puts other keys in place of all these, for requests from now on. After an error the old ones stay. The browser
// tokens of a key end with it.
func (k *Keys) Replace(text string) error {
	set, err := parseKeys(text)
	if err != nil {
		return err
	}
	k.set.Store(&set)
	return nil
}

// Len is how many keys there are.
func (k *Keys) Len() int { return len(k.all()) }

func parseKeys(text string) ([]apiKey, error) {
	var set []apiKey
	var problems []error
	names, hashes := map[string]int{}, map[[sha256.Size]byte]int{}
	n := 0
	for entry := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		n++
		key, err := parseKey(entry)
		if err == nil {
			err = unique(key, n, names, hashes)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("API key %d %w", n, err))
			continue
		}
		set = append(set, key)
	}
	if n == 0 {
		problems = append(problems, errors.New("there is no API key: write key, name:key or name:sha256:<hex>"))
	}
	return set, errors.Join(problems...)
}

func parseKey(entry string) (apiKey, error) {
	name, rest, named := strings.Cut(entry, ":")
	if !named {
		hash, err := hashKey(entry)
		return apiKey{hex.EncodeToString(hash[:4]), hash}, err
	}
	if name == hashMarker {
		return apiKey{}, errors.New("has a hash but no name: write name:sha256:<hex>")
	}
	if !validName(name) {
		return apiKey{}, fmt.Errorf("has a name that is not 1 to %d visible ASCII characters", maxNameChars)
	}
	if digits, hashed := strings.CutPrefix(rest, hashMarker+":"); hashed {
		hash, err := parseHash(digits)
		return apiKey{name, hash}, err
	}
	hash, err := hashKey(rest)
	return apiKey{name, hash}, err
}

func validName(name string) bool {
	return name != "" && name != hashMarker && len(name) <= maxNameChars && visible(name) && !strings.ContainsAny(name, ":,")
}

func hashKey(key string) ([sha256.Size]byte, error) {
	switch {
	case len(key) < minKeyChars:
		return [sha256.Size]byte{}, fmt.Errorf("has %d characters, fewer than %d: make one with claimprover keygen", len(key), minKeyChars)
	case len(key) > maxKeyChars:
		return [sha256.Size]byte{}, fmt.Errorf("has %d characters, more than %d", len(key), maxKeyChars)
	case !visible(key):
		return [sha256.Size]byte{}, errors.New("has a character that is not visible ASCII")
	default:
		return sha256.Sum256([]byte(key)), nil
	}
}

func parseHash(digits string) (hash [sha256.Size]byte, err error) {
	if len(digits) == hex.EncodedLen(len(hash)) {
		_, err = hex.Decode(hash[:], []byte(digits))
	}
	if err != nil || len(digits) != hex.EncodedLen(len(hash)) {
		return hash, fmt.Errorf("has a SHA-256 hash that is not %d hex digits", hex.EncodedLen(len(hash)))
	}
	return hash, nil
}

// unique refuses a second key of a name, and a second name of a key: whose job would it be?
func unique(key apiKey, n int, names map[string]int, hashes map[[sha256.Size]byte]int) error {
	if first, taken := names[key.name]; taken {
		return fmt.Errorf("has the same name as key %d", first)
	}
	if first, taken := hashes[key.hash]; taken {
		return fmt.Errorf("is the same as key %d", first)
	}
	names[key.name], hashes[key.hash] = n, n
	return nil
}

func (k *Keys) all() []apiKey {
	if k == nil {
		return nil
	}
	if set := k.set.Load(); set != nil {
		return *set
	}
	return nil
}

// match finds the key that was sent. The time it takes depends on how many keys there are, not on which one it is or on
// how much of one was guessed.
func (k *Keys) match(sent string) (name string, ok bool) {
	all, hash := k.all(), sha256.Sum256([]byte(sent))
	found := -1
	for i := range all {
		same := subtle.ConstantTimeCompare(hash[:], all[i].hash[:])
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	if found < 0 {
		return "", false
	}
	return all[found].name, true
}

// hashOf gives the hash of the key that has the name now.
func (k *Keys) hashOf(name string) ([sha256.Size]byte, bool) {
	for _, key := range k.all() {
		if key.name == name {
			return key.hash, true
		}
	}
	return [sha256.Size]byte{}, false
}

// NewKey makes a key of 256 random bits, and the entry of API_KEYS that lets it in without being it. Without a name it
// is named by the first eight hex digits of its hash.
func NewKey(name string) (key, entry string, err error) {
	var secret [32]byte
	rand.Read(secret[:]) // never fails: crypto/rand ends the program first
	key = "cp_" + base64.RawURLEncoding.EncodeToString(secret[:])
	hash := sha256.Sum256([]byte(key))
	if name == "" {
		name = hex.EncodeToString(hash[:4])
	}
	if !validName(name) {
		return "", "", fmt.Errorf("the name of a key is 1 to %d visible ASCII characters without colon and comma, and not %s", maxNameChars, hashMarker)
	}
	return key, name + ":" + hashMarker + ":" + hex.EncodeToString(hash[:]), nil
}
