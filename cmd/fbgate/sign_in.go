package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"fbgate/availability/access"
	"fbgate/cmd/fbgate/config"
	"fbgate/davfb/admin"
	"fbgate/davfb/admin/page"
	"fbgate/davfb/face"
	"fbgate/davfb/login"
)

// signIn says how operators sign in, as a configuration has it. Passwords are those of
// clients: whoever guesses at both guesses no oftener.
func signIn(a *admin.Config, c *config.Config, passwords *login.Passwords, log *slog.Logger) {
	if c.Admin.TokenFile != "" {
		a.Token = c.Admin.Token
	}
	proxies := trustedProxies(c)
	a.HTTPS = func(r *http.Request) bool { return strings.HasPrefix(proxies.BaseURL(r), "https:") }
	if len(c.Admin.Operators) == 0 {
		return
	}
	a.Confidential = passwords.Transport.Confidential
	operators := access.NewPeople(c.Admin.Operators, c.Login.NetBIOSDomains)
	a.SignIn = func(r *http.Request, name, password string) (string, error) {
		who, err := passwords.Check(r, name, password)
		if err != nil {
			return "", err
		}
		if !operators.Hold(who) {
			log.Warn("sign-in refused: no operator", "client", r.RemoteAddr, "name", who.Name)
			return "", &face.Refusal{Status: http.StatusForbidden,
				Text: fmt.Sprintf("%s is not among the operators: admin.operators names neither them nor a group of theirs", who.Name)}
		}
		return who.Name, nil
	}
}

// visitors are those of the pages for operators. They stay until something changes that
// they have signed in by.
func visitors(c *config.Config, used *tenancy) (*page.Visitors, error) {
	of := []any{c.Admin}
	if len(c.Admin.Operators) > 0 {
		of = append(of, c.Login)
		if c.Publishing != nil {
			of = append(of, c.Publishing.Publishers)
		}
	}
	return share(used, keyOf("visitors", of...), func() (*page.Visitors, func(), error) { return page.NewVisitors(), nil, nil })
}
