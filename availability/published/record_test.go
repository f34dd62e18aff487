package published

import (
	"encoding/binary"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"

	"pgregory.net/rapid"
)

func TestRecordIsReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		jitter := rapid.Map(rapid.Int64Range(0, int64(time.Hour)), func(n int64) time.Duration { return time.Duration(n) })
		p := availability.Publication{
			Mailbox: availability.Mailbox(rapid.StringN(1, 100, 400).Draw(t, "mailbox")), By: rapid.StringN(0, 40, maxBy).Draw(t, "by"),
			At: at.Time().Draw(t, "at").Add(jitter.Draw(t, "fraction")), Expires: at.Time().Draw(t, "expires").AddDate(50, 0, 0),
			Schedule: at.Schedule().Draw(t, "schedule"),
		}
		if p.Schedule.Known.Empty() {
			t.Skip()
		}
		if rapid.Bool().Draw(t, "odd") && len(p.Schedule.Spans) > 0 {
			odd := p.Schedule.Spans[0]
			odd.End = odd.End.Add(-jitter.Draw(t, "less") % (5 * time.Minute))
			p.Schedule = availability.NewSchedule(p.Schedule.Known, 7*time.Second, []availability.Span{odd})
		}
		record := appendRecord(nil, p)
		got, err := parseRecord(p.Mailbox, record)
		if err != nil {
			t.Fatal(err)
		}
		if got.Mailbox != p.Mailbox || got.By != p.By || !got.At.Equal(p.At) || !got.Expires.Equal(p.Expires) || !got.Schedule.Equal(p.Schedule) {
			t.Fatalf("%+v, want %+v", got, p)
		}
		if most := 60 + len(p.By) + 13*len(p.Schedule.Spans); len(record) > most {
			t.Fatalf("%d bytes, more than %d", len(record), most)
		}
		flipped := append([]byte(nil), record...)
		bit := rapid.IntRange(0, 8*len(record)-1).Draw(t, "bit")
		flipped[bit/8] ^= 1 << (bit % 8)
		if _, err := parseRecord(p.Mailbox, flipped); err == nil {
			t.Fatal("a flipped bit is not noticed")
		}
		if _, err := parseRecord(p.Mailbox+"x", record); err == nil {
			t.Fatal("it is taken for somebody else's")
		}
		if _, err := parseRecord(p.Mailbox, record[:rapid.IntRange(0, len(record)-1).Draw(t, "cut")]); err == nil {
			t.Fatal("that it is cut short is not noticed")
		}
	})
}

// An hour of a meeting takes few bytes.
func TestRecordIsCompact(t *testing.T) {
	known := availability.Window{Start: at.Epoch, End: at.Epoch.AddDate(0, 3, 0)}
	var spans []availability.Span
	for day := range 90 {
		start := at.Epoch.AddDate(0, 0, day).Add(9 * time.Hour)
		spans = append(spans, availability.Span{Window: availability.Window{Start: start, End: start.Add(time.Hour)}, Status: availability.Busy})
	}
	p := availability.Publication{Mailbox: "a@b.c", Schedule: availability.NewSchedule(known, 0, spans)}
	if n := len(appendRecord(nil, p)); n > 600 {
		t.Errorf("%d bytes for 90 meetings", n)
	}
}

// Whatever the bytes are, with a checksum that fits or not, nothing breaks and nothing is
// believed that is no Schedule.
func FuzzParseRecord(f *testing.F) {
	p := availability.Publication{Mailbox: "a@b.c", By: "x", At: at.Epoch, Expires: at.Epoch.AddDate(0, 1, 0), Schedule: availability.NewSchedule(
		availability.Window{Start: at.Epoch, End: at.Epoch.AddDate(0, 1, 0)}, time.Minute,
		[]availability.Span{{Window: availability.Window{Start: at.Epoch.Add(time.Hour), End: at.Epoch.Add(2*time.Hour + 1)}, Status: availability.Busy}})}
	record := appendRecord(nil, p)
	f.Add(record, false)
	f.Add(record[:len(record)-4], true)
	f.Fuzz(func(t *testing.T, data []byte, sign bool) {
		if sign {
			data = binary.BigEndian.AppendUint32(append([]byte(nil), data...), sum("a@b.c", data))
		}
		p, err := parseRecord("a@b.c", data)
		if err != nil {
			if !p.Schedule.Equal(availability.Schedule{}) {
				t.Fatal("an error, and a schedule")
			}
			return
		}
		at.CheckCanonical(t, p.Schedule)
		again, err := parseRecord("a@b.c", appendRecord(nil, p))
		if err != nil || !again.Schedule.Equal(p.Schedule) {
			t.Fatalf("%+v, %v, want %+v", again, err, p)
		}
	})
}
