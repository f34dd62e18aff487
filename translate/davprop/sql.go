package davprop

import (
	"encoding/xml"
	"fmt"
	"strings"
)

const (
	// maxConditions is how deep parentheses and NOT may be nested in a WHERE.
	maxConditions = 32
	// maxPattern is how long a LIKE may be, in bytes. A legacyExchangeDN may have 1024.
	maxPattern = 1024
)

// sql reads SQL from left to right.
type sql struct {
	rest  string // after token
	token string // as it was written, "" at the end
	depth int
	uses  []xml.Name
}

// next goes on to the next token: a word, something in quotation marks or apostrophes,
// or a sign.
func (p *sql) next() {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	n := 0
	switch {
	case p.rest == "":
	case p.rest[0] == '"' || p.rest[0] == '\'':
		end := strings.IndexByte(p.rest[1:], p.rest[0])
		n = 2 + end
		if end < 0 {
			n = 1
		}
	case isWord(p.rest[0]):
		for n < len(p.rest) && isWord(p.rest[n]) {
			n++
		}
	case strings.HasPrefix(p.rest, "<>"), strings.HasPrefix(p.rest, "!="):
		n = 2
	default:
		n = 1
	}
	p.token, p.rest = p.rest[:n], p.rest[n:]
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// accept goes past a word or sign if it is there.
func (p *sql) accept(token string) bool {
	if !strings.EqualFold(p.token, token) {
		return false
	}
	p.next()
	return true
}

func (p *sql) expect(tokens ...string) error {
	for _, token := range tokens {
		if !p.accept(token) {
			return p.expected(token)
		}
	}
	return nil
}

func (p *sql) expected(what string) error {
	return fmt.Errorf("the SQL has %.60q where this server expects %s", p.token+p.rest, what)
}

// quoted goes past something in quotation marks or apostrophes.
func (p *sql) quoted(mark byte) (string, bool) {
	if len(p.token) < 2 || p.token[0] != mark {
		return "", false
	}
	text := p.token[1 : len(p.token)-1]
	p.next()
	return text, true
}

// name goes past the name of a property, whose namespace ends with the last of "/", ":"
// and "#".
func (p *sql) name() (xml.Name, error) {
	token := p.token
	text, ok := p.quoted('"')
	at := strings.LastIndexAny(text, "/:#") + 1
	name := xml.Name{Space: text[:at], Local: text[at:]}
	if !ok || at == 0 || !isName(name.Local) {
		return xml.Name{}, fmt.Errorf("the SQL has %.60q where this server expects a property such as \"DAV:displayname\"", token)
	}
	return name, checkName(name)
}

// isName reports whether s can be written as the name of an element. "0x…" can not, but
// has always been.
func isName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return r >= 0x80 || !isWord(byte(r)) && r != '-' && r != '_' && r != '.'
	})
}

func (p *sql) search() (s Search, err error) {
	if err := p.expect("SELECT"); err != nil {
		return s, err
	}
	if s.Find, err = p.properties(); err != nil {
		return s, err
	}
	if s.Scope, err = p.scope(); err != nil {
		return s, err
	}
	if p.accept("WHERE") {
		if s.where, err = p.disjunction(); err != nil {
			return s, err
		}
	}
	if p.token != "" {
		return s, p.expected("the end")
	}
	s.Uses = p.uses
	return s, nil
}

func (p *sql) properties() (f Find, err error) {
	if p.accept("*") {
		return Find{All: true}, nil
	}
	for {
		name, err := p.name()
		if err != nil {
			return Find{}, err
		}
		f.Props = append(f.Props, name)
		if !p.accept(",") {
			return f, nil
		}
	}
}

// scope reads FROM Scope('SHALLOW TRAVERSAL OF "folder"').
func (p *sql) scope() (string, error) {
	if err := p.expect("FROM", "Scope", "("); err != nil {
		return "", err
	}
	text, ok := p.quoted('\'')
	inner := sql{rest: text}
	inner.next()
	if !ok || inner.expect("SHALLOW", "TRAVERSAL", "OF") != nil {
		return "", p.expected(`'SHALLOW TRAVERSAL OF "folder"'`)
	}
	folder, ok := inner.quoted('"')
	if !ok || inner.token != "" {
		return "", inner.expected("a folder in quotation marks")
	}
	return folder, p.expect(")")
}

func (p *sql) disjunction() (condition, error) {
	return p.joined("OR", or, func() (condition, error) { return p.joined("AND", and, p.negation) })
}

func (p *sql) joined(word string, join func(a, b condition) condition, operand func() (condition, error)) (condition, error) {
	all, err := operand()
	for err == nil && p.accept(word) {
		var one condition
		if one, err = operand(); err == nil {
			all = join(all, one)
		}
	}
	return all, err
}

func (p *sql) negation() (condition, error) {
	if p.depth++; p.depth > maxConditions {
		return nil, fmt.Errorf("the conditions are nested deeper than %d", maxConditions)
	}
	defer func() { p.depth-- }()
	switch {
	case p.accept("NOT"):
		c, err := p.negation()
		if err != nil {
			return nil, err
		}
		return not(c), nil
	case p.accept("("):
		c, err := p.disjunction()
		if err != nil {
			return nil, err
		}
		return c, p.expect(")")
	default:
		return p.comparison()
	}
}

func (p *sql) comparison() (condition, error) {
	name, err := p.name()
	if err != nil {
		return nil, err
	}
	p.uses = append(p.uses, name)
	switch {
	case p.accept("IS"):
		if p.accept("NOT") {
			return not(isNull(name)), p.expect("NULL")
		}
		return isNull(name), p.expect("NULL")
	case p.accept("="):
		literal, err := p.literal()
		return compare(name, func(s string) bool { return s == literal }), err
	case p.accept("<>"), p.accept("!="):
		literal, err := p.literal()
		return compare(name, func(s string) bool { return s != literal }), err
	case p.accept("LIKE"):
		pattern, ok := p.quoted('\'')
		if !ok {
			return nil, p.expected("a pattern in apostrophes")
		}
		if len(pattern) > maxPattern {
			return nil, fmt.Errorf("a pattern is longer than %d bytes", maxPattern)
		}
		return compare(name, like(pattern)), nil
	default:
		return nil, p.expected("IS, =, <> or LIKE")
	}
}

// literal reads a string, a number, true or false; in lower case, as it is compared.
func (p *sql) literal() (string, error) {
	if text, ok := p.quoted('\''); ok {
		return strings.ToLower(text), nil
	}
	switch {
	case p.accept("true"):
		return "1", nil
	case p.accept("false"):
		return "0", nil
	case p.token != "" && p.token[0] >= '0' && p.token[0] <= '9':
		number := p.token
		p.next()
		return number, nil
	default:
		return "", p.expected("a string, a number, true or false")
	}
}
