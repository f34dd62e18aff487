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
	"fbgate/availability/doctor"
	"fbgate/availability/ews"
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
	if c.As != "" && availability.ParseMailbox(c.As).Domain() == "" {
		return fmt.Errorf("--as: %q is not an address; write for example mary@contoso.com", c.As)
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
	router := route.New()
	d := &doctor.Doctor{
		Directory:     who,
		Organizations: make(map[string]*doctor.Organization),
		Route: func(m availability.Mailbox) (string, *availability.Reason) {
			source, reason := router.Find(m)
			if reason != nil {
				return "", reason
			}
			return string(source.(route.Withheld)), nil
		},
		Render: func(a availability.Answer, q availability.Query) string {
			digits := merged.Digits{WorkingElsewhere: drawnAs[c.WorkingElsewhere]}
			return string(digits.Append(nil, a.Schedule, q.Window, q.Interval))
		},
	}
	for _, o := range c.Organizations {
		patient, err := newPatient(o, as, log, trace)
		if err != nil {
			return nil, fmt.Errorf("organization %s: %w", o.Name, err)
		}
		d.Organizations[o.Name] = patient
		router.Add(route.Withheld(o.Name), o.Domains...) // asked for its name only
		for _, next := range c.Organizations {
			if strings.EqualFold(next.Name, o.Then) {
				patient.Then = next.Name
			}
		}
	}
	return d, nil
}

// newPatient returns o and its members as the doctor sees them. o is its own copy.
func newPatient(o config.Organization, as string, log *slog.Logger, trace *doctor.Trace) (*doctor.Organization, error) {
	patient := &doctor.Organization{Name: o.Name}
	switch {
	case o.FreeBusyAccessLevel == "none":
		patient.Closed = availability.Because(availability.Withheld, "free_busy_access_level of %s is none", o.Name)
		return patient, nil
	case as != "" && o.AccessMethod == "PublicFolder":
		patient.Closed = availability.Because(availability.RequestRejected, "--as: %s is asked by public folders, which know no impersonation; ask without it", o.Name)
		return patient, nil
	case as != "":
		o.Impersonate = as
	}
	whole, err := newOrganization(&o, log, trace.Transport)
	if err != nil {
		return nil, err
	}
	for _, m := range whole.members {
		patient.Members = append(patient.Members, doctor.Member{
			Name: m.name, Method: o.AccessMethod, Credential: m.credential, URL: m.url, Discover: discover(m.endpoint),
			TLS: m.connections.TLS(), Proxy: http.ProxyFromEnvironment, Source: pinned(m.source), Trace: trace,
		})
	}
	return patient, nil
}

// pinned returns what makes a Source that asks a URL, found or configured, as s does.
func pinned(s availability.Source) func(url string) availability.Source {
	found, ok := s.(*ews.Source)
	if !ok {
		return func(string) availability.Source { return s }
	}
	return func(url string) availability.Source {
		c := found.Config
		c.Endpoint = ews.Pinned(url)
		return ews.New(c)
	}
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
