package vfreebusy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/translate/vfreebusy"
)

const (
	header = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\nBEGIN:VFREEBUSY\r\n"
	day    = "DTSTART:20091028T000000Z\r\nDTEND:20091029T000000Z\r\n"
	marys  = "ORGANIZER:mailto:mary@contoso.com\r\n"
	footer = "END:VFREEBUSY\r\nEND:VCALENDAR\r\n"
)

// sketch is the day of 28 October 2009 in hours.
func sketch(t *testing.T, s availability.Schedule) string {
	return at.Sketch(s, window(t, "2009-10-28 00:00", "2009-10-29 00:00"), time.Hour)
}

func TestRead(t *testing.T) {
	const free = "........................"
	draw := func(at int, with string) string { return free[:at] + with + free[at+len(with):] }
	for _, test := range []struct{ name, data, want string }{
		{"nothing busy", header + marys + day + footer, free},
		{"no type is busy", header + marys + day + "FREEBUSY:20091028T080000Z/20091028T100000Z\r\n" + footer, draw(8, "bb")},
		{"every type", header + marys + day + "FREEBUSY;FBTYPE=BUSY:20091028T080000Z/20091028T090000Z\r\nFREEBUSY;FBTYPE=BUSY-TENTATIVE:20091028T090000Z/20091028T100000Z\r\n" +
			"FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20091028T100000Z/20091028T110000Z\r\nFREEBUSY;FBTYPE=FREE:20091028T080000Z/20091028T120000Z\r\n" + footer, draw(8, "bto")},
		{"an unknown type is busy", header + marys + day + "FREEBUSY;FBTYPE=X-LUNCH:20091028T120000Z/20091028T130000Z\r\n" + footer, draw(12, "b")},
		{"types and names have no case", "begin:vcalendar\r\nbegin:vfreebusy\r\norganizer:MAILTO:MARY@Contoso.COM\r\ndtstart:20091028t000000z\r\ndtend:20091029t000000z\r\nfreebusy;fbtype=busy-tentative:20091028t080000z/pt1h\r\nend:vfreebusy\r\nend:vcalendar\r\n", draw(8, "t")},
		{"several to a line", header + marys + day + "FREEBUSY;VALUE=PERIOD:20091028T080000Z/20091028T090000Z,\r\n 20091028T1\r\n\t00000Z/20091028T110000Z , 20091028T120000Z/PT1H\r\n" + footer, draw(8, "b.b.b")},
		{"lengths", header + marys + day + "FREEBUSY:20091028T010000Z/PT1H30M,20091028T040000Z/+PT3600S,20091028T060000Z/P0DT2H,20091028T220000Z/P1W\r\n" + footer, ".bb.b.bb..............bb"},
		{"they overlap, and reach outside", header + marys + day + "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20091027T080000Z/20091028T030000Z\r\nFREEBUSY:20091028T020000Z/20091028T040000Z\r\nFREEBUSY:20091029T020000Z/20091029T040000Z\r\n" + footer, "ttbb...................."},
		{"an empty period and an empty line", header + marys + day + "FREEBUSY:20091028T020000Z/20091028T020000Z\r\nFREEBUSY:\r\n" + footer, free},
		{"LF alone, a byte order mark, empty lines", "\xef\xbb\xbf\n" + strings.ReplaceAll(header+"\r\n"+marys+day+footer, "\r\n", "\n") + "\n", free},
		{"no line end at the end", strings.TrimSuffix(header+marys+day+footer, "\r\n"), free},
		{"DTSTART and DURATION", header + marys + "DTSTART:20091028T000000Z\r\nDURATION:PT12H\r\n" + footer, "............????????????"},
		{"outside the range nothing is known", header + marys + "DTSTART:20091028T060000Z\r\nDTEND:20091028T180000Z\r\n" + footer, "??????............??????"},
		{"other lines do not matter", header + "X-A;B:\"\r\nSUMMARY;LANGUAGE=\"de:x\r\n" + marys + day + footer, free},
		{"no ORGANIZER", header + day + "FREEBUSY:20091028T080000Z/PT1H\r\n" + footer, draw(8, "b")},
		{"SugarCRM's ORGANIZER", header + "ORGANIZER;CN=Mary Smith:VFREEBUSY\r\n" + day + footer, free},
		{"Exchange's ORGANIZER", header + "ORGANIZER:MAILTO:/O=CONTOSO/OU=AG/CN=RECIPIENTS/CN=MARY\r\n" + day + footer, free},
		{"a quoted name", header + "ORGANIZER;CN=\"Smith, Mary: x\";X-A=b,c:mailto:mary@contoso.com\r\n" + day + footer, free},
		{"ORGANIZER without a scheme", header + "ORGANIZER:Mary@contoso.com\r\n" + day + footer, free},
		{"an escaped ORGANIZER", header + "ORGANIZER:mailto:mary%40contoso.com\r\n" + day + footer, free},
		{"the right one of several", header + "ORGANIZER:mailto:john@contoso.com\r\n" + day + "FREEBUSY:20091028T010000Z/PT1H\r\nEND:VFREEBUSY\r\nBEGIN:VFREEBUSY\r\n" + marys + day + "FREEBUSY:20091028T080000Z/PT1H\r\n" + footer, draw(8, "b")},
		{"the right one of several calendars", header + "ORGANIZER:mailto:john@contoso.com\r\n" + day + "FREEBUSY:20091028T010000Z/PT1H\r\n" + footer + header + marys + day + footer, free},
		{"two ranges, and a gap between them", header + marys + "DTSTART:20091028T000000Z\r\nDTEND:20091028T020000Z\r\nEND:VFREEBUSY\r\nBEGIN:VFREEBUSY\r\n" + marys + "DTSTART:20091028T040000Z\r\nDTEND:20091028T060000Z\r\nFREEBUSY:20091028T040000Z/PT1H\r\n" + footer, "..??b.??????????????????"},
		{"two that know of the same time", header + marys + day + "END:VFREEBUSY\r\nBEGIN:VFREEBUSY\r\n" + marys + day + "FREEBUSY:20091028T040000Z/PT1H\r\n" + footer, draw(4, "b")},
		{"events beside it", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;TZID=Europe/Berlin:20091028T010000\r\nBEGIN:VALARM\r\nEND:VALARM\r\nEND:VEVENT\r\nBEGIN:VFREEBUSY\r\n" + marys + day + footer, free},
		{"a reply", strings.Replace(header, "PUBLISH", "REPLY", 1) + "ORGANIZER:mailto:john@contoso.com\r\nATTENDEE:mailto:mary@contoso.com\r\n" + day + "FREEBUSY:20091028T080000Z/PT1H\r\n" + footer, draw(8, "b")},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := vfreebusy.Read([]byte(test.data), "mary@contoso.com")
			if err != nil {
				t.Fatal(err)
			}
			at.CheckCanonical(t, s)
			if got := sketch(t, s); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	with := func(line string) string { return header + marys + day + line + "\r\n" + footer }
	for _, test := range []struct{ name, data, want string }{
		{"nothing", "", "no VFREEBUSY"},
		{"a web page", "<html><body>Log in</body></html>", "line 1 is no line of a calendar"},
		{"a calendar of events", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", "no VFREEBUSY"},
		{"somebody else's", header + "ORGANIZER:mailto:john@contoso.com\r\n" + day + footer, "is that of somebody else"},
		{"somebody else's, and one without", header + day + "END:VFREEBUSY\r\nBEGIN:VFREEBUSY\r\nORGANIZER:mailto:john@contoso.com\r\n" + day + footer, "that of somebody else"},
		{"a reply about somebody else", strings.Replace(header, "PUBLISH", "REPLY", 1) + marys + "ATTENDEE:mailto:john@contoso.com\r\n" + day + footer, "that of somebody else"},
		{"a request", strings.Replace(header, "PUBLISH", "REQUEST", 1) + marys + day + footer, "METHOD:REQUEST"},
		{"cut short after the range", header + marys + day, "2 components have no END"},
		{"cut short in the calendar", header + marys + day + "END:VFREEBUSY\r\n", "1 components have no END"},
		{"cut short in a line", header + marys + day + "FREEBUSY;FBTYPE=BU", "line 8"},
		{"no DTSTART", header + marys + "DTEND:20091029T000000Z\r\n" + footer, "needs one DTSTART"},
		{"no DTEND", header + marys + "DTSTART:20091028T000000Z\r\n" + footer, "one DTEND"},
		{"two DTSTART", header + marys + day + "DTSTART:20091028T000000Z\r\n" + footer, "needs one DTSTART"},
		{"backwards", header + marys + "DTSTART:20091029T000000Z\r\nDTEND:20091028T000000Z\r\n" + footer, "is not after DTSTART"},
		{"a date", header + marys + "DTSTART;VALUE=DATE:20091029\r\nDTEND:20091029T000000Z\r\n" + footer, "no time in UTC"},
		{"a local time", with("FREEBUSY:20091028T080000/20091028T090000"), "no time in UTC"},
		{"a zone", with("FREEBUSY;TZID=Europe/Berlin:20091028T080000/PT1H"), `in the zone "Europe/Berlin"`},
		{"30 February", with("FREEBUSY:20090230T080000Z/PT1H"), "no time in UTC"},
		{"a fraction", with("FREEBUSY:20090228T080000.5Z/PT1H"), "no time in UTC"},
		{"no period", with("FREEBUSY:20091028T080000Z"), "no period"},
		{"a period backwards", with("FREEBUSY:20091028T080000Z/20091028T070000Z"), "ends before it starts"},
		{"a negative length", with("FREEBUSY:20091028T080000Z/-PT1H"), "no length of time"},
		{"no length", with("FREEBUSY:20091028T080000Z/P"), "no length of time"},
		{"no length either", with("FREEBUSY:20091028T080000Z/PT"), "no length of time"},
		{"an endless length", with("FREEBUSY:20091028T080000Z/P99999999999999999999D"), "no length of time"},
		{"too long a length", with("FREEBUSY:20091028T080000Z/P99999DT999999H"), "" /* 388 years: clipped */},
		{"year 9999", with("FREEBUSY:99991028T080000Z/PT1H"), "no time in UTC"},
		{"a parameter that would panic", with("FREEBUSY;FBTYPE=BUSY"), "malformed parameters"},
		{"another one", with("FREEBUSY;X:a=b"), "malformed parameters"},
		{"and one more", with("FREEBUSY;X=\"a:b"), "malformed parameters"},
		{"a space in the name", with("FREEBUSY :20091028T080000Z/PT1H"), "line 8 is no line of a calendar"},
		{"a long parameter", with("FREEBUSY;X=" + strings.Repeat("x", 2000) + ":20091028T080000Z/PT1H"), "malformed parameters"},
		{"no VCALENDAR", "BEGIN:VFREEBUSY\r\n" + marys + day + "END:VFREEBUSY\r\n", "no calendar"},
		{"the wrong END", header + marys + day + "END:VEVENT\r\nEND:VCALENDAR\r\n", "no calendar"},
		{"END first", "END:VCALENDAR\r\n" + header, "nested wrongly"},
		{"deep", strings.Repeat("BEGIN:X\r\n", 100_000), "deeper than 8"},
		{"long", strings.Repeat(" ", vfreebusy.MaxSize+1), "longer than 1048576 bytes"},
		{"many periods", with("FREEBUSY:" + strings.Repeat("20091028T080000Z/PT1H,", vfreebusy.MaxPeriods+1)), "more than 20000 periods"},
		{"many components", header + strings.Repeat(marys+day+"END:VFREEBUSY\r\nBEGIN:VFREEBUSY\r\n", 60) + marys + day + footer, "more than 50"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := vfreebusy.Read([]byte(test.data), "mary@contoso.com")
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || !s.Equal(availability.Schedule{}) {
				t.Errorf("%v, %v, want %s", s, err, test.want)
			} else if len(err.Error()) > 400 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// Calendars in the manner of four programs, made after descriptions of what they write.
func TestReadFilesOfOthers(t *testing.T) {
	for name, want := range map[string]string{
		"outlook.ifb":  "????????bb..t...????????",
		"sugarcrm.ifb": ".........bb.............",
		"zimbra.ifb":   "........b.too...........",
		"kolab.ifb":    "........bbb.............",
	} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := vfreebusy.Read(data, "mary@contoso.com")
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got := sketch(t, s); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(header + marys + day + "FREEBUSY;FBTYPE=BUSY:20091028T080000Z/PT1H,20091028T080000Z/20091028T090000Z\r\n" + footer))
	f.Add([]byte(header + "ORGANIZER;CN=\"a:b\",c:mailto:mary@contoso.com\r\n" + day + "FREEBUSY;X=\r\n y:1\r\n" + footer))
	files, err := filepath.Glob("testdata/*.?fb")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var s availability.Schedule
		var err error
		at.CheckAllocation(t, len(data), func() { s, err = vfreebusy.Read(data, "mary@contoso.com") })
		if err != nil {
			if !s.Equal(availability.Schedule{}) {
				t.Fatal("an error, and a schedule")
			}
			return
		}
		at.CheckCanonical(t, s)
		if s.Known.Empty() {
			t.Fatal("nothing is known, and no error")
		}
		part := vfreebusy.Part(s, time.Time{})
		again, err := vfreebusy.Read(write(t, vfreebusy.FreeBusy{Mailbox: "mary@contoso.com", Schedule: part}), "mary@contoso.com")
		if err != nil || !again.Equal(part) {
			t.Fatalf("%v, %v, want %v", again, err, part)
		}
	})
}
