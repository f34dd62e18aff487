package autodiscovertest

import (
	"encoding/xml"
	"errors"
	"fmt"
)

const (
	nsPOXRequest  = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
	nsPOXResponse = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
	nsPOX         = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
)

// poxCodes are the numbers POX has for what SOAP has names for.
var poxCodes = map[string]string{"InvalidUser": "500"}

// answerPOX answers everything with status 200, a GET for one with error 600.
func (s *Service) answerPOX(body []byte, f Fault, record *Request) []byte {
	address, err := readPOX(body)
	if err != nil {
		record.Refused = err.Error()
		return poxError("600", "Invalid Request")
	}
	record.Operation, record.Subject = "POX", address
	of := s.mailbox(address)
	if f.Code != "" {
		of = subject{code: f.Code}
	}
	switch of.code {
	case "NoError":
		return s.account("<Action>settings</Action>" + protocol("EXCH", s.dialect.packed, of.values["InternalEwsUrl"]) + protocol("EXPR", "", of.values["ExternalEwsUrl"]))
	case "RedirectAddress":
		return s.account("<Action>redirectAddr</Action><RedirectAddr>" + escape(of.target) + "</RedirectAddr>")
	case "RedirectUrl":
		return s.account("<Action>redirectUrl</Action><RedirectUrl>" + escape(of.target) + "</RedirectUrl>")
	}
	if number, ok := poxCodes[of.code]; ok {
		return poxError(number, "The e-mail address cannot be found.")
	}
	return poxError("603", of.code)
}

func readPOX(body []byte) (address string, err error) {
	root, err := parse(body)
	if err != nil {
		return "", err
	}
	if root.name != (xml.Name{Space: nsPOXRequest, Local: "Autodiscover"}) {
		return "", fmt.Errorf("the root is %v", root.name)
	}
	request, err := root.only(nsPOXRequest, "Request")
	if err != nil {
		return "", err
	}
	fields, err := request.exactly(nsPOXRequest, "EMailAddress", "AcceptableResponseSchema")
	if err != nil {
		return "", err
	}
	if fields[0].data == "" || fields[1].data != nsPOXResponse {
		return "", errors.New("no address, or another response schema")
	}
	return fields[0].data, nil
}

func protocol(kind, version, ews string) string {
	if ews == "" {
		return ""
	}
	if version != "" {
		version = "<ServerVersion>" + version + "</ServerVersion>"
	}
	return "<Protocol><Type>" + kind + "</Type>" + version + "<EwsUrl>" + escape(ews) + "</EwsUrl></Protocol>"
}

func (s *Service) account(content string) []byte {
	return []byte(`<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="` + nsPOX + `"><Response xmlns="` + nsPOXResponse +
		`"><User><DisplayName>Somebody</DisplayName></User><Account><AccountType>email</AccountType>` + content + `</Account></Response></Autodiscover>`)
}

func poxError(code, message string) []byte {
	return []byte(`<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="` + nsPOX + `"><Response><Error Time="16:56:32.6164027" Id="1054084152"><ErrorCode>` +
		code + `</ErrorCode><Message>` + escape(message) + `</Message><DebugData/></Error></Response></Autodiscover>`)
}
