package directory_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/directory"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// on returns a directory on a pretend server.
func on(t testing.TB, p *pretend, change func(*directory.LDAPConfig)) *directory.LDAP {
	t.Helper()
	p.start(t)
	c := directory.LDAPConfig{URL: p.url, BindDN: "fbgate@contoso.com", Password: password("secret"), Log: discard}
	if change != nil {
		change(&c)
	}
	d, err := directory.NewLDAP(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

var all = []availability.Mailbox{"all@contoso.com"}

func TestMembersInRanges(t *testing.T) {
	for _, test := range []struct{ members, most, want, tooMany int }{
		{9, 10, 9, 0},    // three ranges
		{10, 10, 10, 0},  // the last of four holds one
		{11, 10, 0, 11},  // the fourth says so
		{100, 10, 0, 12}, // and then no more are asked for
		{3, 10, 3, 0},    // one
		{0, 10, 0, 0},
	} {
		p := &pretend{members: test.members, step: 3}
		d := on(t, p, func(c *directory.LDAPConfig) { c.MaxListMembers = test.most })
		found, err := d.Find(t.Context(), all)
		if err != nil {
			t.Fatal(err)
		}
		if e := found[all[0]]; len(e.Members) != test.want || e.TooMany != test.tooMany || len(e.Missing) != 0 {
			t.Errorf("%d members, at most %d: %+v", test.members, test.most, e)
		}
	}
}

// Many who ask the same at once cost the server one question, and later none.
func TestSearchesAreShared(t *testing.T) {
	p := &pretend{}
	d := on(t, p, nil)
	var askers sync.WaitGroup
	for range 50 {
		askers.Go(func() {
			if found, err := d.Find(t.Context(), all); err != nil || found[all[0]] == nil {
				t.Errorf("%v, %v", found, err)
			}
		})
	}
	askers.Wait()
	if binds, searches := p.count(); binds != 1 || searches != 1 {
		t.Errorf("%d binds and %d searches", binds, searches)
	}
}

func TestStaleConnection(t *testing.T) {
	p := &pretend{}
	d := on(t, p, func(c *directory.LDAPConfig) { c.CacheTTL = time.Nanosecond })
	for range 3 {
		if _, err := d.Find(t.Context(), all); err != nil {
			t.Fatal(err)
		}
		p.hangUp()
	}
	if binds, _ := p.count(); binds != 3 {
		t.Errorf("%d connections, want 3", binds)
	}
}

func TestSilentServer(t *testing.T) {
	for name, operation := range map[string]ber.Tag{"at log-in": ldap.ApplicationBindRequest, "at a search": ldap.ApplicationSearchRequest} {
		t.Run(name, func(t *testing.T) {
			p := &pretend{silent: func(o ber.Tag) bool { return o == operation }}
			d := on(t, p, func(c *directory.LDAPConfig) { c.Timeout = 500 * time.Millisecond })

			// The caller's time is shorter than the server's.
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			_, err := d.Find(ctx, all)
			if r := availability.ReasonFor(err); r.Code != availability.DirectoryFailed || !strings.Contains(r.Detail, "no answer in time") {
				t.Errorf("%v", err)
			}
			if ctx.Err() == nil {
				t.Error("it returned before its time")
			}
			if binds, searches := p.count(); binds+searches > 2 {
				t.Errorf("%d binds and %d searches", binds, searches)
			}

			// Nobody's time is unlimited.
			if got := reason(t, d, all[0]).Detail; !strings.Contains(got, "no answer in time") {
				t.Error(got)
			}
		})
	}
}

// A server that cannot be reached is left alone for a while.
func TestDeadServerRests(t *testing.T) {
	p := &pretend{silent: func(ber.Tag) bool { return true }}
	d := on(t, p, func(c *directory.LDAPConfig) { c.Timeout = 300 * time.Millisecond })
	reason(t, d, all[0])
	reason(t, d, all[0]) // may still wait for the connection of the first
	third := reason(t, d, all[0])
	if !strings.Contains(third.Detail, "not tried again before") || third.RetryAfter <= 0 {
		t.Errorf("%+v", third)
	}
	if binds, _ := p.count(); binds != 1 {
		t.Errorf("%d log-ins", binds)
	}
}

// A server that sends without end is hung up on.
func TestEndlessServer(t *testing.T) {
	d := on(t, &pretend{endless: true}, func(c *directory.LDAPConfig) { c.Timeout = 30 * time.Second })
	if got := reason(t, d, all[0]).Detail; !strings.Contains(got, "the server sent more than 64 MiB unasked") {
		t.Error(got)
	}
}

// A refused account is not tried again, however many ask, and the connection to a
// server that is well costs one log-in.
func TestRefusedOnce(t *testing.T) {
	p := &pretend{refuses: true}
	d := on(t, p, nil)
	var askers sync.WaitGroup
	for range 20 {
		askers.Go(func() { reason(t, d, all[0]) })
	}
	askers.Wait()
	reason(t, d, "/o=contoso/cn=joe")
	if binds, searches := p.count(); binds != 1 || searches != 0 {
		t.Errorf("%d log-ins and %d searches", binds, searches)
	}
}
