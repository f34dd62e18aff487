package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/autodiscover"
	"fbgate/availability/doctor"
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
	trace := new(doctor.Trace)
	healer, err := newDoctor(loaded, c.As, trace)
	if err != nil {
		return err
	}
	if _, ok := healer.Organizations[c.Organization]; c.Organization != "" && !ok {
		return fmt.Errorf("--organization: there is no %q in %s", c.Organization, c.Config)
	}
	mailbox := availability.ParseMailbox(c.Mailbox)
	failed := false
	where := ""
	for hop := range healer.Diagnose(ctx, today(mailbox, time.Now()), c.Organization) {
		if hop.Where != where {
			where = hop.Where
			fmt.Fprintf(console.out, "%s\n", printable(where))
		}
		failed = failed || hop.Reason != nil && !hop.Moved
		printHop(console, hop)
	}
	if c.Trace != "" {
		if err := os.WriteFile(c.Trace, []byte(trace.String()), 0o600); err != nil {
			return fmt.Errorf("--trace: %w", err)
		}
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case failed:
		return errReported
	}
	return nil
}

func printHop(console console, hop doctor.Hop) {
	took := ""
	if hop.Took > 0 {
		took = hop.Took.Round(time.Millisecond / 10).String()
	}
	if hop.Reason == nil {
		fmt.Fprintf(console.out, "  ok    %-14s %9s  %s\n", hop.Name, took, printable(hop.Found))
		return
	}
	word := "FAILS"
	if hop.Moved {
		word = "no   "
	}
	fmt.Fprintf(console.out, "  %s %-14s %9s  %s\n", word, hop.Name, took, printable(hop.Reason.Error()))
	fmt.Fprintf(console.out, "        %s\n", printable(hop.Remedy))
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
	for i := range c.Organizations {
		o := &c.Organizations[i]
		if as != "" {
			if o.AccessMethod == "PublicFolder" && len(c.Organizations) == 1 {
				return nil, errors.New("--as: public folders cannot be asked in somebody's name")
			}
			o.Impersonate = as
		}
		patient, err := newPatient(o, log, trace)
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

func newPatient(o *config.Organization, log *slog.Logger, trace *doctor.Trace) (*doctor.Organization, error) {
	whole, err := newOrganization(o, log, trace.Transport)
	if err != nil {
		return nil, err
	}
	patient := &doctor.Organization{Name: o.Name, Withheld: o.FreeBusyAccessLevel == "none"}
	for _, m := range whole.members {
		member := doctor.Member{
			Name: m.name, Method: o.AccessMethod, Credential: m.credential, URL: m.url,
			TLS: m.connections.TLS(), Proxy: http.ProxyFromEnvironment, Source: m.source, Trace: trace,
		}
		if locator, ok := m.endpoint.(*autodiscover.Locator); ok {
			member.Discover = func(ctx context.Context, q availability.Query, mailbox availability.Mailbox) (string, string, error) {
				found, steps, err := locator.Search(ctx, q, mailbox)
				how := ""
				if len(steps) > 0 {
					how = steps[len(steps)-1].String()
				}
				return found.EWS, how, err
			}
		}
		patient.Members = append(patient.Members, member)
	}
	return patient, nil
}
