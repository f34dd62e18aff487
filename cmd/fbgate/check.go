package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"

	"fbgate/availability"
	"fbgate/availability/access"
	"fbgate/cmd/fbgate/config"
)

type checkCommand struct {
	Config string `required:"" placeholder:"FILE" help:"The configuration to check."`
}

// Run tries the configuration without opening a port or asking anybody.
func (c *checkCommand) Run(console console) error {
	loaded, err := load(c.Config)
	if err != nil {
		return err
	}
	if _, err := newGateway(loaded, nil, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	domains := 0
	for _, o := range loaded.Organizations {
		domains += len(o.Domains)
	}
	fmt.Fprintf(console.out, "%s is in order: %s, %s; clients ask %s, operators %s.\n", c.Config,
		count(len(loaded.Organizations), "organization"), count(domains, "domain"), loaded.Listen, loaded.Admin.Listen)
	passed, err := passedBy(loaded)
	for _, number := range passed {
		fmt.Fprintf(console.err, "fbgate: warning: rule %d of access_rules keeps free/busy from groups or mail domains, and who need not log in is in none: a later rule shows it to them. "+
			"Write into that one for which groups, domains or networks it is.\n", number)
	}
	return err
}

// passedBy returns the numbers of the access rules that keep something from groups or
// mail domains, and that those pass by who need not log in, as nobody knows their names.
func passedBy(c *config.Config) (numbers []int, err error) {
	rules, err := newRules(c.AccessRules, nil)
	if err != nil {
		return nil, err
	}
	for i, r := range c.AccessRules {
		if r.FreeBusyAccessLevel != "none" || len(r.Groups)+len(r.Domains) == 0 {
			continue
		}
		r.Groups, r.Domains = nil, nil // then it is about them, too
		meant, err := newRules([]config.AccessRule{r}, nil)
		if err != nil {
			return nil, err
		}
		if seen(c, func(who availability.Requester, organization string) bool {
			_, fits := meant.Decide(who, organization)
			level, by := rules.Decide(who, organization)
			return fits > 0 && by > i+1 && level != access.None
		}) {
			numbers = append(numbers, i+1)
		}
	}
	return numbers, nil
}

// seen reports whether an organization is shown to somebody who need not log in.
func seen(c *config.Config, shown func(availability.Requester, string) bool) bool {
	var from []netip.Prefix
	switch {
	case c.Login == nil || c.Login.Anonymous:
		from = []netip.Prefix{{}}
	case c.TLS != nil:
		from = networks(secureNetworks(c))
	}
	if c.Login != nil {
		from = append(from, networks(c.Login.Networks)...)
	}
	for _, network := range from {
		for _, o := range c.Organizations {
			if shown(availability.Requester{Address: network.Addr()}, o.Name) {
				return true
			}
		}
	}
	return false
}

// load reads the configuration and everything it names. Its error has every fault
// of them.
func load(file string) (*config.Config, error) {
	loaded, err := config.Load(file)
	if err == nil {
		err = loaded.CheckFiles()
	}
	var faults config.Faults
	if errors.As(err, &faults) {
		return nil, fmt.Errorf("%s in the configuration:\n%w", count(len(faults), "fault"), err)
	}
	return loaded, err
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
