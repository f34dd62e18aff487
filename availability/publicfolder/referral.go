package publicfolder

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"fbgate/availability"
	"fbgate/availability/upstream"
	"fbgate/translate/davxml"
)

// maxReferrals is how many servers may refer to the next one. Exchange's directory
// names a server with a replica; one is usual.
const maxReferrals = 3

// isReferral reports whether a reply sends the client to another server, as one does
// that has no replica of the free/busy (KB813152), and not to a log-in page.
func isReferral(reply *upstream.Reply) bool {
	location := reply.Header.Get("Location")
	switch reply.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return location != "" && !upstream.IsLogin(location)
	}
	return false
}

// refer returns where the last of hops refers to, if that may be followed. It keeps
// nothing of a query there: what is asked stays the same, so that the digits of the
// answer stand for the time asked about. The error is an *availability.Reason.
func (s *Source) refer(hops []*url.URL, location string) (*url.URL, error) {
	from := hops[len(hops)-1]
	refuse := func(why string) error {
		return serverReason(availability.WrongEndpoint, "%s refers to %.200q%s", from, location, why)
	}
	next, err := from.Parse(location)
	switch {
	case err != nil, next.Host == "", next.Scheme != "http" && next.Scheme != "https":
		return nil, refuse(", which is no address of a server")
	case from.Scheme == "https" && next.Scheme != "https":
		return nil, refuse(", which is not https any more")
	case next.RawQuery != "" && !strings.EqualFold(davxml.Command(next.RawQuery), "freebusy"):
		return nil, refuse(", which is not free/busy")
	}
	next.User, next.Fragment, next.RawQuery = nil, "", ""
	switch {
	case !s.trusts(from, next):
		return nil, refuse(": if " + next.Hostname() + " holds the organization's free/busy, too, list it in trusted_hosts")
	case len(hops) > maxReferrals:
		return nil, refuse(", after other referrals")
	case slices.ContainsFunc(hops, func(hop *url.URL) bool { return hop.String() == next.String() }):
		return nil, refuse(", which was asked already")
	}
	return next, nil
}

// trusts reports whether a server that is asked may refer to next.
func (s *Source) trusts(from, next *url.URL) bool {
	if from.Scheme == next.Scheme && strings.EqualFold(from.Host, next.Host) {
		return true
	}
	return s.config.Referrals != nil && s.config.Referrals(next)
}
