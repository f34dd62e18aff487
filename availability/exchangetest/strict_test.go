package exchangetest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"fbgate/availability/exchangetest"
)

// What a real server refuses is refused, with its code and a text that says why.
func TestRefusals(t *testing.T) {
	const suggestions = "<t:SuggestionsViewOptions><t:DetailedSuggestionsWindow><t:StartTime>2026-10-16T00:00:00</t:StartTime><t:EndTime>2026-10-17T00:00:00</t:EndTime></t:DetailedSuggestionsWindow></t:SuggestionsViewOptions>"
	replace := func(old, new string) func(string) string {
		return func(request string) string {
			if !strings.Contains(request, old) {
				panic("nothing to replace: " + old)
			}
			return strings.ReplaceAll(request, old, new)
		}
	}
	with := func(edit func(*asked)) func(string) string {
		return func(string) string {
			a := week("mary@contoso.com")
			edit(&a)
			return a.String()
		}
	}
	mailboxes := func(n int) func(string) string {
		return with(func(a *asked) {
			a.mailboxes = nil
			for i := range n {
				a.mailboxes = append(a.mailboxes, fmt.Sprintf("user%d@contoso.com", i))
			}
		})
	}
	tests := []struct {
		name string
		edit func(request string) string
		code string
		says string
	}{
		{"no XML", replace("</soap:Envelope>", ""), "ErrorSchemaValidation", "well-formed"},
		{"nothing", func(string) string { return "" }, "ErrorSchemaValidation", "not one XML element"},
		{"text after the envelope", func(s string) string { return s + "x" }, "ErrorSchemaValidation", "not one XML element"},
		{"document type", func(s string) string { return "<!DOCTYPE a []>" + s }, "ErrorSchemaValidation", "document type"},
		{"depth", func(string) string { return strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40) }, "ErrorSchemaValidation", "deeper"},
		{"SOAP 1.2", replace("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"), "ErrorSchemaValidation", "SOAP 1.1"},
		{"no body", func(string) string {
			return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/></s:Envelope>`
		}, "ErrorSchemaValidation", "one Body"},
		{"two requests", replace("</soap:Body>", "<a/></soap:Body>"), "ErrorSchemaValidation", "2 elements"},
		{"another method", replace("GetUserAvailabilityRequest", "ResolveNames"), "ErrorInvalidRequest", "ResolveNames"},
		{"not the root's name", replace("GetUserAvailabilityRequest", "GetUserAvailability"), "ErrorInvalidRequest", "no method"},
		{"https in m", replace("http://schemas.microsoft.com/exchange/services/2006/messages", "https://schemas.microsoft.com/exchange/services/2006/messages"), "ErrorSchemaValidation", "https://"},
		{"https in t", replace("http://schemas.microsoft.com/exchange/services/2006/types", "https://schemas.microsoft.com/exchange/services/2006/types"), "ErrorSchemaValidation", "https://"},
		{"unknown version", replace("Exchange2007_SP1", "Exchange2099"), "ErrorInvalidServerVersion", "Exchange2099"},
		{"no version in the header", replace(`Version="Exchange2007_SP1"`, ""), "ErrorInvalidServerVersion", `""`},
		{"proxy header", replace("<soap:Header>", "<soap:Header><t:RequestType>CrossForest</t:RequestType>"), "ErrorProxyRequestNotAllowed", "RequestType"},
		{"zone by name", replace("<soap:Header>", `<soap:Header><t:TimeZoneContext><t:TimeZoneDefinition Id="W. Europe Standard Time"/></t:TimeZoneContext>`), "ErrorTimeZone", "UTC"},
		{"mailbox array in t", replace("m:MailboxDataArray", "t:MailboxDataArray"), "ErrorSchemaValidation", `MailboxDataArray of the namespace "http://schemas.microsoft.com/exchange/services/2006/types" was found`},
		{"no address", replace("<t:Address>mary@contoso.com</t:Address>", ""), "ErrorSchemaValidation", "Address"},
		{"no attendee type", replace("<t:AttendeeType>Required</t:AttendeeType>", ""), "ErrorSchemaValidation", "AttendeeType"},
		{"unknown attendee type", replace(">Required<", ">Guest<"), "ErrorSchemaValidation", "Guest"},
		{"element of another version", replace("</t:MailboxData>", "<t:ExcludeNonWorkingHours>false</t:ExcludeNonWorkingHours></t:MailboxData>"), "ErrorSchemaValidation", "ExcludeConflicts"},
		{"twice", replace("<t:MergedFreeBusyIntervalInMinutes>30</t:MergedFreeBusyIntervalInMinutes>", strings.Repeat("<t:MergedFreeBusyIntervalInMinutes>30</t:MergedFreeBusyIntervalInMinutes>", 2)), "ErrorSchemaValidation", "MergedFreeBusyIntervalInMinutes"},
		{"stray text", replace("<t:TimeWindow>", "x<t:TimeWindow>"), "ErrorSchemaValidation", `"x"`},
		{"stray attribute", replace("<t:TimeWindow>", `<t:TimeWindow kind="long">`), "ErrorSchemaValidation", "kind"},
		{"element in a value", replace("<t:Month>3</t:Month>", "<t:Month><b/>3</t:Month>"), "ErrorSchemaValidation", "Month"},
		{"no day of week", replace("<t:DayOfWeek>Sunday</t:DayOfWeek>", ""), "ErrorSchemaValidation", "DayOfWeek"},
		{"days of week", replace(">Sunday<", ">Sunday Monday<"), "ErrorSchemaValidation", "Sunday Monday"},
		{"day order", replace("<t:DayOrder>1<", "<t:DayOrder>6<"), "ErrorTimeZone", "DayOrder 6"},
		{"month", replace("<t:Month>3<", "<t:Month>0<"), "ErrorTimeZone", "Month 0"},
		{"clock", replace("02:00:00</t:Time>", "2 o'clock</t:Time>"), "ErrorTimeZone", "o'clock"},
		{"year", replace("</t:StandardTime>", "<t:Year>2026</t:Year></t:StandardTime>"), "ErrorTimeZone", "one year"},
		{"no such day", replace("2026-10-16T", "2026-02-30T"), "ErrorSchemaValidation", "2026-02-30"},
		{"hour of one digit", replace("16T00:00:00", "16T0:00:00"), "ErrorSchemaValidation", "dateTime"},
		{"date only", replace("2026-10-16T00:00:00", "2026-10-16"), "ErrorSchemaValidation", "dateTime"},
		{"interval in words", replace(">30<", ">thirty<"), "ErrorSchemaValidation", "xs:int"},
		{"unknown view", replace("DetailedMerged", "Everything"), "ErrorSchemaValidation", "Everything"},
		{"view None", replace("DetailedMerged", "None"), "ErrorInvalidFreeBusyViewType", "None"},
		{"view None among others", replace("DetailedMerged", "None Detailed"), "ErrorInvalidFreeBusyViewType", "None"},
		{"view of nothing", replace("DetailedMerged", ""), "ErrorInvalidFreeBusyViewType", `""`},
		{"suggestions", replace("</m:GetUserAvailabilityRequest>", suggestions+"</m:GetUserAvailabilityRequest>"), "ErrorInternalServerError", "internal"},
		{"neither free/busy nor suggestions", func(s string) string {
			before, rest, _ := strings.Cut(s, "<t:FreeBusyViewOptions>")
			_, after, _ := strings.Cut(rest, "</t:FreeBusyViewOptions>")
			return before + after
		}, "ErrorMissingArgument", "neither"},
		{"no mailbox", mailboxes(0), "ErrorMailboxDataArrayEmpty", "no mailbox"},
		{"101 mailboxes", mailboxes(101), "ErrorMailboxDataArrayTooBig", "at most 100"},
		{"empty window", with(func(a *asked) { a.end = a.start }), "ErrorInvalidTimeInterval", "window"},
		{"window backwards", with(func(a *asked) { a.end = "2026-10-15T00:00:00" }), "ErrorInvalidTimeInterval", "window"},
		{"window too long", with(func(a *asked) { a.end = "2026-12-18T00:00:00" }), "ErrorTimeIntervalTooBig", "63 days"},
		{"interval 4", with(func(a *asked) { a.interval = "4" }), "ErrorInvalidMergedFreeBusyInterval", "4 minutes"},
		{"interval 1441", with(func(a *asked) { a.interval = "1441" }), "ErrorInvalidMergedFreeBusyInterval", "1441 minutes"},
	}
	for _, d := range exchangetest.Dialects() {
		x := exchangetest.New(d)
		x.SetMailbox("mary@contoso.com")
		url := serve(t, x)
		for _, tt := range tests {
			t.Run(d.String()+"/"+tt.name, func(t *testing.T) {
				status, body := post(t, url, tt.edit(week("mary@contoso.com").String()))
				if got := faultCode(t, body); status != http.StatusInternalServerError || got != tt.code {
					t.Fatalf("status %d, code %q, want 500, %q: %s", status, got, tt.code, body)
				}
				if got := mustParse(t, body).text("faultstring"); !strings.Contains(got, tt.says) {
					t.Errorf("the fault says %q, which lacks %q", got, tt.says)
				}
				requests := x.Requests()
				if got := requests[len(requests)-1].Answered; got != tt.code {
					t.Errorf("recorded as %q", got)
				}
			})
		}
	}
}

// What is unusual but right is answered.
func TestAccepted(t *testing.T) {
	tests := []struct {
		name string
		edit func(request string) string
	}{
		{"byte order mark", func(s string) string { return "\ufeff" + s }},
		{"XML declaration and comments", func(s string) string {
			return `<?xml version="1.0" encoding="UTF-8"?><!-- x -->` + strings.ReplaceAll(s, "<t:TimeWindow>", "<!-- y --><t:TimeWindow>")
		}},
		{"other prefixes", func(s string) string {
			return strings.NewReplacer("soap:", "q:", "xmlns:soap", "xmlns:q", "t:", "types:", "xmlns:t", "xmlns:types").Replace(s)
		}},
		{"unknown headers", func(s string) string {
			return strings.Replace(s, "<soap:Header>", `<soap:Header><t:MailboxCulture>de-DE</t:MailboxCulture><a xmlns="urn:a"/>`, 1)
		}},
		{"UTC by name", func(s string) string {
			return strings.Replace(s, "<soap:Header>", `<soap:Header><t:TimeZoneContext><t:TimeZoneDefinition Id="UTC"/></t:TimeZoneContext>`, 1)
		}},
		{"neither version, zone, interval nor view", func(string) string {
			a := week("mary@contoso.com")
			a.version, a.zone, a.interval, a.view = "", "", "", ""
			return a.String()
		}},
		{"times with offsets", func(s string) string {
			return strings.NewReplacer("00:00:00</t:StartTime>", "00:00:00.000+02:00</t:StartTime>", "00:00:00</t:EndTime>", "00:00:00Z</t:EndTime>").Replace(s)
		}},
	}
	x := exchangetest.New(exchangetest.Exchange2010)
	x.SetMailbox("mary@contoso.com")
	url := serve(t, x)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := post(t, url, tt.edit(week("Mary@Contoso.com").String()))
			if status != http.StatusOK || mustParse(t, body).text("ResponseCode") != "NoError" {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

// Each server knows the versions up to its own.
func TestServerVersions(t *testing.T) {
	known := map[exchangetest.Dialect]string{
		exchangetest.Exchange2007SP1: "Exchange2007 Exchange2007_SP1",
		exchangetest.Exchange2010:    "Exchange2007 Exchange2007_SP1 Exchange2010 Exchange2010_SP1 Exchange2010_SP2",
		exchangetest.Exchange2013:    "Exchange2007 Exchange2007_SP1 Exchange2010 Exchange2010_SP1 Exchange2010_SP2 Exchange2013 Exchange2013_SP1",
		exchangetest.Exchange2019:    "Exchange2007 Exchange2007_SP1 Exchange2010 Exchange2010_SP1 Exchange2010_SP2 Exchange2013 Exchange2013_SP1 Exchange2016 V2017_07_11",
	}
	for _, d := range exchangetest.Dialects() {
		url := serve(t, exchangetest.New(d))
		for _, version := range strings.Fields(known[exchangetest.Exchange2019] + " exchange2010 Exchange2003") {
			a := week("mary@contoso.com")
			a.version = version
			want := http.StatusInternalServerError
			if strings.Contains(" "+known[d]+" ", " "+version+" ") {
				want = http.StatusOK
			}
			if status, body := post(t, url, a.String()); status != want {
				t.Errorf("%v answers %s with %d, want %d: %s", d, version, status, want, body)
			}
		}
	}
}

// The longest window differs, and may be set.
func TestMaxWindow(t *testing.T) {
	tests := []struct {
		dialect  exchangetest.Dialect
		fits     string
		tooLong  string
		override bool // with one day
	}{
		{exchangetest.Exchange2007SP1, "2026-12-17T00:00:00", "2026-12-17T00:00:01", false},
		{exchangetest.Exchange2010, "2026-11-27T00:00:00", "2026-11-27T00:00:01", false},
		{exchangetest.Exchange2013, "2026-11-27T00:00:00", "2026-11-27T00:00:01", false},
		{exchangetest.Exchange2019, "2026-11-27T00:00:00", "2026-11-27T00:00:01", false},
		{exchangetest.Exchange2019, "2026-10-17T00:00:00", "2026-10-17T00:00:01", true},
	}
	for _, tt := range tests {
		x := exchangetest.New(tt.dialect)
		if tt.override {
			x.MaxWindow = 24 * time.Hour
		}
		x.SetMailbox("mary@contoso.com")
		url := serve(t, x)
		a := week("mary@contoso.com")
		a.end = tt.fits
		if status, body := post(t, url, a.String()); status != http.StatusOK {
			t.Errorf("%v: %d %s", tt.dialect, status, body)
		}
		a.end = tt.tooLong
		if _, body := post(t, url, a.String()); faultCode(t, body) != "ErrorTimeIntervalTooBig" {
			t.Errorf("%v: %s", tt.dialect, body)
		}
	}
}

// A violation of the schema says where it is.
func TestSchemaViolationPosition(t *testing.T) {
	request := strings.Replace(week("mary@contoso.com").String(), "<t:RequestedView>", "\n\n  <t:RequestedVue>", 1)
	request = strings.Replace(request, "</t:RequestedView>", "</t:RequestedVue>", 1)
	_, body := post(t, serve(t, exchangetest.New(exchangetest.Exchange2013)), request)
	detail := mustParse(t, body).all("MessageXml")[0]
	if line, column := detail.text("LineNumber"), detail.text("LinePosition"); line != "3" || column != "3" {
		t.Errorf("line %s, position %s, want 3, 3", line, column)
	}
	if detail.XMLName.Space != "http://schemas.microsoft.com/exchange/services/2006/errors" {
		t.Errorf("namespace %s", detail.XMLName.Space)
	}
}

// The web server's own part: path, authentication, method, type, size.
func TestAdmission(t *testing.T) {
	x := exchangetest.New(exchangetest.Exchange2019)
	x.Username, x.Password = `contoso\gateway`, "secret"
	x.SetMailbox("mary@contoso.com")
	url := serve(t, x)
	base := strings.TrimSuffix(url, exchangetest.Path)
	tests := []struct {
		name           string
		method, path   string
		mediaType      string
		user, password string
		body           string
		status         int
		header, value  string // of the answer
	}{
		{name: "right", status: 200, header: "Content-Type", value: "text/xml; charset=utf-8"},
		{name: "path in other case", path: "/ews/exchange.ASMX", status: 200},
		{name: "another path", path: "/EWS/Services.wsdl", status: 404},
		{name: "nobody", user: "-", status: 401, header: "WWW-Authenticate", value: `Basic realm="exchangetest"`},
		{name: "wrong password", password: "Secret", status: 401},
		{name: "GET", method: "GET", status: 405, header: "Allow", value: "POST"},
		{name: "SOAP 1.2", mediaType: "application/soap+xml", status: 415},
		{name: "no type", mediaType: "-", status: 415},
		{name: "another charset", mediaType: "text/xml; charset=utf-16", status: 415},
		{name: "no charset", mediaType: "text/xml", status: 200},
		{name: "5 MiB", body: strings.Repeat(" ", 5<<20), status: 413},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			or := func(s, preset string) string {
				if s == "" {
					return preset
				}
				return s
			}
			request, err := http.NewRequest(or(tt.method, "POST"), base+or(tt.path, exchangetest.Path), strings.NewReader(or(tt.body, week("mary@contoso.com").String())))
			if err != nil {
				t.Fatal(err)
			}
			if tt.mediaType != "-" {
				request.Header.Set("Content-Type", or(tt.mediaType, "text/xml; charset=utf-8"))
			}
			if tt.user != "-" {
				request.SetBasicAuth(or(tt.user, x.Username), or(tt.password, x.Password))
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if response.StatusCode != tt.status {
				t.Errorf("status %d, want %d", response.StatusCode, tt.status)
			}
			if got := response.Header.Get(tt.header); tt.header != "" && got != tt.value {
				t.Errorf("%s: %q, want %q", tt.header, got, tt.value)
			}
		})
	}
}
