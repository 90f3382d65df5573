package stream

import (
	stdjson "encoding/json"
	"errors"
	"net/http/httptest"
	"strconv"
	"testing"
	"unicode/utf8"

	"claimprover/internal/api"
	"claimprover/internal/fault"

	"github.com/stretchr/testify/require"
)

// What is read as an operation is one JSON object to everybody, and written again it reads the same. What is no object
// to the standard library is none to us.
func FuzzOperation(f *testing.F) {
	for _, seed := range []string{
		`{"op":"ping"}`, `{"op":"subscribe","jobId":"b7e0b2c6-0b4f-4a53-9d7a-0f6a6f1f6d11","lastEventId":4,"token":"x"}`,
		`{"op":"unsubscribe","jobId":"1"}`, `{"op":"subscribe","lastEventId":18446744073709551615}`, `{"op":null}`,
		`{}`, `[]`, `null`, `{"a":[[[]]]}`, `{"a":[[[[]]]]}`, `{"op":"\ud800"}`, `{"op":"a","op":"b"}`, `{"OP":"ping"}`,
		`{"op":"ping"} x`, "\ufeff{}", "{\"op\":\"\xff\"}", `{"lastEventId":1e3}`, `{"lastEventId":-0}`, `{"\u006fp":"ping"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		op, err := parseOperation(text)
		var object map[string]any
		isObject := stdjson.Unmarshal(text, &object) == nil && object != nil
		switch _, refused := errors.AsType[*fault.Error](err); {
		case err == nil, refused:
			require.True(t, isObject)
			require.True(t, utf8.Valid(text))
		default:
			require.ErrorIs(t, err, errNotObject)
		}
		if err == nil {
			again, err := parseOperation(api.Encode(op))
			require.NoError(t, err)
			require.Equal(t, op, again)
		}
	})
}

// A version is a bounded number or nothing, and what is taken is taken as it was written.
func FuzzLastEventID(f *testing.F) {
	for _, seed := range []string{"", "0", "1", "007", "9007199254740991", "9007199254740992", "-1", "+1", "1e3", " 1", "٣", "1\n2"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, header, query string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Last-Event-Id"] = []string{header}
		q := r.URL.Query()
		q.Set("lastEventId", query)
		r.URL.RawQuery = q.Encode()
		seen := LastEventID(r)
		require.LessOrEqual(t, seen, uint64(maxSeen))
		if seen == 0 {
			return
		}
		h, errH := strconv.ParseUint(header, 10, 64)
		q2, errQ := strconv.ParseUint(query, 10, 64)
		require.True(t, errH == nil && h == seen || errQ == nil && q2 == seen)
	})
}
