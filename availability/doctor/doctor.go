// Package doctor finds out why a bar is empty: it takes one question to the server
// that should answer it hop by hop, tells of each what it found and how long it
// took, and stops at the first that fails.
package doctor

import (
	"context"
	"iter"
	"time"

	"fbgate/availability"
	"fbgate/availability/directory"
)

// The hops, in the order they are taken. Where a host is an IP address there is no
// DNS, and where it is asked by http, or by way of a proxy, no TLS.
const (
	Directory      = "directory"      // whose mailbox the address is
	Route          = "route"          // which organization has it, and whether it may be asked
	Autodiscover   = "autodiscover"   // where that is asked
	DNS            = "dns"            // the host's addresses
	TCP            = "tcp"            // a connection
	TLS            = "tls"            // a secure one, with the right host
	Authentication = "authentication" // the account, and whoever vouches for it
	Call           = "call"           // the server takes the question
	Decoding       = "decoding"       // its reply can be read
	Mailbox        = "mailbox"        // the reply tells all of the mailbox
	Digits         = "digits"         // and it is drawn
)

// Hop is one step and what came of it.
type Hop struct {
	// Name is one of the constants.
	Name string
	// Where is whom it concerns: an organization and its server. Empty for those
	// before the organization is known.
	Where string
	// Found is what is known after it, in a few words. For Digits it is the digits.
	Found string
	// Steps are those it consisted of, if there were several.
	Steps []Step
	// Took is 0 for what takes no time worth telling.
	Took time.Duration
	// Reason is why it failed; then it is the last of its server.
	Reason *availability.Reason
	// Remedy says in one sentence what to do about it.
	Remedy string
	// Moved is set if another organization is asked next, as this one does not know
	// the mailbox: that is no failure.
	Moved bool

	unknown bool // the organization does not know the mailbox
}

// Step is a part of a hop.
type Step struct {
	Text string
	Took time.Duration // 0 if nothing was asked
}

// Doctor knows the ways questions take.
type Doctor struct {
	// Directory may be nil.
	Directory directory.Directory
	// Route returns the name of the organization a mailbox lies in, or why none.
	Route func(availability.Mailbox) (string, *availability.Reason)
	// Organizations are those there are, by name.
	Organizations map[string]*Organization
	// Beyond is what else may keep an answer from clients, which the Doctor does not look
	// at. It is told with the digits, unless it is empty.
	Beyond string
	// Render draws an answer as a client would get it.
	Render func(availability.Answer, availability.Query) string
}

// Organization is one of the configuration.
type Organization struct {
	Name    string
	Members []Member // at least one, unless Closed
	// Closed is why it must not be asked, nil if it may.
	Closed *availability.Reason
	// Then is the organization that is asked about mailboxes this one does not
	// know, empty if there is none.
	Then string
}

// Diagnose takes the question about q's one mailbox along all its hops, to every
// server of its organization. If name is not empty that organization is asked,
// whichever the mailbox lies in. A hop is yielded as soon as it is over; those after
// one that failed are not taken.
func (d *Doctor) Diagnose(ctx context.Context, q availability.Query, name string) iter.Seq[Hop] {
	return func(yield func(Hop) bool) {
		mailbox, ok := d.resolve(ctx, q, yield)
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

// organization takes the question to all servers of o. It reports whether the
// mailbox may have moved to the next organization, and whether anybody still listens.
func (d *Doctor) organization(ctx context.Context, q availability.Query, o *Organization, yield func(Hop) bool) (moved, goOn bool) {
	if o.Closed != nil {
		return false, end(Hop{Name: Route, Where: o.Name, Reason: o.Closed}, Member{}, yield)
	}
	goOn = true
	for _, m := range o.Members {
		d.member(ctx, q, m, func(h Hop) bool {
			h.Where = o.Name + ", " + m.Name
			if o.Then != "" && h.unknown {
				h.Moved, moved = true, true
				h.Remedy = "It may have moved: " + o.Then + " is asked next."
			}
			goOn = yield(h)
			return goOn
		})
		if !goOn || ctx.Err() != nil {
			return moved, false
		}
	}
	return moved, goOn
}

// end yields a hop, with a remedy if it failed, and reports whether to go on.
func end(hop Hop, m Member, yield func(Hop) bool) bool {
	if hop.Reason != nil {
		hop.Found = ""
		if hop.Remedy == "" {
			hop.Remedy = remedy(hop, m)
		}
	}
	return yield(hop) && hop.Reason == nil
}
