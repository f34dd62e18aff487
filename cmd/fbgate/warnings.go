package main

import (
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"

	"fbgate/cmd/fbgate/config"
)

// warning is of something that is in order, and perhaps not meant.
type warning struct {
	message string // of the log, the same for all of a kind
	fields  []any  // of the log
	detail  string // what it is, unless remedy says that
	remedy  string // what to do about it: always the same, whomever it is about
}

// String says what it is, and what to do about it.
func (w warning) String() string { return strings.TrimSpace(w.detail + " " + w.remedy) }

// log writes it as one line.
func (w warning) log(log *slog.Logger) {
	if w.detail != "" {
		w.fields = append(w.fields, "detail", w.detail)
	}
	log.Warn(w.message, append(w.fields, "remedy", w.remedy)...)
}

// warnings are all there are about a configuration. They are never about what only may be
// wrong. The error is that its rules or its files cannot be read.
func warnings(c *config.Config) ([]warning, error) {
	passed, err := passedBy(c)
	if err != nil {
		return nil, err
	}
	var all []warning
	for _, p := range passed {
		all = append(all, warning{"a rule can be passed by", []any{"rule", p.rule}, "", p.String()})
	}
	all = append(all, shutOut(c)...)
	known, err := acquainted(c)
	if err != nil {
		return all, err
	}
	return append(all, known.strangers()...), nil
}

// shutOut warns of passwords that clients are to log in with and that would be refused
// from every other machine, as they could be read on their way.
func shutOut(c *config.Config) []warning {
	host, _, _ := net.SplitHostPort(c.Listen)
	if c.Login == nil || c.Login.InsecureHTTP || len(c.TrustedProxies) > 0 || config.IsLoopback(host) {
		return nil
	}
	asks := func(methods []string) bool {
		return slices.Contains(methods, "basic") || slices.Contains(methods, "forms")
	}
	who := "clients"
	switch {
	case asks(c.Login.Methods) && (c.TLS == nil || !asks(secureMethods(c))):
	case c.Publishing != nil && c.TLS == nil:
		who = "publishers"
	default:
		return nil
	}
	return []warning{{"no other machine can log in with a password", []any{"listen", c.Listen},
		fmt.Sprintf("listen is %s, by plain http, where passwords are taken from this machine alone: %s on others cannot log in with one and are told that SSL is required.", c.Listen, who),
		"Let them come by https, to tls.listen or to a proxy that trusted_proxies names, or, if passwords may be read on the way, write login.insecure_http: true."}}
}
