package directory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"fbgate/availability"
)

// recipient collects the attributes of one entry of a file or an LDAP server.
type recipient struct {
	mail, primary, target, legacyDN availability.Mailbox
	name                            string
	addresses                       []availability.Mailbox // all, each once
	mailTwice                       bool                   // mail is a proxy address, too
	list                            bool
	members                         []string // as they are written
	truncated                       bool     // list has members that were not exported
}

// The attributes that matter, in lower case.
const (
	attrMail        = "mail"
	attrProxy       = "proxyaddresses"
	attrTarget      = "targetaddress"
	attrLegacyDN    = "legacyexchangedn"
	attrDisplayName = "displayname"
	attrObjectClass = "objectclass"
	attrMember      = "member"
)

func (r *recipient) reset() {
	*r = recipient{addresses: r.addresses[:0], members: r.members[:0]}
}

// maxAddresses is how many addresses a recipient may have. Active Directory keeps about
// 1,300 values of proxyAddresses.
const maxAddresses = 5000

// add takes up one value of an attribute and returns what is wrong with it.
func (r *recipient) add(attribute, value string) error {
	value = strings.TrimSpace(value)
	if value == "" {
		return nil
	}
	if len(r.addresses) >= maxAddresses && (attribute == attrMail || attribute == attrProxy || attribute == attrLegacyDN) {
		return fmt.Errorf("a recipient has more than %d addresses", maxAddresses)
	}
	switch attribute {
	case attrMail:
		return r.addSMTP(value, &r.mail)
	case attrProxy:
		return r.addProxy(value)
	case attrTarget:
		return r.addTarget(value)
	case attrLegacyDN:
		dn := legacyDN(value)
		if !dn.IsLegacyDN() {
			return errors.New("the legacyExchangeDN does not begin with /")
		}
		r.legacyDN = dn
		r.know(dn)
	case attrDisplayName:
		r.name = value
	case attrObjectClass:
		r.list = r.list || strings.EqualFold(value, "group") || strings.EqualFold(value, "groupOfNames")
	case attrMember:
		r.list = true
		r.members = append(r.members, value)
	}
	return nil
}

func (r *recipient) addSMTP(value string, to *availability.Mailbox) error {
	m, err := smtp(value)
	if err != nil {
		return err
	}
	known := slices.Contains(r.addresses, m)
	*to = m
	r.mailTwice = r.mailTwice || known && m == r.mail
	r.know(m)
	return nil
}

// addProxy takes up a proxy address. "SMTP" in upper case marks the primary one.
func (r *recipient) addProxy(value string) error {
	t, rest := cutType(value)
	switch {
	case t == "SMTP":
		return r.addSMTP(rest, &r.primary)
	case strings.EqualFold(t, "smtp"), t == "" && strings.Contains(value, "@") && value[0] != '/':
		var secondary availability.Mailbox
		return r.addSMTP(rest, &secondary)
	case strings.EqualFold(t, "X500"), strings.EqualFold(t, "EX"), t == "":
		if dn := lower(rest); dn.IsLegacyDN() {
			r.know(dn)
		} else if t == "" {
			return errNoAddress
		}
	}
	return nil // of a type nobody asks by: SIP, X400, EUM …
}

// addTarget takes up a target address. One that is not SMTP leads nowhere from here.
func (r *recipient) addTarget(value string) error {
	t, rest := cutType(value)
	if t != "" && !strings.EqualFold(t, "smtp") {
		return nil
	}
	m, err := smtp(rest)
	if err == nil {
		r.target = m
	}
	return err
}

// know adds m to the addresses.
func (r *recipient) know(m availability.Mailbox) {
	if !slices.Contains(r.addresses, m) {
		r.addresses = append(r.addresses, m)
	}
}

// primaryAddress returns the primary SMTP address, empty if there is none.
func (r *recipient) primaryAddress() availability.Mailbox {
	for _, m := range []availability.Mailbox{r.primary, r.mail} {
		if m != "" {
			return m
		}
	}
	for _, m := range r.addresses {
		if !m.IsLegacyDN() {
			return m
		}
	}
	return ""
}

// entry returns r without its members.
func (r *recipient) entry() *Entry {
	e := &Entry{Primary: r.primaryAddress(), LegacyDN: r.legacyDN, Name: r.name}
	e.Mailbox = e.Primary
	if r.target != "" {
		e.Mailbox = r.target
	}
	if r.list {
		e.Members = []availability.Mailbox{}
	}
	return e
}

// address returns the address by which e is a member of a list, empty if it has none.
func (e *Entry) address() availability.Mailbox {
	switch {
	case e.Primary != "":
		return e.Primary
	case e.LegacyDN != "":
		return e.LegacyDN
	default:
		return e.Mailbox
	}
}

// What is wrong with an address, without it: it may be somebody's, and texts get into the log.
var (
	errNoAddress = errors.New("no address: expected user@domain, or what begins with /")
	errNoSMTP    = errors.New("not an SMTP address: expected user@domain")
)

func lower(s string) availability.Mailbox {
	return availability.Mailbox(strings.ToLower(strings.TrimSpace(s)))
}

// smtp returns the mailbox an SMTP address names, with or without its type.
func smtp(value string) (availability.Mailbox, error) {
	t, rest := cutType(value)
	if t != "" && !strings.EqualFold(t, "smtp") {
		return "", errNoSMTP
	}
	m := lower(rest)
	if m.Domain() == "" {
		return "", errNoSMTP
	}
	return m, nil
}

// legacyDN returns a legacyExchangeDN, with or without its type.
func legacyDN(value string) availability.Mailbox {
	if t, rest := cutType(value); strings.EqualFold(t, "EX") || strings.EqualFold(t, "X500") {
		value = rest
	}
	return lower(value)
}

// onlyMail reports whether r has the address m in its mail attribute alone, which is
// not Exchange's and holds what somebody typed.
func (r *recipient) onlyMail(m availability.Mailbox) bool { return m == r.mail && !r.mailTwice }
