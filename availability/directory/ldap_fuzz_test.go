package directory_test

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/directory"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// FuzzLDAPReply answers each search with the same bytes. What is found is of those asked
// about and within bounds, and whatever else comes is a failure of the directory.
func FuzzLDAPReply(f *testing.F) {
	end := done(1, ldap.ApplicationSearchResultDone, ldap.LDAPResultSuccess, "")
	join := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	f.Add(join(entry(1, "cn=mary", map[string][]string{"mail": {"mary@contoso.com"}, "legacyExchangeDN": {"/o=Contoso/cn=mary"}, "proxyAddresses": {"SMTP:mary@contoso.com", "smtp:m@contoso.com"}}), end))
	f.Add(join(entry(1, "cn=all", map[string][]string{"mail": {"all@contoso.com"}, "objectClass": {"group"}, "member;range=0-1": {"cn=a", "cn=b"}}), end))
	f.Add(join(entry(1, "cn=x", map[string][]string{"mail": {"x@contoso.com", "\xff"}, "targetAddress": {"SMTP:y@z.example"}, "displayName": {strings.Repeat("n", 300)}, "member;range=0-*": nil}), end))
	f.Add(done(1, ldap.ApplicationSearchResultDone, ldap.LDAPResultSizeLimitExceeded, ""))
	f.Add(done(1, ldap.ApplicationSearchResultDone, ldap.LDAPResultReferral, ""))
	f.Add(done(1, ldap.ApplicationBindResponse, ldap.LDAPResultSuccess, ""))
	f.Add(done(0, ldap.ApplicationExtendedResponse, ldap.LDAPResultUnavailable, ""))
	f.Add([]byte{0x30, 0x80, 2, 1, 1, 0x64, 0x80, 4, 0, 0x30, 0, 0, 0, 0, 0})
	f.Add([]byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff})
	f.Add(ber.NewSequence("").Bytes())

	var current atomic.Pointer[[]byte]
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			reply := *current.Load()
			go func() {
				defer conn.Close()
				for {
					if _, err := ber.ReadPacket(conn); err != nil {
						return
					}
					if _, err := conn.Write(reply); err != nil {
						return
					}
					conn.(*net.TCPConn).CloseWrite()
					io.Copy(io.Discard, conn)
				}
			}()
		}
	}()
	asked := []availability.Mailbox{"mary@contoso.com", "all@contoso.com", "x@contoso.com", "/o=contoso/cn=mary"}
	f.Fuzz(func(t *testing.T, reply []byte) {
		current.Store(&reply)
		d, err := directory.NewLDAP(directory.LDAPConfig{URL: "ldap://" + l.Addr().String(), Log: discard, Timeout: 2 * time.Second, MaxListMembers: 5})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		found, err := d.Find(t.Context(), asked)
		if err != nil {
			var reason *availability.Reason
			if !errors.As(err, &reason) || reason.Code != availability.DirectoryFailed || len(reason.Detail) > 1000 || strings.Contains(reason.Detail, "panic") || strings.Contains(reason.Detail, "in time") {
				t.Errorf("%v", err)
			}
		}
		for m, e := range found {
			if !slices.Contains(asked, m) {
				t.Errorf("%s was not asked about", m)
			}
			if len(e.Members) > 5 || e.TooMany != 0 && (e.TooMany <= 5 || len(e.Members) > 0) {
				t.Errorf("%+v", e)
			}
			for _, address := range append([]availability.Mailbox{e.Mailbox, e.Primary, e.LegacyDN}, e.Members...) {
				if address != "" && address.Domain() == "" && !address.IsLegacyDN() || address != availability.ParseMailbox("SMTP:"+string(address)) {
					t.Errorf("%q in %+v", address, e)
				}
			}
		}
	})
}
