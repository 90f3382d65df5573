package claim_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	"claimprover/internal/claim"
	"claimprover/internal/fault"
)

func TestParse(t *testing.T) {
	t.Parallel()

	t.Run("accepts what is only another spelling", func(t *testing.T) {
		t.Parallel()
		want := signed(t)
		upper := strings.ToUpper(fields(want)["signature"][2:])
		for name, b := range map[string][]byte{
			"leading zeros in the amount":                 with(t, "amount", "0005009550328826873592"),
			"more leading zeros than digits":              with(t, "amount", strings.Repeat("0", 500)+"5009550328826873592"),
			"letter case that is no EIP-55 checksum":      with(t, "evmAddress", "0x742d35cC6634C0532925a3b844Bc9e7595f4a3B2"),
			"hex without 0x":                              with(t, "challenge", fmt.Sprintf("%x", want.Challenge)),
			"blanks around the object":                    []byte(" \n" + string(body(t, fields(want))) + "\t "),
			"an escaped name":                             bytes.Replace(body(t, fields(want)), []byte(`"amount"`), []byte(`"\u0061mount"`), 1),
			"hex digits in capitals (of another signing)": with(t, "signature", upper),
		} {
			got, err := claim.Parse(b)
			require.NoError(t, err, name)
			got.Signature = want.Signature
			require.Equal(t, want, got, name)
		}
	})

	t.Run("names every bad field at once", func(t *testing.T) {
		t.Parallel()
		_, err := claim.Parse([]byte(`{"signature":"0x1234","evmAddress":null,"challenge":"zz","amount":"0x10","extra":[1],"ss58Address":""}`))
		f := fault.Of(err)
		require.Equal(t, fault.InvalidInput, f.Code)
		require.Len(t, f.Fields, 6)
		at := 0
		for _, name := range []string{"ss58Address", "signature", "evmAddress", "challenge", "amount", "extra"} {
			require.Contains(t, f.Fields, name)
			next := strings.Index(f.Message[at:], f.Fields[name])
			require.GreaterOrEqual(t, next, 0, "%s, in this order, in: %s", name, f.Message)
			at += next
		}
	})

	t.Run("lists a few of many unknown fields, and every one of ours", func(t *testing.T) {
		t.Parallel()
		var many strings.Builder
		for i := range 300 {
			fmt.Fprintf(&many, `"%d%s":1,`, i, strings.Repeat("é", 50))
		}
		_, err := claim.Parse(raw(t, many.String()+`"amount":"1"`))
		f := fault.Of(err)
		require.Equal(t, fault.InvalidInput, f.Code)
		require.Len(t, f.Fields, 9)
		require.Contains(t, f.Fields, "amount")
		require.Less(t, len(f.Message), 4096)
		for name := range f.Fields {
			require.LessOrEqual(t, utf8.RuneCountInString(name), 41)
		}
	})

	t.Run("repeats the caller's words in plain ASCII only", func(t *testing.T) {
		t.Parallel()
		_, err := claim.Parse(raw(t, `"\u001b[31m\u202e\r\n":1`))
		require.Regexp(t, `^[ -~]+$`, fault.Of(err).Message)
	})

	t.Run("is lenient about unknown fields alone", func(t *testing.T) {
		t.Parallel()
		want := signed(t)
		for _, member := range []string{`"extra":1`, `"extra":{"a":{"b":[]}}`, `"":null`, `"prover":"mock"`} {
			b := raw(t, member)
			_, err := claim.Parse(b)
			require.Equal(t, fault.InvalidInput, fault.Of(err).Code, member)
			got, err := claim.ParseLenient(b)
			require.NoError(t, err, member)
			got.Signature = want.Signature
			require.Equal(t, want, got)
		}
	})
}

