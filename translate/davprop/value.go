package davprop

import (
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Property is a property with its value.
type Property struct {
	Name xml.Name
	Value
}

// Value is what a property holds, as text in XML.
type Value struct {
	// Type is the attribute dt: "int", "mv.bin.base64" and so on; empty for strings, and
	// where a client left it out.
	Type string
	// Text is a single value.
	Text string
	// Values are those of a property with several, each in an element v.
	Values []string
	// Collection is true of the resource type of folders.
	Collection bool
}

// Text returns a string.
func Text(s string) Value { return Value{Text: s} }

// Int returns an integer.
func Int(n int32) Value { return Value{Type: "int", Text: strconv.Itoa(int(n))} }

// Bool returns "1" or "0", as Exchange does.
func Bool(b bool) Value {
	if b {
		return Value{Type: "boolean", Text: "1"}
	}
	return Value{Type: "boolean", Text: "0"}
}

// Time returns a time in UTC to the millisecond.
func Time(t time.Time) Value {
	return Value{Type: "dateTime.tz", Text: t.UTC().Format("2006-01-02T15:04:05.000Z")}
}

// HTTPTime returns a time as RFC 4918 wants DAV:getlastmodified; the type is the one IIS
// has for it, so that clients that look at types know, too.
func HTTPTime(t time.Time) Value {
	return Value{Type: "dateTime.rfc1123", Text: t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")}
}

// Ints returns integers.
func Ints(all []int32) Value {
	v := Value{Type: "mv.int"}
	for _, n := range all {
		v.Values = append(v.Values, strconv.Itoa(int(n)))
	}
	return v
}

// Binaries returns strings of bytes.
func Binaries(all [][]byte) Value {
	v := Value{Type: "mv.bin.base64"}
	for _, b := range all {
		v.Values = append(v.Values, base64.StdEncoding.EncodeToString(b))
	}
	return v
}

// Int reads an integer, decimal or, as Zimbra writes it, hexadecimal after "0x", whatever
// Type says.
func (v Value) Int() (int32, error) {
	if len(v.Values) > 0 {
		return 0, fmt.Errorf("%d values instead of one", len(v.Values))
	}
	return parseInt(v.Text)
}

// Ints reads integers.
func (v Value) Ints() ([]int32, error) { return several(v, parseInt) }

// Binaries reads strings of bytes in base64.
func (v Value) Binaries() ([][]byte, error) {
	return several(v, func(s string) ([]byte, error) {
		return base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	})
}

func several[T any](v Value, parse func(string) (T, error)) ([]T, error) {
	if text := strings.TrimSpace(v.Text); text != "" {
		return nil, fmt.Errorf("%.50q is not in an element v", text)
	}
	var all []T
	for _, s := range v.Values {
		one, err := parse(s)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

func parseInt(s string) (int32, error) {
	s = strings.TrimSpace(s)
	var n int64
	var err error
	if len(s) > 2 && strings.EqualFold(s[:2], "0x") {
		var bits uint64
		bits, err = strconv.ParseUint(s[2:], 16, 32)
		n = int64(int32(bits))
	} else {
		n, err = strconv.ParseInt(s, 10, 32)
	}
	if err != nil {
		return 0, fmt.Errorf("%.50q is no integer of 32 bits", s)
	}
	return int32(n), nil
}
