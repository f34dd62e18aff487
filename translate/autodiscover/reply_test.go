package autodiscover_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/translate/autodiscover"
)

// Replies as servers write them, cut down to what matters, with a place for what a
// test varies.
const (
	soapStart = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>` +
		`<a:Action s:mustUnderstand="1">http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettingsResponse</a:Action>` +
		`<h:ServerVersionInfo xmlns:h="http://schemas.microsoft.com/exchange/2010/Autodiscover" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">` +
		`<h:MajorVersion>15</h:MajorVersion><h:MinorVersion>1</h:MinorVersion><h:MajorBuildNumber>2507</h:MajorBuildNumber><h:MinorBuildNumber>6</h:MinorBuildNumber><h:Version>Exchange2015</h:Version>` +
		`</h:ServerVersionInfo></s:Header><s:Body>`
	soapEnd   = `</s:Body></s:Envelope>`
	userStart = soapStart + `<GetUserSettingsResponseMessage xmlns="http://schemas.microsoft.com/exchange/2010/Autodiscover"><Response xmlns:i="http://www.w3.org/2001/XMLSchema-instance">` +
		`<ErrorCode>NoError</ErrorCode><ErrorMessage/><UserResponses><UserResponse>`
	userEnd     = `</UserResponse></UserResponses></Response></GetUserSettingsResponseMessage>` + soapEnd
	domainStart = soapStart + `<GetDomainSettingsResponseMessage xmlns="http://schemas.microsoft.com/exchange/2010/Autodiscover"><Response>` +
		`<ErrorCode>NoError</ErrorCode><ErrorMessage/><DomainResponses><DomainResponse>`
	domainEnd = `</DomainResponse></DomainResponses></Response></GetDomainSettingsResponseMessage>` + soapEnd

	noError  = `<ErrorCode>NoError</ErrorCode><ErrorMessage>No error.</ErrorMessage><RedirectTarget i:nil="true"/>`
	external = `<UserSetting i:type="StringSetting"><Name>ExternalEwsUrl</Name><Value> https://mail.example.org/EWS/Exchange.asmx </Value></UserSetting>`
	internal = `<UserSetting i:type="StringSetting"><Name>InternalEwsUrl</Name><Value>https://cas.example.org/EWS/Exchange.asmx</Value></UserSetting>`

	poxStart = `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">` +
		`<Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"><User><DisplayName>Mary</DisplayName></User><Account><AccountType>email</AccountType>`
	poxEnd   = `</Account></Response></Autodiscover>`
	poxError = `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"><Response><Error Time="16:56:32.6164027" Id="1054084152">`
	exch     = `<Protocol><Type>EXCH</Type><Server>CAS</Server><ServerVersion>720082AD</ServerVersion><EwsUrl>https://cas.example.org/EWS/Exchange.asmx</EwsUrl></Protocol>`
	expr     = `<Protocol><Type>EXPR</Type><Server>mail.example.org</Server><EwsUrl>https://mail.example.org/EWS/Exchange.asmx</EwsUrl></Protocol>`
	web      = `<Protocol><Type>WEB</Type><EwsUrl>https://web.example.org/</EwsUrl><External><Protocol><Type>EXPR</Type><EwsUrl>https://nested.example.org/</EwsUrl></Protocol></External></Protocol>`
)

const (
	mail = "https://mail.example.org/EWS/Exchange.asmx"
	cas  = "https://cas.example.org/EWS/Exchange.asmx"
)

