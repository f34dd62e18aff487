package publicfolder_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/exchangetest/publicfoldertest"
	"fbgate/availability/publicfolder"
	"fbgate/availability/upstream"
)

// meanings are the codes expected of the pretend server's faults.
var meanings = map[string]availability.Code{
	"row-missing":      availability.UnknownMailbox,
	"row-undrawn":      availability.NoInformation,
	"row-no-digits":    availability.NoInformation,
	"row-fours":        availability.NoInformation,
	"row-too-short":    availability.BadResponse,
	"row-too-long":     availability.BadResponse,
	"row-cut-short":    availability.BadResponse,
	"row-digit-5":      availability.BadResponse,
	"row-digit-9":      availability.BadResponse,
	"row-folded":       availability.BadResponse,
	"row-renamed":      availability.BadResponse,
	"row-contradicted": availability.BadResponse,

	"hang":              availability.Timeout,
	"reset":             availability.Unreachable,
	"truncate":          availability.BadResponse,
	"short-body":        availability.BadResponse,
	"empty":             availability.BadResponse,
	"html":              availability.BadResponse,
	"login-page":        availability.Unauthorized,
	"not-xml":           availability.BadResponse,
	"other-xml":         availability.BadResponse,
	"control-character": availability.BadResponse,
	"deep-nesting":      availability.BadResponse,
	"oversized":         availability.BadResponse,
	"entity-bomb":       availability.BadResponse,
	"false-gzip":        availability.BadResponse,
	"cut-gzip":          availability.BadResponse,
	"no-rows":           availability.BadResponse,
	"other-interval":    availability.BadResponse,

	"status-400":                availability.WrongEndpoint,
	"status-401":                availability.Unauthorized,
	"status-403":                availability.Forbidden,
	"status-404":                availability.WrongEndpoint,
	"status-405":                availability.WrongEndpoint,
	"status-414":                availability.RequestRejected,
	"status-429":                availability.Throttled,
	"status-440":                availability.Unauthorized,
	"status-500":                availability.UpstreamFailure,
	"status-502":                availability.UpstreamFailure,
	"status-503":                availability.UpstreamFailure,
	"status-504":                availability.Timeout,
	"ssl-required":              availability.Forbidden,
	"status-503-retry-after":    availability.Throttled,
	"redirect-elsewhere":        availability.WrongEndpoint,
	"redirect-loop":             availability.WrongEndpoint,
	"redirect-to-login":         availability.Unauthorized,
	"redirect-to-isa-login":     availability.Unauthorized,
	"redirect-nowhere":          availability.Unreachable, // net/http itself does not take it for a reply
	"redirect-to-file":          availability.WrongEndpoint,
	"redirect-without-location": availability.WrongEndpoint,
}

// The details that tell what to do about it.
var hints = map[string]string{
	"row-renamed":        "primary.joe@contoso.com",
	"html":               "Internet Explorer",
	"login-page":         "forms-based authentication",
	"status-440":         "forms-based authentication",
	"redirect-to-login":  "forms-based authentication",
	"ssl-required":       "https",
	"status-404":         "is WebDAV allowed there, and is free/busy published?",
	"redirect-elsewhere": "list it in trusted_hosts",
	"redirect-loop":      "asked already",
}

// The row of one mailbox is wrong, in every way there is: it has exactly that reason
// and nothing is invented, and the others are what they were.
func TestFaultOfOneMailbox(t *testing.T) {
	server, s := exchange(t, nil)
	day := window(0, 24*hour)
	before := lookup(s, day, mailboxes...)
	for _, f := range publicfoldertest.Faults() {
		if !f.PerMailbox() {
			continue
		}
		server.FailMailbox("joe@contoso.com", f)
		after := lookup(s, day, mailboxes...)
		for i, a := range after {
			at.CheckAnswer(t, a, mailboxes[i], day)
			if i != 1 && (a.Reason != nil || !a.Schedule.Equal(before[i].Schedule)) {
				t.Errorf("%s: %s was %v, is %v", f.Name, a.Mailbox, before[i].Schedule, a)
			}
		}
		known := availability.Schedule{}
		if f.Row == publicfoldertest.TooShort {
			known = before[1].Schedule.Clip(window(0, 18*hour)) // what is there holds
		}
		r := after[1].Reason
		if r == nil || r.Code != meanings[f.Name] || r.Scope != availability.OfMailbox || !after[1].Schedule.Equal(known) {
			t.Errorf("%s: %+v (%v), want %s", f.Name, r, after[1].Schedule, meanings[f.Name])
		} else if !strings.Contains(r.Detail, hints[f.Name]) || r.Detail == "" {
			t.Errorf("%s: %s", f.Name, r.Detail)
		}
	}
}

