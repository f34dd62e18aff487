package davxml_test

import (
	"fmt"
	"strings"
	"testing"

	at "fbgate/availability/availabilitytest"
	"fbgate/translate/davxml"

	"pgregory.net/rapid"
)

// Rows are read whatever their digits look like, under any prefix.
func TestReadRows(t *testing.T) {
	tests := []struct{ body, want string }{
		{`<a:response xmlns:a="WM"><a:recipients><a:item><a:email type="SMTP">a@b</a:email><a:fbdata>02</a:fbdata></a:item></a:recipients></a:response>`, `a@b "02"`},
		{`<x:response xmlns:x="WM"><x:recipients><x:item><x:email type="SMTP">a@b</x:email><x:fbdata>02</x:fbdata></x:item></x:recipients></x:response>`, `a@b "02"`},
		{`<response xmlns="WM"><recipients><item><email type="SMTP"> a@b </email><fbdata>02</fbdata></item></recipients></response>`, `a@b "02"`},
		{`<?xml version="1.0"?><response xmlns="WM"><recipients><item><fbdata>0</fbdata></item><item><email>a@b</email></item></recipients></response>`, ` "0", a@b ""`},
		{`<response xmlns="WM"><recipients><item><email>a@b</email><fbdata> 0 5...x</fbdata></item></recipients></response>`, `a@b " 0 5...x"`},
		{`<response xmlns="WM"><recipients><item><email>a@b</email><fbdata>0<!-- one -->2</fbdata><news/></item></recipients></response>`, `a@b "02"`},
		{`<response xmlns="WM"><recipients/></response>`, ""},
		{`<response xmlns="WM"><recipients><item><email>a@b</email><fbdata>0</fbdata><fbdata>2</fbdata></item></recipients></response>`, "error"},
		{`<response xmlns="WM"><recipients><item><email>a@b</email><email>c@b</email><fbdata>0</fbdata></item></recipients></response>`, "error"},
		{`<response xmlns="WM"><recipients><item><email>a@b</email><fbdata>0<b>2</b>0</fbdata></item></recipients></response>`, "error"},
		{`<response><recipients><item><email>a@b</email><fbdata>0</fbdata></item></recipients></response>`, "error"},
		{`<response xmlns="WM"><recipients><item><email>a@b</email><fbdata>0</fbdata></item>`, "error"},
		{`<!DOCTYPE response><response xmlns="WM"/>`, "error"},
		{`<html><body>Log on</body></html>`, "error"},
		{``, "error"},
	}
	for _, test := range tests {
		items, err := davxml.ReadRows([]byte(test.body))
		var rows []string
		for _, item := range items {
			rows = append(rows, fmt.Sprintf("%s %q", item.Address, item.Digits))
		}
		got := strings.Join(rows, ", ")
		if err != nil {
			got = "error"
		}
		if got != test.want {
			t.Errorf("%s:\n got %s (%v)\nwant %s", test.body, got, err, test.want)
		}
	}
}

// A query is as long as its parts say, and each part reads as the attendee again.
func TestQueryIsTheSumOfItsAttendees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := davxml.Request{Window: digits("0").Known, Interval: davxml.DefaultInterval}
		want := r.Query()
		for _, address := range rapid.SliceOfN(rapid.String(), 1, 4).Draw(t, "addresses") {
			address = strings.ReplaceAll(address, ";", ",") // which parts an address from OWA's index
			a := davxml.Attendee{Type: rapid.SampledFrom([]string{"SMTP", "EX"}).Draw(t, "type"), Address: address}
			r.Attendees = append(r.Attendees, a)
			want += string(a.AppendQuery(nil))
		}
		if got := r.Query(); got != want {
			t.Fatalf("got %s\nwant %s", got, want)
		}
		again, err := davxml.ParseQuery(want, davxml.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range again.Attendees {
			if a.Type != r.Attendees[i].Type || a.Address != r.Attendees[i].Address {
				t.Fatalf("attendee %d is %v, was %v", i, a, r.Attendees[i])
			}
		}
	})
}

func FuzzReadRows(f *testing.F) {
	f.Add([]byte(`<a:response xmlns:a="WM"><a:recipients><a:item><a:displayname>x</a:displayname><a:email type="SMTP">a@b</a:email><a:fbdata>0123</a:fbdata></a:item></a:recipients></a:response>`))
	for _, capture := range at.Captures(f) {
		f.Add(capture)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var rows []davxml.Item
		var err error
		at.CheckAllocation(t, len(body), func() { rows, err = davxml.ReadRows(body) })
		if err != nil && rows != nil {
			t.Fatalf("%q reads as %v and %v", body, rows, err)
		}
		strict, failed := davxml.ReadAnswer(body, 4)
		good := err == nil
		for _, row := range rows {
			good = good && len(row.Digits) == 4 && davxml.AreDigits(row.Digits)
		}
		if good != (failed == nil) || good && len(strict) != len(rows) {
			t.Fatalf("%q: rows %v (%v), answer %v (%v)", body, rows, err, strict, failed)
		}
	})
}
