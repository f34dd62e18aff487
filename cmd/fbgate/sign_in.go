package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"fbgate/availability/access"
	"fbgate/cmd/fbgate/config"
	"fbgate/davfb/admin"
	"fbgate/davfb/admin/page"
	"fbgate/davfb/face"
)

// signIn says how operators sign in, as a configuration has it, with the accounts of
// clients.
func signIn(a *admin.Config, c *config.Config, clients *ways, log *slog.Logger) {
	if c.Admin.TokenFile != "" {
		a.Token = c.Admin.Token
	}
	proxies := trustedProxies(c)
	a.HTTPS = func(r *http.Request) bool { return strings.HasPrefix(proxies.BaseURL(r), "https:") }
	if len(c.Admin.Operators) == 0 {
		return
	}
	o := &namedOperators{people: access.NewPeople(c.Admin.Operators, c.Login.NetBIOSDomains), ways: clients, log: log}
	a.SignIn, a.IsOperator, a.Confidential = o.signIn, o.still, clients.passwords.Transport.Confidential
}

// namedOperators are those who sign in by name.
type namedOperators struct {
	people access.People
	*ways  // of clients: whoever guesses at both guesses no oftener
	log    *slog.Logger

	mu    sync.Mutex
	known map[string]time.Time // until then they are taken for operators
}

// signIn is admin.Config's SignIn.
func (o *namedOperators) signIn(r *http.Request, name, password string) (string, error) {
	who, err := o.passwords.Check(r, name, password)
	if err != nil {
		return "", err
	}
	if !o.people.Hold(who) {
		o.log.Warn("sign-in refused: no operator", "client", r.RemoteAddr, "name", who.Name)
		return "", &face.Refusal{Status: http.StatusForbidden,
			Text: fmt.Sprintf("%s is not among the operators: admin.operators names neither them nor a group of theirs", who.Name)}
	}
	o.still(r.Context(), who.Name) // so that it is known which place has them, before that one is down
	return who.Name, nil
}

const (
	// stillFor is how long an operator is taken for one without looking.
	stillFor = time.Minute
	// mostOperators bounds how many are remembered. To forget them costs a look at each.
	mostOperators = 1000
)

// still is admin.Config's IsOperator. While the place that has their account cannot be asked
// whoever was one stays one, as that is when operators are needed.
func (o *namedOperators) still(ctx context.Context, name string) bool {
	now := time.Now()
	o.mu.Lock()
	known := now.Before(o.known[name])
	o.mu.Unlock()
	if known {
		return true
	}
	if !o.passwords.Still(ctx, name, o.people.Hold) {
		return false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil || len(o.known) >= mostOperators {
		o.known = make(map[string]time.Time)
	}
	o.known[name] = now.Add(stillFor)
	return true
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
