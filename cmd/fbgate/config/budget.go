package config

import "strings"

// Budget is how much memory something may take, in bytes; 0 is auto.
type Budget Size

// String writes b as UnmarshalText reads it.
func (b Budget) String() string {
	if b == 0 {
		return "auto"
	}
	return Size(b).String()
}

// UnmarshalText reads a size, or "auto" in any case.
func (b *Budget) UnmarshalText(text []byte) error {
	if strings.EqualFold(string(text), "auto") {
		*b = 0
		return nil
	}
	return (*Size)(b).UnmarshalText(text)
}