func TestAnswers(t *testing.T) {
	const user, domain, pox = autodiscover.GetUserSettings, autodiscover.GetDomainSettings, autodiscover.POX
	tests := []struct {
		name string
		o    autodiscover.Operation
		body string
		want autodiscover.Result
	}{
		{"outside before inside", user, userStart + noError + `<UserSettings>` + internal + external + `</UserSettings>` + userEnd, autodiscover.Result{EWS: mail, ServerVersion: "15.1.2507.6"}},
		{"inside only", user, userStart + noError + `<UserSettings>` + internal + `</UserSettings>` + userEnd, autodiscover.Result{EWS: cas, ServerVersion: "15.1.2507.6"}},
		{"outside is empty", user, userStart + noError + `<UserSettings><UserSetting><Name>ExternalEwsUrl</Name><Value/></UserSetting>` + internal + `</UserSettings>` + userEnd, autodiscover.Result{EWS: cas, ServerVersion: "15.1.2507.6"}},
		{"one setting fails, another does not", user, userStart + noError + `<UserSettingErrors><UserSettingError><ErrorCode>SettingIsNotAvailable</ErrorCode><SettingName>InternalEwsUrl</SettingName></UserSettingError></UserSettingErrors><UserSettings>` + external + `</UserSettings>` + userEnd, autodiscover.Result{EWS: mail, ServerVersion: "15.1.2507.6"}},
		{"schemas, and the version as a setting", user, strings.Replace(userStart, "ServerVersionInfo", "Other", 2) + noError + `<UserSettings>` + external + `<UserSetting><Name>EwsSupportedSchemas</Name><Value>Exchange2007, Exchange2010</Value></UserSetting><UserSetting><Name>CasVersion</Name><Value>14.03.0123.003</Value></UserSetting></UserSettings>` + userEnd,
			autodiscover.Result{EWS: mail, ServerVersion: "14.03.0123.003", Schemas: "Exchange2007, Exchange2010"}},
		{"namespaces with https", user, strings.ReplaceAll(userStart, "http://schemas.microsoft.com", "https://schemas.microsoft.com") + noError + `<UserSettings>` + external + `</UserSettings>` + userEnd, autodiscover.Result{EWS: mail, ServerVersion: "15.1.2507.6"}},
		{"another address", user, userStart + `<ErrorCode>RedirectAddress</ErrorCode><ErrorMessage/><RedirectTarget>Mary@Example.net</RedirectTarget>` + userEnd, autodiscover.Result{RedirectAddress: "mary@example.net", ServerVersion: "15.1.2507.6"}},
		{"another service", user, userStart + `<ErrorCode>RedirectUrl</ErrorCode><ErrorMessage/><RedirectTarget>https://a.example.net/autodiscover/autodiscover.svc</RedirectTarget>` + userEnd, autodiscover.Result{RedirectURL: "https://a.example.net/autodiscover/autodiscover.svc", ServerVersion: "15.1.2507.6"}},
		{"of a domain", domain, domainStart + `<ErrorCode>NoError</ErrorCode><DomainSettings><DomainSetting><Name>ExternalEwsUrl</Name><Value>` + mail + `</Value></DomainSetting></DomainSettings>` + domainEnd, autodiscover.Result{EWS: mail, ServerVersion: "15.1.2507.6"}},

		{"POX, outside before inside", pox, poxStart + `<Action>settings</Action>` + exch + expr + web + poxEnd, autodiscover.Result{EWS: mail, ServerVersion: "8.0.685"}},
		{"POX, the other way round", pox, poxStart + `<Action>settings</Action>` + web + expr + exch + poxEnd, autodiscover.Result{EWS: mail, ServerVersion: "8.0.685"}},
		{"POX, inside only", pox, poxStart + `<Action>settings</Action>` + exch + web + `<Protocol><Type>EXPR</Type></Protocol>` + poxEnd, autodiscover.Result{EWS: cas, ServerVersion: "8.0.685"}},
		{"POX, another address", pox, poxStart + `<Action>redirectAddr</Action><RedirectAddr>mary@example.net</RedirectAddr>` + poxEnd, autodiscover.Result{RedirectAddress: "mary@example.net"}},
		{"POX, another service", pox, poxStart + `<Action>redirectUrl</Action><RedirectUrl>https://a.example.net/autodiscover/autodiscover.xml</RedirectUrl>` + poxEnd, autodiscover.Result{RedirectURL: "https://a.example.net/autodiscover/autodiscover.xml"}},
	}
	for _, test := range tests {
		if got, err := test.o.Parse([]byte(test.body)); err != nil || got != test.want {
			t.Errorf("%s: %+v, %v", test.name, got, err)
		}
	}
}

