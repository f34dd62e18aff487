// Package doctor finds out why a bar is empty: it takes one question to the server
// that should answer it hop by hop, tells of each what it found and how long it
// took, and stops at the first that fails.
package doctor

import (
	"context"
	"crypto/tls"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"time"

	"fbgate/availability"
	"fbgate/availability/directory"
)

// The hops, in the order they are taken.
const (
	Directory      = "directory"      // whose mailbox the address is
	Route          = "route"          // which organization has it
	Autodiscover   = "autodiscover"   // where that is asked
	DNS            = "dns"            // the host's addresses
	TCP            = "tcp"            // a connection
	TLS            = "tls"            // a secure one, with the right host
	Authentication = "authentication" // the account
	Call           = "call"           // the server takes the question
	Decoding       = "decoding"       // its reply can be read
	Mailbox        = "mailbox"        // the reply tells something of the mailbox
	Digits         = "digits"         // and it can be drawn
)

// Hop is one step and what came of it.
type Hop struct {
	// Name is one of the constants.
	Name string
	// Where is whom it concerns: an organization and its server. Empty for those
	// before the organization is known.
	Where string
	// Found is what is known after it, in a few words.
	Found string
	Took  time.Duration
	// Reason is why it failed; then it is the last of its server.
	Reason *availability.Reason
	// Remedy says in one sentence what to do about it.
	Remedy string
	// Moved is set if another organization is asked next, as this one does not know
	// the mailbox: that is no failure.
	Moved bool
}

// Doctor knows the ways questions take.
type Doctor struct {
	// Directory may be nil.
	Directory directory.Directory
	// Route returns the name of the organization a mailbox lies in, or why none.
	Route func(availability.Mailbox) (string, *availability.Reason)
	// Organizations are those there are, by name.
	Organizations map[string]*Organization
	// Render draws an answer as a client would get it.
	Render func(availability.Answer, availability.Query) string
}

// Organization is one of the configuration.
type Organization struct {
	Name    string
	Members []Member // at least one, unless Withheld
	// Withheld is set if nothing of it may be given out.
	Withheld bool
	// Then is the organization that is asked about mailboxes this one does not
	// know, empty if there is none.
	Then string
}

// Member is one server and account of an organization.
type Member struct {
	Name       string
	Method     string // its access method
	Credential string // the type of its credential, empty if there is none
	URL        string // where it is asked; empty if Discover finds that
	Discover   func(context.Context, availability.Query, availability.Mailbox) (url, how string, err error)
	TLS        *tls.Config
	Proxy      func(*http.Request) (*url.URL, error)
	// Source makes one call to the server by the account.
	Source availability.Source
	// Trace sees what Source sends and gets.
	Trace *Trace
}

// Diagnose takes the question about q's one mailbox along all its hops, to every
// server of its organization. If name is not empty that organization is asked,
// whichever the mailbox lies in.
func (d *Doctor) Diagnose(ctx context.Context, q availability.Query, name string) iter.Seq[Hop] {
	return func(yield func(Hop) bool) {
		mailbox, ok := d.resolve(ctx, q.Mailboxes[0], yield)
		if !ok {
			return
		}
		if name == "" {
			if name, ok = d.route(mailbox, yield); !ok {
				return
			}
		}
		q = q.About([]availability.Mailbox{mailbox})
		for o := d.Organizations[name]; o != nil; o = d.Organizations[o.Then] {
			if moved, goOn := d.organization(ctx, q, o, yield); !moved || !goOn {
				return
			}
		}
	}
}

// resolve asks the directory. It reports false if the way ends here.
func (d *Doctor) resolve(ctx context.Context, m availability.Mailbox, yield func(Hop) bool) (availability.Mailbox, bool) {
	if d.Directory == nil {
		return m, true
	}
	begun := time.Now()
	found, err := d.Directory.Find(ctx, []availability.Mailbox{m})
	hop := Hop{Name: Directory, Took: time.Since(begun)}
	entry := found[m]
	switch {
	case err != nil:
		hop.Reason = availability.ReasonFor(err)
	case entry == nil && m.IsLegacyDN():
		hop.Reason = availability.Because(availability.NoRoute, "the directory does not know %.200s", m)
	case entry == nil:
		hop.Found = "not there; taken as it is"
	case entry.Members != nil:
		hop.Reason = availability.Because(availability.NoRoute, "a distribution list of %d members", len(entry.Members))
		hop.Remedy = fmt.Sprintf("Ask about one of its members, for example %s.", first(entry.Members))
	default:
		hop.Found = "the mailbox is " + string(entry.Mailbox)
		m = entry.Mailbox
	}
	return m, d.end(hop, Member{}, yield)
}

