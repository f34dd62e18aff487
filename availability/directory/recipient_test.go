package directory

import (
	"fmt"
	"strings"
	"testing"
)

// What a server has that is no legacyExchangeDN is not taken for the address of a member.
func TestMalformedLegacyDN(t *testing.T) {
	var r recipient
	if err := r.add(attrLegacyDN, "joe@fabrikam.com"); err == nil || r.legacyDN != "" || len(r.addresses) > 0 || r.entry().address() != "" {
		t.Errorf("%+v, %v", r, err)
	}
}

// A recipient with addresses without end costs no more than one with many.
func TestAddressesAreBounded(t *testing.T) {
	var r recipient
	var err error
	for i := range 3 * maxAddresses {
		err = r.add(attrProxy, fmt.Sprintf("smtp:a%d@contoso.com", i))
	}
	if len(r.addresses) != maxAddresses || err == nil || !strings.Contains(err.Error(), "more than 5000 addresses") {
		t.Errorf("%d addresses, %v", len(r.addresses), err)
	}
}