func TestFailures(t *testing.T) {
	const user, domain, pox = autodiscover.GetUserSettings, autodiscover.GetDomainSettings, autodiscover.POX
	of := func(code, text string) string {
		return `<ErrorCode>` + code + `</ErrorCode><ErrorMessage>` + text + `</ErrorMessage>`
	}
	response := func(code string) string {
		return soapStart + `<GetUserSettingsResponseMessage><Response>` + of(code, "No.") + `<UserResponses/></Response></GetUserSettingsResponseMessage>` + soapEnd
	}
	setting := func(name, code, text string) string {
		return userStart + noError + `<UserSettingErrors><UserSettingError>` + of(code, text) + `<SettingName>` + name + `</SettingName></UserSettingError></UserSettingErrors><UserSettings/>` + userEnd
	}
	tests := []struct {
		name   string
		o      autodiscover.Operation
		body   string
		code   availability.Code
		detail string
	}{
		{"response: busy", user, response("ServerBusy"), availability.Throttled, "ServerBusy: No."},
		{"response: failed", user, response("InternalServerError"), availability.UpstreamFailure, "InternalServerError"},
		{"response: refused", user, response("InvalidRequest"), availability.RequestRejected, "InvalidRequest"},
		{"response: without users", user, response("NoError"), availability.BadResponse, "0 answers"},
		{"user: unknown", user, userStart + of("InvalidUser", "Invalid user: 'x@example.org'") + userEnd, availability.UnknownMailbox, "InvalidUser: Invalid user"},
		{"user: domain", user, userStart + of("InvalidDomain", "") + userEnd, availability.NotDiscovered, "InvalidDomain"},
		{"user: a new code", user, userStart + of("Unheard", "of") + userEnd, availability.NotDiscovered, "Unheard: of"},
		{"user: redirect to nobody", user, userStart + of("RedirectAddress", "") + `<RedirectTarget>nobody</RedirectTarget>` + userEnd, availability.NotDiscovered, `"nobody"`},
		{"user: redirect to nowhere", user, userStart + of("RedirectUrl", "") + `<RedirectTarget/>` + userEnd, availability.NotDiscovered, "without a URL"},
		{"setting: missing", user, setting("ExternalEwsUrl", "SettingIsNotAvailable", "gone"), availability.NotDiscovered, "ExternalEwsUrl: SettingIsNotAvailable: gone"},
		{"setting: unknown user", user, setting("ExternalEwsUrl", "InvalidSetting", "InvalidUser"), availability.UnknownMailbox, "ExternalEwsUrl"},
		{"setting: of no concern", user, setting("CasVersion", "InvalidUser", ""), availability.NotDiscovered, "no EWS URL"},
		{"two users", user, userStart + noError + `</UserResponse><UserResponse>` + noError + userEnd, availability.BadResponse, "2 answers"},
		{"answer to something else", domain, userStart + noError + userEnd, availability.BadResponse, "no GetDomainSettingsResponseMessage"},
		{"domain: unknown", domain, domainStart + of("InvalidDomain", "") + domainEnd, availability.NotDiscovered, "InvalidDomain"},
		{"domain: setting", domain, domainStart + of("NoError", "") + `<DomainSettingErrors><DomainSettingError>` + of("SettingIsNotAvailable", "") + `<SettingName>ExternalEwsUrl</SettingName></DomainSettingError></DomainSettingErrors>` + domainEnd, availability.NotDiscovered, "ExternalEwsUrl"},
		{"fault", user, soapStart + `<s:Fault><faultcode>a:ActionNotSupported</faultcode><faultstring>The message cannot be processed.</faultstring></s:Fault>` + soapEnd, availability.NotDiscovered, "a:ActionNotSupported: The message"},
		{"page", user, `<!DOCTYPE html><html><body>Sign in</body></html>`, availability.BadResponse, "HTML page"},
		{"cut short", user, userStart, availability.BadResponse, "not an Autodiscover reply"},
		{"nothing", pox, "", availability.BadResponse, "no XML element"},
		{"POX: unknown", pox, poxError + `<ErrorCode>500</ErrorCode><Message>The e-mail address cannot be found.</Message><DebugData/></Error></Response></Autodiscover>`, availability.UnknownMailbox, "ErrorCode 500: The e-mail"},
		{"POX: refused", pox, poxError + `<ErrorCode>600</ErrorCode><Message>Invalid Request</Message><DebugData/></Error></Response></Autodiscover>`, availability.NotDiscovered, "ErrorCode 600: Invalid Request"},
		{"POX: neither", pox, `<Autodiscover><Response/></Autodiscover>`, availability.BadResponse, "neither Account nor Error"},
		{"POX: no action", pox, poxStart + exch + poxEnd, availability.BadResponse, "Action"},
		{"POX: no URL", pox, poxStart + `<Action>settings</Action>` + web + poxEnd, availability.NotDiscovered, "no EWS URL"},
		{"POX: SOAP", pox, userStart + noError + userEnd, availability.BadResponse, "not an Autodiscover reply"},
	}
	for _, test := range tests {
		got, err := test.o.Parse([]byte(test.body))
		if err == nil {
			t.Errorf("%s: no error but %+v", test.name, got)
			continue
		}
		if reason := availability.ReasonFor(err); reason.Code != test.code || !strings.Contains(reason.Detail, test.detail) {
			t.Errorf("%s: %v, want %s and %q", test.name, reason, test.code, test.detail)
		}
	}
}

