package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fbgate/availability"
)

// Member is one server and account of an organization.
type Member struct {
	Name       string
	Method     string // its access method
	Credential string // the type of its credential, empty if there is none
	URL        string // where it is asked; empty if Discover finds that
	Discover   func(context.Context, availability.Query, availability.Mailbox) (url string, steps []Step, err error)
	TLS        *tls.Config
	Proxy      func(*http.Request) (*url.URL, error)
	// Source makes one call to a URL by the account. It has to be watched by Trace.
	Source func(url string) availability.Source
	Trace  *Trace
}

// member takes the question to one server.
func (d *Doctor) member(ctx context.Context, q availability.Query, m Member, yield func(Hop) bool) {
	step := func(h Hop) bool { return end(h, m, yield) }
	target := m.URL
	if target == "" {
		begun := time.Now()
		found, steps, err := m.Discover(ctx, q, q.Mailboxes[0])
		hop := Hop{Name: Autodiscover, Found: "EWS is at " + found, Steps: steps, Took: time.Since(begun)}
		if err != nil {
			hop.Reason = availability.ReasonFor(err)
			hop.unknown = hop.Reason.Code == availability.UnknownMailbox
		}
		if !step(hop) {
			return
		}
		target = found
	}
	if secured, ok := m.reach(ctx, target, step); ok {
		d.ask(ctx, q, m, target, secured, step)
	}
}

// ask makes the call and tells of it as the hops it consists of. secured says that
// the TLS hop was passed.
func (d *Doctor) ask(ctx context.Context, q availability.Query, m Member, target string, secured bool, step func(Hop) bool) {
	whole := q
	whole.Window = inHours(q.Window)
	m.Trace.forget()
	begun := time.Now()
	answer := m.Source(target).Lookup(ctx, whole)[0]
	took, seen := time.Since(begun), m.Trace.seen()
	proving := min(took, max(0, seen.proven.Sub(begun)))

	failed := m.hopOf(answer.Reason, seen, secured)
	if failed == TLS {
		step(Hop{Name: TLS, Took: took, Reason: answer.Reason})
		return
	}
	for _, hop := range []Hop{
		{Name: Authentication, Found: m.account(seen, failed), Took: proving},
		{Name: Call, Found: seen.answer(target), Took: took - proving},
		{Name: Decoding, Found: "a reply to the question"},
		{Name: Mailbox, Found: "free/busy of the whole day"},
		{Name: Digits, Found: d.Render(answer, q), Steps: d.beyond()},
	} {
		if hop.Name == failed {
			hop.Reason = answer.Reason
			hop.unknown = saysUnknown(answer)
		}
		if !step(hop) {
			return
		}
	}
}

func (d *Doctor) beyond() []Step {
	if d.Beyond == "" {
		return nil
	}
	return []Step{{Text: d.Beyond}}
}

// inHours is w in whole hours, which leave servers nothing to round.
func inHours(w availability.Window) availability.Window {
	start, end := w.Start.UTC().Truncate(time.Hour), w.End.UTC().Truncate(time.Hour)
	if end.Before(w.End) {
		end = end.Add(time.Hour)
	}
	return availability.Window{Start: start, End: end}
}

// saysUnknown reports whether a gateway would ask the next organization. Exchange 2003
// tells nothing of those it does not know, as of those who never published.
func saysUnknown(a availability.Answer) bool {
	return a.Reason.Code == availability.UnknownMailbox ||
		a.Reason.Code == availability.NoInformation && a.Schedule.Known.Empty()
}

// hopOf returns the hop a call failed at, empty for none. A Reason's code does not
// always tell: it is the same for a server that cannot be reached and for a KDC or a
// token endpoint that cannot. What was seen on the wire does: without proof nothing
// goes to the server, and as long as its last word was 401, proof is what it is about.
func (m Member) hopOf(r *availability.Reason, seen evidence, secured bool) string {
	switch {
	case r == nil:
		return ""
	case r.Code == availability.Unauthorized, r.Code == availability.CredentialFailed,
		seen.status == http.StatusUnauthorized,
		!seen.asked && (m.Credential == "oauth2" || m.Credential == "kerberos"):
		return Authentication
	case r.Code == availability.TLS && secured && refusesCertificate(r):
		return Authentication
	case r.Code == availability.TLS:
		return TLS // by way of a proxy, or another server behind the same name
	case seen.status != http.StatusOK:
		return Call
	case r.Code == availability.BadResponse, r.Code == availability.Internal:
		return Decoding
	case r.Scope == availability.OfMailbox:
		return Mailbox
	}
	return Call
}

// refusesCertificate reports whether a connection that the client found secure was
// ended by the server, which then did not like the client's certificate, or wants one
// only now that it knows the path.
func refusesCertificate(r *availability.Reason) bool {
	return strings.Contains(r.Detail, "remote error: tls:") || wantsItLate(r)
}

// wantsItLate reports whether the server asks for a certificate by renegotiation, as
// IIS does unless told otherwise. Go knows no renegotiation.
func wantsItLate(r *availability.Reason) bool { return strings.Contains(r.Detail, "no renegotiation") }

// account says what came of the account in a call that did not fail for it.
func (m Member) account(seen evidence, failed string) string {
	switch {
	case m.Credential == "" && seen.status == 0:
		return "there is no account to show"
	case m.Credential == "":
		return "none is asked for"
	case failed == Call || failed == Decoding || seen.status == 0:
		return m.Credential + " was shown, if it was asked for; nothing has said that it is wrong"
	}
	return m.Credential + " was not refused"
}

// answer says what the server answered.
func (e evidence) answer(target string) string {
	text := fmt.Sprintf("HTTP %d", e.status)
	if u, err := url.Parse(target); err == nil && u.Host != e.host {
		text += " from " + e.host + ", where it was referred to"
	}
	return text
}
