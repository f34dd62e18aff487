package exchangetest

import (
	"fmt"
	"strings"

	"fbgate/availability"
)

// Confidential is in every subject and place the server tells. Nothing that has
// to keep those to itself may ever let it through.
const Confidential = "exchangetest-confidential"

// freeBusyResponse is the answer for one mailbox.
type freeBusyResponse struct {
	server  *Exchange
	query   query
	address address
	mailbox mailbox
}

// answer writes a GetUserAvailabilityResponse with a response for each mailbox
// in the order of the request; there is no ResponseMessages round them. The
// fault of the call may befall every mailbox, or make the count wrong.
func (x *Exchange) answer(q query, call Fault) []byte {
	count := len(q.mailboxes)
	switch call.Transport {
	case TooFew:
		count--
	case TooMany:
		count++
	}
	return x.dialect.envelope(true, func(d *document) {
		d.open("GetUserAvailabilityResponse", xmlns(nsMessages))
		d.open("FreeBusyResponseArray")
		for i := range count {
			a := q.mailboxes[i%len(q.mailboxes)]
			r := freeBusyResponse{x, q, a, x.mailbox(a.address)}
			if call.PerMailbox() {
				r.mailbox.fault = call
			}
			r.write(d)
		}
		d.close("FreeBusyResponseArray")
		d.close("GetUserAvailabilityResponse")
	})
}

func (r freeBusyResponse) write(d *document) {
	d.open("FreeBusyResponse")
	defer d.close("FreeBusyResponse")

	fault, entries := r.mailbox.fault, r.mailbox.entries(r.query.window)
	switch {
	case fault.PerMailbox():
	case !r.address.isSMTP():
		fault = Fault{Code: "ErrorInvalidSmtpAddress", Text: fmt.Sprintf("The e-mail address <>SMTP:%s is not a valid SMTP address.", r.address.address)}
	case !r.mailbox.exists:
		fault = Fault{Code: "ErrorMailRecipientNotFound", Text: fmt.Sprintf("Unable to resolve e-mail address <>SMTP:%s to an Active Directory object.", r.address.address)}
	case r.mailbox.limit == none:
		fault = Fault{Code: "ErrorNoFreeBusyAccess"}
	case r.mailbox.published == nil && len(entries) > r.server.MaxEntries:
		fault = Fault{Code: "ErrorResultSetTooBig", Text: resultSetTooBig(r.server.MaxEntries, len(entries))}
	default:
		r.success(d)
		spans := append(entries, r.mailbox.unpublished(r.query.window)...)
		sort(spans)
		r.writeView(d, spans)
		return
	}
	if fault.Code == noError {
		r.success(d)
	} else {
		r.failure(d, fault)
	}
	if !r.server.NoMergedFreeBusy {
		r.noView(d)
	}
}

func (r freeBusyResponse) success(d *document) {
	d.open("ResponseMessage", attribute("ResponseClass", "Success"))
	d.leaf("ResponseCode", noError)
	d.close("ResponseMessage")
}

// failure writes a mailbox's error. What follows the exception's code differs
// between the captures of Exchange 2007 and later.
func (r freeBusyResponse) failure(d *document, f Fault) {
	d.open("ResponseMessage", attribute("ResponseClass", "Error"))
	d.leaf("MessageText", f.text())
	d.leaf("ResponseCode", f.Code)
	d.leaf("DescriptiveLinkKey", "0")
	d.open("MessageXml")
	exception := strings.TrimPrefix(f.Code, "Error") + "Exception"
	d.leaf("ExceptionType", "Microsoft.Exchange.InfoWorker.Common.Availability."+exception, xmlns(nsErrors))
	if number := codes[f.Code].number; number != 0 {
		d.leaf("ExceptionCode", fmt.Sprint(number), xmlns(nsErrors))
	}
	if r.server.dialect.errorDetail > 0 {
		d.leaf("ExceptionServerName", "CAS01", xmlns(nsErrors))
	}
	if r.server.dialect.errorDetail > 1 {
		d.leaf("ResponseSource", "https://cas01.exchangetest.invalid"+Path, xmlns(nsErrors))
	}
	d.close("MessageXml")
	d.close("ResponseMessage")
}

func (r freeBusyResponse) noView(d *document) {
	d.open("FreeBusyView")
	d.leaf("FreeBusyViewType", none.String(), xmlns(nsTypes))
	d.close("FreeBusyView")
}

// writeView writes what is shown of the mailbox, which may be less than was asked
// for, and with NoMergedFreeBusy more.
func (r freeBusyResponse) writeView(d *document, spans []availability.Span) {
	shown := r.query.view.allowed(r.limit())
	if r.server.NoMergedFreeBusy {
		shown = freeBusy | detailed&r.mailbox.limit
	}
	d.open("FreeBusyView")
	d.leaf("FreeBusyViewType", shown.String(), xmlns(nsTypes))
	if shown&merged != 0 {
		d.leaf("MergedFreeBusy", r.server.dialect.mergedFreeBusy(spans, r.query.window, r.query.interval), xmlns(nsTypes))
	}
	if shown&events != 0 && (len(spans) > 0 || r.server.dialect.emptyArray) {
		d.open("CalendarEventArray", xmlns(nsTypes))
		for i, s := range spans {
			r.event(d, i, s, shown)
		}
		d.close("CalendarEventArray")
	}
	if r.mailbox.published == nil {
		r.workingHours(d)
	}
	d.close("FreeBusyView")
}

func (r freeBusyResponse) limit() view {
	if r.mailbox.published != nil {
		return mergedOnly
	}
	return r.mailbox.limit
}

// event writes an appointment, whole even if only a part lies in the window.
func (r freeBusyResponse) event(d *document, n int, s availability.Span, shown view) {
	clock := r.server.dialect.clock
	d.open("CalendarEvent")
	d.leaf("StartTime", clock(r.query.zone, s.Start))
	d.leaf("EndTime", clock(r.query.zone, s.End))
	d.leaf("BusyType", r.server.dialect.busyType(s.Status))
	if shown&details != 0 {
		r.details(d, n, s)
	}
	d.close("CalendarEvent")
}

// details makes up what the appointment is about. Each fourth is private, of
// which neither name nor place is told.
func (r freeBusyResponse) details(d *document, n int, s availability.Span) {
	private := n%4 == 3
	d.open("CalendarEventDetails")
	if !private {
		d.leaf("ID", fmt.Sprintf("%08X%08X", s.Start.Unix(), n))
		d.leaf("Subject", fmt.Sprintf("%s subject %d of %s", Confidential, n, r.address.address))
		d.leaf("Location", fmt.Sprintf("%s place %d", Confidential, n))
	}
	for _, flag := range []string{"IsMeeting", "IsRecurring", "IsException", "IsReminderSet"} {
		d.leaf(flag, "false")
	}
	d.leaf("IsPrivate", fmt.Sprint(private))
	d.close("CalendarEventDetails")
}

// workingHours writes Monday to Friday, 8 to 17, in the zone of the request.
func (r freeBusyResponse) workingHours(d *document) {
	d.open("WorkingHours", xmlns(nsTypes))
	r.query.zone.write(d)
	d.open("WorkingPeriodArray")
	d.open("WorkingPeriod")
	if r.server.dialect.emptyDays {
		d.empty("DayOfWeek")
	} else {
		d.leaf("DayOfWeek", "Monday Tuesday Wednesday Thursday Friday")
	}
	d.leaf("StartTimeInMinutes", "480")
	d.leaf("EndTimeInMinutes", "1020")
	d.close("WorkingPeriod")
	d.close("WorkingPeriodArray")
	d.close("WorkingHours")
}
