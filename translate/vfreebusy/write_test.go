package vfreebusy_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/translate/vfreebusy"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", name, got, want)
	}
}

// utc reads "2009-10-28 08:00" or "2009-10-28 08:00:00.5".
func utc(t testing.TB, s string) time.Time {
	t.Helper()
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if moment, err := time.Parse(layout, s); err == nil {
			return moment
		}
	}
	t.Fatalf("%q is no time", s)
	return time.Time{}
}

func window(t testing.TB, start, end string) availability.Window {
	return availability.Window{Start: utc(t, start), End: utc(t, end)}
}

func span(t testing.TB, status availability.Status, start, end string) availability.Span {
	return availability.Span{Window: window(t, start, end), Status: status}
}

func write(t rapid.TB, f vfreebusy.FreeBusy) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := vfreebusy.Write(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func mary(t *testing.T, known availability.Window, spans ...availability.Span) vfreebusy.FreeBusy {
	return vfreebusy.FreeBusy{
		Mailbox: "mary@contoso.com", Schedule: availability.NewSchedule(known, 0, spans), Stamp: utc(t, "2009-10-27 17:04:05"),
		URL: "https://fb.contoso.com/freebusy/mary@contoso.com.vfb",
	}
}

// The goldens hold every status, a year's end, the hour Europe lives through twice, long
// lines and fractions of seconds.
func TestWrite(t *testing.T) {
	october := window(t, "2009-10-01 00:00", "2009-11-01 00:00")
	every := []availability.Span{
		span(t, availability.Busy, "2009-10-28 16:00", "2009-10-28 17:30"),
		span(t, availability.Tentative, "2009-10-29 09:00", "2009-10-29 10:00"),
		span(t, availability.OOF, "2009-10-30 00:00", "2009-10-31 00:00"),
		span(t, availability.WorkingElsewhere, "2009-10-27 08:00", "2009-10-27 12:00"),
	}
	elsewhere := mary(t, october, every...)
	elsewhere.WorkingElsewhere = availability.Tentative
	long := mary(t, october)
	long.Mailbox = "anne-sophie.müller-lüdenscheidt.von.und.zu.hohenzollern%?#@söderköping.fabrikam.com"
	long.URL = "https://fb.contoso.com/freebusy/" + strings.Repeat("abcdefghij", 15) + ".vfb"
	bare := mary(t, october)
	bare.URL = ""
	for name, f := range map[string]vfreebusy.FreeBusy{
		"every-status.vfb":      mary(t, october, every...),
		"working-elsewhere.vfb": elsewhere,
		"long-lines.vfb":        long,
		"free.vfb":              bare,
		"year-end.vfb":          mary(t, window(t, "2009-12-01 00:00", "2010-02-01 00:00"), span(t, availability.Busy, "2009-12-31 22:00", "2010-01-01 02:00")),
		"twice-the-hour.vfb": mary(t, october, span(t, availability.Busy, "2009-10-25 00:30", "2009-10-25 01:00"),
			span(t, availability.Tentative, "2009-10-25 01:00", "2009-10-25 01:30")),
		"fractions.vfb": mary(t, window(t, "2009-10-01 00:00:00.25", "2009-10-02 00:00:00.75"),
			span(t, availability.Busy, "2009-10-01 08:00:00.5", "2009-10-01 09:00:00.5"), span(t, availability.OOF, "2009-10-02 00:00:00.1", "2009-10-02 00:00:00.75")),
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, write(t, f)) })
	}
}

// Goldens are read here without the library that wrote them.
func TestGoldensAreCalendars(t *testing.T) {
	files, err := filepath.Glob("testdata/*.vfb")
	if err != nil || len(files) < 7 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := unfold(t, data)
		at := 0
		for _, expected := range []string{
			"BEGIN:VCALENDAR", "PRODID:-//.+", `VERSION:2\.0`, "METHOD:PUBLISH", "BEGIN:VFREEBUSY", "ORGANIZER:mailto:[^@]+@[^@]+", "UID:.+",
			`DTSTAMP:\d{8}T\d{6}Z`, `DTSTART:\d{8}T\d{6}Z`, `DTEND:\d{8}T\d{6}Z`, `(URL:https://.+)?`,
			`(FREEBUSY;FBTYPE=BUSY(-TENTATIVE|-UNAVAILABLE)?:\d{8}T\d{6}Z/\d{8}T\d{6}Z)*`, "END:VFREEBUSY", "END:VCALENDAR",
		} {
			line := regexp.MustCompile("^" + strings.TrimSuffix(expected, "*") + "$")
			many, optional := strings.HasSuffix(expected, ")*"), strings.HasSuffix(expected, ")?")
			matched := 0
			for at < len(lines) && line.MatchString(lines[at]) && (many || matched == 0) {
				matched++
				at++
			}
			if matched == 0 && !many && !optional {
				t.Errorf("%s: %q where %s should be", file, lines[min(at, len(lines)-1)], expected)
				break
			}
		}
		if at != len(lines) {
			t.Errorf("%s: %q is left", file, lines[at:])
		}
	}
}

// unfold reads lines as RFC 5545 3.1 says, and nothing else.
func unfold(t testing.TB, data []byte) []string {
	t.Helper()
	text, ended := strings.CutSuffix(string(data), "\r\n")
	if !ended || strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		t.Fatal("lines do not all end in CR LF")
	}
	for _, line := range strings.Split(text, "\r\n") {
		if len(line) > 75 || line == "" || strings.ToValidUTF8(line, "?") != line {
			t.Errorf("a line is longer than 75 octets, empty or parts a character: %q", line)
		}
	}
	return strings.Split(strings.ReplaceAll(text, "\r\n ", ""), "\r\n")
}