// A row that is cut short is trusted as far as it goes only if another shows that
// slots are as long as they were asked for.
func TestShortRowsOfAll(t *testing.T) {
	server, s := exchange(t, nil)
	server.FailCalls(1, publicfoldertest.Fault{Reply: publicfoldertest.NoAllAttendees, Row: publicfoldertest.TooShort})
	for _, a := range lookup(s, window(0, 24*hour), mailboxes...) {
		if a.Reason == nil || a.Reason.Code != availability.BadResponse || !a.Schedule.Equal(availability.Schedule{}) {
			t.Errorf("%s: %v (%v)", a.Mailbox, a.Schedule, a.Reason)
		}
	}
}

// The call fails, in every way there is: all its mailboxes have that one reason and
// no information, and the next call works.
func TestFaultOfACall(t *testing.T) {
	day := window(0, 24*hour)
	for _, f := range publicfoldertest.Faults() {
		if f.PerMailbox() {
			continue
		}
		client := &upstream.Client{MaxBytes: 1 << 20}
		server, s := exchange(t, func(c *publicfolder.Config) { c.Client = client })
		before := lookup(s, day, mailboxes...)
		if f.Reply == publicfoldertest.Hang {
			client = &upstream.Client{Timeout: 50 * time.Millisecond}
		}
		asker := publicfolder.New(publicfolder.Config{Log: quiet, URL: before[0].Source, Client: client})
		server.FailMailbox("joe@contoso.com", f)
		for i, a := range lookup(asker, day, mailboxes...) {
			at.CheckAnswer(t, a, mailboxes[i], day)
			switch r := a.Reason; {
			case r == nil || r.Code != meanings[f.Name] || !a.Schedule.Equal(availability.Schedule{}):
				t.Errorf("%s: %s has %v (%v), want %s", f.Name, a.Mailbox, r, a.Schedule, meanings[f.Name])
			case !strings.Contains(r.Detail, hints[f.Name]), len(r.Detail) > 600:
				t.Errorf("%s: %s", f.Name, r.Detail)
			case strings.Contains(r.Detail, "Cmd="):
				t.Errorf("%s: the detail names everybody who was asked about: %s", f.Name, r.Detail)
			case r.Scope == availability.OfMailbox && f.Reply != publicfoldertest.OtherInterval:
				t.Errorf("%s: the scope is one mailbox", f.Name)
			}
		}
		server.FailMailbox("joe@contoso.com", publicfoldertest.Fault{})
		for i, a := range lookup(s, day, mailboxes...) {
			if a.Reason != nil || !a.Schedule.Equal(before[i].Schedule) {
				t.Errorf("after %s %s is not well again: %v", f.Name, a.Mailbox, a)
			}
		}
	}
}

// What only looks unusual changes nothing.
func TestOddities(t *testing.T) {
	server, s := exchange(t, nil)
	before := lookup(s, window(0, 24*hour), mailboxes...)
	for _, f := range publicfoldertest.Oddities() {
		server.FailCalls(-1, f)
		for i, a := range lookup(s, window(0, 24*hour), mailboxes...) {
			if a.Reason != nil || !a.Schedule.Equal(before[i].Schedule) {
				t.Errorf("%s: %s was %v, is %v (%v)", f.Name, a.Mailbox, before[i].Schedule, a.Schedule, a.Reason)
			}
		}
	}
}

func TestEveryFaultHasItsMeaning(t *testing.T) {
	seen := 0
	for _, f := range publicfoldertest.Faults() {
		if meanings[f.Name] == "" {
			t.Errorf("nothing is expected of %s", f.Name)
		}
		seen++
	}
	if seen != len(meanings) {
		t.Errorf("%d faults, %d meanings", seen, len(meanings))
	}
}

