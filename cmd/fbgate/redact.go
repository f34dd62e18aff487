package main

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

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
	var names []string // of people, which need not look like that in the other fields
	r.Attrs(func(a slog.Attr) bool {
		names = append(names, named(a)...)
		return true
	})
	hidden := slog.NewRecord(r.Time, r.Level, h.redactor.Text(r.Message, names...), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		hidden.AddAttrs(h.attr(a, names))
		return true
	})
	return h.Handler.Handle(ctx, hidden)
}

// WithAttrs implements slog.Handler.
func (h redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	return redacting{h.Handler.WithAttrs(h.attrs(attrs, nil)), h.redactor}
}

// WithGroup implements slog.Handler.
func (h redacting) WithGroup(name string) slog.Handler {
	return redacting{h.Handler.WithGroup(name), h.redactor}
}

func (h redacting) attrs(attrs []slog.Attr, names []string) []slog.Attr {
	hidden := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		hidden[i] = h.attr(a, names)
	}
	return hidden
}

// people are the fields that hold nothing but what names somebody: mailboxes and what is
// logged in by, which need not look like an address.
var people = map[string]bool{
	"account": true, "address": true, "another": true, "as": true, "by": true, "legacy_dn": true, "mailbox": true, "mailboxes": true,
	"name": true, "one": true, "requester": true,
}

// more is what a list of mailboxes ends with that is too long.
var more = regexp.MustCompile(`^and \d+ more$`)

// named returns the names of people in a field.
func named(a slog.Attr) (names []string) {
	if !people[a.Key] {
		return nil
	}
	switch value := a.Value.Resolve(); v := value.Any().(type) {
	case string:
		names = append(names, v)
	case availability.Mailbox:
		names = append(names, string(v))
	case []string:
		names = append(names, v...)
	}
	return names
}

func (h redacting) attr(a slog.Attr, names []string) slog.Attr {
	value := a.Value.Resolve()
	switch value.Kind() {
	case slog.KindString:
		return slog.String(a.Key, h.text(a.Key, value.String(), names))
	case slog.KindGroup:
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(h.attrs(value.Group(), names)...)}
	case slog.KindAny:
		return slog.Attr{Key: a.Key, Value: h.any(a.Key, value, names)}
	}
	return slog.Attr{Key: a.Key, Value: value}
}

// text hides what is in a field of that key.
func (h redacting) text(key, s string, names []string) string {
	switch {
	case key == "remedy", key == "mailboxes" && more.MatchString(s):
		return s // it is always the same
	case people[key]:
		return h.redactor.Name(s)
	case key == "client":
		return h.client(s)
	case key == "path":
		return h.redactor.Path(s)
	}
	return h.redactor.Text(s, names...)
}

// client hides which operator it is, after whose address the name stands, and the session.
func (h redacting) client(s string) string {
	parts := strings.Split(s, ", ")
	for i, part := range parts {
		if i > 0 && !session.MatchString(part) {
			parts[i] = h.redactor.Name(part)
		}
	}
	return strings.Join(parts, ", ")
}

var session = regexp.MustCompile(`^session \w+$`)

func (h redacting) any(key string, value slog.Value, names []string) slog.Value {
	switch v := value.Any().(type) {
	case error:
		return slog.StringValue(h.text(key, v.Error(), names))
	case availability.Mailbox:
		return slog.StringValue(h.redactor.Name(string(v)))
	case []string:
		hidden := make([]string, len(v))
		for i, s := range v {
			hidden[i] = h.text(key, s, names)
		}
		return slog.AnyValue(hidden)
	}
	shown := fmt.Sprint(value.Any())
	if hidden := h.text(key, shown, names); hidden != shown {
		return slog.StringValue(hidden)
	}
	return value
}
