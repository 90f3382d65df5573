package config

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"
	"github.com/holiman/uint256"

	"claimprover/internal/verify"
)

// URL is an address whose user, path and query may hold a key: printed, it shows scheme and host only.
type URL struct {
	whole Secret
	shown string
}

// ParseURL reads an absolute URL of one of the schemes. Its errors do not repeat the text.
func ParseURL(text string, schemes ...string) (URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "":
		return URL{}, fmt.Errorf("this is not a URL with a host, such as %s://example.org", schemes[0])
	case !slices.Contains(schemes, u.Scheme):
		return URL{}, fmt.Errorf("its scheme must be %s", strings.Join(schemes, " or "))
	case u.Fragment != "":
		return URL{}, errors.New("a URL here has no fragment")
	}
	shown := u.Scheme + "://" + u.Host
	if u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		shown += "/" + mask
	}
	return URL{whole: NewSecret(text), shown: shown}, nil
}

// Reveal gives the whole URL, empty when unset.
func (u URL) Reveal() string { return u.whole.Reveal() }

// IsSet says whether there is one.
func (u URL) IsSet() bool { return u.whole.IsSet() }

// String shows scheme and host.
func (u URL) String() string { return u.shown }

// MarshalText shows scheme and host; encoding/json uses it too.
func (u URL) MarshalText() ([]byte, error) { return []byte(u.shown), nil }

// LogValue shows scheme and host.
func (u URL) LogValue() slog.Value { return slog.StringValue(u.shown) }

// UnmarshalText is for kong, which must know how the type is read; settings go through ParseURL with their schemes.
func (u *URL) UnmarshalText(text []byte) (err error) {
	*u, err = ParseURL(string(text), "https", "http")
	return err
}

// URLs are addresses in order of preference, each as secret as a [URL].
type URLs []URL

// ParseURLs reads a comma-separated list. Its errors do not repeat the text.
func ParseURLs(text string, schemes ...string) (urls URLs, err error) {
	for _, one := range list([]byte(text)) {
		u, err := ParseURL(one, schemes...)
		if err != nil {
			return nil, err
		}
		urls = append(urls, u)
	}
	return urls, nil
}

// Reveal gives the whole URLs.
func (u URLs) Reveal() []string {
	whole := make([]string, len(u))
	for i := range u {
		whole[i] = u[i].Reveal()
	}
	return whole
}

// String shows scheme and host of each.
func (u URLs) String() string {
	shown := make([]string, len(u))
	for i := range u {
		shown[i] = u[i].shown
	}
	return strings.Join(shown, ",")
}

// MarshalText shows scheme and host of each; encoding/json uses it too.
func (u URLs) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// LogValue shows scheme and host of each.
func (u URLs) LogValue() slog.Value { return slog.StringValue(u.String()) }

// UnmarshalText is for kong, which must know how the type is read; settings go through ParseURLs with their schemes.
func (u *URLs) UnmarshalText(text []byte) (err error) {
	*u, err = ParseURLs(string(text), "https", "http", "wss", "ws")
	return err
}

// Level is the least level that is logged.
type Level struct{ slog.Level }

// UnmarshalText takes the four names, in any case; not slog's "info+2".
func (l *Level) UnmarshalText(text []byte) error {
	for _, known := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if strings.EqualFold(known.String(), string(text)) {
			l.Level = known
			return nil
		}
	}
	return fmt.Errorf("%s is none of debug, info, warn, error", quoted(string(text)))
}

// String gives the name as it is set.
func (l Level) String() string { return strings.ToLower(l.Level.String()) }

// Origins are the browser origins that may call, each as a browser sends it. None means all of them.
type Origins []string

// All says that every origin may call.
func (o Origins) All() bool { return len(o) == 0 || slices.Equal(o, Origins{"*"}) }

// UnmarshalText takes * or a comma-separated list. Whether each is an origin is judged where origins are compared.
func (o *Origins) UnmarshalText(text []byte) error {
	*o = list(text)
	if len(*o) > 1 && slices.Contains(*o, "*") {
		return errors.New("* already means every origin: give either * or the list")
	}
	return nil
}

// Prefixes are networks.
type Prefixes []netip.Prefix

