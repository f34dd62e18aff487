package login

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"fbgate/availability"
)

const (
	maxName     = 256  // bytes; AD's longest user principal name has less
	maxPassword = 1024 // bytes
)

// unfit returns what is wrong with a name that is none anywhere, "" if nothing is.
func unfit(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxName:
		return "is longer than 256 bytes"
	case hasControls(name):
		return "has control characters"
	}
	return ""
}

// hasControls reports control characters, which names and passwords must not have
// (RFC 7617, 2). bcrypt takes some passwords with a NUL for another one.
func hasControls(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// accountKey is what failures are counted by if nobody knows whose a name is: the name
// without its domain, in any case. That two people share one matters less than that one
// has several, each with tries of its own.
func accountKey(name string) string {
	name = name[strings.LastIndexAny(name, `\/`)+1:]
	if at := strings.IndexByte(name, '@'); at > 0 {
		name = name[:at]
	}
	return folded(strings.Join(strings.Fields(name), " "))
}

// folded is a name that is the same in all cases: names with one are those that
// strings.EqualFold takes for equal. To lower case alone leaves the long s and the
// Kelvin sign.
func folded(name string) string { return strings.Map(fold, name) }

func fold(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if unicode.SimpleFold(r) == r { // such as the dotted I, which is not i
		return r
	}
	return unicode.ToLower(least)
}

// withoutDomain cuts off a Windows domain, as in CONTOSO\mary.
func withoutDomain(name string) string { return name[strings.LastIndexByte(name, '\\')+1:] }

// foreign reports whether a name is of a Windows domain that is none of own.
func foreign(name string, own []string) bool {
	i := strings.LastIndexByte(name, '\\')
	return i >= 0 && !slices.ContainsFunc(own, func(domain string) bool { return strings.EqualFold(domain, name[:i]) })
}

// spellings are the strings name and password may mean. Clients send Latin-1 or UTF-8
// and do not say which (RFC 7617, 3); what is not UTF-8 may have been stored as it is,
// or may not.
func spellings(name, password string) [][2]string {
	as := [2]string{name, password}
	if utf8.ValidString(name) && utf8.ValidString(password) {
		return [][2]string{as}
	}
	return [][2]string{as, {fromLatin1(name), fromLatin1(password)}}
}

func fromLatin1(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteRune(rune(c))
	}
	return b.String()
}

// mailboxOf is the address a name is: itself, or within a domain if there is one. That of
// a Windows domain is none, whatever follows.
func mailboxOf(name, defaultDomain string) availability.Mailbox {
	if strings.ContainsRune(name, '\\') {
		return ""
	}
	if m := availability.ParseMailbox(name); m.Domain() != "" {
		return m
	}
	if m := availability.ParseMailbox(name + "@" + defaultDomain); m.Domain() != "" && !strings.ContainsAny(name, `@\/`) {
		return m
	}
	return ""
}

// shorten returns as much of a name as a log line should hold.
func shorten(name string) string {
	const most = 64
	if len(name) <= most {
		return strings.ToValidUTF8(name, "\ufffd")
	}
	return strings.ToValidUTF8(name[:most], "\ufffd") + "…"
}
