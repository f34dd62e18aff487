package autodiscover

import "fbgate/availability"

// ContentType goes with every request.
const ContentType = "text/xml; charset=utf-8"

// Operation is a question an Autodiscover service takes.
type Operation uint8

// The operations.
const (
	// GetUserSettings asks about a mailbox, by SOAP.
	GetUserSettings Operation = iota
	// GetDomainSettings asks about a mailbox's domain, by SOAP.
	GetDomainSettings
	// POX asks about a mailbox in plain old XML, the only way of Exchange 2007.
	POX
)

// String returns the operation's name: that of SOAP, or "POX".
func (o Operation) String() string {
	switch o {
	case GetUserSettings:
		return "GetUserSettings"
	case GetDomainSettings:
		return "GetDomainSettings"
	default:
		return "POX"
	}
}

// File returns the last element of the URL that takes the question.
func (o Operation) File() string {
	if o == POX {
		return "autodiscover.xml"
	}
	return "autodiscover.svc"
}

// SOAPAction returns the HTTP header of that name, quotes included. It is empty for
// POX.
func (o Operation) SOAPAction() string {
	if o == POX {
		return ""
	}
	return `"` + o.action() + `"`
}

// Append appends the question about a mailbox, or its domain, to the service at url.
func (o Operation) Append(dst []byte, url string, m availability.Mailbox) []byte {
	if o == POX {
		return appendPOX(dst, m)
	}
	return o.appendSOAP(dst, url, m)
}

// Parse reads the answer. The error, an *availability.Reason, is UnknownMailbox if
// the service knows no such mailbox, Throttled if it is too busy, BadResponse if it
// is no answer to this question, and of other codes if the service has no URL to
// tell. The caller bounds the size of body.
func (o Operation) Parse(body []byte) (Result, error) {
	if o == POX {
		return parsePOX(body)
	}
	return o.parseSOAP(body)
}

// Result is what a service tells. Exactly one of EWS, RedirectURL and RedirectAddress
// is set, and none of them has been checked but for being there.
type Result struct {
	// EWS is the URL of Exchange Web Services: the one for clients outside, or if
	// there is none, the one for clients inside.
	EWS string
	// RedirectURL is the Autodiscover service to ask instead.
	RedirectURL string
	// RedirectAddress is the mailbox to ask about instead.
	RedirectAddress availability.Mailbox
	// ServerVersion is that of the server that answered, such as "15.1.2507.6".
	// Empty if it did not say.
	ServerVersion string
	// Schemas lists what EWS there speaks, such as "Exchange2007, Exchange2010".
	// Empty if the service did not say.
	Schemas string
}