func first(members []availability.Mailbox) availability.Mailbox {
	if len(members) == 0 {
		return "of another list, as this one is empty"
	}
	return members[0]
}

func (d *Doctor) route(m availability.Mailbox, yield func(Hop) bool) (name string, ok bool) {
	hop := Hop{Name: Route}
	name, hop.Reason = d.Route(m)
	hop.Found = "organization " + name
	return name, d.end(hop, Member{}, yield)
}

// end yields a hop, with a remedy if it failed, and reports whether to go on.
func (d *Doctor) end(hop Hop, m Member, yield func(Hop) bool) bool {
	if hop.Reason != nil {
		hop.Found = ""
		if hop.Remedy == "" {
			hop.Remedy = remedy(hop, m)
		}
	}
	return yield(hop) && hop.Reason == nil
}

// organization takes the question to all servers of o. It reports whether the
// mailbox may have moved to the next organization, and whether anybody still listens.
func (d *Doctor) organization(ctx context.Context, q availability.Query, o *Organization, yield func(Hop) bool) (moved, goOn bool) {
	if o.Withheld {
		reason := availability.Because(availability.Withheld, "free_busy_access_level of %s is none", o.Name)
		return false, yield(Hop{Name: Route, Where: o.Name, Reason: reason, Remedy: reason.Remedy()})
	}
	goOn = true
	for _, m := range o.Members {
		d.member(ctx, q, m, func(h Hop) bool {
			h.Where = o.Name + ", " + m.Name
			if o.Then != "" && saysUnknown(h) {
				h.Moved, moved = true, true
				h.Remedy = "It may have moved: " + o.Then + " is asked next."
			}
			goOn = yield(h)
			return goOn
		})
		if !goOn {
			break
		}
	}
	return moved, goOn
}

func saysUnknown(h Hop) bool {
	return h.Name == Mailbox && h.Reason != nil &&
		(h.Reason.Code == availability.UnknownMailbox || h.Reason.Code == availability.NoInformation)
}

// member takes the question to one server.
func (d *Doctor) member(ctx context.Context, q availability.Query, m Member, yield func(Hop) bool) {
	step := func(h Hop) bool { return d.end(h, m, yield) }
	target := m.URL
	if target == "" {
		begun := time.Now()
		found, how, err := m.Discover(ctx, q, q.Mailboxes[0])
		hop := Hop{Name: Autodiscover, Found: found + " by " + how, Took: time.Since(begun)}
		if err != nil {
			hop.Reason = availability.ReasonFor(err)
		}
		if !step(hop) {
			return
		}
		target = found
	}
	if !m.reach(ctx, target, step) {
		return
	}
	d.ask(ctx, q, m, step)
}

// ask makes the call and tells of it as the hops it consists of.
func (d *Doctor) ask(ctx context.Context, q availability.Query, m Member, step func(Hop) bool) {
	m.Trace.forget()
	begun := time.Now()
	answer := m.Source.Lookup(ctx, q)[0]
	took, proving := time.Since(begun), m.Trace.proving()
	failed := hopOf(answer.Reason)
	for _, hop := range []Hop{
		{Name: Authentication, Found: m.account(), Took: proving},
		{Name: Call, Found: m.Trace.last(), Took: took - proving},
		{Name: Decoding, Found: "a reply to the question"},
		{Name: Mailbox, Found: "free/busy"},
		{Name: Digits, Found: d.Render(answer, q)},
	} {
		if hop.Name == failed {
			hop.Reason = answer.Reason
		}
		if !step(hop) {
			return
		}
	}
}

// hopOf returns the hop a call failed at, empty for none.
func hopOf(r *availability.Reason) string {
	if r == nil {
		return ""
	}
	switch r.Code {
	case availability.Unauthorized, availability.CredentialFailed:
		return Authentication
	case availability.BadResponse:
		return Decoding
	}
	if r.Scope == availability.OfMailbox {
		return Mailbox
	}
	return Call
}
