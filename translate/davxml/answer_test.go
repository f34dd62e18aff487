package davxml_test

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/translate/davxml"
	"fbgate/translate/merged"

	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("..", "..", "testdata", "dav", name)
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
		t.Errorf("%s:\n got %s\nwant %s", name, got, want)
	}
}

func answers(schedules []availability.Schedule) []availability.Answer {
	out := make([]availability.Answer, len(schedules))
	for i, s := range schedules {
		out[i].Schedule = s
	}
	return out
}

func answer(t testing.TB, query string, schedules ...availability.Schedule) []byte {
	t.Helper()
	r, err := davxml.ParseQuery(query, davxml.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return davxml.AppendAnswer(nil, r, answers(schedules), merged.Digits{})
}

func digits(s string) availability.Schedule {
	start := time.Date(2009, 10, 28, 0, 0, 0, 0, time.UTC)
	w := availability.Window{Start: start, End: start.Add(time.Duration(len(s)) * time.Hour)}
	return merged.Parse(s, w, time.Hour, merged.Exchange2003)
}

func TestAnswers(t *testing.T) {
	hours := "start=2009-10-28T00:00:00Z&end=2009-10-28T12:00:00Z&interval=60"
	golden(t, "answer-one.xml", answer(t, hours+"&u=SMTP:Mary@Contoso.com", digits("000022011000")))
	golden(t, "answer-three.xml", answer(t, hours+"&u=SMTP:mary@contoso.com&u=joe@fabrikam.com;0&u=EX:/o=Contoso/cn=Recipients/cn=ann",
		digits("000022000000"), digits("001333300000"), availability.Schedule{}))
	golden(t, "answer-escaped.xml", answer(t, hours+"&u=SMTP:o'brien<&>\"%01%ff@contoso.com", digits("000022000000")))
	golden(t, "answer-partly-known.xml", answer(t, hours+"&u=SMTP:mary@contoso.com", digits("0000220")))
	refusal := davxml.ParameterError{Parameter: "start", Received: "<b>", Expected: "a time"}
	body := davxml.AppendError(nil, &refusal)
	golden(t, "error.xml", body)
	if again := davxml.ReadError(body); again == nil || *again != refusal {
		t.Errorf("the refusal reads as %v", again)
	}
	if none := davxml.ReadError(answer(t, hours+"&u=a@b", digits("0"))); none != nil {
		t.Errorf("an answer reads as the refusal %v", none)
	}
}

func TestAnswerHasExactlyTheDigitsAsked(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := davxml.Request{Window: at.Window().Draw(t, "window"), Interval: time.Duration(rapid.IntRange(1, 1440).Draw(t, "minutes")) * time.Minute}
		schedules := rapid.SliceOfN(at.Schedule(), 1, 4).Draw(t, "schedules")
		for i := range schedules {
			r.Attendees = append(r.Attendees, davxml.Attendee{Type: "SMTP", Address: fmt.Sprintf("a%d@example.org", i)})
		}
		slots := r.Window.Slots(r.Interval)
		items, err := davxml.ReadAnswer(davxml.AppendAnswer(nil, r, answers(schedules), merged.Digits{}), slots)
		if err != nil {
			t.Fatal(err)
		}
		if len(items) != len(schedules)+1 || items[0].DisplayName != "All Attendees" || items[0].Address != "" {
			t.Fatalf("items %+v", items)
		}
		all := bytes.Repeat([]byte("0"), slots)
		for i, s := range schedules {
			if want := (merged.Digits{}).Append(nil, s, r.Window, r.Interval); items[i+1].Digits != string(want) || items[i+1].Address != r.Attendees[i].Address {
				t.Fatalf("row %d is %+v, want %s", i+1, items[i+1], want)
			}
			merged.Overlay(all, []byte(items[i+1].Digits))
		}
		if items[0].Digits != string(all) {
			t.Fatalf("All Attendees is %s, want %s", items[0].Digits, all)
		}
	})
}

