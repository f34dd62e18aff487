package directory

import (
	"strings"
	"unicode/utf8"

	"fbgate/availability"
)

// nameOf returns what the directory knows m by: m itself, or the legacyExchangeDN
// that is encapsulated in it.
func nameOf(m availability.Mailbox) availability.Mailbox {
	if dn, ok := decapsulate(m); ok {
		return dn
	}
	return m
}

// decapsulate returns the legacyExchangeDN in an address such as
// "imceaex-_o=contoso_ou=sales_cn=recipients_cn=joe+20doe@contoso.com". There "_"
// stands for "/", and "+" and two hexadecimal digits for a byte (IMCEA encapsulation,
// [MS-OXCMAIL]). Exchange makes such addresses of senders that have no other.
func decapsulate(m availability.Mailbox) (dn availability.Mailbox, ok bool) {
	rest, ok := strings.CutPrefix(string(m), "imceaex-")
	at := strings.LastIndexByte(rest, '@')
	if !ok || at < 0 {
		return "", false
	}
	decoded := make([]byte, 0, at)
	for local := rest[:at]; local != ""; {
		c, size := local[0], 1
		switch c {
		case '_':
			c = '/'
		case '+':
			if len(local) < 3 {
				return "", false
			}
			high, low := unhex(local[1]), unhex(local[2])
			if high > 15 || low > 15 {
				return "", false
			}
			c, size = high<<4|low, 3
		}
		decoded = append(decoded, c)
		local = local[size:]
	}
	if !utf8.Valid(decoded) {
		return "", false
	}
	dn = availability.Mailbox(strings.ToLower(string(decoded)))
	return dn, dn.IsLegacyDN()
}

// unhex returns the value of a hexadecimal digit, more than 15 if c is none.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	default:
		return 0xff
	}
}

// cutType splits a proxy address such as "SMTP:joe@contoso.com" at its type. The
// type is empty if there is none.
func cutType(address string) (addressType, rest string) {
	t, rest, ok := strings.Cut(address, ":")
	if !ok || t == "" || strings.ContainsFunc(t, func(r rune) bool { return !alphanumeric(r) }) {
		return "", address
	}
	return t, rest
}

func alphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// splitAddresses returns the addresses in a list of them such as a column of Exchange
// shell output, separated by ";", "," or space. Addresses of other types than SMTP may
// hold all of these, so that they end where the type of the next one begins.
func splitAddresses(list string) []string {
	var addresses []string
	for list = strings.TrimLeft(list, separators); list != ""; list = strings.TrimLeft(list, separators) {
		end := endOf(list)
		addresses = append(addresses, strings.TrimRight(list[:end], separators))
		list = list[end:]
	}
	return addresses
}

// endOf returns where the first address of a list ends. How far the next one with a
// type is matters only where the first may hold what separates others.
func endOf(list string) int {
	first := list
	if at := strings.IndexAny(list, separators); at >= 0 {
		first = list[:at]
	}
	t, rest := cutType(first)
	isDN := strings.HasPrefix(rest, "/") && !strings.EqualFold(t, "X400")
	if !isDN && (t == "" || strings.EqualFold(t, "smtp")) {
		return len(first)
	}
	end := nextTyped(list)
	if isDN {
		if at := strings.IndexByte(list[:end], ';'); at >= 0 {
			end = at
		}
	}
	return end
}

const separators = " ,;\t\r\n"

// nextTyped returns where in list, after its beginning, a separator is followed by an
// address with a type; len(list) if nowhere.
func nextTyped(list string) int {
	for i := 0; i < len(list); {
		at := strings.IndexAny(list[i:], separators)
		if at < 0 {
			break
		}
		i += at + 1
		word := list[i:]
		if next := strings.IndexAny(word, separators); next >= 0 {
			word = word[:next]
		}
		if t, _ := cutType(word); t != "" {
			return i - 1
		}
	}
	return len(list)
}
