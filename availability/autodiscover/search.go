package autodiscover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
	"fbgate/translate/autodiscover"
)

// Found is where an organization's EWS is.
type Found struct {
	EWS           string // the URL
	From          string // the URL of the Autodiscover service that said so
	ServerVersion string // of that service, such as "15.1.2507.6"; empty if not told
	Schemas       string // what EWS speaks, such as "Exchange2007, Exchange2010"; empty if not told
}

// search is one search. It is over when it has found something, must not go on, or
// its context ends.
type search struct {
	locator *Locator
	query   availability.Query
	domain  string  // of the mailbox it began with
	pinned  url.URL // Config.EPR
	asked   map[string]bool
	hops    int
	steps   []Step

	found      Found
	end        *availability.Reason // why it must not go on
	unproven   bool                 // the account's secret could not be had, or must not go there
	unknown    bool                 // a service knows no such mailbox
	retryAfter time.Duration
}

// Search looks for the EWS URL on behalf of m, whatever is remembered, and returns the
// steps it took, too. The error is that of [Locator.URL].
func (l *Locator) Search(ctx context.Context, q availability.Query, m availability.Mailbox) (Found, []Step, error) {
	s, reason := l.search(ctx, q, m)
	if reason != nil {
		return Found{}, s.steps, l.client.Clean(reason)
	}
	return s.found, s.steps, nil
}

func (l *Locator) search(ctx context.Context, q availability.Query, m availability.Mailbox) (*search, *availability.Reason) {
	s := &search{locator: l, query: q, domain: l.home(m), asked: map[string]bool{string(m): true}}
	if reason := unnamed(m); reason != nil {
		return s, reason
	}
	late := availability.Because(availability.Timeout, "the whole search may take %v, which is over", l.config.Timeout)
	ctx, cancel := context.WithTimeoutCause(ctx, l.config.Timeout, late)
	defer cancel()
	if l.config.EPR != "" {
		s.askPinned(ctx, m)
	} else {
		s.about(ctx, s.domain, m)
	}
	if s.found.EWS == "" {
		return s, s.failure()
	}
	return s, nil
}

func (s *search) over(ctx context.Context) bool {
	return s.found.EWS != "" || s.end != nil || ctx.Err() != nil || len(s.steps) >= mostSteps
}

// failure says why nothing was found.
func (s *search) failure() *availability.Reason {
	reason := &availability.Reason{Code: availability.NotDiscovered, Scope: availability.OfServer, RetryAfter: s.retryAfter}
	switch {
	case s.end != nil:
		reason.Code, reason.RetryAfter = s.end.Code, s.end.RetryAfter
	case s.unproven:
		reason.Code = availability.CredentialFailed
	case s.unknown:
		reason.Code, reason.Scope = availability.UnknownMailbox, availability.OfMailbox
	}
	reason.Detail = story(s.steps)
	return reason
}

func (s *search) askPinned(ctx context.Context, m availability.Mailbox) {
	u, err := url.Parse(s.locator.config.EPR)
	if err == nil {
		if service, ok := serviceAt(u); ok {
			s.pinned = *u
			s.visit(ctx, service, m)
			return
		}
	}
	s.did("target_autodiscover_epr", "read", 0, "it is no URL of autodiscover.svc or autodiscover.xml")
}

// home is the domain in which to search for the organization of m: its own, or, if it
// is none of the organization's, as of those who moved there from another one, the
// organization's first.
func (l *Locator) home(m availability.Mailbox) string {
	if len(l.config.Domains) == 0 || slices.ContainsFunc(l.config.Domains, func(d string) bool { return below(m.Domain(), d) }) {
		return m.Domain()
	}
	return l.config.Domains[0]
}

// about asks wherever a domain may say something of a mailbox, in the order all
// clients of Exchange keep but for the directory's service connection points, which
// are for those inside.
func (s *search) about(ctx context.Context, domain string, m availability.Mailbox) {
	s.visit(ctx, usual(domain), m)
	s.visit(ctx, usual("autodiscover."+domain), m)
	s.askPlain(ctx, domain, m)
	s.askDNS(ctx, domain, m)
}

// visit asks a service by every operation it may have.
func (s *search) visit(ctx context.Context, at service, m availability.Mailbox) {
	if s.asked[at.about(m)] {
		return
	}
	s.asked[at.about(m)] = true
	if at.poxFirst {
		s.ask(ctx, at, autodiscover.POX, m)
		s.askSOAP(ctx, at, m)
	} else if s.askSOAP(ctx, at, m) == absent {
		s.ask(ctx, at, autodiscover.POX, m)
	}
}

// askSOAP asks about the mailbox and, if that brings no URL, about its domain.
func (s *search) askSOAP(ctx context.Context, at service, m availability.Mailbox) outcome {
	came := s.ask(ctx, at, autodiscover.GetUserSettings, m)
	if came == answered {
		s.ask(ctx, at, autodiscover.GetDomainSettings, m)
	}
	return came
}

// askPlain asks the one URL that need not be https. It is asked without the account
// and can do nothing but redirect.
func (s *search) askPlain(ctx context.Context, domain string, m availability.Mailbox) {
	if s.over(ctx) {
		return
	}
	secure := usual("autodiscover." + domain).url(autodiscover.POX)
	plain := *secure
	plain.Scheme = "http"
	const what = "HTTP redirect"
	if err := s.acceptable(secure); err != nil {
		s.did(plain.String(), what, 0, "not asked: %v", err)
		return
	}
	begun := time.Now()
	reply, err := s.get(ctx, &plain)
	took := time.Since(begun)
	switch {
	case err != nil:
		s.did(plain.String(), what, took, "%s", told(availability.ReasonFor(err), &plain))
	case !reply.IsRedirect():
		s.did(plain.String(), what, took, "HTTP %d, no redirect", reply.Status)
	default:
		s.redirect(ctx, &plain, reply.Header.Get("Location"), m, fmt.Sprintf("HTTP %d", reply.Status), s.stepper(&plain, what, took))
	}
}

func (s *search) get(ctx context.Context, u *url.URL) (*upstream.Reply, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	return s.locator.plain.Do(s.query, r)
}

// mostTargets bounds how many hosts of an SRV record are asked.
const mostTargets = 3

// askDNS asks the hosts the DNS names as the domain's, as far as they use the port of
// https.
func (s *search) askDNS(ctx context.Context, domain string, m availability.Mailbox) {
	if s.over(ctx) {
		return
	}
	name := "_autodiscover._tcp." + domain
	begun := time.Now()
	_, records, err := s.locator.config.Resolver.LookupSRV(ctx, "autodiscover", "tcp", domain)
	took := time.Since(begun)
	var hosts []string
	for _, r := range records {
		if host := strings.TrimSuffix(strings.ToLower(r.Target), "."); r.Port == 443 && isHost(host) {
			hosts = append(hosts, host)
		}
	}
	var dns *net.DNSError
	switch {
	case len(hosts) > 0:
		s.did(name, "DNS SRV", took, "%s", strings.Join(hosts, ", "))
	case len(records) > 0:
		s.did(name, "DNS SRV", took, "none of %d records has port 443", len(records))
	case err == nil, errors.As(err, &dns) && dns.IsNotFound:
		s.did(name, "DNS SRV", took, "no such record")
	default:
		s.did(name, "DNS SRV", took, "%v", err)
	}
	for _, host := range hosts[:min(len(hosts), mostTargets)] {
		s.visit(ctx, usual(host), m)
	}
}
