package publisher

import (
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/upstream"
	"fbgate/translate/davupdate"
	"fbgate/translate/folderpath"
	"fbgate/translate/proptag"
)

const stateOf = "https://mail.contoso.com/public/"

func entryOf(says byte, at int64) entry {
	return entry{digest{says, 15: 1}, time.Unix(at, 0), time.Unix(at+1, 0)}
}

// FuzzState opens a state file of any content. It can always be opened, what is kept of
// it is the same when it is opened again, and after damage nothing is taken for sure.
func FuzzState(f *testing.F) {
	one, other := entryOf(1, 1_700_000_000).line("/o=x/cn=a"), entryOf(2, -5).line("/o=x/cn=\x00\xff\n\"")
	f.Add(header(stateOf) + one + other)
	f.Add(header(stateOf) + one + entry{}.line("/o=x/cn=a") + one + other[:20])
	f.Add(header("https://other.contoso.com/public/") + one)
	f.Add(header(stateOf) + strings.Replace(one, "a", "b", 1) + other)
	f.Add(header(stateOf) + strings.Repeat("x", maxLine+1) + "\n" + one)
	f.Add(header(stateOf) + "5d4a1c36 - 0 0 \"\"\n00000000 \n")
	log := slog.New(slog.DiscardHandler)
	memory := "" // where there is a folder in memory, which is a hundred times as fast
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		memory = "/dev/shm"
	}
	f.Fuzz(func(t *testing.T, content string) {
		dir, err := os.MkdirTemp(memory, "fbgate-state-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		path := filepath.Join(dir, "state")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		first, err := openState(path, stateOf, log)
		if err != nil {
			t.Fatal(err)
		}
		kept := maps.Clone(first.entries)
		_, damaged := os.Stat(path + ".damaged")
		first.close()
		if len(kept) > strings.Count(content, "\n") {
			t.Fatalf("%d entries of %q", len(kept), content)
		}
		for key, e := range kept {
			if !e.exists() || damaged == nil && e.says != (digest{}) {
				t.Errorf("%q is %+v", key, e)
			}
			if again, back, ok := parseLine(e.line(key)); !ok || again != key || back != e {
				t.Errorf("%q, %+v came back as %q, %+v", key, e, again, back)
			}
		}
		if aside, err := os.ReadFile(path + ".damaged"); damaged == nil && (err != nil || string(aside) != content) {
			t.Errorf("%q was put aside, %v", aside, err)
		}
		second, err := openState(path, stateOf, log)
		if err != nil {
			t.Fatal(err)
		}
		defer second.close()
		if !maps.Equal(second.entries, kept) {
			t.Errorf("%v, and opened again %v", kept, second.entries)
		}
		if !strings.HasPrefix(content, header(stateOf)) && len(kept) > 0 {
			t.Errorf("%v is taken from the state of something else", kept)
		}
	})
}

// FuzzEntry keeps whatever key and times there are.
func FuzzEntry(f *testing.F) {
	f.Add("/o=x/cn=a", []byte("0123456789abcdef"), int64(1), int64(2))
	f.Add("\"\\\n\x00\xff\u2028", []byte{}, int64(-1), int64(-62135596800))
	f.Fuzz(func(t *testing.T, key string, says []byte, written, confirmed int64) {
		var e entry
		copy(e.says[:], says)
		e.written, e.confirmed = time.Unix(written, 0), time.Unix(confirmed, 0)
		line := e.line(key)
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
			t.Fatalf("%q", line)
		}
		again, back, ok := parseLine(line)
		if !e.exists() {
			e = entry{}
		}
		if !ok || again != key || back != e {
			t.Errorf("%q, %+v came back as %q, %+v, %v", key, e, again, back, ok)
		}
	})
}

type replying func(r *http.Request) *http.Response

func (f replying) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// FuzzReply lets Exchange answer a PROPPATCH and a DELETE. An item is only taken to be
// written if a multistatus says so, and what goes wrong has a Reason of bounded length.
func FuzzReply(f *testing.F) {
	const ok = `<a:multistatus xmlns:a="DAV:"><a:response><a:href>x</a:href><a:propstat><a:status>HTTP/1.1 200 OK</a:status><a:prop/></a:propstat></a:response></a:multistatus>`
	f.Add(207, "text/xml", "", ok, true)
	f.Add(207, "text/xml", "", strings.Replace(ok, "200 OK", "403 Forbidden", 1), false)
	f.Add(200, "text/html", "", `<html><input type="password">`, true)
	f.Add(302, "", "/exchweb/bin/auth/owalogon.asp", "", true)
	f.Add(423, "", "", "", true)
	f.Add(503, "", "3600", "", false)
	for _, capture := range at.Captures(f) {
		f.Add(207, "text/xml", "", string(capture), false)
	}
	root, err := url.Parse(stateOf)
	if err != nil {
		f.Fatal(err)
	}
	item, _ := folderpath.OfDN("/o=Contoso/ou=Sales/cn=Recipients/cn=mary")
	month := availability.Window{Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}
	record, err := proptag.Encode(availability.NewSchedule(month, 0, nil), month)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, kind, field, body string, sized bool) {
		calls := 0
		folder := newFolder(root, &upstream.Client{Transport: replying(func(r *http.Request) *http.Response {
			calls++
			length := int64(-1)
			if sized {
				length = int64(len(body))
			}
			header := http.Header{"Content-Type": {kind}, "Location": {field}, "Retry-After": {field}, "Www-Authenticate": {field}}
			return &http.Response{StatusCode: status, Header: header, Request: r, ContentLength: length, Body: io.NopCloser(strings.NewReader(body))}
		})})
		written, removed := folder.write(t.Context(), "r1", item, record), folder.remove(t.Context(), "r1", item)
		if says := status == http.StatusMultiStatus && len(body) <= maxReply && davupdate.ReadReply([]byte(body)) == nil; says != (written == nil) && len(body) <= maxReply {
			t.Errorf("status %d, %q: %v", status, body, written)
		}
		if removed == nil && status != 200 && status != 204 && status != 404 && status != 410 {
			t.Errorf("status %d: removed", status)
		}
		for _, failed := range []*failure{written, removed} {
			if failed != nil && (failed.Code == "" || failed.Remedy() == "" || len(failed.Detail) > 3000 || failed.RetryAfter < 0 || failed.RetryAfter > 24*time.Hour) {
				t.Errorf("%+v", failed.Reason)
			}
		}
		if calls != 2 {
			t.Errorf("%d calls", calls)
		}
	})
}
