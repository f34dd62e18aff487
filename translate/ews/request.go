package ews

import (
	"strconv"
	"time"

	"fbgate/availability"
	"fbgate/translate/wirexml"
)

// What goes with a request over HTTP.
const (
	ContentType = "text/xml; charset=utf-8"
	SOAPAction  = `"http://schemas.microsoft.com/exchange/services/2006/messages/GetUserAvailability"`
)

// View is a free/busy view to ask for ([MS-OXWAVLS] FreeBusyViewType). A server
// answers with that view or, as far as the asking account may see, a lesser one.
type View string

// The views with merged free/busy, from the least to the most telling. The last
// has subjects and places too, which are never read.
const (
	MergedOnly     View = "MergedOnly"
	FreeBusyMerged View = "FreeBusyMerged"
	DetailedMerged View = "DetailedMerged"
)

// Request is one GetUserAvailability call, and how to read its reply.
type Request struct {
	// ServerVersion is the RequestServerVersion: "Exchange2007_SP1" is known to
	// every server that has this operation. Empty sends none.
	ServerVersion string
	// Impersonate is the mailbox in whose name is asked, empty for the account's
	// own.
	Impersonate availability.Mailbox
	// Mailboxes are 1 to 100 ([MS-OXWAVLS] allows no more).
	Mailboxes []availability.Mailbox
	// Window is in whole seconds; servers take 42 or 62 days at most.
	Window availability.Window
	// Interval is the length of a merged free/busy slot, 5 to 1440 whole minutes.
	Interval time.Duration
	View     View
	// Digit4 is what a 4 means in merged free/busy without events from Exchange
	// 2013 and later: NoData or WorkingElsewhere. No source settles it.
	Digit4 availability.Status
}

// Append appends the request as a SOAP 1.1 envelope, in the order the schema
// demands.
func (r Request) Append(dst []byte) []byte {
	dst = append(dst, `<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">`...)
	dst = r.appendHeader(dst)
	dst = append(dst, `<soap:Body><m:GetUserAvailabilityRequest>`+utc+`<m:MailboxDataArray>`...)
	for _, m := range r.Mailboxes {
		dst = append(dst, `<t:MailboxData><t:Email><t:Address>`...)
		dst = wirexml.AppendText(dst, string(m))
		dst = append(dst, `</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType><t:ExcludeConflicts>false</t:ExcludeConflicts></t:MailboxData>`...)
	}
	dst = append(dst, `</m:MailboxDataArray><t:FreeBusyViewOptions><t:TimeWindow><t:StartTime>`...)
	dst = r.Window.Start.UTC().AppendFormat(dst, zoneless)
	dst = append(dst, `</t:StartTime><t:EndTime>`...)
	dst = r.Window.End.UTC().AppendFormat(dst, zoneless)
	dst = append(dst, `</t:EndTime></t:TimeWindow><t:MergedFreeBusyIntervalInMinutes>`...)
	dst = strconv.AppendInt(dst, int64(r.Interval/time.Minute), 10)
	dst = append(dst, `</t:MergedFreeBusyIntervalInMinutes><t:RequestedView>`...)
	dst = append(dst, r.View...)
	return append(dst, `</t:RequestedView></t:FreeBusyViewOptions></m:GetUserAvailabilityRequest></soap:Body></soap:Envelope>`...)
}

// appendHeader appends the SOAP header, whose parts are all optional.
func (r Request) appendHeader(dst []byte) []byte {
	if r.ServerVersion == "" && r.Impersonate == "" {
		return dst
	}
	dst = append(dst, `<soap:Header>`...)
	if r.ServerVersion != "" {
		dst = append(dst, `<t:RequestServerVersion Version="`...)
		dst = wirexml.AppendText(dst, r.ServerVersion)
		dst = append(dst, `"/>`...)
	}
	if r.Impersonate != "" {
		dst = append(dst, `<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>`...)
		dst = wirexml.AppendText(dst, string(r.Impersonate))
		dst = append(dst, `</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>`...)
	}
	return append(dst, `</soap:Header>`...)
}

// zoneless is a time in the zone of the request.
const zoneless = "2006-01-02T15:04:05"

// utc is the time zone of every request: no bias, and transitions, which the
// schema demands, from nothing to nothing. The body's TimeZone is understood from
// Exchange 2007 on; the header TimeZoneContext only from 2010.
const utc = `<t:TimeZone><t:Bias>0</t:Bias>` +
	`<t:StandardTime><t:Bias>0</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>1</t:DayOrder><t:Month>3</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime>` +
	`<t:DaylightTime><t:Bias>0</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>1</t:DayOrder><t:Month>10</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:DaylightTime>` +
	`</t:TimeZone>`
