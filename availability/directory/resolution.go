package directory

import (
	"cmp"
	"slices"

	"fbgate/availability"
)

// maxHops is how many times a target address that is itself redirected is followed.
const maxHops = 3

// resolution is whom one mailbox stands for, as far as it is known.
type resolution struct {
	most    int // members of a list
	list    bool
	people  []person             // one unless list
	reason  *availability.Reason // why people must not be asked
	pending []step

	named   map[availability.Mailbox]bool // names that came up
	counted map[availability.Mailbox]bool // people
	lists   map[availability.Mailbox]bool // expanded
}

// person is a mailbox to ask about, or why one cannot be.
type person struct {
	mailbox availability.Mailbox
	reason  *availability.Reason
}

// step is a name to look up: an address, and the addresses that led to it by
// redirection.
type step struct {
	address availability.Mailbox
	trail   []availability.Mailbox
}

func newResolution(m availability.Mailbox, most int) *resolution {
	return &resolution{
		most:    most,
		pending: []step{{address: m}},
		named:   map[availability.Mailbox]bool{m: true},
		counted: make(map[availability.Mailbox]bool),
		lists:   make(map[availability.Mailbox]bool),
	}
}

// advance goes as far as the book allows and returns the names missing there.
func (r *resolution) advance(book map[availability.Mailbox]page) (unknown []availability.Mailbox) {
	var waiting []step
	for len(r.pending) > 0 && r.reason == nil {
		s := r.pending[0]
		r.pending = r.pending[1:]
		name := nameOf(s.address)
		if p, ok := book[name]; ok {
			r.take(s, p)
		} else {
			waiting = append(waiting, s)
			unknown = append(unknown, name)
		}
	}
	if r.reason != nil {
		r.pending = nil
		return nil
	}
	r.pending = waiting
	return unknown
}

// take follows what the directory says of a step.
func (r *resolution) take(s step, p page) {
	e := p.entry
	switch {
	case e == nil && !s.address.IsLegacyDN():
		r.add(s.address, nil)
	case e == nil && p.reason != nil:
		r.add(s.address, p.reason)
	case e == nil:
		r.add(s.address, availability.Because(availability.NoRoute, "%.200q is a legacyExchangeDN that the directory does not know", s.address))
	case e.list():
		r.expand(e)
	case e.Mailbox == "":
		r.add(s.address, availability.Because(availability.NoRoute, "%.200q has no SMTP address in the directory", s.address))
	case e.Mailbox == s.address, e.Mailbox == e.Primary:
		r.add(e.Mailbox, nil)
	default:
		r.follow(s, e.Mailbox)
	}
}

// follow goes from an address to the target the directory names.
func (r *resolution) follow(s step, target availability.Mailbox) {
	trail := append(slices.Clone(s.trail), s.address)
	switch {
	case slices.Contains(trail, target):
		r.add(s.address, availability.Because(availability.NoRoute, "target addresses in the directory lead from %.200q round to %.200q", trail[0], target))
	case len(trail) > maxHops:
		r.add(s.address, availability.Because(availability.NoRoute, "target addresses in the directory lead from %.200q on and on: the last one followed is %.200q", trail[0], s.address))
	default:
		if r.named[target] && r.list { // then it is looked at as a member
			return
		}
		r.named[target] = true
		r.pending = append(r.pending, step{target, trail})
	}
}

// expand takes up the members of a list, unless it was met before.
func (r *resolution) expand(e *Entry) {
	r.list = true
	id := cmp.Or(e.Primary, e.LegacyDN, e.Mailbox)
	if r.lists[id] {
		return
	}
	r.lists[id] = true
	if e.TooMany > 0 {
		r.tooLarge(e.TooMany, "members or more")
		return
	}
	for _, m := range e.Members {
		if !r.named[m] {
			r.named[m] = true
			r.pending = append(r.pending, step{address: m})
		}
	}
	for _, dn := range e.Missing {
		r.add(availability.Mailbox("dn:"+dn), availability.Because(availability.NoRoute, "the directory has no entry %.200q", dn))
	}
	// Half of the names may be those of lists, but there has to be an end.
	if len(r.named) > 2*r.most+1 {
		r.tooLarge(len(r.named)-1, "members and lists or more")
	}
}

// add counts a person, once.
func (r *resolution) add(m availability.Mailbox, reason *availability.Reason) {
	if r.counted[m] {
		return
	}
	r.counted[m] = true
	r.people = append(r.people, person{m, reason})
	if r.list && len(r.people) > r.most {
		r.tooLarge(len(r.people), "members or more")
	}
}

func (r *resolution) tooLarge(count int, of string) {
	if r.reason == nil {
		r.reason = availability.Because(availability.ListTooLarge, "the distribution list has %d %s, and at most %d members are expanded", count, of, r.most)
	}
}
