package face

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"fbgate/availability"
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

// Name returns what is known to name somebody, redacted as a whole: mary@contoso.com
// becomes something such as m-1a2b3c4d@contoso.com; a legacyExchangeDN, a name to log in
// by and an address without a domain become m-1a2b3c4d. An address type before it stays.
func (r *Redactor) Name(s string) string {
	if r == nil || s == "" || redacted.MatchString(s) {
		return s
	}
	_, address := availability.CutAddressType(s)
	domain := ""
	if at := strings.LastIndexByte(address, '@'); at >= 0 && domains.MatchString(address[at:]) {
		domain = address[at:]
	}
	return s[:len(s)-len(address)] + r.hash(address) + domain
}

// Text returns s with every address in it redacted as by Name, and every one of the names
// known to stand in it, as by [Names]. What follows a legacyExchangeDN without quotes is
// taken for the end of it, as that may hold spaces.
func (r *Redactor) Text(s string, names ...string) string {
	return r.namesIn(s, names).Text(s)
}

// Path returns the path of a URL redacted as by Text, and where a mailbox stands that need
// not have a domain: in the name of a free/busy file, after /exchange/, and as ?User=.
func (r *Redactor) Path(s string) string {
	if r == nil {
		return s
	}
	s = r.Text(s)
	var b strings.Builder
	done := 0
	for _, at := range bare.FindAllStringSubmatchIndex(s, -1) {
		name := 2 * (1 + which(at))
		b.WriteString(s[done:at[name]])
		b.WriteString(r.Name(s[at[name]:at[name+1]]))
		done = at[name+1]
	}
	b.WriteString(s[done:])
	return b.String()
}

// hash has no case, as addresses have none. Nothing can be appended to what is hashed, as
// only a part of the sum is shown, so that there is no need of an HMAC, which costs twice as
// much.
func (r *Redactor) hash(s string) string {
	sum := sha256.Sum256(append(r.key[:], strings.ToLower(s)...))
	return "m-" + hex.EncodeToString(sum[:4])
}
