package access_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"

	"fbgate/availability"
	"fbgate/availability/access"
)

// fixed answers the same each time, so that nothing it does is counted.
type fixed []availability.Answer

func (f fixed) Lookup(context.Context, availability.Query) []availability.Answer { return f }

func BenchmarkGuard(b *testing.B) {
	var all []access.Rule
	for i := range 20 {
		all = append(all, access.Rule{Domains: []string{fmt.Sprintf("*.partner%d.com", i)}, Organizations: []string{"fabrikam"}, Networks: networks("10.0.0.0/8"), Level: sees})
	}
	all = append(all, access.Rule{Domains: []string{"contoso.com"}, Groups: []string{"staff"}, Level: sees})
	guard := rules(b, all...).Guard("fabrikam", make(fixed, 1))
	who := availability.Requester{Mailbox: "mary@contoso.com", Groups: []string{"sales", "staff"}, Address: netip.MustParseAddr("10.1.2.3")}
	q := about(who, "joe@fabrikam.com")
	b.ReportAllocs()
	for b.Loop() {
		guard.Lookup(b.Context(), q)
	}
}

func BenchmarkLimit(b *testing.B) {
	limits := access.Limits{MailboxesPerMinute: 1 << 40, UnknownAddresses: 300, Exempt: networks("10.0.0.0/8")}
	who := availability.Requester{Name: "mary", Mailbox: "mary@contoso.com", Address: netip.MustParseAddr("192.0.2.1")}
	b.Run("the same client", func(b *testing.B) {
		limited, q := access.Limit(make(fixed, 1), limits), about(who, "joe@fabrikam.com")
		b.ReportAllocs()
		for b.Loop() {
			limited.Lookup(b.Context(), q)
		}
	})
	b.Run("from all sides", func(b *testing.B) {
		limited, q := access.Limit(make(fixed, 1), limits), about(who, "joe@fabrikam.com")
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				limited.Lookup(b.Context(), q)
			}
		})
	})
	b.Run("a new client each time", func(b *testing.B) {
		limits := limits
		limits.MailboxesPerMinute = 1000
		limited, q := access.Limit(make(fixed, 1), limits), about(availability.Requester{}, "joe@fabrikam.com")
		var n atomic.Uint32
		b.ReportAllocs()
		for b.Loop() {
			i := n.Add(1)
			q.Requester.Address = netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
			limited.Lookup(b.Context(), q)
		}
	})
}
