package publicfolder

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"fbgate/availability"
	"fbgate/availability/upstream"
	"fbgate/translate/davxml"
)

// ask makes the call and reads the reply. It also returns the URL that was asked in
// the end, without the query. The error is an *availability.Reason.
func (s *Source) ask(ctx context.Context, q availability.Query, request davxml.Request) (rows, string, error) {
	root, err := url.Parse(s.config.URL)
	if err != nil {
		return rows{}, "", serverReason(availability.WrongEndpoint, "the URL of public folders: %v", err)
	}
	root.User, root.Fragment, root.RawQuery = nil, "", ""
	query := request.Query()
	if len(query) > s.config.MaxQuery {
		reason := availability.Because(availability.RequestRejected, "a query of %d bytes about %d mailboxes, at most %d are sent", len(query), len(request.Attendees), s.config.MaxQuery)
		reason.Scope = availability.OfCall
		return rows{}, root.String(), reason
	}
	reply, err := s.fetch(ctx, q, root, query)
	if err != nil {
		return rows{}, root.String(), withoutQuery(err, query)
	}
	from := reply.URL.String()
	if reason := refusal(reply); reason != nil {
		return rows{}, from, reason
	}
	rows, err := read(reply.Body, request)
	if err != nil {
		return rows, from, unreadable(reply, err)
	}
	return rows, from, nil
}

// fetch asks root and follows referrals. The URL of the reply has no query.
func (s *Source) fetch(ctx context.Context, q availability.Query, root *url.URL, query string) (*upstream.Reply, error) {
	hops := []*url.URL{root}
	for {
		reply, err := s.get(ctx, q, hops[len(hops)-1], query)
		if err != nil {
			return nil, err
		}
		if !isReferral(reply) {
			return reply, nil
		}
		next, err := s.refer(hops, reply.Header.Get("Location"))
		if err != nil {
			return nil, err
		}
		hops = append(hops, next)
	}
}

func (s *Source) get(ctx context.Context, q availability.Query, folder *url.URL, query string) (*upstream.Reply, error) {
	target := *folder
	target.RawQuery = query
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, serverReason(availability.WrongEndpoint, "%v", err)
	}
	r.Header.Set("Accept", "text/xml")
	if q.Via != "" {
		r.Header.Set(availability.ViaHeader, q.Via) // another fbgate may be there
	}
	reply, err := s.config.Client.Do(q, r)
	if err != nil {
		return nil, err
	}
	reply.URL = folder
	return reply, nil
}

// unreadable says that a reply is no answer. It may have been cut short; or the name
// of one mailbox holds what XML cannot, and the others would be answered without it.
func unreadable(reply *upstream.Reply, err error) *availability.Reason {
	reason := availability.Because(availability.BadResponse, "%s: %.300s", reply.URL, err)
	var syntax *xml.SyntaxError
	reason.Scope, reason.Again = availability.OfCall, errors.As(err, &syntax)
	return reason
}

// withoutQuery returns the Reason in err without the query, which names everybody who
// was asked about.
func withoutQuery(err error, query string) *availability.Reason {
	reason := *availability.ReasonFor(err)
	reason.Detail = fmt.Sprintf("%.600s", strings.ReplaceAll(reason.Detail, "?"+query, ""))
	return &reason
}

// serverReason is a Reason that other calls to the server would have, too.
func serverReason(code availability.Code, format string, args ...any) *availability.Reason {
	reason := availability.Because(code, format, args...)
	reason.Scope = availability.OfServer
	return reason
}
