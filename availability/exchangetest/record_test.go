package exchangetest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
)

// A request is remembered as it was understood.
func TestRequests(t *testing.T) {
	x := couple(exchangetest.Exchange2019)
	url := serve(t, x)
	r, err := http.NewRequest(http.MethodPost, url, strings.NewReader(week("Mary@contoso.com", "john@contoso.com").String()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "text/xml")
	r.Header.Set("User-Agent", strings.Repeat("fbgate ", 100))
	r.Header.Set("SOAPAction", `"urn:a"`)
	r.Header.Set("client-request-id", "42")
	r.Header.Set("X-AnchorMailbox", "mary@contoso.com")
	r.SetBasicAuth("a", "b")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.Header.Get("request-id") == "" {
		t.Error("the answer has no request-id")
	}
	got := x.Requests()[0]
	if !slices.Equal(got.Mailboxes, []string{"Mary@contoso.com", "john@contoso.com"}) || got.View != "DetailedMerged" || got.Interval != 30*time.Minute {
		t.Errorf("%+v", got)
	}
	if want := (availability.Window{Start: at(0, 0), End: at(7*24, 0)}); !got.Window.Equal(want) {
		t.Errorf("window %v", got.Window)
	}
	if len(got.UserAgent) != 256 || got.SOAPAction != `"urn:a"` || got.ClientRequestID != "42" || got.AnchorMailbox != "mary@contoso.com" || !got.Authorized || got.At.IsZero() {
		t.Errorf("%+v", got)
	}
	if x.Calls() != 1 || got.Answered != "NoError" {
		t.Errorf("%d calls, answered %s", x.Calls(), got.Answered)
	}
	x.FailCalls(1, exchangetest.Fault{Transport: exchangetest.TooMany})
	post(t, url, week("mary@contoso.com").String())
	if got := x.Requests()[1].Answered; got != "too-many" {
		t.Errorf("answered %s", got)
	}
}

// Memory is bounded, the count is not.
func TestRequestsAreForgotten(t *testing.T) {
	x := exchangetest.New(exchangetest.Exchange2013)
	for i := range 1010 {
		r := httptest.NewRequest(http.MethodGet, exchangetest.Path, nil)
		r.Header.Set("client-request-id", fmt.Sprint(i))
		x.ServeHTTP(httptest.NewRecorder(), r)
	}
	requests := x.Requests()
	if len(requests) != 1000 || requests[0].ClientRequestID != "10" || requests[999].ClientRequestID != "1009" || x.Calls() != 1010 {
		t.Errorf("%d requests from %s, %d calls", len(requests), requests[0].ClientRequestID, x.Calls())
	}
}

// Many may ask while mailboxes change.
func TestConcurrency(t *testing.T) {
	x := couple(exchangetest.Exchange2013)
	x.Latency = 20 * time.Millisecond
	url := serve(t, x)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			x.SetMailbox(fmt.Sprintf("user%d@contoso.com", i), span(at(9, 0), at(10, 0), availability.Busy))
			x.FailMailbox("john@contoso.com", exchangetest.Fault{})
			if each, call := known(url, patience); call != nil || each != [2]error{} {
				t.Errorf("%v %v", call, each)
			}
		})
	}
	group.Wait()
	if n := x.MaxInFlight(); n < 2 || n > 8 {
		t.Errorf("%d in flight", n)
	}
}

// Answers follow the order of the request, the same mailbox twice included.
func TestOrder(t *testing.T) {
	url := serve(t, village(exchangetest.Exchange2013))
	var views []string
	for _, r := range ask(t, url, week("shy@contoso.com", "nobody@contoso.com", "BUSY@contoso.com", "shy@contoso.com")) {
		views = append(views, r.text("FreeBusyViewType"))
	}
	if want := []string{"FreeBusyMerged", "None", "DetailedMerged", "FreeBusyMerged"}; !slices.Equal(views, want) {
		t.Errorf("%v, want %v", views, want)
	}
}

// A view that does not exist is a mistake of the test that sets it.
func TestSetViewPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it did not panic")
		}
	}()
	exchangetest.New(exchangetest.Exchange2013).SetView("mary@contoso.com", "Everything")
}

func TestNames(t *testing.T) {
	for d, want := range map[fmt.Stringer]string{
		exchangetest.Exchange2007SP1: "Exchange 2007 SP1", exchangetest.Dialect(9): "Dialect(9)",
		exchangetest.WrongCharset: "wrong-charset", exchangetest.Transport(99): "Transport(99)",
	} {
		if d.String() != want {
			t.Errorf("%s, want %s", d, want)
		}
	}
}
