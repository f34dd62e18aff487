package exchangetest

import (
	"fmt"
	"strings"
	"time"
)

// soapFault writes a SOAP fault for a code of EWS. at and backOff are told if
// they are not zero.
func (t *traits) soapFault(code, text string, at position, backOff time.Duration) []byte {
	return t.envelope(false, func(d *document) {
		soap := "soap"
		if t.wcf {
			soap = "s"
		}
		d.open(soap + ":Fault")
		d.leaf("faultcode", "a:"+code, attribute("xmlns:a", nsTypes))
		d.leaf("faultstring", text, attribute("xml:lang", "en-US"))
		d.open("detail")
		d.leaf("e:"+t.codeElement(code), code, attribute("xmlns:e", nsErrors))
		d.leaf("e:Message", text, attribute("xmlns:e", nsErrors))
		t.messageXMLOf(d, text, at, backOff)
		d.close("detail")
		d.close(soap + ":Fault")
	})
}

// codeElement returns the name of the element that holds the code. Microsoft's
// own client notes that availability requests return ErrorCode in place of
// ResponseCode; here the oldest server does, for the errors of this operation.
func (t *traits) codeElement(code string) string {
	availability := strings.Contains(code, "Interval") || strings.Contains(code, "MailboxDataArray") || strings.Contains(code, "FreeBusy")
	if availability && !t.wcf {
		return "ErrorCode"
	}
	return "ResponseCode"
}

// messageXMLOf writes where the schema was violated, or how long the server
// wants to be left alone.
func (t *traits) messageXMLOf(d *document, text string, at position, backOff time.Duration) {
	if at == (position{}) && backOff == 0 {
		return
	}
	d.open("t:MessageXml", attribute("xmlns:t", t.messageXML))
	if at != (position{}) {
		d.leaf("t:LineNumber", fmt.Sprint(at.line))
		d.leaf("t:LinePosition", fmt.Sprint(at.column))
		d.leaf("t:Violation", text)
	}
	if backOff > 0 {
		d.leaf("t:Value", fmt.Sprint(backOff.Milliseconds()), attribute("Name", "BackOffMilliseconds"))
	}
	d.close("t:MessageXml")
}
