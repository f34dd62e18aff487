package config

import (
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Text returns the configuration as YAML, with every default, for people to read. What
// is empty is left out, and who logs in by a URL is hidden.
func (c *Config) Text() string {
	var b strings.Builder
	for _, l := range c.lines() {
		b.WriteString(l.text + "\n")
	}
	return b.String()
}

// Changes returns what there is to change from one configuration to another, a line for
// each value: "- path: value" is one that goes, and "+ path: value" one that comes. It is
// empty if they say the same, in whatever order they name the organizations.
func Changes(from, to *Config) string {
	before, after := from.lines(), to.lines()
	later := make(map[string]string)
	for _, l := range after {
		later[l.path] = l.value
	}
	var b strings.Builder
	known := make(map[string]bool)
	for _, l := range before {
		known[l.path] = true
		value, there := later[l.path]
		if there && value == l.value {
			continue
		}
		fmt.Fprintf(&b, "- %s: %s\n", l.path, l.value)
		if there {
			fmt.Fprintf(&b, "+ %s: %s\n", l.path, value)
		}
	}
	for _, l := range after {
		if !known[l.path] {
			fmt.Fprintf(&b, "+ %s: %s\n", l.path, l.value)
		}
	}
	return b.String()
}

// printed is a line of Text. That of a section has no value, and no path.
type printed struct{ text, path, value string }

func (c *Config) lines() []printed {
	p := printer{config: c}
	p.section(reflect.ValueOf(c).Elem(), "", "", "")
	return p.lines
}

// printer writes structs of this package as the decoder reads them.
type printer struct {
	config *Config
	lines  []printed
}

// section writes the keys of a struct; lead stands before the first one and is as wide as
// indent, which stands before the others.
func (p *printer) section(section reflect.Value, path, lead, indent string) {
	for _, f := range fieldsOf(section) {
		if f.rule.refusal() == "" && p.applies(section, f.rule.key()) && p.key(f, join(path, f.rule.key()), lead, indent) {
			lead = indent
		}
	}
}

// applies reports whether a section has the key: some are for one kind only.
func (p *printer) applies(section reflect.Value, key string) bool {
	switch s := section.Interface().(type) {
	case Credential:
		k := kinds[s.Type]
		return !slices.Contains(credentialKeys, key) || slices.Contains(slices.Concat(k.needs, k.takes, k.secrets), key)
	case Organization:
		for _, k := range methodKeys {
			if k.key == key {
				return slices.Contains(k.methods, s.AccessMethod)
			}
		}
	case Login:
		forms := slices.Contains(s.Methods, "forms") || p.config.TLS != nil && slices.Contains(p.config.TLS.LoginMethods, "forms")
		return forms || key != "public_timeout" && key != "private_timeout"
	}
	return true
}

// key writes a field, and reports whether there is anything in it.
func (p *printer) key(f field, path, lead, indent string) bool {
	value := f.value
	if value.Kind() == reflect.Pointer {
		if value = value.Elem(); !value.IsValid() {
			return false
		}
	}
	lead += f.rule.key() + ":"
	switch {
	case value.Kind() == reflect.Struct:
		p.lines = append(p.lines, printed{text: lead})
		p.section(value, path, indent+"  ", indent+"  ")
	case value.Kind() == reflect.Slice && value.Len() == 0:
		return false
	case value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Struct:
		p.lines = append(p.lines, printed{text: lead})
		for i := range value.Len() {
			p.section(value.Index(i), entryPath(path, value.Index(i), i), indent+"  - ", indent+"    ")
		}
	default:
		text := scalars(value)
		if text == "" {
			return false
		}
		p.lines = append(p.lines, printed{text: lead + " " + text, path: path, value: text})
	}
	return true
}

// entryPath is that of a section in a list. An organization has a name, which stays
// where it is when others come or go.
func entryPath(list string, entry reflect.Value, i int) string {
	if o, ok := entry.Interface().(Organization); ok {
		return list + "[" + o.Name + "]"
	}
	return fmt.Sprintf("%s[%d]", list, i)
}

// scalars writes a value, or all of a list; empty if it is.
func scalars(value reflect.Value) string {
	if value.Kind() != reflect.Slice {
		return scalar(value)
	}
	var all []string
	for i := range value.Len() {
		all = append(all, scalar(value.Index(i)))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// bareText is any text that YAML takes for itself, even in [ ].
var bareText = regexp.MustCompile(`^[A-Za-z0-9/]([A-Za-z0-9/_.@:+ -]*[A-Za-z0-9/_.@+-])?$`)

func scalar(value reflect.Value) string {
	text := fmt.Sprint(value.Interface())
	if level, ok := value.Interface().(slog.Level); ok {
		return strings.ToLower(level.String())
	}
	if value.Kind() != reflect.String {
		return text
	}
	text = userinfo.ReplaceAllString(text, "://***@")
	if text == "" || bareText.MatchString(text) && !strings.Contains(text, ": ") && !strings.EqualFold(text, "null") {
		return text
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) { // it may look like another one
		return strconv.QuoteToASCII(text)
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