// Written in pieces an answer is the same, and as long as announced.
func TestAnswerInPieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := at.Time().Draw(t, "start")
		r := davxml.Request{
			Window:   availability.Window{Start: start, End: start.Add(time.Duration(rapid.IntRange(1, 40*24*60).Draw(t, "minutes")) * time.Minute)},
			Interval: time.Duration(rapid.SampledFrom([]int{1, 7, 30}).Draw(t, "interval")) * time.Minute,
		}
		schedules := rapid.SliceOfN(at.Schedule(), 1, 3).Draw(t, "schedules")
		for range schedules {
			r.Attendees = append(r.Attendees, davxml.Attendee{Type: "SMTP", Address: rapid.String().Draw(t, "address")})
		}
		want := davxml.AppendAnswer(nil, r, answers(schedules), merged.Digits{})
		var got bytes.Buffer
		if err := davxml.WriteAnswer(&got, r, answers(schedules), merged.Digits{}); err != nil || !bytes.Equal(got.Bytes(), want) {
			t.Fatalf("%v:\n got %s\nwant %s", err, got.Bytes(), want)
		}
		if r.AnswerLen() != len(want) {
			t.Fatalf("%d bytes announced, %d written", r.AnswerLen(), len(want))
		}
	})
}

// Literal readers: how DavMail and two others find the digits in the text.
func TestAnswersForClientsThatSearchTheText(t *testing.T) {
	body := string(answer(t, day+"interval=60&u=SMTP:mary@contoso.com", digits("000022001000")))
	last := body[strings.LastIndex(body, "<a:fbdata>")+len("<a:fbdata>"):]
	last = last[:strings.Index(last, "</a:fbdata>")]
	first := body[strings.Index(body, "<a:fbdata>")+len("<a:fbdata>"):]
	first = first[:strings.Index(first, "</a:fbdata>")]
	if want := "000022001000444444444444"; first != want || last != want {
		t.Errorf("the first reader gets %q, the last %q, want %q", first, last, want)
	}
	var root struct {
		Children []struct{ XMLName xml.Name } `xml:",any"`
	}
	if err := xml.Unmarshal([]byte(body), &root); err != nil || len(root.Children) != 1 {
		t.Errorf("the root has %d children, Horde takes one; %v", len(root.Children), err)
	}
}

