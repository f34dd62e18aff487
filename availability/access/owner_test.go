package access_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"fbgate/availability"
	"fbgate/availability/access"
	at "fbgate/availability/availabilitytest"
)

// byDomain says whose a mailbox is by its mail domain; of others it does not know.
func byDomain(_ context.Context, mailboxes []availability.Mailbox) []access.Owner {
	owners := make([]access.Owner, len(mailboxes))
	for i, m := range mailboxes {
		switch {
		case m.Domain() == "fabrikam.com":
			owners[i].Organization = "fabrikam"
		case m.IsLegacyDN():
			owners[i].Reason = availability.Because(availability.DirectoryFailed, "it is down")
		}
	}
	return owners
}

func TestDenied(t *testing.T) {
	var statistics access.Statistics
	r, err := access.New([]access.Rule{{Organizations: []string{"fabrikam"}, Level: none}, {Level: sees}}, &statistics)
	if err != nil {
		t.Fatal(err)
	}
	denied := r.Denied(byDomain)
	q := about(availability.Requester{}, "mary@fabrikam.com", "amy@nowhere.org", "/o=x/cn=y", "joe@fabrikam.com")
	reasons := denied(t.Context(), q)
	var codes []availability.Code
	for _, reason := range reasons {
		codes = append(codes, code(availability.Answer{Reason: reason}))
	}
	if want := []availability.Code{availability.NotAllowed, "", availability.DirectoryFailed, availability.NotAllowed}; !slices.Equal(codes, want) {
		t.Errorf("%v, want %v", codes, want)
	}
	if n := statistics.Denied.Load(); n != 2 {
		t.Errorf("%d denied", n)
	}
	itself := access.Unrestricted(sourceFunc(func(ctx context.Context, q availability.Query) []availability.Answer {
		if reasons := denied(ctx, q); slices.ContainsFunc(reasons, func(r *availability.Reason) bool { return r != nil }) {
			t.Errorf("fbgate itself: %v", reasons)
		}
		return nil
	}))
	itself.Lookup(t.Context(), q)
}

type sourceFunc func(ctx context.Context, q availability.Query) []availability.Answer

func (f sourceFunc) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	return f(ctx, q)
}

// What a directory says of a list, without asking anybody, is hidden from whoever is
// denied its owner, and from nobody else.
func TestVeil(t *testing.T) {
	o := &organization{name: "fabrikam"}
	directory := sourceFunc(func(ctx context.Context, q availability.Query) []availability.Answer {
		answers := o.Lookup(ctx, q)
		for i, m := range q.Mailboxes {
			if local, _, _ := cut(m); local == "large" || local == "empty" || local == "gone" {
				reasons := map[string]availability.Code{"large": availability.ListTooLarge, "empty": availability.NoInformation, "gone": availability.NoRoute}
				answers[i] = availability.Fail(q.About([]availability.Mailbox{m}), availability.Because(reasons[local], "by the directory"))[0]
			}
		}
		return answers
	})
	r := rules(t, access.Rule{Organizations: []string{"fabrikam"}, Groups: []string{"board"}, Level: sees}, access.Rule{Organizations: []string{"contoso"}, Level: sees})
	veil := r.Veil(func(_ context.Context, mailboxes []availability.Mailbox) []access.Owner {
		owners := make([]access.Owner, len(mailboxes))
		for i, m := range mailboxes {
			_, domain, _ := cut(m)
			owners[i].Organization = map[string]string{"fabrikam.com": "fabrikam", "contoso.com": "contoso"}[domain]
		}
		return owners
	}, directory)
	mailboxes := []availability.Mailbox{"large@fabrikam.com", "mary@fabrikam.com", "empty@fabrikam.com", "gone@fabrikam.com", "large@contoso.com", "nobody@contoso.com"}
	for group, want := range map[string][]availability.Code{
		"board":  {availability.ListTooLarge, "", availability.NoInformation, availability.NoRoute, availability.ListTooLarge, availability.UnknownMailbox},
		"others": {availability.NotAllowed, "", availability.NotAllowed, availability.NoRoute, availability.ListTooLarge, availability.UnknownMailbox},
	} {
		for i, a := range veil.Lookup(t.Context(), about(availability.Requester{Groups: []string{group}}, mailboxes...)) {
			if code(a) != want[i] || a.Mailbox != mailboxes[i] {
				t.Errorf("%s: %s: %+v, want %q", group, mailboxes[i], a, want[i])
			}
		}
	}
	at.TestSource(t, at.Sample{Source: veil, Known: []availability.Mailbox{"mary@fabrikam.com", "joe@fabrikam.com"}, Unknown: "large@fabrikam.com", Window: day})
}

func cut(m availability.Mailbox) (local, domain string, ok bool) {
	return strings.Cut(string(m), "@")
}