func TestServersThatWantSomethingElse(t *testing.T) {
	for name, test := range map[string]struct {
		server func(*publicfoldertest.Server)
		config func(*publicfolder.Config)
		want   string
	}{
		"https":         {func(s *publicfoldertest.Server) { s.RequireSSL = true }, nil, "forbidden: HTTP 403 from http://HOST/public/: it wants to be asked by https"},
		"forms":         {func(s *publicfoldertest.Server) { s.FormsAuthentication = true }, nil, "unauthorized: HTTP 440 from http://HOST/public/: forms-based authentication stands in front of it; name the URL of a server or virtual directory without it"},
		"MSIE":          {nil, func(c *publicfolder.Config) { c.Client = &upstream.Client{UserAgent: "fbgate/1.0"} }, "bad-response: a web page instead of free/busy from http://HOST/public/: another server answers there, or Exchange does not take the User-Agent for Internet Explorer"},
		"short queries": {func(s *publicfoldertest.Server) { s.MaxQuery = 50 }, nil, "wrong-endpoint: HTTP 404 from http://HOST/public/: is WebDAV allowed there, and is free/busy published?"},
		"another path":  {nil, func(c *publicfolder.Config) { c.URL += "contacts/" }, "wrong-endpoint: HTTP 404 from http://HOST/public/contacts/: is WebDAV allowed there, and is free/busy published?"},
		"a URL":         {nil, func(c *publicfolder.Config) { c.URL = "http://mail contoso/public/" }, `wrong-endpoint: the URL of public folders: parse "http://mail contoso/public/": invalid character " " in host name`},
	} {
		var url string
		server, s := exchange(t, func(c *publicfolder.Config) {
			url = c.URL
			if test.config != nil {
				test.config(c)
			}
		})
		if test.server != nil {
			test.server(server)
		}
		host := strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/public/")
		for _, a := range lookup(s, window(0, 24*hour), "mary@contoso.com") {
			if a.Reason == nil || strings.ReplaceAll(a.Reason.Error(), host, "HOST") != test.want || a.Reason.Scope != availability.OfServer {
				t.Errorf("%s:\n got %+v\nwant %s", name, a.Reason, test.want)
			}
		}
	}
}

// Another fbgate, asked as if it were Exchange, says which parameter it refuses.
func TestRefusedParameter(t *testing.T) {
	for body, want := range map[string]availability.Code{
		`<a:error xmlns:a="WM"><a:parameter>end</a:parameter><a:received>x</a:received><a:expected>a time at most 62 days after start</a:expected></a:error>`: availability.WindowTooLong,
		`<a:error xmlns:a="WM"><a:parameter>u</a:parameter><a:received>x</a:received><a:expected>at most 20</a:expected></a:error>`:                           availability.RequestRejected,
		`<html>Bad Request</html>`: availability.WrongEndpoint,
	} {
		s := replying(http.StatusBadRequest, "application/xml", body)
		if r := lookup(s, window(0, hour), "a@b")[0].Reason; r == nil || r.Code != want {
			t.Errorf("%s: %v, want %s", body, r, want)
		}
	}
}

// A server that never answers costs as long as the client's timeout, or as the asker
// stays.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			context.AfterFunc(t.Context(), func() { _ = far.Close() })
			go func() { _, _ = far.Read(make([]byte, 4096)) }()
			return near, nil
		}}
		defer silent.CloseIdleConnections()
		s := publicfolder.New(publicfolder.Config{Log: quiet, URL: "http://silent.invalid/public/", Client: &upstream.Client{Transport: silent, Timeout: 20 * time.Second}})
		begun := time.Now()
		if r := lookup(s, window(0, hour), "a@b")[0].Reason; r.Code != availability.Timeout || time.Since(begun) != 20*time.Second {
			t.Errorf("%v after %v", r, time.Since(begun))
		}
		ctx, leave := context.WithTimeout(t.Context(), 3*time.Second)
		defer leave()
		begun = time.Now()
		q := availability.Query{Mailboxes: []availability.Mailbox{"a@b"}, Window: window(0, hour)}
		if r := s.Lookup(ctx, q)[0].Reason; r.Code != availability.Timeout || time.Since(begun) != 3*time.Second {
			t.Errorf("%v after %v", r, time.Since(begun))
		}
	})
}
