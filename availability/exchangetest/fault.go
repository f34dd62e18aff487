package exchangetest

import (
	"cmp"
	"fmt"
	"net/http"
	"time"
)

// Fault is something that goes wrong: the server answers with an error code of
// EWS, or what stands between server and client spoils the answer. Several
// fields may be set; the zero Fault is none. [Faults] lists the usual ones.
type Fault struct {
	// Name tells it from others in a test table.
	Name string

	// Code is an error code of EWS, such as "ErrorServerBusy". A mailbox has it
	// in its FreeBusyResponse, a call as a SOAP fault with status 500.
	// "NoError" gives a mailbox that succeeds without anything to show.
	Code string
	// Text is the MessageText or the faultstring, by default the usual one.
	Text string
	// BackOff is told in the SOAP fault as BackOffMilliseconds, if not 0.
	BackOff time.Duration

	// Status is an HTTP status, answered with an HTML page, or with the SOAP
	// fault if Code is set.
	Status int
	// RetryAfter is told in the header of that name in whole seconds, if not 0.
	RetryAfter time.Duration
	// Location is where a redirect points to. With it Status is 302 by default.
	Location string

	// Delay passes before anything is answered, be it right or wrong.
	Delay time.Duration
	// Transport is how the answer is spoilt on its way.
	Transport Transport
}

// PerMailbox reports whether the fault can befall one mailbox among others.
func (f Fault) PerMailbox() bool {
	return f.Code != "" && f.Status == 0 && f.Transport == Intact && (f.Code == noError || codes[f.Code].scope != wholeCall)
}

// PerCall reports whether a server has the fault for a whole call.
func (f Fault) PerCall() bool {
	return f.spoils() || f.Code != "" && f.Code != noError && codes[f.Code].scope != oneMailbox
}

// befalls reports whether anything goes wrong at all.
func (f Fault) befalls() bool { return f.Code != "" || f.Delay > 0 || f.spoils() }

// spoils reports whether the fault lies between server and client.
func (f Fault) spoils() bool { return f.Status != 0 || f.Location != "" || f.Transport != Intact }

// label names the fault in records.
func (f Fault) label() string {
	switch {
	case f.Name != "":
		return f.Name
	case f.Transport != Intact:
		return f.Transport.String()
	default:
		return fmt.Sprintf("status-%d", cmp.Or(f.Status, http.StatusFound))
	}
}

// text returns the words that go with the fault's code.
func (f Fault) text() string {
	if f.Text != "" {
		return f.Text
	}
	if c, known := codes[f.Code]; known {
		return c.text
	}
	return "The request failed."
}

// Faults returns every fault the server knows to have, each with a Name. Every
// one spoils the answer: none leaves a mailbox whose time is known. (A Delay
// alone is not among them, as a late answer is a right one.)
func Faults() []Fault {
	var all []Fault
	for _, c := range codeTable {
		all = append(all, Fault{Name: c.name, Code: c.name})
	}
	all = append(all, variants...)
	for _, status := range []int{
		http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusMethodNotAllowed, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests,
		440, // "login time-out" of IIS and OWA
		http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
	} {
		all = append(all, Fault{Name: fmt.Sprintf("status-%d", status), Status: status})
	}
	for t := Hang; t <= TooMany; t++ {
		all = append(all, Fault{Name: t.String(), Transport: t})
	}
	return all
}

// variants are faults that clients have to tell from others of the same code or
// status.
var variants = []Fault{
	{Name: "success-without-data", Code: noError},
	{Name: "proxy-failed-404", Code: "ErrorProxyRequestProcessingFailed", Text: proxyFailed + "The remote server returned an error: (404) Not Found."},
	{Name: "proxy-failed-401", Code: "ErrorProxyRequestProcessingFailed", Text: proxyFailed + "The request failed with HTTP status 401: Unauthorized."},
	{Name: "proxy-failed-503", Code: "ErrorProxyRequestProcessingFailed", Text: proxyFailed + "The remote server returned an error: (503) Server Unavailable."},
	{Name: "proxy-failed-timeout", Code: "ErrorProxyRequestProcessingFailed", Text: proxyFailed + "The operation has timed out"},
	{Name: "busy-with-back-off", Code: "ErrorServerBusy", BackOff: 299984 * time.Millisecond},
	{Name: "busy-with-short-back-off", Code: "ErrorServerBusy", BackOff: 40 * time.Millisecond},
	{Name: "unheard-of-code", Code: "ErrorUnheardOf"},
	{Name: "status-429-retry-after", Status: http.StatusTooManyRequests, RetryAfter: 7 * time.Second},
	{Name: "status-503-retry-after", Status: http.StatusServiceUnavailable, RetryAfter: 7 * time.Second},
	{Name: "redirect", Status: http.StatusFound, Location: "https://elsewhere.invalid/owa/auth/logon.aspx"},
	{Name: "redirect-308", Status: http.StatusPermanentRedirect, Location: "https://elsewhere.invalid/EWS/Exchange.asmx"},
}

const (
	noError     = "NoError"
	proxyFailed = "Proxy web request failed. , inner exception: System.Net.WebException: "
)
