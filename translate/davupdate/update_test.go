package davupdate_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/translate/davupdate"
	"fbgate/translate/folderpath"
	"fbgate/translate/proptag"
)

var update = flag.Bool("update", false, "write testdata anew")

func day(d, hour int) time.Time { return time.Date(2026, 10, d, hour, 0, 0, 0, time.UTC) }

func TestUpdate(t *testing.T) {
	w := availability.Window{Start: day(1, 0), End: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	span := func(d int, status availability.Status) availability.Span {
		return availability.Span{Window: availability.Window{Start: day(d, 9), End: day(d, 10)}, Status: status}
	}
	for name, spans := range map[string][]availability.Span{
		"free":     nil,
		"busy":     {span(5, availability.Busy)},
		"all-four": {span(5, availability.Busy), span(6, availability.Tentative), span(7, availability.OOF)},
	} {
		t.Run(name, func(t *testing.T) {
			record, err := proptag.Encode(availability.NewSchedule(w, 0, spans), w)
			if err != nil {
				t.Fatal(err)
			}
			item, ok := folderpath.OfDN("/o=R&D/ou=First/cn=Recipients/cn=mary")
			if !ok {
				t.Fatal("there is no path")
			}
			got := davupdate.Append(nil, item, record, day(9, 8))
			file := filepath.Join("testdata", name+".xml")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v\n%s\n%s is expected", err, got, want)
			}
		})
	}
}

func multistatus(inside string) string {
	return `<?xml version="1.0"?><a:multistatus xmlns:a="DAV:" xmlns:d="http://schemas.microsoft.com/mapi/proptag/">` + inside + `</a:multistatus>`
}

func propstat(status string) string {
	return `<a:propstat><a:status>` + status + `</a:status><a:prop><d:x68470003/></a:prop></a:propstat>`
}

func TestReply(t *testing.T) {
	const href = `<a:href>http://mail/public/x.EML</a:href>`
	for _, test := range []struct {
		name, body, want string
		status           int
	}{
		{"all done", multistatus(`<a:response>` + href + propstat("HTTP/1.1 200 OK") + `</a:response>`), "", 0},
		{"done as a whole", multistatus(`<a:response>` + href + `<a:status>HTTP/1.1 201 Created</a:status></a:response>`), "", 0},
		{"one not", multistatus(`<a:response>` + href + propstat("HTTP/1.1 200 OK") + propstat("HTTP/1.1 403 Forbidden") + `</a:response>`), "x68470003", 403},
		{"none", multistatus(`<a:response>` + href + `<a:status>HTTP/1.1 423 Locked</a:status></a:response>`), "status 423", 423},
		{"nothing", multistatus(``), "0 items", 0},
		{"two", multistatus(`<a:response>` + propstat("HTTP/1.1 200 OK") + `</a:response><a:response>` + propstat("HTTP/1.1 200 OK") + `</a:response>`), "2 items", 0},
		{"no status", multistatus(`<a:response>` + href + `</a:response>`), "no status", 0},
		{"an empty status", multistatus(`<a:response>` + propstat("") + `</a:response>`), "not the status", 0},
		{"another status", multistatus(`<a:response>` + propstat("200") + `</a:response>`), "not the status", 0},
		{"another namespace", `<multistatus><response><status>HTTP/1.1 200 OK</status></response></multistatus>`, "multistatus", 0},
		{"a web page", `<html><body>OK</body></html>`, "multistatus", 0},
		{"empty", ``, "no XML", 0},
		{"cut short", multistatus(`<a:response>`)[:90], "EOF", 0},
	} {
		err := davupdate.ReadReply([]byte(test.body))
		var property *davupdate.PropertyError
		switch {
		case test.want == "" && err != nil, test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, %q is expected", test.name, err, test.want)
		case errors.As(err, &property) != (test.status != 0) || property != nil && property.Status != test.status:
			t.Errorf("%s: %#v", test.name, err)
		}
	}
}

func FuzzReadReply(f *testing.F) {
	f.Add([]byte(multistatus(`<a:response>` + propstat("HTTP/1.1 200 OK") + `</a:response>`)))
	f.Add([]byte(multistatus(`<a:response>` + propstat("HTTP/1.1 500 x") + `</a:response>`)))
	for _, capture := range at.Captures(f) {
		f.Add(capture)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if err := davupdate.ReadReply(body); err == nil && !bytes.Contains(body, []byte("multistatus")) {
			t.Errorf("%q says that all was done", body)
		}
	})
}
