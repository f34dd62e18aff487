package publicfolder

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"fbgate/availability"
	"fbgate/availability/upstream"
	"fbgate/translate/davxml"
)

// refusal returns why a reply holds no answer; nil if it may hold one.
func refusal(reply *upstream.Reply) *availability.Reason {
	reason := reply.Refusal()
	page := strings.ToLower(string(reply.Body[:min(len(reply.Body), 64<<10)]))
	switch {
	case reason == nil && !isPage(reply):
		return nil
	case reply.Status == upstream.StatusLoginTimeout, upstream.IsLogin(reply.Header.Get("Location")), reply.Status == http.StatusOK && upstream.IsLogin(page):
		return serverReason(availability.Unauthorized, "HTTP %d from %s: forms-based authentication stands in front of it; name the URL of a server or virtual directory without it", reply.Status, reply.URL)
	case reason == nil:
		return serverReason(availability.BadResponse, "a web page instead of free/busy from %s: another server answers there, or Exchange does not take the User-Agent for Internet Explorer", reply.URL)
	}
	switch reply.Status {
	case http.StatusForbidden:
		if strings.Contains(page, "ssl") { // the page of 403.4, which clients have always looked for
			reason.Detail += ": it wants to be asked by https"
		}
	case http.StatusNotFound:
		reason.Detail += ": is WebDAV allowed there, and is free/busy published?"
	case http.StatusRequestURITooLong:
		reason.Scope = availability.OfCall
	case http.StatusBadRequest:
		if fault := davxml.ReadError(reply.Body); fault != nil {
			return refusedParameter(fault)
		}
	}
	return reason
}

// refusedParameter says what another fbgate, asked as if it were Exchange, says is
// wrong with the question.
func refusedParameter(fault *davxml.ParameterError) *availability.Reason {
	reason := &availability.Reason{Code: availability.RequestRejected, Detail: fmt.Sprintf("%.300s", fault), Scope: availability.OfCall}
	if fault.Parameter == "end" {
		reason.Code = availability.WindowTooLong
	}
	return reason
}

// isPage reports whether a web page came, whatever type it says it has.
func isPage(reply *upstream.Reply) bool {
	start := bytes.ToLower(bytes.TrimSpace(reply.Body[:min(len(reply.Body), 512)]))
	return reply.IsHTML() || bytes.HasPrefix(start, []byte("<html")) || bytes.HasPrefix(start, []byte("<!doctype html"))
}
