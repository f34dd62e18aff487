package directory

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

const (
	attrControl = "userAccountControl"
	// accountDisable is a bit of it: "the user account is disabled" ([MS-ADTS] 2.2.16,
	// ADS_UF_ACCOUNT_DISABLE).
	accountDisable = 0x2
)

// isDisabled reports whether Active Directory says of the entry dn that its account is
// disabled. Other servers say nothing, and so does what is no number.
func isDisabled(entries []*ldap.Entry, dn string) bool {
	return slices.ContainsFunc(entries, func(e *ldap.Entry) bool {
		return e.DN == dn && slices.ContainsFunc(e.Attributes, disables)
	})
}

func disables(attribute *ldap.EntryAttribute) bool {
	return strings.EqualFold(attribute.Name, attrControl) && slices.ContainsFunc(attribute.Values, func(value string) bool {
		flags, err := strconv.ParseInt(value, 10, 64)
		return err == nil && flags&accountDisable != 0
	})
}
