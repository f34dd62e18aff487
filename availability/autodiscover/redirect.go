package autodiscover

import (
	"context"
	"net/url"

	"fbgate/availability"
)

// redirect goes where a service, or the web server before it, sent the search: to
// another Autodiscover service. Its twin is asked, too, for redirects name
// autodiscover.xml even if there is autodiscover.svc beside it.
func (s *search) redirect(ctx context.Context, from *url.URL, location string, m availability.Mailbox, by string, step func(string, ...any)) {
	target, err := from.Parse(location)
	if err != nil {
		step("%s to %.200q, which is no URL", by, location)
		return
	}
	to, ok := serviceAt(target)
	if !ok {
		step("%s to %.200q, which is no Autodiscover service%s", by, location, perhapsLogin(location))
		return
	}
	to.poxFirst = false
	if err := s.acceptable(target); err != nil {
		step("%s to %.200q, not followed: %v", by, location, err)
		return
	}
	if s.asked[to.about(m)] {
		step("%s to %.200q, which has been asked before: a loop", by, location)
		return
	}
	if s.hop(by, location, step) {
		s.visit(ctx, to, m)
	}
}

// readdress starts anew with the address a service named instead of the one asked
// about. Whom the search may ask stays as it was.
func (s *search) readdress(ctx context.Context, m availability.Mailbox, step func(string, ...any)) {
	const by = "RedirectAddress"
	if unnamed(m) != nil {
		step("%s to %.100q, which has no domain to search", by, m)
		return
	}
	if s.asked[string(m)] {
		step("%s to %.100q, which has been asked about before: a loop", by, m)
		return
	}
	if s.hop(by, string(m), step) {
		s.asked[string(m)] = true
		s.about(ctx, m.Domain(), m)
	}
}

// hop reports whether one more redirect may be followed.
func (s *search) hop(by, to string, step func(string, ...any)) bool {
	if s.hops == mostHops {
		step("%s to %.200q, not followed after %d others", by, to, mostHops)
		s.end = availability.Because(availability.NotDiscovered, "more than %d redirects", mostHops)
		return false
	}
	s.hops++
	step("%s to %.200q", by, to)
	return true
}
