package directory_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"fbgate/availability"
	"fbgate/availability/directory"
	"fbgate/availability/exchangetest/slapdtest"
)

// callRoll returns the legacyExchangeDNs a directory yields.
func callRoll(t *testing.T, r directory.Roll, after availability.Mailbox) (all []availability.Mailbox) {
	t.Helper()
	for e, err := range r.All(t.Context(), after) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e.LegacyDN)
	}
	return all
}

// More than fit on a page, or into the size limit of a search, and none twice.
func TestLDAPCallsTheRoll(t *testing.T) {
	var ldif strings.Builder
	ldif.WriteString(people)
	const many = 1300
	for n := range many {
		fmt.Fprintf(&ldif, "dn: cn=u%04[1]d,dc=contoso,dc=com\nobjectClass: user\nmail: u%[1]d@contoso.com\nlegacyExchangeDN: /o=Contoso/cn=U%04[1]d\n\n", n)
	}
	for n := range 2 {
		fmt.Fprintf(&ldif, "dn: cn=same%[1]d,dc=contoso,dc=com\nobjectClass: user\nmail: same%[1]d@contoso.com\nlegacyExchangeDN: /o=Contoso/cn=same\n\n", n)
	}
	server := slapdtest.Start(t, ldif.String(), slapdtest.Options{})
	d := connected(t, server, nil)
	all := callRoll(t, d, "")
	if len(all) != many+3 || !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) || slices.Contains(all, "/o=contoso/cn=same") {
		t.Errorf("%d: %.300q", len(all), all)
	}
	if rest := callRoll(t, d, "/o=contoso/cn=u1297"); !slices.Equal(rest, []availability.Mailbox{"/o=contoso/cn=u1298", "/o=contoso/cn=u1299", all[len(all)-1]}) {
		t.Errorf("after u1297: %q", rest)
	}
	server.Stop()
	if again := callRoll(t, d, ""); len(again) != len(all) {
		t.Errorf("%d are remembered", len(again))
	}
	broken := 0
	for e, err := range connected(t, server, nil).All(t.Context(), "") {
		if broken++; e != nil || err == nil {
			t.Errorf("%v, %v from a server that is gone", e, err)
		}
	}
	if broken != 1 {
		t.Errorf("%d errors", broken)
	}
}

// rolled is a directory that only calls its roll.
type rolled struct {
	directory.Directory
	names []availability.Mailbox
	err   error
}

func (r rolled) All(_ context.Context, after availability.Mailbox) iter.Seq2[*directory.Entry, error] {
	return func(yield func(*directory.Entry, error) bool) {
		for _, m := range r.names {
			if m > after && !yield(&directory.Entry{LegacyDN: m, Name: fmt.Sprint(len(r.names))}, nil) {
				return
			}
		}
		if r.err != nil {
			yield(nil, r.err)
		}
	}
}

func TestUnionCallsTheRoll(t *testing.T) {
	type names = []availability.Mailbox
	fails := errors.New("it is down")
	for _, test := range []struct {
		name  string
		all   directory.Union
		want  string
		fails bool
	}{
		{"nobody", nil, "", false},
		{"none can", directory.Union{struct{ directory.Directory }{}}, "", false},
		{"one", directory.Union{rolled{names: names{"/a", "/b"}}}, "/a2 /b2", false},
		{"in turns", directory.Union{rolled{names: names{"/b", "/d"}}, rolled{names: names{"/a", "/c", "/e"}}}, "/a3 /b2 /c3 /d2 /e3", false},
		{"the first counts", directory.Union{rolled{names: names{"/b"}}, rolled{names: names{"/a", "/b", "/c"}}}, "/a3 /b1 /c3", false},
		{"three", directory.Union{rolled{names: names{"/c"}}, rolled{names: names{"/b", "/c"}}, rolled{names: names{"/a", "/b", "/d"}}}, "/a3 /b2 /c1 /d3", false},
		{"the first fails", directory.Union{rolled{names: names{"/b"}, err: fails}, rolled{names: names{"/a", "/c"}}}, "/a2 /b1", true},
		{"the second fails", directory.Union{rolled{names: names{"/b", "/z"}}, rolled{names: names{"/a"}, err: fails}}, "/a1", true},
	} {
		var got []string
		var err error
		for e, failed := range test.all.All(t.Context(), "") {
			if failed != nil {
				err = failed
				continue
			}
			got = append(got, string(e.LegacyDN)+e.Name)
		}
		if strings.Join(got, " ") != test.want || (err != nil) != test.fails {
			t.Errorf("%s: %q, %v", test.name, got, err)
		}
		for range test.all.All(t.Context(), "") {
			break // and leaves nothing behind
		}
	}
}