func FuzzParseSOAP(f *testing.F) {
	f.Add(userStart + noError + `<UserSettings>` + external + `</UserSettings>` + userEnd)
	f.Add(domainStart + `<ErrorCode>RedirectAddress</ErrorCode><RedirectTarget>a@b</RedirectTarget>` + domainEnd)
	f.Add(soapStart + `<s:Fault><faultcode>a</faultcode></s:Fault>` + soapEnd)
	for _, capture := range at.Captures(f) {
		f.Add(string(capture))
	}
	f.Fuzz(func(t *testing.T, body string) {
		check(t, autodiscover.GetUserSettings, body)
		check(t, autodiscover.GetDomainSettings, body)
	})
}

func FuzzParsePOX(f *testing.F) {
	f.Add(poxStart + `<Action>settings</Action>` + exch + expr + poxEnd)
	f.Add(poxStart + `<Action>redirectAddr</Action><RedirectAddr>a@b</RedirectAddr>` + poxEnd)
	f.Add(poxError + `<ErrorCode>500</ErrorCode></Error></Response></Autodiscover>`)
	for _, capture := range at.Captures(f) {
		f.Add(string(capture))
	}
	f.Fuzz(func(t *testing.T, body string) { check(t, autodiscover.POX, body) })
}

// check holds what must be true of any answer: it leads somewhere, or says in a few
// words why not.
func check(t *testing.T, o autodiscover.Operation, body string) {
	result, err := o.Parse([]byte(body))
	if err != nil {
		reason, ok := err.(*availability.Reason)
		if !ok || reason.Code == "" || reason.Detail == "" || utf8.RuneCountInString(reason.Detail) > 700 || !utf8.ValidString(reason.Detail) {
			t.Fatalf("%s: %#v", o, err)
		}
		return
	}
	ways := 0
	for _, way := range []string{result.EWS, result.RedirectURL, string(result.RedirectAddress)} {
		if way != "" {
			ways++
		}
	}
	if ways != 1 || result.RedirectAddress != "" && result.RedirectAddress.Domain() == "" {
		t.Fatalf("%s: %+v", o, result)
	}
}
