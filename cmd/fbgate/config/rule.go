package config

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// rule is what a field's tags say about its value.
type rule struct{ reflect.StructTag }

func (r rule) key() string       { return r.Get("yaml") }
func (r rule) preset() string    { return r.Get("default") }
func (r rule) required() bool    { return r.Get("required") == "true" }
func (r rule) single() bool      { return r.Get("single") == "true" }
func (r rule) words() []string   { return strings.Fields(r.Get("oneof")) }
func (r rule) example() string   { return r.Get("example") }
func (r rule) refusal() string   { return r.Get("refuse") }
func (r rule) instead() string   { return r.Get("instead") }
func (r rule) also() []string    { return strings.Fields(r.Get("also")) }
func (r rule) unoffered() string { return r.Get("unoffered") }

// namesSecret reports whether the value is the name of a file or a variable, which may
// hold a secret.
func (r rule) namesSecret() bool { return r.Get("form") == "file" || r.Get("form") == "environment" }

// set reads text into a field and checks it against the rule. On a complaint
// the field keeps what it had, but one of words has none: what else belongs
// there depends on the word.
func (r rule) set(field reflect.Value, text string) *complaint {
	isWord, c := r.word(field, text)
	if c != nil {
		field.SetZero()
		return c
	}
	value := reflect.New(field.Type())
	if c := r.read(value, text); c != nil {
		return c
	}
	if !isWord {
		if c := r.inRange(value.Elem(), text); c != nil {
			return c
		}
	}
	field.Set(value.Elem())
	return nil
}

// word checks text against the words of the rule. A field with a range may have
// words beside it, in any case: YAML has OFF and Off too.
func (r rule) word(field reflect.Value, text string) (isWord bool, c *complaint) {
	words := r.words()
	for _, w := range words {
		if w == text || r.Get("range") != "" && strings.EqualFold(w, text) {
			return true, nil
		}
	}
	if len(words) == 0 || r.Get("range") != "" {
		return false, nil
	}
	for _, w := range strings.Fields(r.unoffered()) {
		if strings.EqualFold(w, text) {
			return false, &complaint{"this version does not offer " + w, "write " + list(words)}
		}
	}
	return false, &complaint{quote(text) + " is not known", cmp.Or(closest(text, words), "write "+list(words))}
}

// read parses text by the field's type; value points to it.
func (r rule) read(value reflect.Value, text string) *complaint {
	if u, ok := value.Interface().(encoding.TextUnmarshaler); ok {
		c := asComplaint(u.UnmarshalText([]byte(text)))
		if c != nil && isBare(text) {
			c.instead = r.withUnit(value, text)
		}
		return c
	}
	switch v := value.Elem(); v.Kind() {
	case reflect.String:
		text, c := forms[r.Get("form")](text)
		v.SetString(text)
		return c
	case reflect.Bool:
		if text != "true" && text != "false" {
			return &complaint{quote(text) + " is neither true nor false", "write true or false"}
		}
		v.SetBool(text == "true")
	case reflect.Int:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return &complaint{quote(text) + " is not a whole number", "write digits only, for example " + r.preset()}
		}
		v.SetInt(n)
	default:
		panic(fmt.Sprintf("config: no way to read a %v", v.Type()))
	}
	return nil
}

// withUnit says what to write for a number without a unit: only what the range has.
func (r rule) withUnit(value reflect.Value, number string) string {
	var fitting []string
	for _, unit := range []string{"s", "m", "h", "d"} {
		text := number + unit
		if r.read(value, text) == nil && r.inRange(value.Elem(), text) == nil {
			fitting = append(fitting, text)
		}
	}
	instead := "write for example "
	if len(fitting) == 0 {
		fitting, instead = []string{strings.Replace(r.Get("range"), "..", " to ", 1)}, "write "
	}
	return instead + list(append(fitting, r.words()...))
}

// inRange checks a number against the rule's range and step.
func (r rule) inRange(value reflect.Value, text string) *complaint {
	low, high, ok := strings.Cut(r.Get("range"), "..")
	if !ok {
		return nil
	}
	instead := "write " + low + " to " + high
	if words := r.words(); len(words) > 0 {
		instead += ", or " + list(words)
	}
	switch n := value.Int(); {
	case n < r.number(value, low):
		return &complaint{text + " is less than " + low, instead}
	case n > r.number(value, high):
		return &complaint{text + " is more than " + high, instead}
	}
	if step := r.Get("step"); step != "" && value.Int()%r.number(value, step) != 0 {
		return &complaint{text + " is not a multiple of " + step, "write for example " + r.preset()}
	}
	return nil
}

// number reads a number of a tag as one of the value's type. The tags are
// right: a test reads them all.
func (r rule) number(value reflect.Value, text string) int64 {
	n := reflect.New(value.Type())
	if c := r.read(n, text); c != nil {
		panic("config: " + c.Error())
	}
	return n.Elem().Int()
}

func asComplaint(err error) *complaint {
	var c *complaint
	if err != nil && !errors.As(err, &c) {
		return &complaint{problem: err.Error()}
	}
	return c
}

// list writes words as a choice: "a, b or c".
func list(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
