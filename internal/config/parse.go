package config

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/ethereum/go-ethereum/common"
)

// bounds are the tags that say what a setting's text may be; *[kong.Tag] and reflect's tags have them.
type bounds interface{ Get(key string) string }

var _ bounds = (*kong.Tag)(nil)

// defaultMax bounds whole numbers without a max tag: thirty years of seconds, and far from any overflow.
const defaultMax = 1_000_000_000

// parse reads text into target. It is the only reader of settings, so a default, a variable and a flag mean the same.
func parse(target reflect.Value, text string, tag bounds) error {
	text = strings.TrimSpace(text)
	switch field := target.Addr().Interface().(type) {
	case **bool:
		value, err := parseBool(text)
		*field = &value
		return err
	case *bool:
		return into(field)(parseBool(text))
	case *time.Duration:
		return into(field)(parseDuration(text, tag))
	case *common.Address:
		return into(field)(parseAddress(text))
	case *URL:
		return into(field)(ParseURL(text, strings.Fields(tag.Get("schemes"))...))
	case *URLs:
		return into(field)(ParseURLs(text, strings.Fields(tag.Get("schemes"))...))
	case encoding.TextUnmarshaler:
		return field.UnmarshalText([]byte(text))
	}
	switch {
	case target.Kind() == reflect.String:
		if allowed := strings.Fields(tag.Get("oneof")); len(allowed) > 0 && !slices.Contains(allowed, text) {
			return fmt.Errorf("%s is none of %s", quoted(text), strings.Join(allowed, ", "))
		}
		target.SetString(text)
		return nil
	case target.CanInt():
		n, err := parseWhole(text, tag, "")
		target.SetInt(n)
		return err
	default:
		n, err := parseWhole(text, tag, "")
		target.SetUint(uint64(n))
		return err
	}
}

// into stores a value unless it came with an error.
func into[T any](field *T) func(T, error) error {
	return func(value T, err error) error {
		if err == nil {
			*field = value
		}
		return err
	}
}

// parseBool takes the two words only. The service before took everything but "true" for false; a typo must not switch
// something off in silence.
func parseBool(text string) (bool, error) {
	if text != "true" && text != "false" {
		return false, fmt.Errorf("%s is neither true nor false", quoted(text))
	}
	return text == "true", nil
}

func parseWhole(text string, tag bounds, unit string) (int64, error) {
	least, _ := strconv.ParseInt(cmp.Or(tag.Get("min"), "0"), 10, 64)
	most, _ := strconv.ParseInt(cmp.Or(tag.Get("max"), strconv.Itoa(defaultMax)), 10, 64)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("%s is not a whole number%s from %d to %d", quoted(text), unit, least, most)
	}
	return n, nil
}

func parseDuration(text string, tag bounds) (time.Duration, error) {
	if tag.Get("unit") == "s" {
		n, err := parseWhole(text, tag, " of seconds")
		return time.Duration(n) * time.Second, err
	}
	most, _ := strconv.ParseInt(cmp.Or(tag.Get("max"), strconv.Itoa(defaultMax)), 10, 64)
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s is not a duration such as 5s or 250ms", quoted(text))
	case d < 0 || d > time.Duration(most)*time.Second:
		return 0, errors.New("it must be between 0s and " + (time.Duration(most) * time.Second).String())
	}
	return d, nil
}
