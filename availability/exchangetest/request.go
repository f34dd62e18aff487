package exchangetest

import (
	"fmt"
	"strconv"
	"time"

	"fbgate/availability"
)

// refusal is an error of the request itself. It becomes a SOAP fault.
type refusal struct {
	code string // of ResponseCodeType
	text string
	// at is where in the request, zero unless the schema is violated.
	at position
}

func (r *refusal) Error() string { return r.code + ": " + r.text }

func refuse(code, format string, args ...any) error {
	return &refusal{code: code, text: fmt.Sprintf(format, args...)}
}

// malformed refuses what is no XML, invalid what is no valid XML: to Exchange
// both fail its schema validation.
func malformed(at position, format string, args ...any) error {
	return &refusal{"ErrorSchemaValidation", "The request is not well-formed XML: " + fmt.Sprintf(format, args...) + ".", at}
}

func invalid(e *element, format string, args ...any) error {
	return &refusal{"ErrorSchemaValidation", "The request does not satisfy the schema: " + fmt.Sprintf(format, args...) + ".", e.at}
}

// query is a GetUserAvailabilityRequest that satisfies the schema.
type query struct {
	zone      zone
	mailboxes []address
	window    availability.Window
	interval  time.Duration
	view      view
	viewed    string // the view as it was asked for
	// suggestions is set if meeting times were to be suggested.
	suggestions bool
}

// address is an EmailAddress.
type address struct{ address, routing string }

// defaultInterval holds if a request has no MergedFreeBusyIntervalInMinutes.
const defaultInterval = 30 * time.Minute

// readEnvelope takes the request out of its SOAP 1.1 envelope.
func readEnvelope(root *element, server *traits) (*element, error) {
	if root.name.Space != nsSOAP || root.name.Local != "Envelope" {
		return nil, invalid(root, "%s was found where a SOAP 1.1 envelope, namespace %q, is expected", qualified(root.name), nsSOAP)
	}
	rest := root.children
	if len(rest) > 0 && rest[0].name.Space == nsSOAP && rest[0].name.Local == "Header" {
		if err := readHeader(rest[0], server); err != nil {
			return nil, err
		}
		rest = rest[1:]
	}
	if len(rest) != 1 || rest[0].name.Space != nsSOAP || rest[0].name.Local != "Body" {
		return nil, invalid(root, "the envelope has to hold a Header, which may be left out, and one Body")
	}
	body := rest[0]
	if len(body.children) != 1 {
		return nil, invalid(body, "the body holds %d elements, not one", len(body.children))
	}
	return body.children[0], nil
}

// readHeader checks the SOAP headers the operation knows; others are ignored,
// as SOAP wants it.
func readHeader(header *element, server *traits) error {
	for _, h := range header.children {
		if h.name.Space != nsTypes {
			continue
		}
		switch h.name.Local {
		case "RequestServerVersion":
			if version := h.attr("Version"); !server.knows(version) {
				return refuse("ErrorInvalidServerVersion", "%s does not know the version %q.", server.product, version)
			}
		case "RequestType", "ProxyRequestTypeHeader":
			// Only another Exchange server says this.
			return refuse("ErrorProxyRequestNotAllowed", "The caller is no Exchange server and must not send the header %s.", h.name.Local)
		case "TimeZoneContext":
			if id := h.child("TimeZoneDefinition"); id == nil || id.attr("Id") != "UTC" {
				return refuse("ErrorTimeZone", "Of the time zones with names, this server knows UTC only.")
			}
		}
	}
	return nil
}

// readQuery reads the request proper, strictly by the schema. The method is
// told from its root.
func readQuery(e *element) (query, error) {
	if e.name.Local != userAvailabilityRequest.name.Local {
		return query{}, refuse("ErrorInvalidRequest", "This server has no method for %s.", qualified(e.name))
	}
	if e.name != userAvailabilityRequest.name {
		return query{}, invalid(e, "%s was found where %s is expected", qualified(e.name), qualified(userAvailabilityRequest.name))
	}
	if err := userAvailabilityRequest.validate(e); err != nil {
		return query{}, err
	}
	q := query{zone: utc, suggestions: e.child("SuggestionsViewOptions") != nil}
	for _, m := range e.child("MailboxDataArray").children {
		email := m.child("Email")
		q.mailboxes = append(q.mailboxes, address{email.text("Address"), email.text("RoutingType")})
	}
	if z := e.child("TimeZone"); z != nil {
		var err error
		if q.zone, err = readZone(z); err != nil {
			return q, err
		}
	}
	return q, q.readOptions(e.child("FreeBusyViewOptions"))
}

func (q *query) readOptions(options *element) error {
	if options == nil {
		if q.suggestions {
			return nil
		}
		return refuse("ErrorMissingArgument", "The request asks neither for free/busy nor for suggestions.")
	}
	window := options.child("TimeWindow")
	q.window = availability.Window{Start: q.moment(window.text("StartTime")), End: q.moment(window.text("EndTime"))}
	q.interval = defaultInterval
	if s := options.text("MergedFreeBusyIntervalInMinutes"); s != "" {
		n, _ := strconv.Atoi(s)
		q.interval = time.Duration(n) * time.Minute
	}
	q.view, q.viewed = mergedOnly, mergedOnly.String()
	if asked := options.child("RequestedView"); asked != nil {
		var hasNone bool
		q.viewed = asked.data
		if q.view, hasNone = readViews(asked.data); hasNone {
			return refuse("ErrorInvalidFreeBusyViewType", "The view %q is none that can be asked for.", asked.data)
		}
	}
	return nil
}

// moment returns what an xs:dateTime of the request means: without an offset it
// is in the request's zone.
func (q *query) moment(s string) time.Time {
	t, zoned, _ := parseDateTime(s)
	if zoned {
		return t
	}
	return q.zone.moment(t)
}

// check holds the request against the limits of the server.
func (x *Exchange) check(q query) error {
	switch n := len(q.mailboxes); {
	case n == 0:
		return refuse("ErrorMailboxDataArrayEmpty", "The request names no mailbox.")
	case n > x.MaxMailboxes:
		return refuse("ErrorMailboxDataArrayTooBig", "The request names %d mailboxes; at most %d are allowed.", n, x.MaxMailboxes)
	case q.suggestions:
		// Exchange Online failed like this for months (ews-managed-api issues
		// 154 and 210): nobody should ask for suggestions.
		return refuse("ErrorInternalServerError", "An internal server error occurred. The operation failed.")
	case q.window.Empty():
		return refuse("ErrorInvalidTimeInterval", "The window does not end after it starts.")
	case q.window.Duration() > x.MaxWindow:
		return refuse("ErrorTimeIntervalTooBig", "The window is %s long; at most %s are allowed.", inDays(q.window.Duration()), inDays(x.MaxWindow))
	case q.interval < 5*time.Minute || q.interval > day:
		return refuse("ErrorInvalidMergedFreeBusyInterval", "The interval is %s minutes; it has to be 5 to 1440.", inMinutes(q.interval))
	}
	return nil
}

func inDays(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(day), 'f', -1, 64) + " days"
}
