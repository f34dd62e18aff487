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

// HideReason returns r with nobody named in it, also none of the mailboxes it may be
// about, whatever they look like. It may be nil.
func (c *Config) HideReason(r *availability.Reason, mailboxes ...string) *availability.Reason {
	if r == nil || c.Redactor == nil {
		return r
	}
	hidden := *r
	hidden.Detail = c.Redactor.Text(r.Detail, mailboxes...)
	return &hidden
}

// About reports whether t is about a mailbox with this text in its address, as the Journal
// has it, or of just this address, which may be hidden there. Without a text it is.
func (c *Config) About(t *journal.Told, text string) bool {
	m := availability.ParseMailbox(text)
	return strings.Contains(string(t.Mailbox), string(m)) || c.Named(t, m)
}

// Named reports whether t is about m, which may be
// hidden in the Journal.
func (c *Config) Named(t *journal.Told, m availability.Mailbox) bool {
	return t.Mailbox == m || c.Redactor != nil && t.Mailbox == c.Hide(m)
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
			o.Totals.Why = hidden.HideReason(o.Totals.Why)
			o.Servers = slices.Clone(o.Servers)
			for j := range o.Servers {
				s := &o.Servers[j]
				s.Name, s.Reason = hidden.Redactor.Text(s.Name), hidden.HideReason(s.Reason)
			}
		}
		return organizations
	}
}
