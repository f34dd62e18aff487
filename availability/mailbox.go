package availability

import "strings"

// Mailbox names one mailbox: an SMTP address, or a legacyExchangeDN, which
// begins with "/". It is in lower case, as Exchange compares both without case;
// what a client wrote is the client side's to keep. A Mailbox may be malformed:
// routing says so, for that mailbox alone.
type Mailbox string

// maxAddress is the longest SMTP address, local part, "@" and domain, in bytes
// (RFC 5321 4.5.3.1).
const maxAddress = 64 + 1 + 255

// ParseMailbox returns the mailbox an address such as "SMTP:Mary@contoso.com",
// "mary@contoso.com" or "EX:/o=Contoso/ou=Sales/cn=Recipients/cn=mary" names.
func ParseMailbox(address string) Mailbox {
	_, rest := CutAddressType(address)
	return Mailbox(strings.ToLower(strings.TrimSpace(rest)))
}

// CutAddressType splits an address into its type, "SMTP" or "EX", and the rest
// as it came. An address without a type is SMTP unless it begins with "/".
func CutAddressType(address string) (addressType, rest string) {
	if t, rest, ok := strings.Cut(address, ":"); ok {
		switch {
		case strings.EqualFold(t, "SMTP"):
			return "SMTP", rest
		case strings.EqualFold(t, "EX"):
			return "EX", rest
		}
	}
	if strings.HasPrefix(address, "/") {
		return "EX", address
	}
	return "SMTP", address
}

// IsLegacyDN reports whether m is a legacyExchangeDN.
func (m Mailbox) IsLegacyDN() bool { return strings.HasPrefix(string(m), "/") }

// Domain returns the mail domain, or "" if m is not a well-formed SMTP address.
func (m Mailbox) Domain() string {
	at := strings.LastIndexByte(string(m), '@')
	if at < 1 || at == len(m)-1 || len(m) > maxAddress || m.IsLegacyDN() {
		return ""
	}
	if strings.ContainsFunc(string(m), func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xfffd }) {
		return ""
	}
	// What separates addresses is part of one only in quotes (RFC 5322 3.2.3).
	local, domain := string(m[:at]), string(m[at+1:])
	if quoted := len(local) > 2 && local[0] == '"' && local[len(local)-1] == '"'; !quoted && strings.ContainsAny(local, `@,;<>"`) || strings.ContainsAny(domain, `,;<>"`) {
		return ""
	}
	return domain
}
