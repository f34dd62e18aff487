package davxml_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	at "fbgate/availability/availabilitytest"
	"fbgate/translate/davxml"
)

// A request line of testdata/dav/requests.txt and what has to be read from it.
var readings = map[string]string{
	"evolution":        "2002-10-23T04:00:00Z 2002-11-27T05:00:00Z 30m SMTP danw@example.org, SMTP eleanor@example.org",
	"davmail":          "2009-10-28T00:00:00Z 2009-10-29T00:00:00Z 15m SMTP mary@contoso.com",
	"davmail-2008":     "2009-10-28T00:00:00Z 2009-10-29T00:00:00Z 30m SMTP mary@contoso.com",
	"zimbra":           "2008-09-24T22:00:00Z 2008-09-25T22:00:00Z 15m SMTP a@example.org",
	"zimbra-west":      "2008-09-25T07:00:00Z 2008-09-26T07:00:00Z 30m SMTP a@example.org",
	"zimbra-early":     "2008-09-24T22:00:00Z 2008-09-25T22:00:00Z 30m SMTP a@example.org",
	"google-connector": "2007-06-30T05:16:11Z 2007-06-30T08:16:11Z 15m SMTP user1@example.org, SMTP user2@example.org",
	"search-appliance": "2008-05-01T09:05:00Z 2008-05-01T17:05:00Z 30m SMTP a@example.org",
	"php-owa":          "2009-10-28T08:00:00Z 2009-10-29T08:00:00Z 30m SMTP user@example.org",
	"exchange-2007":    "2008-08-04T12:00:00Z 2008-09-03T12:00:00Z 30m SMTP a@example.org",
	"kolab":            "2009-09-25T07:00:00Z 2009-09-26T07:00:00Z 30m SMTP a@example.org",
	"owa-guid":         "2009-10-28T00:00:00Z 2009-10-29T00:00:00Z 30m SMTP a@example.org",
	"legacy-dn":        "2009-10-28T00:00:00Z 2009-10-29T00:00:00Z 60m EX /o=Contoso/ou=First Administrative Group/cn=Recipients/cn=mary, SMTP Joe@Example.ORG",
	"no-slash":         "2009-10-28T00:00:00Z 2009-10-29T00:00:00Z 30m SMTP a@example.org",
	"escaped":          "2009-10-27T23:00:00Z 2009-10-28T23:00:00Z 30m SMTP a+b@example.org",
	"plus-address":     "2009-10-28T00:00:00Z 2009-10-29T00:00:00Z 30m SMTP a+b@example.org, SMTP r&d@example.org, SMTP 50%off@example.org",
}

func reading(r davxml.Request) string {
	attendees := make([]string, len(r.Attendees))
	for i, a := range r.Attendees {
		attendees[i] = a.Type + " " + a.Address
	}
	return fmt.Sprintf("%s %s %dm %s", r.Window.Start.Format(time.RFC3339Nano), r.Window.End.Format(time.RFC3339Nano),
		r.Interval/time.Minute, strings.Join(attendees, ", "))
}

func TestRequestLinesOfOldClients(t *testing.T) {
	data, err := os.ReadFile("../../testdata/dav/requests.txt")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if fields[0] == "#" {
			continue
		}
		seen++
		_, query, _ := strings.Cut(fields[1], "?")
		if !strings.EqualFold(davxml.Command(query), "freebusy") {
			t.Errorf("%s: not taken for a free/busy request", fields[0])
		}
		r, err := davxml.ParseQuery(query, davxml.Limits{})
		if err != nil {
			t.Errorf("%s: %v", fields[0], err)
		} else if got := reading(r); got != readings[fields[0]] {
			t.Errorf("%s:\n got %s\nwant %s", fields[0], got, readings[fields[0]])
		}
	}
	if seen != len(readings) {
		t.Errorf("%d request lines, %d readings", seen, len(readings))
	}
}

func TestCapturedRequestLines(t *testing.T) {
	for line := range strings.Lines(string(at.Vector(t, "dav/request-lines.txt"))) {
		fields := strings.Fields(line)
		query := strings.SplitN(fields[1], "?", 2)[1]
		// "…" marks a value the source leaves open.
		query = strings.NewReplacer("start=…", "start=2008-09-25T00:00:00Z", "endt=…", "endt=2008-09-26T00:00:00Z", "interval=…", "interval=30").Replace(query)
		if !strings.Contains(query, "u=") {
			query += "&u=SMTP:a@b"
		}
		if _, err := davxml.ParseQuery(query, davxml.Limits{}); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	}
}