// UnmarshalText takes a comma-separated list of CIDRs or single addresses.
func (p *Prefixes) UnmarshalText(text []byte) error {
	*p = nil
	for _, entry := range list(text) {
		prefix, err := netip.ParsePrefix(entry)
		if addr, aerr := netip.ParseAddr(entry); err != nil && aerr == nil && addr.Zone() == "" {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil {
			return fmt.Errorf("%s is neither an address nor a CIDR such as 10.0.0.0/8", quoted(entry))
		}
		*p = append(*p, prefix.Masked())
	}
	return nil
}

// String gives them comma-separated.
func (p Prefixes) String() string {
	texts := make([]string, len(p))
	for i, prefix := range p {
		texts[i] = prefix.String()
	}
	return strings.Join(texts, ",")
}

// Addresses are EVM addresses.
type Addresses []common.Address

// UnmarshalText takes a comma-separated list.
func (a *Addresses) UnmarshalText(text []byte) error {
	*a = nil
	for _, one := range list(text) {
		address, err := parseAddress(one)
		if err != nil {
			return err
		}
		*a = append(*a, address)
	}
	return nil
}

// String gives them comma-separated.
func (a Addresses) String() string {
	texts := make([]string, len(a))
	for i := range a {
		texts[i] = a[i].Hex()
	}
	return strings.Join(texts, ",")
}

// Wei is an amount in a token's smallest unit, which may be unset.
type Wei struct{ amount *uint256.Int }

// Amount gives nil when it is unset.
func (w Wei) Amount() *uint256.Int { return w.amount }

// UnmarshalText takes decimal digits.
func (w *Wei) UnmarshalText(text []byte) error {
	n, err := uint256.FromDecimal(string(text))
	if err != nil {
		return fmt.Errorf("%s is not an amount in the smallest unit, such as 1000000000000000000", quoted(string(text)))
	}
	w.amount = n
	return nil
}

// String gives decimal digits, and nothing when unset.
func (w Wei) String() string {
	if w.amount == nil {
		return ""
	}
	return w.amount.Dec()
}

// proveDigits are the decimals of PROVE: 10^18 of its smallest unit are one.
const proveDigits = 18

// Prove is an amount of PROVE, which may be unset.
type Prove struct{ amount *uint256.Int } // in the smallest unit

// ProveOf is an amount given in the smallest unit.
func ProveOf(amount *uint256.Int) Prove { return Prove{amount} }

// Amount is in the smallest unit; nil when it is unset or nothing.
func (p Prove) Amount() *uint256.Int {
	if p.amount == nil || p.amount.IsZero() {
		return nil
	}
	return p.amount
}

// UnmarshalText takes decimal digits, with at most 18 of them behind a point.
func (p *Prove) UnmarshalText(text []byte) error {
	whole, part, point := strings.Cut(string(text), ".")
	digits := whole + part
	odd := strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
	if odd || whole == "" || point && part == "" || len(whole) > 30 || len(part) > proveDigits {
		return fmt.Errorf("%s is not an amount of PROVE, such as 5 or 2.5", quoted(string(text)))
	}
	n, err := uint256.FromDecimal(digits + strings.Repeat("0", proveDigits-len(part)))
	if err != nil {
		return err
	}
	p.amount = n
	return nil
}

// String gives decimal digits without zeros that say nothing, and nothing when unset.
func (p Prove) String() string {
	if p.amount == nil {
		return ""
	}
	digits := p.amount.Dec()
	if short := proveDigits + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	at := len(digits) - proveDigits
	return strings.TrimSuffix(strings.TrimRight(digits[:at]+"."+digits[at:], "0"), ".")
}

// Command is a program and its arguments.
type Command []string

// UnmarshalText splits at blanks, or reads a JSON array of strings when an argument holds a blank.
func (c *Command) UnmarshalText(text []byte) error {
	if !strings.HasPrefix(strings.TrimSpace(string(text)), "[") {
		*c = strings.Fields(string(text))
		return nil
	}
	var argv []string
	if err := json.Unmarshal(text, &argv); err != nil || len(argv) == 0 || argv[0] == "" {
		return errors.New(`it begins like a JSON array but is none of strings, such as ["/opt/prover","--fast"]`)
	}
	*c = argv
	return nil
}

// String gives the JSON array, or the plain words when that says the same.
func (c Command) String() string {
	if plain := strings.Join(c, " "); slices.Equal(strings.Fields(plain), c) {
		return plain
	}
	array, _ := json.Marshal([]string(c))
	return string(array)
}

// VKey is the verifying key of the claim program; zero means unset.
type VKey [32]byte

// UnmarshalText takes the key as SP1 prints it, and names the right one where a known slip was made.
func (v *VKey) UnmarshalText(text []byte) error {
	key, err := verify.ParseProgramKey(string(text))
	*v = key
	return err
}

// IsSet says whether there is one.
func (v VKey) IsSet() bool { return v != VKey{} }

// String gives 0x and lower-case hex.
func (v VKey) String() string { return fmt.Sprintf("0x%x", v[:]) }

// parseAddress takes 20 bytes of hex in any letter case; the zero address is nobody's contract.
func parseAddress(text string) (common.Address, error) {
	b, err := unhex(text)
	if err != nil || len(b) != common.AddressLength {
		return common.Address{}, fmt.Errorf("%s is not 20 bytes of hex", quoted(text))
	}
	if address := common.Address(b); address != (common.Address{}) {
		return address, nil
	}
	return common.Address{}, errors.New("the zero address is no contract; leave the setting out")
}

func unhex(text string) ([]byte, error) { return hex.DecodeString(strings.TrimPrefix(text, "0x")) }

// list splits at commas, without blanks and empty entries.
func list(text []byte) []string {
	var entries []string
	for entry := range strings.SplitSeq(string(text), ",") {
		if entry = strings.TrimSpace(entry); entry != "" {
			entries = append(entries, entry)
		}
	}
	return entries
}

// quoted shows a text that somebody set, in bounds and without control characters.
func quoted(text string) string {
	if len(text) > 64 {
		text = text[:61] + "..."
	}
	return fmt.Sprintf("%q", text)
}
