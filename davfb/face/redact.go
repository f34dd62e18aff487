package face

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
)

// Redactor writes addresses of people so that nobody can read them, but the same one
// always in the same way, so that lines about one mailbox can be found together. Build
// it with [NewRedactor]; a nil Redactor leaves everything as it is.
type Redactor struct{ key [32]byte }

// NewRedactor returns a Redactor with a key of its own, which is kept nowhere: after the
// end of the process nobody can find out whether a guessed address is the one.
func NewRedactor() *Redactor {
	r := new(Redactor)
	_, _ = rand.Read(r.key[:]) // it never fails
	return r
}

// people are addresses in a text, as user@domain and as legacyExchangeDN. In a URL "@" may be
// %40, and the name may go on with other escapes.
var people = regexp.MustCompile(`[^\s"'<>()\[\]{},;:=/\\|?&@]{1,256}(?:@|%40)[\pL\pN][\pL\pN.-]*|(?i:/o=[^"'<>\[\];,\n]+?/cn=[^"'<>\[\];,/\n]+)(?i:/cn=[^\s"'<>\[\];,/]+)*`)

// Text returns s with every address in it redacted: mary@contoso.com becomes something
// such as m-1a2b3c4d@contoso.com, and a legacyExchangeDN m-1a2b3c4d.
func (r *Redactor) Text(s string) string {
	if r == nil || !strings.ContainsAny(s, "@/%") {
		return s
	}
	return people.ReplaceAllStringFunc(s, r.address)
}

// Name returns a name somebody logs in by, redacted.
func (r *Redactor) Name(s string) string {
	if r == nil || s == "" {
		return s
	}
	if people.MatchString(s) {
		return r.Text(s)
	}
	return r.hash(s)
}

func (r *Redactor) address(s string) string {
	domain := ""
	if at := strings.LastIndex(s, "@"); at >= 0 {
		s, domain = s[:at], s[at:]
	} else if at := strings.LastIndex(s, "%40"); at >= 0 {
		s, domain = s[:at], "@"+s[at+len("%40"):]
	}
	if redacted.MatchString(s) && domain != "" {
		return s + domain // it has been here before
	}
	return r.hash(s+domain) + domain
}

var redacted = regexp.MustCompile(`^m-[0-9a-f]{8}$`)

// hash has no case, as addresses have none.
func (r *Redactor) hash(s string) string {
	sum := hmac.New(sha256.New, r.key[:])
	sum.Write([]byte(strings.ToLower(s)))
	return "m-" + hex.EncodeToString(sum.Sum(nil)[:4])
}
