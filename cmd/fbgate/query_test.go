package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestParseLocal(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	for _, test := range []struct{ text, want string }{
		{"2026-11-23", "2026-11-22T23:00:00Z"},
		{"2026-07-01", "2026-06-30T22:00:00Z"},
		{"2026-11-23T08:00", "2026-11-23T07:00:00Z"},
		{"2026-11-23 08:00", "2026-11-23T07:00:00Z"},
		{"2026-11-23T08:00:30", "2026-11-23T07:00:30Z"},
		{"2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z"},
		{"2026-11-23T08:00:00-05:00", "2026-11-23T13:00:00Z"},
		{"2026-11-23T08:00:00.9Z", "2026-11-23T08:00:00Z"}, // clients ask in whole seconds
		{"2024-02-29", "2024-02-28T23:00:00Z"},
	} {
		got, err := parseLocal("--start", test.text, berlin)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != test.want {
			t.Errorf("%s is %v, %v; want %s", test.text, got, err, test.want)
		}
	}
	for _, text := range []string{"today", "8:00", "23.11.2026", "2026-02-29", "2026-11-23T25:00", "2026-11-23T08:00Z", "2026-11-23T08:00:00+01", " 2026-11-23", "２０２６-11-23"} {
		_, err := parseLocal("--end", text, berlin)
		if err == nil || !strings.HasPrefix(err.Error(), "--end: ") || !strings.Contains(err.Error(), "2026-11-23T08:00:00Z") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestQueryRequest(t *testing.T) {
	now := time.Date(2026, 10, 25, 13, 45, 0, 0, zone(t, "Europe/Berlin"))
	const gateway = "http://127.0.0.1:8080/public/"
	mary := []string{"mary@contoso.com"}
	for _, test := range []struct {
		name    string
		command queryCommand
		want    string // the URL, or the error
	}{
		{"today, which is long", queryCommand{Gateway: gateway, Interval: 30, Mailbox: mary},
			gateway + "?Cmd=freebusy&start=2026-10-24T22:00:00Z&end=2026-10-25T23:00:00Z&interval=30&u=SMTP:mary@contoso.com"},
		{"a day from a start", queryCommand{Gateway: gateway, Start: "2026-11-23T08:00", Interval: 60, Mailbox: mary},
			gateway + "?Cmd=freebusy&start=2026-11-23T07:00:00Z&end=2026-11-24T07:00:00Z&interval=60&u=SMTP:mary@contoso.com"},
		{"from today to an end", queryCommand{Gateway: gateway, End: "2026-10-25T08:00:00Z", Interval: 1, Mailbox: mary},
			gateway + "?Cmd=freebusy&start=2026-10-24T22:00:00Z&end=2026-10-25T08:00:00Z&interval=1&u=SMTP:mary@contoso.com"},
		{"all kinds of addresses", queryCommand{Gateway: gateway, Start: "2026-11-23", Interval: 1440,
			Mailbox: []string{"SMTP:Mary@Contoso.com", "r&d+x@contoso.com", "/o=Contoso/cn=joe", "ex:/o=Contoso/cn=ann", "jürgen@x.example"}},
			gateway + "?Cmd=freebusy&start=2026-11-22T23:00:00Z&end=2026-11-23T23:00:00Z&interval=1440" +
				"&u=SMTP:Mary@Contoso.com&u=SMTP:r%26d%2Bx@contoso.com&u=EX:/o=Contoso/cn=joe&u=EX:/o=Contoso/cn=ann&u=SMTP:j%C3%BCrgen@x.example"},
		{"another gateway", queryCommand{Gateway: "https://mail.contoso.com", Start: "2026-11-23T00:00:00Z", Interval: 30, Mailbox: mary},
			"https://mail.contoso.com/public/?Cmd=freebusy&start=2026-11-23T00:00:00Z&end=2026-11-24T00:00:00Z&interval=30&u=SMTP:mary@contoso.com"},

		{"no URL", queryCommand{Gateway: "127.0.0.1:8080", Interval: 30},
			`--gateway: "127.0.0.1:8080" is not an http or https URL; write for example http://127.0.0.1:8080/public/`},
		{"another kind of URL", queryCommand{Gateway: "ldap://dc1/", Interval: 30},
			`--gateway: "ldap://dc1/" is not an http or https URL; write for example http://127.0.0.1:8080/public/`},
		{"no host", queryCommand{Gateway: "http:///public/", Interval: 30},
			`--gateway: "http:///public/" is not an http or https URL; write for example http://127.0.0.1:8080/public/`},
		{"no interval", queryCommand{Gateway: gateway}, "--interval: 0 is not 1 to 1440 minutes"},
		{"too long an interval", queryCommand{Gateway: gateway, Interval: 1441}, "--interval: 1441 is not 1 to 1440 minutes"},
		{"no start", queryCommand{Gateway: gateway, Interval: 30, Start: "now"},
			`--start: "now" is not a time; write for example 2026-11-23, 2026-11-23T08:00 or 2026-11-23T08:00:00Z`},
		{"no end", queryCommand{Gateway: gateway, Interval: 30, End: "later"},
			`--end: "later" is not a time; write for example 2026-11-23, 2026-11-23T08:00 or 2026-11-23T08:00:00Z`},
		{"an end before the start", queryCommand{Gateway: gateway, Interval: 30, Start: "2026-11-23", End: "2026-11-22"},
			"--end: 2026-11-22 is not after --start"},
		{"an end at the start", queryCommand{Gateway: gateway, Interval: 30, Start: "2026-11-23", End: "2026-11-23"},
			"--end: 2026-11-23 is not after --start"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, got, err := test.command.request(now)
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// Whatever answers instead of a gateway: the message says who did, and what.
func TestQueryTellsWhatAnswered(t *testing.T) {
	const reply = `<a:response xmlns:a="WM"><a:recipients><a:item><a:displayname>mary</a:displayname><a:email type="SMTP">mary@contoso.com</a:email><a:type>1</a:type><a:fbdata>%s</a:fbdata></a:item></a:recipients></a:response>`
	for _, test := range []struct {
		name         string
		status       int
		header, body string
		want         string // status, then a part of what is printed, HOST being the server
	}{
		{"a reply", http.StatusOK, "", fmt.Sprintf(reply, "02"), "0 mary@contoso.com ·█\n\n"},
		{"a remembered reply", http.StatusOK, "fbgate; hit; ttl=60", fmt.Sprintf(reply, "02"), "0 Remembered; the oldest part is 7 seconds old.\n"},
		{"a fresh reply", http.StatusOK, "fbgate; fwd=miss", fmt.Sprintf(reply, "02"), "0 Asked just now.\n"},
		{"a reply of Exchange", http.StatusOK, "", fmt.Sprintf(reply, "02"), "0 ? no information\n"},
		{"too few digits", http.StatusOK, "", fmt.Sprintf(reply, "0"), `1 fbgate: http://HOST/public/: free/busy reply: row 1 has "0", expected 2 digits`},
		{"a refusal", http.StatusBadRequest, "", "<a:error xmlns:a=\"WM\"/>\n", "1 fbgate: HOST answered 400 Bad Request: <a:error xmlns:a=\"WM\"/>\n"},
		{"a log-in page", http.StatusOK, "", "<html><body>Please log in</body></html>", "1 fbgate: HOST answered with an HTML page: "},
		{"a page of an error", http.StatusBadGateway, "", "<html>\n\x1b[2JBad\u009b gateway</html>", "1 fbgate: HOST answered 502 Bad Gateway: <html>  [2JBad  gateway</html>\n"},
		{"a long page", http.StatusNotFound, "", strings.Repeat("x", 2000), "1 fbgate: HOST answered 404 Not Found: " + strings.Repeat("x", 500) + "\n"},
		{"nothing", http.StatusOK, "", "", "1 fbgate: http://HOST/public/: free/busy reply: "},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if test.header != "" {
					w.Header().Set("Cache-Status", test.header)
					w.Header().Set("Age", "7")
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			defer server.Close()
			var out, errors strings.Builder
			status := run(t.Context(), []string{"query", "--gateway", server.URL + "/public/",
				"--start", "2026-11-23T08:00:00Z", "--end", "2026-11-23T09:00:00Z", "mary@contoso.com"}, &out, &errors)
			got := strings.ReplaceAll(fmt.Sprintf("%d %v%v", status, &out, &errors), server.Listener.Addr().String(), "HOST")
			wantStatus, wantText, _ := strings.Cut(test.want, " ")
			if !strings.HasPrefix(got, wantStatus) || !strings.Contains(got, wantText) {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// A gateway that never answers is given up when the person presses Ctrl-C.
func TestQueryCanBeInterrupted(t *testing.T) {
	asked := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	defer server.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	go func() { <-asked; interrupt() }()
	var errors strings.Builder
	if status := run(ctx, []string{"query", "--gateway", server.URL, "mary@contoso.com"}, io.Discard, &errors); status != exitFailure || !strings.Contains(errors.String(), "context canceled") {
		t.Errorf("%d: %s", status, &errors)
	}
}