const day = "start=2009-10-28T00:00:00Z&end=2009-10-29T00:00:00Z&"

func TestRefusals(t *testing.T) {
	limits := davxml.Limits{Attendees: 3, Window: 400 * 24 * time.Hour, Digits: 5000}
	tests := []struct{ query, fault string }{
		{"u=SMTP:a@b", "parameter start is missing or empty: expected a time such as 2009-10-28T08:00:00Z or 2009-10-28T09:00:00+01:00, from 1601 to 4500"},
		{"start=&u=SMTP:a@b", "parameter start is missing or empty: expected a time"},
		{"start=yesterday&u=SMTP:a@b", `parameter start is "yesterday": expected a time`},
		{"start=2009-02-30T00:00:00Z&u=SMTP:a@b", `parameter start is "2009-02-30T00:00:00Z": expected a time`},
		{"start=2009-10-28T00:00:00Z&end=2009-10-28T00:00:00Z&u=SMTP:a@b", `parameter end is "2009-10-28T00:00:00Z": expected a time after start`},
		{"start=2009-10-28T00:00:00Z&end=2010-12-02T00:00:01Z&u=SMTP:a@b", "expected a time at most 400 days after start"},
		{"start=2009-10-28T00:00:00Z&" + day + "u=SMTP:a@b", `parameter start is "2009-10-28T00:00:00Z": expected to be given once`},
		{day + "endt=2009-10-29T00:00:00Z&u=SMTP:a@b", "parameter end"},
		{day + "interval=0&u=SMTP:a@b", `parameter interval is "0": expected whole minutes from 1 to 1440`},
		{day + "interval=1441&u=SMTP:a@b", `parameter interval is "1441"`},
		{day + "interval=30.5&u=SMTP:a@b", `parameter interval is "30.5"`},
		{day + "interval=-30&u=SMTP:a@b", `parameter interval is "-30"`},
		{day + "interval=99999999999999999999&u=SMTP:a@b", `parameter interval is "99999999999999999999"`},
		{day + "interval=&u=SMTP:a@b", `parameter interval is missing or empty: expected whole minutes`},
		{day + "interval=30", "parameter u is missing or empty: expected the address of an attendee"},
		{day + "u=a@b&u=b@b&u=c@b&u=d@b", `parameter u is "more than 3 attendees": expected at most 3`},
		{day + "interval=1&u=a@b&u=b@b&u=c@b", `parameter interval is "1440 slots for each of 4 rows": expected fewer attendees`},
		{"start=" + strings.Repeat("ä", 4000) + "&u=a@b", `parameter start is "` + strings.Repeat("ä", 40) + `…"`},
	}
	for _, test := range tests {
		_, err := davxml.ParseQuery(test.query, limits)
		var fault *davxml.ParameterError
		if !errors.As(err, &fault) || !strings.HasPrefix(err.Error(), test.fault) && !strings.HasSuffix(err.Error(), test.fault) {
			t.Errorf("%.80s:\n got %v\nwant %s", test.query, err, test.fault)
		}
	}
}

