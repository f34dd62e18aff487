package autodiscovertest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fbgate/availability/exchangetest/autodiscovertest"
)

const (
	soapRequest = `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns="http://schemas.microsoft.com/exchange/2010/Autodiscover">` +
		`<soap:Header><RequestedServerVersion>Exchange2010</RequestedServerVersion><wsa:Action>http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettings</wsa:Action><wsa:To>http://example.com/autodiscover/autodiscover.svc</wsa:To></soap:Header>` +
		`<soap:Body><GetUserSettingsRequestMessage><Request><Users><User><Mailbox>mary@example.com</Mailbox></User></Users><RequestedSettings><Setting>ExternalEwsUrl</Setting></RequestedSettings></Request></GetUserSettingsRequestMessage></soap:Body></soap:Envelope>`
	poxRequest = `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>mary@example.com</EMailAddress>` +
		`<AcceptableResponseSchema>http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>`
)

func TestRequests(t *testing.T) {
	type change struct{ from, to string }
	tests := []struct {
		name   string
		path   string
		body   string
		change change
		status int
		says   string
	}{
		{"SOAP", autodiscovertest.SOAPPath, soapRequest, change{}, 200, "<Value>https://example.com/EWS/Exchange.asmx?a&amp;b</Value>"},
		{"POX", autodiscovertest.POXPath, poxRequest, change{}, 200, "<Type>EXPR</Type><EwsUrl>https://example.com/EWS/Exchange.asmx?a&amp;b</EwsUrl>"},
		{"another case", "/Autodiscover/AUTODISCOVER.xml", poxRequest, change{}, 200, "<Action>settings</Action>"},
		{"another path", "/autodiscover/", poxRequest, change{}, 404, "Not Found"},
		{"somebody else", autodiscovertest.SOAPPath, soapRequest, change{"mary@", "joe@"}, 200, "<ErrorCode>InvalidUser</ErrorCode>"},
		{"somebody else, POX", autodiscovertest.POXPath, poxRequest, change{"mary@", "joe@"}, 200, "<ErrorCode>500</ErrorCode>"},

		{"namespace with https", autodiscovertest.SOAPPath, soapRequest, change{`xmlns="http:`, `xmlns="https:`}, 500, "faultcode"},
		{"SOAP 1.2", autodiscovertest.SOAPPath, soapRequest, change{"http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"}, 500, "no envelope of SOAP 1.1"},
		{"no version", autodiscovertest.SOAPPath, soapRequest, change{"<RequestedServerVersion>Exchange2010</RequestedServerVersion>", ""}, 500, "RequestedServerVersion"},
		{"another To", autodiscovertest.SOAPPath, soapRequest, change{"http://example.com/autodiscover/", "http://example.com/"}, 500, "the To is"},
		{"another Action", autodiscovertest.SOAPPath, soapRequest, change{"Autodiscover/GetUserSettings<", "Autodiscover/GetDomainSettings<"}, 500, "SOAPAction"},
		{"a setting that does not exist", autodiscovertest.SOAPPath, soapRequest, change{"ExternalEwsUrl", "EwsUrl"}, 500, "no setting"},
		{"the wrong order", autodiscovertest.SOAPPath, soapRequest, change{"<Users><User><Mailbox>mary@example.com</Mailbox></User></Users><RequestedSettings><Setting>ExternalEwsUrl</Setting></RequestedSettings>", "<RequestedSettings><Setting>ExternalEwsUrl</Setting></RequestedSettings><Users><User><Mailbox>mary@example.com</Mailbox></User></Users>"}, 500, "want {"},
		{"nobody", autodiscovertest.SOAPPath, soapRequest, change{"mary@example.com", ""}, 500, "nothing is asked for"},
		{"cut short", autodiscovertest.SOAPPath, soapRequest, change{"</soap:Envelope>", ""}, 500, "EOF"},
		{"document type", autodiscovertest.SOAPPath, soapRequest, change{"<soap:Envelope ", "<!DOCTYPE a><soap:Envelope "}, 500, "document type"},
		{"POX, another schema", autodiscovertest.POXPath, poxRequest, change{"2006a", "2005"}, 200, "<ErrorCode>600</ErrorCode>"},
		{"POX, another namespace", autodiscovertest.POXPath, poxRequest, change{"requestschema", "responseschema"}, 200, "<ErrorCode>600</ErrorCode>"},
		{"POX, nothing", autodiscovertest.POXPath, "", change{}, 200, "<ErrorCode>600</ErrorCode>"},
	}
	s := autodiscovertest.New(autodiscovertest.Exchange2013)
	s.SetMailbox("Mary@example.com", autodiscovertest.Mailbox{ExternalEWS: "https://example.com/EWS/Exchange.asmx?a&b"})
	for _, test := range tests {
		body := test.body
		if test.change.from != "" {
			if body = strings.Replace(body, test.change.from, test.change.to, 1); body == test.body {
				t.Fatalf("%s: nothing was changed", test.name)
			}
		}
		status, answer := post(s, test.path, body)
		if status != test.status || !strings.Contains(answer, test.says) {
			t.Errorf("%s: %d %s", test.name, status, answer)
		}
	}
}

func post(s http.Handler, path, body string) (status int, answer string) {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "text/xml; charset=utf-8")
	r.Header.Set("SOAPAction", `"http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettings"`)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	data, _ := io.ReadAll(w.Result().Body)
	return w.Code, string(data)
}

func TestDialects(t *testing.T) {
	for _, test := range []struct {
		dialect autodiscovertest.Dialect
		soap    int
		header  string
	}{
		{autodiscovertest.Exchange2007, 404, ""},
		{autodiscovertest.Exchange2010, 401, ""},
		{autodiscovertest.Exchange2013, 401, "CAS01"},
	} {
		s := autodiscovertest.New(test.dialect)
		s.Username, s.Password = "joe", "secret"
		if status, _ := post(s, autodiscovertest.SOAPPath, soapRequest); status != test.soap {
			t.Errorf("%d: SOAP %d, want %d", test.dialect, status, test.soap)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, autodiscovertest.POXPath, nil))
		if w.Code != 401 || w.Header().Get("X-FEServer") != test.header || !strings.HasPrefix(w.Header().Get("Server"), "Microsoft-IIS/") {
			t.Errorf("%d: %d %v", test.dialect, w.Code, w.Header())
		}
	}
}

// Every fault has a name and comes as often as it was ordered.
func TestFaults(t *testing.T) {
	names := make(map[string]bool)
	for _, f := range autodiscovertest.Faults() {
		if f.Name == "" || names[f.Name] {
			t.Errorf("%q names no fault or two", f.Name)
		}
		names[f.Name] = true
		if f.Hang {
			continue
		}
		s := autodiscovertest.New(autodiscovertest.Exchange2013)
		s.SetMailbox("mary@example.com", autodiscovertest.Mailbox{ExternalEWS: "https://example.com/EWS/Exchange.asmx"})
		_, healthy := post(s, autodiscovertest.SOAPPath, soapRequest)
		s.Fail(1, f)
		_, faulty := post(s, autodiscovertest.SOAPPath, soapRequest)
		if _, healed := post(s, autodiscovertest.SOAPPath, soapRequest); faulty == healthy || healed != healthy {
			t.Errorf("%s: %.300s", f.Name, faulty)
		}
		if calls := len(s.Requests()); calls != 3 {
			t.Errorf("%s: %d calls", f.Name, calls)
		}
	}
}
