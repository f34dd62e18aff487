package admin

import (
	"slices"
	"strings"

	"fbgate/availability"
	"fbgate/availability/journal"
)

// Hide returns m as operators see it where addresses are hidden.
func (c *Config) Hide(m availability.Mailbox) availability.Mailbox {
	return availability.Mailbox(c.Redactor.Name(string(m)))
}

// hideReason returns r with nobody named in it, also none of the mailboxes it may be
// about, whatever they look like. It may be nil.
func (c *Config) hideReason(r *availability.Reason, mailboxes ...string) *availability.Reason {
	if r == nil || c.Redactor == nil {
		return r
	}
	hidden := *r
	hidden.Detail = c.Redactor.Text(r.Detail, mailboxes...)
	return &hidden
}

// About returns what reports whether something told is about a mailbox with this text in its
// address, as the Journal has it, or of just this address, which may be hidden there. It
// hides the address only once, as it is asked about all that is kept while nothing can be
// added.
func (c *Config) About(text string) func(*journal.Told) bool {
	m := availability.ParseMailbox(text)
	hidden := c.Hide(m)
	return func(t *journal.Told) bool {
		return strings.Contains(string(t.Mailbox), string(m)) || t.Mailbox == hidden
	}
}

// Shown returns Organizations without the accounts of people, and without the people in
// what went wrong.
func (c *Config) Shown() func() []Organization {
	if c.Organizations == nil || c.Redactor == nil {
		return c.Organizations
	}
	all, hidden := c.Organizations, *c
	return func() []Organization {
		organizations := slices.Clone(all())
		for i := range organizations {
			o := &organizations[i]
			o.Totals.Why = hidden.hideReason(o.Totals.Why)
			o.Servers = slices.Clone(o.Servers)
			for j := range o.Servers {
				s := &o.Servers[j]
				s.Name, s.Reason = hidden.Redactor.Text(s.Name), hidden.hideReason(s.Reason)
			}
		}
		return organizations
	}
}
