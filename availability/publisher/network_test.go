package publisher_test

import (
	"net/http"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest/foldertest"
)

type basic struct{ user, password string }

func (b basic) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth(b.user, b.password)
	return http.DefaultTransport.RoundTrip(r)
}

// Over a network, with replies of unknown length, a log-in and a broken connection.
func TestNetwork(t *testing.T) {
	w := newWorld(t, 150)
	w.server.Username, w.server.Password, w.server.Chunked = "publisher", "right", true
	url, stop, err := w.server.Start()
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	w.config.Root, w.config.Every = url, time.Second
	w.config.Client.Transport = basic{"publisher", "right"}
	w.source.busy(3, 9, availability.Busy)
	w.server.Fail(dn(5), foldertest.Fault{Reset: true, Times: 1})
	w.start()
	defer func() { w.stop() }()
	if r := first(w); r.Written != 149 || r.Failed[availability.Unreachable] != 1 {
		t.Errorf("%+v\n%s", r, w.log)
	}
	if status(w, 3, 9) != availability.Busy || w.server.MaxInFlight() > 4 {
		t.Errorf("user 3 is %v; %d calls at once", status(w, 3, 9), w.server.MaxInFlight())
	}
	w.stop()

	w.config.Client.Transport = basic{"publisher", "wrong"}
	w.source.busy(4, 9, availability.Busy)
	calls := w.server.Calls()
	w.start()
	if r := first(w); r.Stopped == nil || r.Stopped.Code != availability.Unauthorized || w.server.Calls() != calls+1 {
		t.Errorf("%+v, %d calls", r, w.server.Calls()-calls)
	}
}
