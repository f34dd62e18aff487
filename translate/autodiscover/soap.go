package autodiscover

import (
	"fbgate/availability"
	"fbgate/translate/wirexml"
)

// namespace is a name and not an address: with https it would be another one.
const namespace = "http://schemas.microsoft.com/exchange/2010/Autodiscover"

// The settings asked for. GetDomainSettings knows no others that matter.
const (
	externalEWS = "ExternalEwsUrl"
	internalEWS = "InternalEwsUrl"
	casVersion  = "CasVersion"
	ewsSchemas  = "EwsSupportedSchemas"
)

func (o Operation) action() string { return namespace + "/Autodiscover/" + o.String() }

// appendSOAP appends a SOAP 1.1 envelope. Exchange2010 is the requested version
// because every server with this service knows it.
func (o Operation) appendSOAP(dst []byte, url string, m availability.Mailbox) []byte {
	dst = append(dst, `<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:wsa="http://www.w3.org/2005/08/addressing" xmlns:a="`+namespace+`">`+
		`<soap:Header><a:RequestedServerVersion>Exchange2010</a:RequestedServerVersion><wsa:Action>`...)
	dst = append(dst, o.action()...)
	dst = append(dst, `</wsa:Action><wsa:To>`...)
	dst = wirexml.AppendText(dst, url)
	dst = append(dst, `</wsa:To></soap:Header><soap:Body>`...)
	if o == GetUserSettings {
		dst = append(dst, `<a:GetUserSettingsRequestMessage><a:Request><a:Users><a:User><a:Mailbox>`...)
		dst = wirexml.AppendText(dst, string(m))
		dst = append(dst, `</a:Mailbox></a:User></a:Users><a:RequestedSettings>`...)
		for _, setting := range []string{externalEWS, internalEWS, casVersion, ewsSchemas} {
			dst = append(dst, `<a:Setting>`+setting+`</a:Setting>`...)
		}
		dst = append(dst, `</a:RequestedSettings></a:Request></a:GetUserSettingsRequestMessage>`...)
	} else {
		dst = append(dst, `<a:GetDomainSettingsRequestMessage><a:Request><a:Domains><a:Domain>`...)
		dst = wirexml.AppendText(dst, m.Domain())
		dst = append(dst, `</a:Domain></a:Domains><a:RequestedSettings><a:Setting>`+externalEWS+`</a:Setting></a:RequestedSettings></a:Request></a:GetDomainSettingsRequestMessage>`...)
	}
	return append(dst, `</soap:Body></soap:Envelope>`...)
}
