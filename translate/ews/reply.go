package ews

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/translate/wirexml"
)

// Reply is what a server answered to a Request.
type Reply struct {
	// ServerVersion is that of the server that answered, such as "15.1.1531.7",
	// which need not be the one that holds the mailboxes. Empty if it did not say.
	ServerVersion string
	// Results has one for each mailbox of the request, in its order.
	Results []Result
}

// Result is what a reply says of one mailbox in the request's window.
type Result struct {
	Schedule availability.Schedule
	// Reason is nil if the whole window is known.
	Reason *availability.Reason
}

// envelope is the reply as it comes. Elements are matched by local name.
type envelope struct {
	XMLName xml.Name        `xml:"Envelope"`
	Version *serverVersion  `xml:"Header>ServerVersionInfo"`
	Fault   *fault          `xml:"Body>Fault"`
	Reply   *availabilities `xml:"Body>GetUserAvailabilityResponse"`
}

type serverVersion struct {
	Major      string `xml:"MajorVersion,attr"`
	Minor      string `xml:"MinorVersion,attr"`
	MajorBuild string `xml:"MajorBuildNumber,attr"`
	MinorBuild string `xml:"MinorBuildNumber,attr"`
}

type availabilities struct {
	Responses []response `xml:"FreeBusyResponseArray>FreeBusyResponse"`
}

type response struct {
	Message responseMessage `xml:"ResponseMessage"`
	View    view            `xml:"FreeBusyView"`
}

type responseMessage struct {
	Class         string `xml:"ResponseClass,attr"`
	Text          string `xml:"MessageText"`
	Code          string `xml:"ResponseCode"`
	ExceptionCode string `xml:"MessageXml>ExceptionCode"`
}

type view struct {
	Type   string  `xml:"FreeBusyViewType"`
	Merged string  `xml:"MergedFreeBusy"`
	Events []event `xml:"CalendarEventArray>CalendarEvent"`
}

// event leaves out CalendarEventDetails: what is not read cannot leak.
type event struct {
	Start    string `xml:"StartTime"`
	End      string `xml:"EndTime"`
	BusyType string `xml:"BusyType"`
}

// ParseReply reads the reply to r. The error, a *availability.Reason, is that of
// the whole call: a SOAP fault, or something that is not a reply to r. The caller
// bounds the size of body.
func (r Request) ParseReply(body []byte) (Reply, error) {
	var e envelope
	if err := wirexml.Decode(body, &e); err != nil {
		return Reply{}, notSOAP(body, err)
	}
	reply := Reply{ServerVersion: e.Version.String()}
	switch {
	case e.Fault != nil:
		return reply, e.Fault.reason()
	case e.Reply == nil:
		return reply, unusable(availability.OfServer, "the SOAP reply has no GetUserAvailabilityResponse")
	case len(e.Reply.Responses) != len(r.Mailboxes):
		// Nobody is named in the reply: with one answer too few or too many every
		// mailbox might get a neighbour's.
		return reply, unusable(availability.OfCall, "expected %d answers, one for each mailbox, and got %d", len(r.Mailboxes), len(e.Reply.Responses))
	}
	reply.Results = make([]Result, len(r.Mailboxes))
	for i, response := range e.Reply.Responses {
		reply.Results[i] = r.result(response, e.Version.major())
	}
	return reply, nil
}

// notSOAP says what came instead of a reply. Log-in pages of servers and of
// proxies in between are the usual case.
func notSOAP(body []byte, err error) error {
	start := bytes.ToLower(body[:min(len(body), 512)])
	if bytes.Contains(start, []byte("<html")) || bytes.Contains(start, []byte("<!doctype html")) {
		return unusable(availability.OfServer, "an HTML page instead of a SOAP reply")
	}
	if syntax := (*xml.SyntaxError)(nil); errors.As(err, &syntax) && strings.Contains(syntax.Msg, "EOF") {
		reason := unusable(availability.OfCall, "the SOAP reply was cut short: %v", err)
		reason.Again = true
		return reason
	}
	return unusable(availability.OfServer, "not a SOAP reply: %v", err)
}

func unusable(scope availability.Scope, format string, args ...any) *availability.Reason {
	reason := availability.Because(availability.BadResponse, format, args...)
	reason.Scope = scope
	return reason
}

func (r Request) result(response response, major int) Result {
	class, code := response.Message.Class, strings.TrimSpace(response.Message.Code)
	if class != "Success" && class != "Warning" || strings.HasPrefix(code, "Error") {
		return Result{Reason: response.Message.reason()}
	}
	schedule, err := r.schedule(response.View, major)
	if err != nil {
		return Result{Reason: availability.ReasonFor(err)}
	}
	if !schedule.Covers(r.Window) {
		return Result{schedule, availability.Because(availability.NoInformation, "the server has no free/busy of all or part of %s to %s",
			r.Window.Start.UTC().Format(time.RFC3339), r.Window.End.UTC().Format(time.RFC3339))}
	}
	return Result{Schedule: schedule}
}

// String returns the four numbers, or "" if the server did not say.
func (v *serverVersion) String() string {
	if v == nil {
		return ""
	}
	return shorten(v.Major+"."+v.Minor+"."+v.MajorBuild+"."+v.MinorBuild, 40)
}

// major returns 8 for Exchange 2007, 14 for 2010, 15 for everything later, and 0
// if the server did not say.
func (v *serverVersion) major() int {
	if v == nil {
		return 0
	}
	n, _ := strconv.Atoi(v.Major)
	return n
}

// parseTime reads a time of a reply: with an offset or "Z", or without, and then
// in the zone of the request, which is UTC.
func parseTime(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC(), nil
	}
	t, err := time.Parse(zoneless, s)
	if err != nil {
		return t, fmt.Errorf("%.40q is not a time", s)
	}
	return t, nil
}
