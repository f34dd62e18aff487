package config

import (
	"cmp"
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml/ast"
)

// decoder fills structs from the file's tree and collects what does not fit.
// The library's own decoder stops at the first fault.
type decoder struct {
	origin *origin
	faults Faults
}

func (d *decoder) complain(at place, path string, c *complaint) {
	d.faults = append(d.faults, d.origin.source.fault(at, path, c.problem, c.instead))
}

// document fills config from the whole file; an empty one has no body.
func (d *decoder) document(body ast.Node, config *Config) {
	d.origin.places[""] = place{1, 1}
	d.section(body, "", reflect.ValueOf(config).Elem())
}

// value fills a field of any kind with what stands at path, and reports false if a
// section should stand there and does not.
func (d *decoder) value(node ast.Node, at place, path string, field reflect.Value, r rule) bool {
	node = bare(node)
	d.origin.places[path] = at
	if _, ok := node.(*ast.AliasNode); ok {
		return false // reported with the tokens
	}
	switch {
	case field.Kind() == reflect.Pointer:
		if section := reflect.New(field.Type().Elem()); d.section(node, path, section.Elem()) {
			field.Set(section)
		}
	case field.Kind() == reflect.Struct:
		return d.section(node, path, field)
	case field.Kind() == reflect.Slice:
		d.list(node, path, field, r)
	default:
		d.scalar(node, path, field, r)
	}
	return true
}

// section fills a struct and reports whether there is a section at all. One
// without content has every default.
func (d *decoder) section(node ast.Node, path string, section reflect.Value) bool {
	fields := fieldsOf(section)
	for _, f := range fields {
		f.preset()
	}
	switch node := node.(type) {
	case *ast.MappingNode:
		d.keys(node, path, fields)
	case nil, *ast.NullNode:
	default:
		d.wrongKind(node, path, "a section", "write its keys, one a line, as key: value")
		return false
	}
	d.missing(path, fields)
	return true
}

// missing reports the keys a section has to have and has not.
func (d *decoder) missing(path string, fields []field) {
	for _, f := range fields {
		path := join(path, f.rule.key())
		if f.rule.required() && !d.origin.has(path) {
			instead := "write for example " + f.rule.key() + ": " + f.rule.example()
			d.faults = append(d.faults, d.origin.fault(path, "missing", cmp.Or(f.rule.instead(), instead)))
		}
	}
}

// keys fills the fields of a struct from a mapping.
func (d *decoder) keys(mapping *ast.MappingNode, section string, fields []field) {
	first := map[string]int{} // the line of each key
	var slips []slip
	for _, entry := range mapping.Values {
		switch entry.Key.(type) {
		case *ast.MergeKeyNode, *ast.MappingKeyNode:
			continue // reported with the tokens
		}
		key, at := entry.Key.GetToken().Value, placeOf(entry.Key.GetToken())
		path := join(section, inPath(key))
		f, known := find(fields, key)
		switch {
		case !known:
			c, meant := unknownKey(key, fields)
			d.complain(at, path, c)
			if meant.rule.key() != "" {
				slips = append(slips, slip{entry, meant})
			}
		case first[key] > 0:
			again := fmt.Sprintf("written a second time; the first is in line %d", first[key])
			d.complain(at, path, &complaint{again, "remove one of them"})
		case f.rule.refusal() != "":
			d.origin.places[join(section, f.rule.key())] = at
			d.complain(at, path, &complaint{f.rule.refusal(), f.rule.instead()})
		default:
			d.value(entry.Value, beginning(entry.Value, at), path, f.value, f.rule)
		}
		if first[key] == 0 {
			first[key] = at.line
		}
	}
	for _, s := range slips {
		d.slip(s, section)
	}
}

// slip is an entry of a section whose key is most likely a slip of one that is known.
type slip struct {
	entry *ast.MappingValueNode
	meant field
}

