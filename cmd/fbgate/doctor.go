package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/autodiscover"
	"fbgate/availability/directory"
	"fbgate/availability/doctor"
	"fbgate/availability/ews"
	"fbgate/availability/meter"
	"fbgate/availability/route"
	"fbgate/cmd/fbgate/config"
	"fbgate/translate/merged"
)

type doctorCommand struct {
	Config       string `required:"" placeholder:"FILE" help:"The configuration."`
	Organization string `placeholder:"NAME" help:"Ask this organization, whichever the address belongs to."`
	As           string `placeholder:"REQUESTER" help:"Ask in the name of this mailbox, to see what it may see: the account needs the right to impersonate it."`
	Trace        string `placeholder:"FILE" help:"Write there what was sent and what came, without secrets."`
	Mailbox      string `arg:"" help:"Whom to ask about: an address, or EX: and a legacyExchangeDN."`
}

// Run asks for real and tells of each hop as it is taken.
func (c *doctorCommand) Run(ctx context.Context, console console) error {
	loaded, err := load(c.Config)
	if err != nil {
		return err
	}
	name, err := c.named(loaded)
	if err != nil {
		return err
	}
	trace := new(doctor.Trace)
	healer, err := newDoctor(loaded, c.As, trace)
	if err != nil {
		return err
	}
	write, err := c.traceFile()
	if err != nil {
		return err
	}
	out := report{out: console.out, colour: isTerminal(console.out), asked: today(availability.ParseMailbox(c.Mailbox), time.Now())}
	for hop := range healer.Diagnose(ctx, out.asked, name) {
		out.hop(hop)
	}
	if err := write(trace); err != nil {
		return fmt.Errorf("--trace: %w", err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !out.end() {
		return errReported
	}
	return nil
}

// named returns the organization of the flag, as the configuration writes it.
func (c *doctorCommand) named(loaded *config.Config) (string, error) {
	var names []string
	for _, o := range loaded.Organizations {
		if strings.EqualFold(o.Name, c.Organization) {
			return o.Name, nil
		}
		names = append(names, o.Name)
	}
	if c.Organization == "" {
		return "", nil
	}
	return "", fmt.Errorf("--organization: there is no %q in %s; there is %s", c.Organization, c.Config, strings.Join(names, ", "))
}

// traceFile opens the file of the flag, which nobody else may read, before anything
// is asked, and returns what writes it.
func (c *doctorCommand) traceFile() (write func(*doctor.Trace) error, err error) {
	if c.Trace == "" {
		return func(*doctor.Trace) error { return nil }, nil
	}
	if old, err := os.ReadFile(c.Trace); err == nil && len(old) > 0 && !strings.HasPrefix(string(old), doctor.TraceHead) {
		return nil, fmt.Errorf("--trace: %s is there already and is no trace; name another file", c.Trace)
	}
	file, err := os.OpenFile(c.Trace, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--trace: %w", err)
	}
	if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
		if err := file.Chmod(0o600); err != nil { // it may have been there before
			file.Close()
			return nil, fmt.Errorf("--trace: %w", err)
		}
	}
	return func(trace *doctor.Trace) error {
		if _, err := file.WriteString(trace.String()); err != nil {
			file.Close()
			return err
		}
		return file.Close()
	}, nil
}

// today is the question about the day it is, in half hours.
func today(m availability.Mailbox, now time.Time) availability.Query {
	year, month, day := now.Date()
	start := time.Date(year, month, day, 0, 0, 0, 0, now.Location())
	return availability.Query{
		RequestID: "doctor-" + now.UTC().Format("20060102T150405"),
		Mailboxes: []availability.Mailbox{m},
		Window:    availability.Window{Start: start, End: start.AddDate(0, 0, 1)},
		Interval:  30 * time.Minute,
	}
}

// newDoctor returns a Doctor for the ways of the configuration, who asks in the name
// of as if that is not empty.
func newDoctor(c *config.Config, as string, trace *doctor.Trace) (*doctor.Doctor, error) {
	log := slog.New(slog.DiscardHandler)
	who, err := newDirectory(c.Directory, log)
	if err != nil {
		return nil, err
	}
	d := newHealer(c, who)
	for i := range c.Organizations {
		o := &c.Organizations[i]
		whole := &organization{Organization: o}
		if closed(o, as) == nil {
			if whole, err = newOrganization(o, new(meter.Organization), log, trace.Transport); err != nil {
				return nil, fmt.Errorf("organization %s: %w", o.Name, err)
			}
		}
		d.Organizations[o.Name] = newPatient(c, whole, as, trace, pinned)
	}
	return d, nil
}

// newHealer returns a Doctor who knows whose mailbox is whose, and no organization yet.
func newHealer(c *config.Config, who directory.Directory) *doctor.Doctor {
	router := route.New()
	for _, o := range c.Organizations {
		router.Add(route.Withheld(o.Name), o.Domains...) // asked for its name only
	}
	return &doctor.Doctor{
		Directory:     who,
		Organizations: make(map[string]*doctor.Organization),
		Route: func(m availability.Mailbox) (string, *availability.Reason) {
			source, reason := router.Find(m)
			if reason != nil {
				return "", reason
			}
			return string(source.(route.Withheld)), nil
		},
		Beyond: beyond(c),
		Render: func(a availability.Answer, q availability.Query) string {
			digits := merged.Digits{WorkingElsewhere: drawnAs[c.WorkingElsewhere]}
			return string(digits.Append(nil, a.Schedule, q.Window, q.Interval))
		},
	}
}

// beyond is what else keeps answers from clients.
func beyond(c *config.Config) string {
	if len(c.AccessRules) == 0 {
		return ""
	}
	return "access_rules may still keep it from those who ask: the log and the lookups say whom from"
}

// closed says why the doctor must not ask o in the name of as, nil if he may.
func closed(o *config.Organization, as string) *availability.Reason {
	switch {
	case o.FreeBusyAccessLevel == "none":
		return availability.Because(availability.Withheld, "free_busy_access_level of %s is none", o.Name)
	case as != "" && o.AccessMethod == "PublicFolder":
		return availability.Because(availability.RequestRejected, "%s is asked by public folders, which cannot be asked in the name of %s", o.Name, as)
	}
	return nil
}

// asks makes a Source that asks a URL, found or configured, as s does, in the name of as
// if that is not empty.
type asks func(s availability.Source, url, as string) availability.Source

// newPatient returns an organization and its members as the doctor sees them.
func newPatient(c *config.Config, o *organization, as string, trace *doctor.Trace, ask asks) *doctor.Organization {
	patient := &doctor.Organization{Name: o.Name, Closed: closed(o.Organization, as)}
	for _, next := range c.Organizations {
		if strings.EqualFold(next.Name, o.Then) {
			patient.Then = next.Name
		}
	}
	if patient.Closed != nil {
		return patient
	}
	for _, m := range o.members {
		patient.Members = append(patient.Members, doctor.Member{
			Name: m.name, Method: o.AccessMethod, Credential: m.credential, URL: m.url, Discover: discover(m.endpoint),
			TLS: m.connections.TLS(), Proxy: http.ProxyFromEnvironment, Trace: trace,
			Source: func(url string) availability.Source { return ask(m.source, url, as) },
		})
	}
	return patient
}

// pinned is an asks.
func pinned(s availability.Source, url, as string) availability.Source {
	found, ok := s.(*ews.Source)
	if !ok {
		return s
	}
	c := found.Config
	c.Endpoint = ews.Pinned(url)
	if as != "" {
		c.Impersonate = availability.ParseMailbox(as)
	}
	return ews.New(c)
}

// discover returns what searches for EWS, nil if there is nothing to search.
func discover(endpoint ews.Endpoint) func(context.Context, availability.Query, availability.Mailbox) (string, []doctor.Step, error) {
	locator, ok := endpoint.(*autodiscover.Locator)
	if !ok {
		return nil
	}
	return func(ctx context.Context, q availability.Query, m availability.Mailbox) (string, []doctor.Step, error) {
		found, did, err := locator.Search(ctx, q, m)
		var steps []doctor.Step
		for _, s := range did {
			steps = append(steps, doctor.Step{Text: s.String(), Took: s.Took})
		}
		return found.EWS, steps, err
	}
}