func TestTimes(t *testing.T) {
	tests := []struct{ text, want string }{
		{"2009-10-28T08:00:00Z", "2009-10-28T08:00:00Z"},
		{"2009-10-28T08:00:00", "2009-10-28T08:00:00Z"},
		{"2009-10-28T08:00Z", "2009-10-28T08:00:00Z"},
		{"2009-10-28t8:00:00z", "2009-10-28T08:00:00Z"},
		{"2009-1-2T08:00:00Z", "2009-01-02T08:00:00Z"},
		{"2009-10-28T08:00:00.000Z", "2009-10-28T08:00:00Z"},
		{"2009-10-28T08:00:00.4239999999999Z", "2009-10-28T08:00:00.423999999Z"},
		{"2009-10-28T08:00:00+01:00", "2009-10-28T07:00:00Z"},
		{"2009-10-28T08:00:00 01:00", "2009-10-28T07:00:00Z"},
		{"2009-10-28T08:00:00%2001:00", "2009-10-28T07:00:00Z"},
		{"2009-10-28T08:00:00%2B0530", "2009-10-28T02:30:00Z"},
		{"2009-10-28T08:00:00-08", "2009-10-28T16:00:00Z"},
		{"2009-10-28T08:00:00+14:00", "2009-10-27T18:00:00Z"},
		{"2009-10-28T24:00:00Z", "2009-10-29T00:00:00Z"},
		{"2008-02-29T00:00:00Z", "2008-02-29T00:00:00Z"},
		{"1601-01-01T00:00:00Z", "1601-01-01T00:00:00Z"},
		{"2009-02-29T00:00:00Z", ""},
		{"2009-10-28", ""},
		{"2009-10-28 08:00:00Z", ""},
		{"2009-10-28T08Z", ""},
		{"2009-10-28T24:00:01Z", ""},
		{"2009-10-28T25:00:00Z", ""},
		{"2009-10-28T08:60:00Z", ""},
		{"2009-10-28T08:00:60Z", ""},
		{"2009-10-28T08:00:00.Z", ""},
		{"2009-10-28T08:00:00+15:00", ""},
		{"2009-10-28T08:00:00+1:00", ""},
		{"2009-10-28T08:00:00+01:00Z", ""},
		{"2009-10-28T08:00:00ZZ", ""},
		{"2009-13-28T08:00:00Z", ""},
		{"2009-00-28T08:00:00Z", ""},
		{"0009-10-28T08:00:00Z", ""},
		{"20091-10-28T08:00:00Z", ""},
		{"٢٠٠٩-10-28T08:00:00Z", ""},
	}
	for _, test := range tests {
		r, err := davxml.ParseQuery("u=a@b&start="+test.text, davxml.Limits{})
		got := ""
		if err == nil {
			got = r.Window.Start.Format(time.RFC3339Nano)
		}
		if got != test.want {
			t.Errorf("%s reads as %q, want %q", test.text, got, test.want)
		}
	}
}

// Half-hour zones and the days clocks change: the offset in the text decides,
// whatever the zone's rules.
func TestOffsetsAgainstTimeParse(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for hour := range 365 * 24 {
			want := time.Date(2009, 1, 1, hour, 0, 0, 0, zone)
			r, err := davxml.ParseQuery("u=a@b&start="+want.Format("2006-01-02T15:04:05-07:00"), davxml.Limits{})
			if err != nil || !r.Window.Start.Equal(want) {
				t.Fatalf("%v reads as %v, %v", want, r.Window.Start, err)
			}
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	data, err := os.ReadFile("../../testdata/dav/requests.txt")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if _, query, ok := strings.Cut(strings.TrimSpace(line), "?"); ok {
			f.Add(query)
		}
	}
	for _, capture := range at.Captures(f) {
		for line := range strings.Lines(string(capture)) {
			if _, query, ok := strings.Cut(line, "?"); ok {
				query, _, _ = strings.Cut(query, " ")
				f.Add(query)
			}
		}
	}
	limits := davxml.Limits{Attendees: 20, Window: 400 * 24 * time.Hour, Digits: 100_000}
	f.Fuzz(func(t *testing.T, query string) {
		r, err := davxml.ParseQuery(query, limits)
		if err != nil {
			var fault *davxml.ParameterError
			if !errors.As(err, &fault) || fault.Parameter == "" || fault.Expected == "" || len(fault.Received) > 100 {
				t.Fatalf("%q: %#v", query, err)
			}
			return
		}
		slots := r.Window.Slots(r.Interval)
		if len(r.Attendees) == 0 || len(r.Attendees) > 20 || slots < 1 || slots*(len(r.Attendees)+1) > limits.Digits {
			t.Fatalf("%q: %d attendees, %d slots", query, len(r.Attendees), slots)
		}
		again, err := davxml.ParseQuery(r.Query(), limits)
		if err != nil {
			t.Fatalf("%q asked again as %q: %v", query, r.Query(), err)
		}
		for i, a := range r.Attendees {
			if again.Attendees[i] != a {
				t.Fatalf("%q asked again as %q: %v, want %v", query, r.Query(), again.Attendees[i], a)
			}
		}
	})
}

func BenchmarkParseQuery(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := davxml.ParseQuery("Cmd=freebusy&"+day+"interval=30&u=SMTP:mary@contoso.com", davxml.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
