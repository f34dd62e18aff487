package config

import (
	"maps"
	"reflect"
	"strings"
)

// File returns the name of the file that was read, empty if there was none.
func (c *Config) File() string {
	if c.origin == nil {
		return ""
	}
	return c.origin.source.name
}

// Onto returns what of c can take the place of running without a restart: c, with what
// is settled at the start as running has it. Restart are the keys where they differ. The
// error is Faults if c and what stays of running do not go together.
func (c *Config) Onto(running *Config) (next *Config, restart []string, err error) {
	m := merge{next: *c}
	if c.origin != nil && running.origin != nil {
		m.origin = &origin{source: c.origin.source, places: maps.Clone(c.origin.places)}
		m.running = running.origin.places
		m.next.origin = m.origin
	}
	n := &m.next
	m.keep("listen", &n.Listen, running.Listen)
	m.keep("admin.listen", &n.Admin.Listen, running.Admin.Listen)
	m.keep("trusted_proxies", &n.TrustedProxies, running.TrustedProxies)
	m.keep("log.format", &n.Log.Format, running.Log.Format)
	m.keep("log.redact_addresses", &n.Log.RedactAddresses, running.Log.RedactAddresses)
	// Of listeners.
	m.keep("limits.connections", &n.Limits.Connections, running.Limits.Connections)
	m.keep("limits.connections_per_client", &n.Limits.ConnectionsPerClient, running.Limits.ConnectionsPerClient)
	m.keep("limits.header_bytes", &n.Limits.HeaderBytes, running.Limits.HeaderBytes)
	m.keep("limits.header_timeout", &n.Limits.HeaderTimeout, running.Limits.HeaderTimeout)
	m.keep("limits.idle_timeout", &n.Limits.IdleTimeout, running.Limits.IdleTimeout)
	m.keep("limits.url_bytes", &n.Limits.URLBytes, running.Limits.URLBytes)
	// Clients' connections belong to those of the server behind.
	m.keep("passthrough", &n.Passthrough, running.Passthrough)
	switch {
	case (n.TLS == nil) != (running.TLS == nil):
		m.keep("tls", &n.TLS, running.TLS)
	case n.TLS != nil:
		n.TLS = copied(n.TLS)
		m.keep("tls.listen", &n.TLS.Listen, running.TLS.Listen)
	}
	switch {
	case (n.Publishing == nil) != (running.Publishing == nil):
		m.keep("publishing", &n.Publishing, running.Publishing)
	case n.Publishing != nil:
		n.Publishing = copied(n.Publishing)
		m.keep("publishing.store", &n.Publishing.Store, running.Publishing.Store)
	}
	if n.Publish != nil && running.Publish != nil {
		n.Publish = copied(n.Publish)
		m.keep("publish.state", &n.Publish.State, running.Publish.State)
	}
	if len(m.restart) > 0 {
		err = validate(n).sorted()
	}
	return n, m.restart, err
}

// copied is a section of its own, that can be changed.
func copied[T any](section *T) *T {
	other := *section
	return &other
}

// merge puts values of one configuration into another, and their places with them.
type merge struct {
	next    Config
	origin  *origin // of next, nil if there are no places
	running map[string]place
	restart []string
}

// keep sets *value to what is running, if that differs.
func (m *merge) keep(path string, value, running any) {
	v, r := reflect.ValueOf(value).Elem(), reflect.ValueOf(running)
	if reflect.DeepEqual(v.Interface(), running) {
		return
	}
	v.Set(r)
	m.restart = append(m.restart, path)
	if m.origin == nil {
		return
	}
	within := func(p string, _ place) bool {
		rest, ok := strings.CutPrefix(p, path)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	}
	maps.DeleteFunc(m.origin.places, within)
	for p, at := range m.running {
		if within(p, at) {
			m.origin.places[p] = at
		}
	}
}
