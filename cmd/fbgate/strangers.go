package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"fbgate/availability"
	"fbgate/availability/access"
	"fbgate/cmd/fbgate/config"
	"fbgate/davfb/login"
)

// acquaintances are those whose names, and groups, files of the configuration have.
type acquaintances struct {
	config      *config.Config
	people      []availability.Requester // who have a password here
	groups      map[string]bool          // of login.group_file, in lower case
	accountless []groupMember
}

// groupMember is a name in a group.
type groupMember struct{ name, group string }

// acquainted reads them.
func acquainted(c *config.Config) (*acquaintances, error) {
	a := &acquaintances{config: c, groups: make(map[string]bool)}
	if c.Publishing != nil {
		for _, p := range c.Publishing.Publishers {
			who, _, _ := login.Static{{Username: p.Username}}.Find(context.Background(), p.Username)
			a.people = append(a.people, who)
		}
	}
	if c.Login == nil || c.Login.HtpasswdFile == "" {
		return a, nil
	}
	accounts, err := login.OpenFile(c.Login.HtpasswdFile, c.Login.GroupFile)
	if err != nil {
		return nil, err
	}
	accounts.DefaultDomain, accounts.Domains, accounts.Log = c.Login.DefaultDomain, c.Login.NetBIOSDomains, slog.New(slog.DiscardHandler)
	err = eachLine(c.Login.HtpasswdFile, func(name, _ string) {
		if who, ok, _ := accounts.Find(context.Background(), name); ok {
			a.people = append(a.people, who)
		}
	})
	if err != nil || c.Login.GroupFile == "" {
		return a, err
	}
	return a, eachLine(c.Login.GroupFile, func(group, members string) {
		group = strings.TrimSpace(group)
		a.groups[strings.ToLower(group)] = true
		for name := range strings.FieldsSeq(members) {
			who, ok, _ := accounts.Find(context.Background(), name)
			if !ok || !strings.EqualFold(who.Name, name) { // joe@contoso.com is no name of joe there
				a.accountless = append(a.accountless, groupMember{name, group})
			}
		}
	})
}

// eachLine hands on what is before and behind the first ":" of each line of a file of
// accounts or groups, which login has read without a fault.
func eachLine(file string, read func(before, behind string)) error {
	opened, err := os.Open(file)
	if err != nil {
		return err
	}
	defer opened.Close()
	text, err := io.ReadAll(io.LimitReader(opened, 4<<20)) // login reads no more
	if err != nil {
		return err
	}
	for line := range strings.Lines(strings.TrimPrefix(string(text), "\ufeff")) {
		before, behind, found := strings.Cut(strings.TrimSpace(line), ":")
		if found && !strings.HasPrefix(before, "#") {
			read(before, behind)
		}
	}
	return nil
}

// mostStrangers is how many of a kind are warned of.
const mostStrangers = 20

// strangers warns of groups and people that are named and that nobody is.
func (a *acquaintances) strangers() []warning {
	var groups, operators, members []warning
	bySID := ""
	if a.byKerberos() {
		bySID = ", and Kerberos brings groups by SID"
	}
	for i, r := range a.config.AccessRules {
		for _, group := range r.Groups {
			if !a.mayExist(group) {
				groups = append(groups, warning{"a rule is about a group nobody is in", []any{"rule", i + 1, "group", group},
					fmt.Sprintf("rule %d of access_rules is about the group %s, which nobody is in: %s%s.", i+1, group, a.groupless(), bySID),
					"Correct the name, or add the group."})
			}
		}
	}
	for _, name := range a.config.Admin.Operators {
		if !a.maySignIn(name) {
			operators = append(operators, warning{"an operator is nobody", []any{"name", name},
				fmt.Sprintf("admin.operators names %s, whom nobody is: login.htpasswd_file has no account of that name or address, and %s.", name, a.groupless()),
				"Correct the name, or add the account or group."})
		}
	}
	for _, m := range a.accountless {
		members = append(members, warning{"a member of a group has no account", []any{"name", m.name, "group", m.group},
			fmt.Sprintf("login.group_file has %s in the group %s, and login.htpasswd_file has no account of that name, so that this lets nobody into the group.", m.name, m.group),
			"Write the name as it is there, or remove it."})
	}
	return slices.Concat(some(groups), some(operators), some(members))
}

// some are as many as are worth reading.
func some(all []warning) []warning {
	if len(all) <= mostStrangers {
		return all
	}
	all[mostStrangers-1].remedy += fmt.Sprintf(" So it is with %d more.", len(all)-mostStrangers)
	return all[:mostStrangers]
}

// groupless says why a group is none.
func (a *acquaintances) groupless() string {
	if a.config.Login == nil || a.config.Login.GroupFile == "" {
		return "there is no login.group_file"
	}
	return "login.group_file has no group of that name"
}

// mayExist reports whether somebody may be in a group. LDAP has groups of its own, and
// Kerberos brings them by SID; every other way to log in brings none that are not in the
// file.
func (a *acquaintances) mayExist(group string) bool {
	group = strings.ToLower(group)
	return a.groups[group] || a.byLDAP() || strings.HasPrefix(group, "s-1-") && a.byKerberos()
}

func (a *acquaintances) byLDAP() bool { return a.config.Login != nil && a.config.Login.LDAP != nil }

func (a *acquaintances) byKerberos() bool {
	c := a.config
	return c.Login != nil && (slices.Contains(c.Login.Methods, "negotiate") || c.TLS != nil && slices.Contains(secureMethods(c), "negotiate"))
}

// maySignIn reports whether somebody may be the operator of a name, who signs in with a
// password whatever clients do.
func (a *acquaintances) maySignIn(name string) bool {
	if a.byLDAP() || a.groups[strings.ToLower(name)] {
		return true
	}
	named := access.NewPeople([]string{name}, a.config.Login.NetBIOSDomains)
	return slices.ContainsFunc(a.people, named.Hold)
}
