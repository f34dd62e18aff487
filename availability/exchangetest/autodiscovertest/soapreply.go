package autodiscovertest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// subject is what is said of a mailbox or a domain: a code, and what goes with it.
type subject struct {
	code, target string
	values       map[string]string
}

func (s *Service) mailbox(address string) subject {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.mailboxes[strings.ToLower(address)]
	if !ok {
		return subject{code: "InvalidUser"}
	}
	return about(m.RedirectAddress, m.RedirectURL, map[string]string{
		"ExternalEwsUrl": m.ExternalEWS, "InternalEwsUrl": m.InternalEWS,
		"CasVersion": s.dialect.dotted(), "EwsSupportedSchemas": s.dialect.schemas,
	})
}

func (s *Service) domain(name string) subject {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.domains[strings.ToLower(name)]
	if !ok {
		return subject{code: "InvalidDomain"}
	}
	return about(d.RedirectAddress, d.RedirectURL, map[string]string{"ExternalEwsUrl": d.ExternalEWS})
}

func about(address, url string, values map[string]string) subject {
	switch {
	case address != "":
		return subject{code: "RedirectAddress", target: address}
	case url != "":
		return subject{code: "RedirectUrl", target: url}
	}
	return subject{code: "NoError", values: values}
}

func (t *traits) dotted() string {
	return fmt.Sprintf("%d.%d.%d.%d", t.version[0], t.version[1], t.version[2], t.version[3])
}

// respond writes the answer to a question. Names differ with what it is about; their
// order is that of the schema.
func (s *Service) respond(q question, f Fault) []byte {
	kind, settingType := "User", "StringSetting"
	found := s.mailbox
	if q.operation == getDomainSettings {
		kind, settingType, found = "Domain", "DomainStringSetting", s.domain
	}
	whole, of := "NoError", found(q.subject)
	var failed, settings strings.Builder
	switch f.Level {
	case OfResponse:
		whole = cmp.Or(f.Code, whole)
	case OfSubject:
		if f.Code != "" {
			of = subject{code: f.Code}
		}
	}
	for _, name := range q.settings {
		code, value := "NoError", of.values[name]
		if value == "" {
			code = "SettingIsNotAvailable"
		}
		if f.Code != "" && f.Level == OfSetting {
			code = f.Code
		}
		switch {
		case of.code != "NoError":
		case code != "NoError":
			fmt.Fprintf(&failed, "<%sSettingError><ErrorCode>%s</ErrorCode><ErrorMessage>No.</ErrorMessage><SettingName>%s</SettingName></%sSettingError>", kind, code, name, kind)
		default:
			fmt.Fprintf(&settings, `<%sSetting i:type="%s"><Name>%s</Name><Value>%s</Value></%sSetting>`, kind, settingType, name, escape(value), kind)
		}
	}
	target := `<RedirectTarget i:nil="true"/>`
	if of.target != "" {
		target = "<RedirectTarget>" + escape(of.target) + "</RedirectTarget>"
	}
	errors := fmt.Sprintf("<%[1]sSettingErrors>%[2]s</%[1]sSettingErrors>", kind, failed.String())
	values := fmt.Sprintf("<%[1]sSettings>%[2]s</%[1]sSettings>", kind, settings.String())
	parts := []string{target, errors, values}
	if kind == "Domain" {
		parts = []string{errors, values, target}
	}
	one := fmt.Sprintf("<%[1]sResponse><ErrorCode>%[2]s</ErrorCode><ErrorMessage/>%[3]s</%[1]sResponse>", kind, of.code, strings.Join(parts, ""))
	if whole != "NoError" {
		one = ""
	}
	return s.envelope(q.operation+"Response", fmt.Sprintf(
		`<%[1]sResponseMessage xmlns="%[2]s"><Response xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><ErrorCode>%[3]s</ErrorCode><ErrorMessage/><%[4]sResponses>%[5]s</%[4]sResponses></Response></%[1]sResponseMessage>`,
		q.operation, s.namespace(), whole, kind, one))
}

func (s *Service) soapFault(code, text string) []byte {
	return s.envelope("Fault", "<s:Fault><faultcode>"+code+`</faultcode><faultstring xml:lang="en-US">`+escape(text)+"</faultstring></s:Fault>")
}

func (s *Service) namespace() string {
	if s.HTTPSNamespace {
		return strings.Replace(nsAutodiscover, "http:", "https:", 1)
	}
	return nsAutodiscover
}

func (s *Service) envelope(action, body string) []byte {
	v := s.dialect.version
	return slices.Concat([]byte(`<s:Envelope xmlns:s="`+nsSOAP+`" xmlns:a="`+nsAddressing+`"><s:Header>`),
		[]byte(`<a:Action s:mustUnderstand="1">`+s.namespace()+`/Autodiscover/`+action+`</a:Action>`),
		fmt.Appendf(nil, `<h:ServerVersionInfo xmlns:h="%s"><h:MajorVersion>%d</h:MajorVersion><h:MinorVersion>%d</h:MinorVersion><h:MajorBuildNumber>%d</h:MajorBuildNumber><h:MinorBuildNumber>%d</h:MinorBuildNumber></h:ServerVersionInfo>`,
			s.namespace(), v[0], v[1], v[2], v[3]),
		[]byte(`</s:Header><s:Body>`+body+`</s:Body></s:Envelope>`))
}