func TestWriteRefuses(t *testing.T) {
	day := window(t, "2009-10-01 00:00", "2009-10-02 00:00")
	gap := span(t, availability.NoData, "2009-10-01 08:00", "2009-10-01 09:00")
	otherYear := mary(t, availability.Window{Start: time.Date(1500, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(1500, 1, 2, 0, 0, 0, 0, time.UTC)})
	nobody, dn, forged := mary(t, day), mary(t, day), mary(t, day)
	nobody.Mailbox, dn.Mailbox, forged.URL = "", "/o=org/cn=mary", "https://x\r\nFREEBUSY:x"
	for name, f := range map[string]vfreebusy.FreeBusy{
		"there are gaps":       mary(t, day, gap),
		"nothing is known":     {Mailbox: "mary@contoso.com"},
		"not an SMTP address":  nobody,
		`"/o=org/cn=mary" is`:  dn,
		"contains a CR or LF":  forged,
		"beyond the years":     otherYear,
		"nothing is known ":    mary(t, window(t, "2009-10-01 00:00:00.2", "2009-10-01 00:00:00.8")),
		"write a VFREEBUSY: t": mary(t, day, gap),
	} {
		var b bytes.Buffer
		err := vfreebusy.Write(&b, f)
		if err == nil || !strings.Contains(err.Error(), strings.TrimSpace(name)) || b.Len() > 0 {
			t.Errorf("%s: %v, %q", name, err, b.Bytes())
		}
	}
}

func TestPart(t *testing.T) {
	known := window(t, "2009-10-01 00:00", "2009-10-10 00:00")
	s := availability.NewSchedule(known, 0, []availability.Span{
		span(t, availability.NoData, "2009-10-03 00:00", "2009-10-04 00:00"),
		span(t, availability.NoData, "2009-10-06 00:00", "2009-10-07 00:00"),
		span(t, availability.Busy, "2009-10-04 00:00", "2009-10-04 12:00"),
	})
	for _, test := range []struct {
		name, around string
		want         availability.Window
	}{
		{"the longest", "", window(t, "2009-10-07 00:00", "2009-10-10 00:00")},
		{"the first", "2009-10-01 00:00", window(t, "2009-10-01 00:00", "2009-10-03 00:00")},
		{"the middle", "2009-10-05 23:59", window(t, "2009-10-04 00:00", "2009-10-06 00:00")},
		{"in a gap", "2009-10-06 00:00", availability.Window{}},
		{"outside", "2009-10-10 00:00", availability.Window{}},
	} {
		var around time.Time
		if test.around != "" {
			around = utc(t, test.around)
		}
		if got := vfreebusy.Part(s, around); !got.Known.Equal(test.want) {
			t.Errorf("%s: %v, want %v", test.name, got.Known, test.want)
		}
	}
	if got := vfreebusy.Part(availability.Schedule{}, time.Time{}); !got.Equal(availability.Schedule{}) {
		t.Errorf("of nothing: %v", got)
	}
}

func TestPartHasNoGapsAndInventsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := at.Schedule().Draw(t, "schedule")
		var around time.Time
		if rapid.Bool().Draw(t, "around") {
			around = at.Time().Draw(t, "moment")
		}
		part := vfreebusy.Part(s, around)
		at.CheckCanonical(t, part)
		if !part.Known.Empty() && !s.Covers(part.Known) || !part.Equal(s.Clip(part.Known)) {
			t.Fatalf("%v of %v", part, s)
		}
		if !around.IsZero() && (part.At(around) != s.At(around)) {
			t.Fatalf("%v at %v", part.At(around), around)
		}
		if around.IsZero() && part.Known.Empty() != s.Known.Empty() {
			t.Fatal("something is known, and no part of it was found")
		}
	})
}

// What was written is read as it was, but for what a VFREEBUSY has no word for.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := vfreebusy.Part(at.Schedule().Draw(t, "schedule"), time.Time{})
		if s.Known.Empty() {
			t.Skip()
		}
		elsewhere := rapid.SampledFrom([]availability.Status{availability.NoData, availability.Free, availability.Tentative, availability.Busy, availability.OOF}).Draw(t, "elsewhere")
		m := availability.Mailbox(rapid.StringMatching(`([a-zé%?#\\'+]{1,20}|"[a-zé%?#;,']{1,20}")@[a-z]{1,40}\.com`).Draw(t, "mailbox"))
		data := write(t, vfreebusy.FreeBusy{Mailbox: m, Schedule: s, Stamp: at.Epoch, WorkingElsewhere: elsewhere})
		got, err := vfreebusy.Read(data, m)
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		var spans []availability.Span
		for _, span := range s.Spans {
			if span.Status == availability.WorkingElsewhere {
				span.Status = max(elsewhere, availability.Free)
			}
			spans = append(spans, span)
		}
		if want := availability.NewSchedule(s.Known, 0, spans); !got.Equal(want) {
			t.Fatalf("%v, want %v\n%s", got, want, data)
		}
		again := write(t, vfreebusy.FreeBusy{Mailbox: m, Schedule: got, Stamp: at.Epoch})
		if !bytes.Equal(again, data) {
			t.Fatalf("written again it is other:\n%s\n%s", again, data)
		}
	})
}