// slip fills the field that was meant, so that nothing is said that would not be if the
// key were right. Of a single value, or a list of them, nothing is said at all: perhaps
// something else was meant. What names a file or a variable is not even tried, as it may
// be a password itself.
func (d *decoder) slip(s slip, section string) {
	path, at := join(section, s.meant.rule.key()), placeOf(s.entry.Key.GetToken())
	if d.origin.has(path) {
		return
	}
	if s.meant.rule.namesSecret() {
		d.origin.places[path] = at
		return
	}
	said := len(d.faults)
	d.value(s.entry.Value, beginning(s.entry.Value, at), path, s.meant.value, s.meant.rule)
	if !isSection(s.meant.value.Type()) {
		d.faults = d.faults[:said]
	}
}

// list fills a slice; the rule of its field holds for each entry. Where the rule
// says so a single entry needs no list.
func (d *decoder) list(node ast.Node, path string, field reflect.Value, r rule) {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok && r.single() && node != nil {
		field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		d.entry(node, d.origin.places[path], path, field.Index(0), r)
		return
	}
	if !ok {
		d.wrongKind(node, path, "a list", "write each entry on a line of its own after \"- \", or all in [ ]")
		return
	}
	if len(sequence.Values) == 0 && (r.required() || r.single()) {
		instead := "write at least one entry"
		if !r.required() {
			instead += ", or remove the line"
		}
		d.faults = append(d.faults, d.origin.fault(path, "the list is empty", instead))
	}
	list := reflect.MakeSlice(field.Type(), len(sequence.Values), len(sequence.Values))
	for i, entry := range sequence.Values {
		at := d.origin.places[path]
		if i < len(sequence.Entries) {
			at = placeOf(sequence.Entries[i].GetToken())
		}
		d.entry(entry, beginning(entry, at), fmt.Sprintf("%s[%d]", path, i), list.Index(i), r)
	}
	field.Set(list)
}

// entry fills one entry of a list. Of one that is no section, but should be, nothing
// else is said: it has no defaults either.
func (d *decoder) entry(node ast.Node, at place, path string, field reflect.Value, r rule) {
	if !d.value(node, at, path, field, r) {
		field.SetZero()
	}
}

// scalar fills a field that is one word, number or text. Quotes make no
// difference: the field's type says how to read it.
func (d *decoder) scalar(node ast.Node, path string, field reflect.Value, r rule) {
	text, ok := textOf(node)
	if !ok {
		d.wrongKind(node, path, "a single value", "write it on the line of the key, in quotes if there are brackets or colons in it")
		return
	}
	if c := r.set(field, text); c != nil {
		d.complain(d.origin.places[path], path, c)
	}
}

// wrongKind reports that another kind of value was wanted. What the tokens were
// reported for already is passed over.
func (d *decoder) wrongKind(node ast.Node, path, want, instead string) {
	found := "a single value"
	switch node.(type) {
	case nil, *ast.DirectiveNode:
		return
	case *ast.NullNode:
		d.complain(d.origin.places[path], path, &complaint{"this key has no value", "write one, or remove the line"})
		return
	case *ast.MappingNode:
		found = "a section"
	case *ast.SequenceNode:
		found = "a list"
	}
	d.complain(d.origin.places[path], path, &complaint{"this is " + found + " where " + want + " belongs", instead})
}

// bare takes anchors and tags off a node; they were reported with the tokens.
func bare(node ast.Node) ast.Node {
	for {
		switch n := node.(type) {
		case *ast.AnchorNode:
			node = n.Value
		case *ast.TagNode:
			node = n.Value
		default:
			return node
		}
	}
}

// textOf returns a scalar as it is written, without its quotes.
func textOf(node ast.Node) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.NullNode:
		return "", false
	case ast.ScalarNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// beginning is where a value begins, or its key if there is nothing to point
// at.
func beginning(node ast.Node, key place) place {
	switch n := bare(node).(type) {
	case nil, *ast.NullNode:
		return key
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return placeOf(n.Values[0].Key.GetToken())
		}
		return placeOf(n.GetToken())
	default:
		return placeOf(n.GetToken())
	}
}