func TestCapturedAnswers(t *testing.T) {
	runs := func(digits string, start time.Time, interval time.Duration) string {
		w := availability.Window{Start: start, End: start.Add(time.Duration(len(digits)) * interval)}
		var out []string
		for _, span := range merged.Parse(digits, w, interval, merged.Exchange2003).Spans {
			out = append(out, fmt.Sprintf("%v %s-%s", span.Status, span.Start.Format("01-02 15:04"), span.End.Format("01-02 15:04")))
		}
		return strings.Join(out, ", ")
	}
	t.Run("google connector", func(t *testing.T) {
		items, err := davxml.ReadAnswer(at.Vector(t, "dav/gcc_FreeBusyResponse.xml"), 1344)
		if err != nil || len(items) != 2 || items[1].Address != "test@example.org" || items[0].Digits != items[1].Digits {
			t.Fatalf("%v, %v", items, err)
		}
		want := "Busy 12-26 18:00-12-26 18:30, Busy 12-26 20:30-12-26 21:00, Busy 12-31 17:30-12-31 18:00, Busy 12-31 21:00-12-31 21:30, Busy 01-02 17:30-01-02 18:00, Busy 01-02 21:00-01-03 00:15"
		if got := runs(items[1].Digits, time.Date(2007, 12, 25, 1, 45, 0, 0, time.UTC), 15*time.Minute); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	})
	t.Run("ximian", func(t *testing.T) {
		body := at.Vector(t, "dav/ximian_freebusy_two_users_truncated.xml")
		if _, err := davxml.ReadAnswer(body, 38); err == nil {
			t.Error("three dots are taken for digits")
		}
		items, err := davxml.ReadAnswer(bytes.ReplaceAll(body, []byte("..."), nil), 38)
		if err != nil || len(items) != 3 {
			t.Fatalf("%v, %v", items, err)
		}
		start := time.Date(2002, 10, 23, 4, 0, 0, 0, time.UTC)
		for i, want := range []string{
			"Busy 10-23 07:00-10-23 09:00, Tentative 10-23 16:30-10-23 17:00, Busy 10-23 17:00-10-23 18:00, Tentative 10-23 18:00-10-23 18:30, Busy 10-23 20:00-10-23 23:00",
			"Busy 10-23 17:00-10-23 18:00, Busy 10-23 20:00-10-23 23:00",
			"Busy 10-23 07:00-10-23 09:00, Tentative 10-23 16:30-10-23 18:30",
		} {
			if got := runs(items[i].Digits, start, 30*time.Minute); got != want {
				t.Errorf("row %d:\n got %s\nwant %s", i, got, want)
			}
		}
		all := []byte(items[1].Digits)
		merged.Overlay(all, []byte(items[2].Digits))
		if string(all) != items[0].Digits {
			t.Errorf("All Attendees: we draw %s, the server drew %s", all, items[0].Digits)
		}
	})
	t.Run("zimbra", func(t *testing.T) {
		items, err := davxml.ReadAnswer(at.Vector(t, "dav/zimbra_freebusy_one_day.xml"), 48)
		if err != nil || len(items) != 2 || items[0].Digits != items[1].Digits || items[1].Address != "testuser@2k3-ex2k3.local" {
			t.Fatalf("%v, %v", items, err)
		}
		want := "Busy 10-28 02:00-10-28 02:30, Busy 10-28 20:00-10-28 22:00"
		if got := runs(items[1].Digits, time.Date(2009, 10, 28, 0, 0, 0, 0, time.UTC), 30*time.Minute); got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	})
}

func TestReadAnswerRefuses(t *testing.T) {
	const frame = `<a:response xmlns:a="WM"><a:recipients><a:item><a:displayname>x</a:displayname><a:fbdata>%s</a:fbdata></a:item></a:recipients></a:response>`
	for _, digits := range []string{"", "000", "00000", "00 0", "0005", "00.0", "0<b/>000 "} {
		if items, err := davxml.ReadAnswer(fmt.Appendf(nil, frame, digits), 4); err == nil {
			t.Errorf("%q is taken for %v", digits, items)
		}
	}
	if _, err := davxml.ReadAnswer([]byte("<html><body>Log on</body></html>"), 4); err == nil {
		t.Error("a log-in page is taken for an answer")
	}
}

func FuzzReadAnswer(f *testing.F) {
	f.Add([]byte(`<a:response xmlns:a="WM"><a:recipients><a:item><a:fbdata>0123</a:fbdata></a:item></a:recipients></a:response>`))
	for _, capture := range at.Captures(f) {
		f.Add(capture)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		items, err := davxml.ReadAnswer(body, 4)
		for _, item := range items {
			if err != nil || len(item.Digits) != 4 || strings.Trim(item.Digits, "01234") != "" {
				t.Fatalf("%q reads as %v, %v", body, items, err)
			}
		}
	})
}

// A refusal that is read says what AppendError wrote.
func FuzzReadError(f *testing.F) {
	for _, name := range []string{"error.xml", "answer-one.xml"} {
		data, err := os.ReadFile("../../testdata/dav/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`<e:error xmlns:e="WM"><e:parameter>u</e:parameter><e:received>&#x41;</e:received></e:error>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		fault := davxml.ReadError(body)
		if fault == nil {
			return
		}
		if fault.Parameter == "" {
			t.Fatalf("%q is a refusal of nothing", body)
		}
		if again := davxml.ReadError(davxml.AppendError(nil, fault)); again == nil || *again != *fault {
			t.Fatalf("%+v came back as %+v", fault, again)
		}
	})
}