// TestParseRefusals holds for both ways of reading a body.
func TestParseRefusals(t *testing.T) {
	t.Parallel()
	good := string(body(t, fields(signed(t))))
	quote := func(name string) string { return fmt.Sprintf("%q", name) }
	cases := []struct {
		name, body, field, says string // an empty field: the body as a whole
	}{
		{"an empty body", "", "", "it is empty"},
		{"blanks", " \n", "", "it is empty"},
		{"null", "null", "", "it is null"},
		{"an array", "[" + good + "]", "", "it is an array"},
		{"a string", `"claim"`, "", "it is a string"},
		{"a number", "1", "", "it is a number"},
		{"a boolean", "true", "", "it is a boolean"},
		{"a body that is cut off", good[:len(good)-1], "", "ends in the middle"},
		{"a body that is cut off in a name", `{"amo`, "", "ends in the middle"},
		{"no JSON", "ss58Address=5G", "", "invalid character"},
		{"a byte order mark", "\ufeff" + good, "", "invalid character"},
		{"a trailing comma", strings.Replace(good, "}", ",}", 1), "", "after byte"},
		{"a comment", "/**/" + good, "", "invalid character"},
		{"a second value", good + good, "", "follows the closing brace"},
		{"bytes after the value", good + "x", "", "follows the closing brace"},
		{"a NUL after the value", good + "\x00", "", "follows the closing brace"},
		{"invalid UTF-8", strings.Replace(good, `"amount"`, "\"am\xffount\"", 1), "", "UTF-8"},
		{"invalid UTF-8 in a value", string(raw(t, "\"x\":\"\xc3\x28\"")), "", "UTF-8"},
		{"a lone surrogate", string(raw(t, `"x":"\ud800"`)), "", ""},
		{"depth 5", string(raw(t, `"x":[[[[]]]]`)), "", "deeper than 4"},
		{"depth 5 in a known field", string(raw(t, `"amount":[[[{}]]]`)), "", "deeper than 4"},
		{"great depth", string(raw(t, `"x":`+strings.Repeat("[", 2000)+strings.Repeat("]", 2000))), "", "deeper than 4"},
		{"a doubled name further in", string(raw(t, `"x":{"a":1,"a":2}`)), "", "twice"},
		{"a doubled unknown name", string(raw(t, `"x":1,"x":2`)), "x", ""},
		{"an empty object", "{}", "amount", "is missing"},
		{"the zero key", string(with(t, "ss58Address", "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM")), "ss58Address", "zero key"},
		{"the zero recipient", string(with(t, "evmAddress", "0x"+strings.Repeat("0", 40))), "evmAddress", "zero address"},
		{"the amount zero", string(with(t, "amount", "0")), "amount", "is zero"},
		{"the amount zero at length", string(with(t, "amount", strings.Repeat("0", 100))), "amount", "is zero"},
		{"an amount of 2^256", string(with(t, "amount", "115792089237316195423570985008687907853269984665640564039457584007913129639936")), "amount", "greater than"},
		{"an amount of 4,000 digits", string(with(t, "amount", strings.Repeat("9", 4000))), "amount", "greater than"},
		{"a NUL in the amount", string(with(t, "amount", "1\x00")), "amount", "decimal digits"},
		{"0X in capitals", string(with(t, "evmAddress", "0X742d35Cc6634C0532925a3b844Bc9e7595f4a3b2")), "evmAddress", "40 hex digits"},
		{"0x alone", string(with(t, "challenge", "0x")), "challenge", "it has 0 digits"},
		{"0x twice", string(with(t, "challenge", "0x0x"+strings.Repeat("a", 62))), "challenge", "no hex digit"},
		{"a blank in hex", string(with(t, "challenge", " "+strings.Repeat("a", 63))), "challenge", "no hex digit"},
		{"an address of 65 characters", string(with(t, "ss58Address", strings.Repeat("5", 65))), "ss58Address", "has 65 characters"},
		{"a signature of 128 bytes", string(with(t, "signature", strings.Repeat("ab", 128))), "signature", "64 bytes"},
	}
	for name := range fields(claim.Claim{}) {
		member := quote(name)
		cases = append(cases, []struct{ name, body, field, says string }{
			{"doubled " + name, string(raw(t, member+`:"1"`)), name, "given twice"},
			{"doubled " + name + " in escapes", string(raw(t, fmt.Sprintf(`"\u%04x%s":"1"`, name[0], name[1:]))), name, "given twice"},
			{name + " in capitals beside the right one", string(raw(t, quote(strings.ToUpper(name))+`:"1"`)), name, "letter case"},
			{name + " in capitals instead", strings.Replace(good, member, quote(strings.ToUpper(name)), 1), name, "letter case"},
			{"no " + name, strings.Replace(good, member, `"other"`, 1), name, "is missing"},
			{"empty " + name, string(with(t, name, "")), name, "is empty"},
			{"a NUL in " + name, string(with(t, name, "\x00")), name, ""},
		}...)
		for value, says := range map[string]string{"null": "not null", "1": "not a number", "true": "not a boolean", "{}": "not an object", "[]": "not an array"} {
			f := fields(signed(t))
			f[name] = "X"
			cases = append(cases, struct{ name, body, field, says string }{
				name + " as " + value, strings.Replace(string(body(t, f)), `"X"`, value, 1), name, says,
			})
		}
	}
	for _, c := range cases {
		for way, parse := range map[string]func([]byte) (claim.Claim, error){"strict": claim.Parse, "lenient": claim.ParseLenient} {
			t.Run(way+" refuses "+c.name, func(t *testing.T) {
				t.Parallel()
				got, err := parse([]byte(c.body))
				require.Equal(t, fault.InvalidInput, fault.Of(err).Code)
				require.Zero(t, got)
				requireAdvice(t, err)
				if c.field != "" {
					require.Contains(t, fault.Of(err).Fields[c.field], c.says)
				} else {
					require.Empty(t, fault.Of(err).Fields)
					require.Contains(t, fault.Of(err).Message, c.says)
				}
			})
		}
	}
}

func TestParseAmount(t *testing.T) {
	t.Parallel()
	var greatest uint256.Int
	greatest.SetAllOne()
	for text, want := range map[string]uint256.Int{
		"0": {}, "00": {}, "1": *uint256.NewInt(1), "007": *uint256.NewInt(7), greatest.Dec(): greatest, "0" + greatest.Dec(): greatest,
	} {
		got, err := claim.ParseAmount(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", " ", "+1", "-1", "1_000", "1e3", "1.0", "0x1", "１", "1\n", greatest.Dec() + "0"} {
		_, err := claim.ParseAmount(text)
		require.Error(t, err, text)
	}
}
