package config

import (
	"cmp"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// field is a key of a section: the struct field that holds it, and its rule.
type field struct {
	value reflect.Value
	rule  rule
}

// fieldsOf returns the keys of a section, which is a struct of this package.
func fieldsOf(section reflect.Value) []field {
	fields := make([]field, 0, section.NumField())
	for i := range section.NumField() {
		r := rule{section.Type().Field(i).Tag}
		if r.key() != "" {
			fields = append(fields, field{section.Field(i), r})
		}
	}
	return fields
}

// preset gives the field its default. Sections inside have their own.
func (f field) preset() {
	if f.value.Kind() == reflect.Struct {
		for _, inner := range fieldsOf(f.value) {
			inner.preset()
		}
	}
	if f.rule.preset() == "" {
		return
	}
	if c := f.rule.set(f.value, f.rule.preset()); c != nil {
		panic("config: default of " + f.rule.key() + ": " + c.Error())
	}
}

// find returns the field of a key. One that is refused is so by its other names
// too, and with slips in them.
func find(fields []field, key string) (field, bool) {
	var names []string
	for _, f := range fields {
		if f.rule.key() == key {
			return f, true
		}
		names = append(append(names, f.rule.key()), f.rule.also()...)
	}
	meant := nearest(key, names)
	i := slices.IndexFunc(fields, func(f field) bool {
		return f.rule.refusal() != "" && (f.rule.key() == meant || slices.Contains(f.rule.also(), meant))
	})
	if i < 0 {
		return field{}, false
	}
	return fields[i], true
}

// unknownKey says which key of the section, or of another one, was meant. It returns the
// field of the one of the section, which is the zero field if none is close.
func unknownKey(key string, fields []field) (*complaint, field) {
	var names []string
	for _, f := range fields {
		if f.rule.refusal() == "" {
			names = append(names, f.rule.key())
		}
	}
	if home := homes(reflect.TypeFor[Config](), "", key); len(home) > 0 {
		return &complaint{"unknown key", "it belongs into " + list(home)}, field{}
	}
	meant := nearest(key, names)
	i := slices.IndexFunc(fields, func(f field) bool { return f.rule.key() == meant })
	if i < 0 {
		return &complaint{"unknown key", "the keys here are " + strings.Join(names, ", ")}, field{}
	}
	return &complaint{"unknown key", didYouMean(meant)}, fields[i]
}

// isSection reports whether a key holds a section, or a list of them.
func isSection(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct
}

// homes are the sections that do have the key.
func homes(section reflect.Type, path, key string) (sections []string) {
	for i := range section.NumField() {
		f := section.Field(i)
		name := rule{f.Tag}.key()
		inner := f.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		switch {
		case name == "":
		case inner.Kind() == reflect.Struct && inner.NumField() > 0:
			sections = append(sections, homes(inner, join(path, name), key)...)
		case name == key:
			sections = append(sections, cmp.Or(path, "the top level"))
		}
	}
	return sections
}

// join makes the path of a key in a section.
func join(section, key string) string {
	if section == "" {
		return key
	}
	return section + "." + key
}

// inPath writes a key so that no message can be made to lie by it.
func inPath(key string) string {
	if plainKey.MatchString(key) {
		return key
	}
	return quote(key)
}

var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,60}$`)
