package face

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	redacted = regexp.MustCompile(`^(?:(?i:SMTP|EX):)?m-[0-9a-f]{8}(?:@[\pL\pN.-]+)?$`)
	plain    = regexp.MustCompile(`^[\w.+-]+@[\w.-]+$`)
	usual    = regexp.MustCompile(`^[\w.+'-]+$`)
	domains  = regexp.MustCompile(`^@[\pL\pN][\pL\pN.-]{0,254}$`)
)

// people are names of them in a text. In a URL all characters may be escaped, and in what
// Go has quoted the quotes are.
var people = regexp.MustCompile(strings.Join(append(slices.Clone(enclosed),
	// A legacyExchangeDN to the end, as it may hold spaces and commas; with other slashes it
	// is the path of an item in the free/busy folder.
	`(?i:(?:/|%2F|_xF8FF_)o(?:=|%3D)[^"<>\n;]*?(?:/|%2F|_xF8FF_)cn(?:=|%3D))[^"<>\n;]*`,
	// An address whose first part is in quotes.
	`\\"(?:[^"\\\n]|\\\\.)+\\"`+atDomain,
	// Any other, also as a parameter of a URL.
	`(?:[?&]\w+=)?[^\s"'<>()\[\]{},;:=/\\|?&@][^\s"<>()\[\]{},;:/\\|?&@]*`+atDomain,
), "|"))

// wholes are those of them whose ends are plain to see, so that a name that is known and
// stands in them is but a part.
var wholes = regexp.MustCompile(strings.Join(enclosed, "|"))

var enclosed = []string{
	// A legacyExchangeDN in quotes.
	`"(?i:(?:EX:)?/o=)(?:[^"\\\n]|\\.)*"`,
	// A name in LDAP in quotes, or without, when only the last parts have no spaces. There
	// is a backslash before a comma in it, and two in quotes.
	`"(?i:` + naming + `)=(?:[^"\\\n]|\\.)*"`,
	`(?i:\b(?:` + naming + `)=)(?:[^,\\"<>\n]|\\+[^"\\])+(?:,\s?(?i:(?:` + naming + `|ou|o|l|st|c)=(?:[^,\\"<>\n]|\\+[^"\\])+|dc=[\w-]+))+`,
	// An address in quotes as a whole, as there may be spaces in it, or its first part.
	`"(?:[^"\\\n]|\\.)+?` + atDomain + `"`,
	`"(?:[^"\\\n]|\\.)+"` + atDomain,
}

const (
	// atDomain is the rest of an address, which may be escaped more than once.
	atDomain = `(?:@|%(?:25)*40)(?:[\pL\pN][\pL\pN._-]*|\[[^\]\s]*\])`
	// naming are attributes that make up the first part of somebody's name in LDAP.
	naming = `cn|uid|mail|sn|e|name|givenname|displayname|emailaddress|samaccountname|userprincipalname`
)

var (
	// before an address there may be what it is, and after it what ends a sentence or the
	// name of a file.
	before = regexp.MustCompile(`^(?i:[?&]\w+|u|user|username|mail|email|mailbox|account|upn|userPrincipalName)=`)
	after  = regexp.MustCompile(`(?i:\.(?:vfb|ifb|ics|eml))?[.-]*$`)
	// beyond is where a legacyExchangeDN has ended for certain.
	beyond = regexp.MustCompile(`(?i:&\w+=|(?:, ?|\s)(?:EX:)?/o=)`)
	// item turns the path of an item in the free/busy folder into its legacyExchangeDN.
	item = strings.NewReplacer("_xF8FF_", "/", "_xf8ff_", "/", "_XF8FF_", "/", "/USER-", "", "/user-", "")
	// bare are names in paths that need no domain. A path that was too long for the log may
	// end within one.
	bare = regexp.MustCompile(`(?i:^/exchange/)([^/?]+)|(?i:^/freebusy/)(.+?)(?i:(?:\.(?:vfb|ifb))?$)|(?i:[?&]user=)([^&]+)|([^/]+)(?i:(?:\.(?:vfb|ifb)|…)$)`)
)

// addresses is Text without names that are known.
func (r *Redactor) addresses(s string) string {
	if !strings.ContainsAny(s, signs) {
		return s
	}
	return people.ReplaceAllStringFunc(s, r.found)
}

// found redacts what people has found.
func (r *Redactor) found(s string) string {
	switch {
	case strings.HasPrefix(s, `\"`):
		return r.found(strings.ReplaceAll(s, `\"`, `"`))
	case strings.HasPrefix(s, `"`) && strings.HasSuffix(s, `"`):
		name, err := strconv.Unquote(s)
		if err != nil {
			name = s[1 : len(s)-1]
		}
		if path := strings.HasPrefix(name, "/") && !strings.HasPrefix(strings.ToLower(name), "/o="); path || strings.Contains(name, "://") {
			return `"` + r.addresses(s[1:])
		}
		return `"` + r.Name(name) + `"`
	case strings.EqualFold(s, "user@domain"), strings.EqualFold(s, "user@realm"):
		return s // it says what an address is like
	}
	if prefix := before.FindString(s); prefix != "" {
		return prefix + r.found(s[len(prefix):])
	}
	name := unescaped(s)
	if strings.HasPrefix(strings.ToLower(item.Replace(name)), "/o=") {
		return r.legacyDN(s)
	}
	if end := after.FindStringIndex(name); strings.Contains(name, "@") && end[0] > 0 {
		return r.Name(name[:end[0]]) + name[end[0]:]
	}
	return r.Name(name)
}

func (r *Redactor) legacyDN(s string) string {
	rest := ""
	if end := beyond.FindStringIndex(s[1:]); end != nil {
		s, rest = s[:1+end[0]], s[1+end[0]:]
	}
	name := strings.TrimRight(item.Replace(unescaped(s)), " .,:)'")
	if eml := len(name) - len(".EML"); eml > 0 && strings.EqualFold(name[eml:], ".EML") {
		name = name[:eml]
	}
	return r.Name(name) + r.addresses(rest)
}

func unescaped(s string) string {
	if text, err := url.PathUnescape(s); err == nil && utf8.ValidString(text) {
		return text
	}
	return s
}

// which returns the group, from 0, that has matched.
func which(at []int) int {
	for i := 2; i < len(at); i += 2 {
		if at[i] >= 0 {
			return i/2 - 1
		}
	}
	return 0
}
