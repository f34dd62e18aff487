package directory

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/go-ldap/ldap/v3"
)

// dataCode finds the number in what Active Directory says of a refused log-in:
// "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data 52e, v4563".
var dataCode = regexp.MustCompile(`, data ([0-9a-f]{1,8}), v`)

// dataCodes are these numbers, which are those of Windows' system errors in hexadecimal
// digits.
var dataCodes = map[string]string{
	"525": "there is no such account",
	"52e": "the password is wrong",
	"52f": "an account restriction forbids it: an empty password, or a smart card is required",
	"530": "the account must not log on at this time: its logon hours forbid it",
	"531": "the account must not log on from this server: its logon workstations forbid it",
	"532": "the password has expired",
	"533": "the account is disabled",
	"568": "the account is in too many groups",
	"701": "the account has expired",
	"773": "the password must be changed first",
	"775": "the account is locked: too many wrong passwords came",
}

// explain says why a server did not let an account in, and whether that is an answer:
// otherwise it says nothing about name and password.
func explain(err error) (why string, final bool) {
	var said *ldap.Error
	if !errors.As(err, &said) {
		return "", false
	}
	text := ""
	if said.Err != nil {
		text = said.Err.Error()
	}
	switch said.ResultCode {
	case ldap.LDAPResultInvalidCredentials:
		if code := dataCode.FindStringSubmatch(text); code != nil {
			if why := dataCodes[code[1]]; why != "" {
				return fmt.Sprintf("%s (data %s)", why, code[1]), true
			}
			return "the directory says data " + code[1], true
		}
		return "the password is wrong", true
	case ldap.LDAPResultNoSuchObject:
		return "there is no such account any more", true
	case ldap.LDAPResultInappropriateAuthentication:
		return "the account has no password", true
	case ldap.LDAPResultConstraintViolation: // 389 Directory Server, after too many
		return fmt.Sprintf("the account is locked, or its password has expired: %.200q", text), true
	case ldap.LDAPResultStrongAuthRequired, ldap.LDAPResultConfidentialityRequired:
		return "the server takes passwords by secure connections only: use ldaps:// or StartTLS", false
	case ldap.LDAPResultReferral:
		return "the account is on another server: ask that one", false
	}
	return "the server does not say whether the password is right", false
}
