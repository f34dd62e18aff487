package main

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"fbgate/availability"
	"fbgate/availability/doctor"
	"fbgate/davfb/admin"
)

// consulting counts the doctors at work for operators.
type consulting struct{ atomic.Int32 }

// mostDoctors is how many are at work at once.
const mostDoctors = 2

// consult is admin.Config's Doctor. He asks with the accounts the gateway has: one that
// rests is not shown to anybody, and what he learns about it the gateway knows. He counts
// as one at work until ctx is done.
func (b *builder) consult(ctx context.Context, m availability.Mailbox, name string, as availability.Mailbox) (iter.Seq[doctor.Hop], error) {
	if name != "" {
		var names []string
		for _, o := range b.config.Organizations {
			names = append(names, o.Name)
		}
		at := slices.IndexFunc(names, func(known string) bool { return strings.EqualFold(known, name) })
		if at < 0 {
			return nil, fmt.Errorf("there is no organization %.100q: there are %s", name, strings.Join(names, ", "))
		}
		name = names[at]
	}
	if as != "" && as.Domain() == "" {
		return nil, fmt.Errorf("as is %.100q, which is no address: expected for example mary@contoso.com", as)
	}
	if b.operating.consulting.Add(1) > mostDoctors {
		b.operating.consulting.Add(-1)
		return nil, admin.ErrBusy
	}
	context.AfterFunc(ctx, func() { b.operating.consulting.Add(-1) })
	trace := new(doctor.Trace)
	d := newHealer(b.config, b.directory)
	for _, o := range b.organizations {
		d.Organizations[o.Name] = newPatient(b.config, o.organization, string(as), trace, watchedBy(trace))
	}
	return d.Diagnose(ctx, today(m, time.Now()), name), nil
}

// watchedBy returns an asks whose calls the trace sees.
func watchedBy(trace *doctor.Trace) asks {
	return func(s availability.Source, url, as string) availability.Source {
		return inTrace{pinned(s, url, as), trace}
	}
}

// inTrace is a Source whose calls a trace sees.
type inTrace struct {
	availability.Source
	trace *doctor.Trace
}

type traceKey struct{}

// Lookup implements availability.Source.
func (t inTrace) Lookup(ctx context.Context, q availability.Query) []availability.Answer {
	return t.Source.Lookup(context.WithValue(ctx, traceKey{}, t.trace), q)
}

// traceable returns what watches transports as watch does, and lets a doctor see what he
// has asked for himself.
func traceable(watch func(http.RoundTripper) http.RoundTripper) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper { return traceableTransport{watch(next)} }
}

type traceableTransport struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t traceableTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if trace, ok := r.Context().Value(traceKey{}).(*doctor.Trace); ok {
		return trace.Transport(t.RoundTripper).RoundTrip(r)
	}
	return t.RoundTripper.RoundTrip(r)
}

// CloseIdleConnections closes those of the transport, for whoever made it.
func (t traceableTransport) CloseIdleConnections() {
	if idle, ok := t.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}
