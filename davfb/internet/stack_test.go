package internet_test

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"fbgate/availability/published"
	"fbgate/davfb/internet"
)

var _ internet.Publisher = (*published.Store)(nil)

// What Outlook has published is what the next one finds, after a restart too.
func TestWhatIsPublishedIsServed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "published.db")
	now := time.Now().UTC().Truncate(time.Second)
	var handler *internet.Handler
	var store *published.Store
	start := func() {
		var err error
		quiet := slog.New(slog.DiscardHandler)
		if store, err = published.Open(path, published.Options{Log: quiet}); err != nil {
			t.Fatal(err)
		}
		if handler, err = internet.New(internet.Config{
			Source: published.Source{Store: store, Next: &source{}}, Log: quiet,
			Publisher: store, Authenticate: func(*http.Request) (string, error) { return "mary", nil },
		}); err != nil {
			t.Fatal(err)
		}
	}
	start()
	d := &desk{Handler: handler}
	if r := d.do("GET", file, ""); r.StatusCode != 404 {
		t.Errorf("before: %s", r.Status)
	}
	if r := d.do("PUT", file, calendar("mary@contoso.com", now, now.AddDate(0, 0, 20)), "If-None-Match: *"); r.StatusCode != 201 {
		t.Fatalf("PUT: %s: %s", r.Status, text(r))
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	start()
	d = &desk{Handler: handler}
	r := d.do("GET", file, "")
	body := text(r)
	if r.StatusCode != 200 || property(t, body, "DTSTART") != now.Format("20060102T150405Z") ||
		property(t, body, "FREEBUSY") != now.Format("20060102T150405Z")+"/"+now.Add(time.Hour).Format("20060102T150405Z") {
		t.Errorf("GET: %s: %s", r.Status, body)
	}
	if r := d.do("DELETE", file, "", "If-Match: "+r.Header.Get("Etag")); r.StatusCode != 204 {
		t.Errorf("DELETE: %s: %s", r.Status, text(r))
	}
	if r := d.do("GET", file, ""); r.StatusCode != 404 {
		t.Errorf("after: %s", r.Status)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}
