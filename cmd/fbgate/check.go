package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"

	"fbgate/availability"
	"fbgate/availability/access"
	"fbgate/cmd/fbgate/config"
)

type checkCommand struct {
	Config string `required:"" placeholder:"FILE" help:"The configuration to check."`
}

// Run tries the configuration without opening a port or asking anybody.
func (c *checkCommand) Run(console console) error {
	loaded, err := loadAnew(c.Config)
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
	warned, err := warnings(loaded)
	for _, w := range warned {
		fmt.Fprintf(console.err, "fbgate: warning: %s\n", w)
	}
	return err
}

// passing is that an access rule keeps something from groups or mail domains, and some of
// those it is meant for pass it by, as nobody knows their names.
type passing struct {
	rule    int
	through bool // the server behind lets them in; otherwise they need not log in
}

// String says what to do about it.
func (p passing) String() string {
	keeps := fmt.Sprintf("rule %d of access_rules keeps free/busy from groups or mail domains, and ", p.rule)
	if p.through {
		return keeps + "who logs in at the server behind may be in none, as not every log-in tells a name (cookies, Kerberos): a later rule shows it to them. " +
			"Write it the other way round: which groups or domains may see it, and nothing for the rest."
	}
	return keeps + "who need not log in is in none: a later rule shows it to them. Write into that one for which groups, domains or networks it is."
}

// passedBy returns the access rules that some pass by.
func passedBy(c *config.Config) (passed []passing, err error) {
	rules, err := newRules(c.AccessRules, nil)
	if err != nil {
		return nil, err
	}
	free, through := nameless(c)
	for i, r := range c.AccessRules {
		if r.FreeBusyAccessLevel != "none" || len(r.Groups)+len(r.Domains) == 0 {
			continue
		}
		r.Groups, r.Domains = nil, nil // then it is about them, too
		meant, err := newRules([]config.AccessRule{r}, nil)
		if err != nil {
			return nil, err
		}
		shown := func(who availability.Requester, organization string) bool {
			_, fits := meant.Decide(who, organization)
			level, by := rules.Decide(who, organization)
			return fits > 0 && by > i+1 && level != access.None
		}
		switch {
		case seen(c, free, shown):
			passed = append(passed, passing{rule: i + 1})
		case seen(c, through, shown):
			passed = append(passed, passing{rule: i + 1, through: true})
		}
	}
	return passed, nil
}

// nameless returns from where somebody may come who has no name: need not log in, and is
// let in by the server behind. An empty network stands for any that is not named.
func nameless(c *config.Config) (free, through []netip.Prefix) {
	everywhere := []netip.Prefix{{}}
	for _, r := range c.AccessRules {
		everywhere = append(everywhere, networks(r.Networks)...)
	}
	if c.Login == nil || c.Login.Anonymous {
		return everywhere, nil
	}
	methods := c.Login.Methods
	free = networks(c.Login.Networks)
	if c.TLS != nil {
		methods = slices.Concat(methods, secureMethods(c))
		free = append(free, networks(secureNetworks(c))...)
	}
	if slices.Contains(methods, "passthrough") {
		through = everywhere
	}
	return free, through
}

// seen reports whether an organization is shown to somebody without a name.
func seen(c *config.Config, from []netip.Prefix, shown func(availability.Requester, string) bool) bool {
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
func load(file string) (*config.Config, error) { return tallied(config.LoadWithFiles(file, nil)) }

// loadAnew is load where nothing is in force yet that was read from the files before: what
// is in those is tried, too.
func loadAnew(file string) (*config.Config, error) {
	return tallied(config.LoadWithFiles(file, contents))
}

// tallied says before faults how many there are.
func tallied(loaded *config.Config, err error) (*config.Config, error) {
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
