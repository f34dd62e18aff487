package autodiscover

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
	"fbgate/translate/autodiscover"
)

// outcome is what came of asking one address, as far as it matters for the next.
type outcome uint8

const (
	failed   outcome = iota // no Autodiscover answered, or it answered with a URL or a redirect
	absent                  // there is a web server but no such service
	answered                // Autodiscover answered and has no URL
)

// ask asks a service once, and goes where the answer leads.
func (s *search) ask(ctx context.Context, at service, o autodiscover.Operation, m availability.Mailbox) outcome {
	if s.over(ctx) {
		return failed
	}
	u := at.url(o)
	if err := s.acceptable(u); err != nil {
		s.did(u.Redacted(), o.String(), 0, "not asked: %v", err)
		return failed
	}
	begun := time.Now()
	reply, err := s.post(ctx, u, o, m)
	took := time.Since(begun)
	if err != nil {
		return s.refused(u, o, took, availability.ReasonFor(err))
	}
	if reason := loginWanted(reply); reason != nil {
		s.did(u.Redacted(), o.String(), took, "%s", told(reason, u))
		s.end = reason
		return failed
	}
	if reply.IsRedirect() {
		s.redirect(ctx, u, reply.Header.Get("Location"), m, fmt.Sprintf("HTTP %d", reply.Status), s.stepper(u, o.String(), took))
		return failed
	}
	result, reason := read(reply, o)
	if reason != nil {
		return s.refused(u, o, took, reason)
	}
	s.follow(ctx, result, m, u, o, took)
	return failed
}

func (s *search) post(ctx context.Context, u *url.URL, o autodiscover.Operation, m availability.Mailbox) (*upstream.Reply, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(o.Append(nil, u.String(), m)))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", autodiscover.ContentType)
	r.Header.Set("Accept", "text/xml")
	if action := o.SOAPAction(); action != "" {
		r.Header.Set("SOAPAction", action)
	}
	return s.locator.client.Do(s.query, r)
}

// read returns what a reply says. With status 500 it may be a SOAP fault.
func read(reply *upstream.Reply, o autodiscover.Operation) (autodiscover.Result, *availability.Reason) {
	if reply.Status != http.StatusOK && reply.Status != http.StatusInternalServerError {
		return autodiscover.Result{}, reply.Refusal()
	}
	if reply.IsHTML() {
		if refusal := reply.Refusal(); refusal != nil {
			return autodiscover.Result{}, refusal
		}
		return autodiscover.Result{}, page(reply)
	}
	result, err := o.Parse(reply.Body)
	if err == nil {
		return result, nil
	}
	reason := availability.ReasonFor(err)
	if refusal := reply.Refusal(); refusal != nil && reason.Code == availability.BadResponse {
		return result, refusal
	}
	return result, reason
}

// refused records why an address told nothing.
func (s *search) refused(u *url.URL, o autodiscover.Operation, took time.Duration, reason *availability.Reason) outcome {
	s.did(u.Redacted(), o.String(), took, "%s", told(reason, u))
	switch reason.Code {
	case availability.Unauthorized:
		s.end = reason // the account rests
	case availability.CredentialFailed:
		s.unproven = true
	case availability.Throttled:
		s.retryAfter = max(s.retryAfter, reason.RetryAfter)
	case availability.UnknownMailbox:
		s.unknown = true
		return answered
	case availability.WrongEndpoint:
		return absent
	case availability.NotDiscovered, availability.RequestRejected:
		return answered
	}
	return failed
}

// follow goes where an answer leads.
func (s *search) follow(ctx context.Context, r autodiscover.Result, m availability.Mailbox, u *url.URL, o autodiscover.Operation, took time.Duration) {
	step := s.stepper(u, o.String(), took)
	switch {
	case r.RedirectURL != "":
		s.redirect(ctx, u, r.RedirectURL, m, "RedirectUrl", step)
	case r.RedirectAddress != "":
		s.readdress(ctx, r.RedirectAddress, step)
	default:
		ews, err := url.Parse(r.EWS)
		if err == nil {
			err = s.acceptable(ews)
		}
		if err != nil {
			step("EWS is said to be at %.200q, which is not used: %v", r.EWS, err)
			return
		}
		step("EWS is at %s", r.EWS)
		s.found = Found{EWS: r.EWS, From: u.String(), ServerVersion: r.ServerVersion, Schemas: r.Schemas}
	}
}
