package main

import (
	"context"
	"log/slog"

	"fbgate/availability"
	"fbgate/cmd/fbgate/config"
	"fbgate/davfb/face"
)

// redacting is a handler of logs that shows no addresses of people. That it is here, and
// not where lines are written, is so that none is forgotten.
type redacting struct {
	slog.Handler
	redactor *face.Redactor
}

// redacted returns h, or what hides addresses before it, as the configuration says.
func redacted(c config.Log, h slog.Handler) slog.Handler {
	if !c.RedactAddresses {
		return h
	}
	return redacting{h, face.NewRedactor()}
}

// redactor returns the one of the log, so that an address looks the same to operators
// everywhere, or another if the log is somebody else's; nil if nothing is hidden.
func redactor(c config.Log, log *slog.Logger) *face.Redactor {
	if h, ok := log.Handler().(redacting); ok {
		return h.redactor
	}
	if c.RedactAddresses {
		return face.NewRedactor()
	}
	return nil
}

// Handle implements slog.Handler.
func (h redacting) Handle(ctx context.Context, r slog.Record) error {
	hidden := slog.NewRecord(r.Time, r.Level, h.redactor.Text(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		hidden.AddAttrs(h.attr(a))
		return true
	})
	return h.Handler.Handle(ctx, hidden)
}

// WithAttrs implements slog.Handler.
func (h redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	return redacting{h.Handler.WithAttrs(h.attrs(attrs)), h.redactor}
}

// WithGroup implements slog.Handler.
func (h redacting) WithGroup(name string) slog.Handler {
	return redacting{h.Handler.WithGroup(name), h.redactor}
}

func (h redacting) attrs(attrs []slog.Attr) []slog.Attr {
	hidden := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		hidden[i] = h.attr(a)
	}
	return hidden
}

// accounts are the fields that hold what somebody logs in by, which need not look like an
// address.
var accounts = map[string]bool{"by": true, "account": true, "name": true, "requester": true}

func (h redacting) attr(a slog.Attr) slog.Attr {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindString && accounts[a.Key] {
		return slog.String(a.Key, h.redactor.Name(value.String()))
	}
	switch value.Kind() {
	case slog.KindString:
		return slog.String(a.Key, h.redactor.Text(value.String()))
	case slog.KindGroup:
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(h.attrs(value.Group())...)}
	case slog.KindAny:
		return slog.Attr{Key: a.Key, Value: h.any(value)}
	}
	return slog.Attr{Key: a.Key, Value: value}
}

func (h redacting) any(value slog.Value) slog.Value {
	switch v := value.Any().(type) {
	case error:
		return slog.StringValue(h.redactor.Text(v.Error()))
	case availability.Mailbox:
		return slog.StringValue(h.redactor.Text(string(v)))
	case []string:
		hidden := make([]string, len(v))
		for i, s := range v {
			hidden[i] = h.redactor.Text(s)
		}
		return slog.AnyValue(hidden)
	}
	return value
}
