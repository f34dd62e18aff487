package main

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
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
	with     []string // names in what stands in all lines
}

// redacted returns h, or what hides addresses before it, as the configuration says.
func redacted(c config.Log, h slog.Handler) slog.Handler {
	if !c.RedactAddresses {
		return h
	}
	return redacting{h, face.NewRedactor(), nil}
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
	names := slices.Clone(h.with) // which need not look like that in the other fields
	r.Attrs(func(a slog.Attr) bool {
		names = append(names, named(a)...)
		return true
	})
	l := line{h.redactor, h.redactor.Names(names...)}
	hidden := slog.NewRecord(r.Time, r.Level, h.redactor.Text(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		hidden.AddAttrs(l.attr(a))
		return true
	})
	return h.Handler.Handle(ctx, hidden)
}

// WithAttrs implements slog.Handler.
func (h redacting) WithAttrs(attrs []slog.Attr) slog.Handler {
	names := slices.Concat(h.with, named(slog.Attr{Value: slog.GroupValue(attrs...)}))
	return redacting{h.Handler.WithAttrs(line{h.redactor, h.redactor.Names(names...)}.attrs(attrs)), h.redactor, names}
}

// WithGroup implements slog.Handler.
func (h redacting) WithGroup(name string) slog.Handler {
	return redacting{h.Handler.WithGroup(name), h.redactor, h.with}
}

// people are the fields that hold nothing but what names somebody: mailboxes and what is
// logged in by, which need not look like an address.
var people = map[string]bool{
	"account": true, "address": true, "another": true, "as": true, "by": true, "legacy_dn": true, "mailbox": true, "mailboxes": true,
	"name": true, "one": true, "requester": true,
}

// more is what a list of mailboxes ends with that is too long.
var more = regexp.MustCompile(`^and \d+ more$`)

// ours are the fields in which nobody is named but by an address in what they hold: to look
// for names there would let whoever asks about timeout@contoso.com hide what went wrong.
var ours = map[string]bool{
	"file": true, "for": true, "member": true, "method": true, "organization": true, "request_id": true, "server": true,
}

// named returns the names of people in a field.
func named(a slog.Attr) (names []string) {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		for _, inner := range value.Group() {
			names = append(names, named(inner)...)
		}
		return names
	}
	if a.Key == "client" {
		_, who, _ := strings.Cut(value.String(), ", ")
		return []string{session.ReplaceAllString(who, "")}
	}
	if !people[a.Key] {
		return nil
	}
	switch v := value.Any().(type) {
	case string:
		return []string{v}
	case availability.Mailbox:
		return []string{string(v)}
	case []string:
		return slices.DeleteFunc(slices.Clone(v), more.MatchString)
	case []availability.Mailbox:
		for _, m := range v {
			names = append(names, string(m))
		}
	}
	return names
}

// line hides who is named in one line of the log.
type line struct {
	redactor *face.Redactor
	names    face.Names // in all of it
}

func (l line) attrs(attrs []slog.Attr) []slog.Attr {
	hidden := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		hidden[i] = l.attr(a)
	}
	return hidden
}

func (l line) attr(a slog.Attr) slog.Attr {
	value := a.Value.Resolve()
	switch value.Kind() {
	case slog.KindString:
		return slog.String(a.Key, l.text(a.Key, value.String()))
	case slog.KindGroup:
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(l.attrs(value.Group())...)}
	case slog.KindAny:
		return slog.Attr{Key: a.Key, Value: l.any(a.Key, value)}
	}
	return slog.Attr{Key: a.Key, Value: value}
}

// text hides what is in a field of that key.
func (l line) text(key, s string) string {
	switch {
	case key == "remedy", key == "mailboxes" && more.MatchString(s), key == "reason" && isCode(s):
		return s // it is always the same
	case people[key]:
		return l.redactor.Name(s)
	case key == "client":
		return l.client(s)
	case key == "path":
		return l.redactor.Path(s)
	case ours[key]:
		return l.redactor.Text(s)
	}
	return l.names.Text(s)
}

func isCode(s string) bool { return slices.Contains(availability.Codes(), availability.Code(s)) }

// session is what the client's field ends with on the pages.
var session = regexp.MustCompile(`(?:, |^)session [A-Z2-7]{6}$`)

// client hides which operator it is, after whose address the name stands, and before the
// session.
func (l line) client(s string) string {
	address, who, found := strings.Cut(s, ", ")
	if !found {
		return s
	}
	of := session.FindString(who)
	if who = who[:len(who)-len(of)]; who == "" {
		return s
	}
	return address + ", " + l.redactor.Name(who) + of
}

func (l line) any(key string, value slog.Value) slog.Value {
	switch v := value.Any().(type) {
	case error:
		return slog.StringValue(l.text(key, v.Error()))
	case availability.Mailbox:
		return slog.StringValue(l.redactor.Name(string(v)))
	case []string:
		hidden := make([]string, len(v))
		for i, s := range v {
			hidden[i] = l.text(key, s)
		}
		return slog.AnyValue(hidden)
	case []availability.Mailbox:
		hidden := make([]string, len(v))
		for i, m := range v {
			hidden[i] = l.redactor.Name(string(m))
		}
		return slog.AnyValue(hidden)
	}
	shown := fmt.Sprint(value.Any())
	if hidden := l.text(key, shown); hidden != shown {
		return slog.StringValue(hidden)
	}
	return value
}
