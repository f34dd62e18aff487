package config

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parse returns the file's one document, nil if it is empty or there is none
// because of the faults.
func (s *source) parse() (ast.Node, Faults) {
	tokens := lexer.Tokenize(s.text)
	if faults := s.bound(tokens); faults != nil {
		return nil, faults
	}
	faults := s.refuse(tokens)
	if len(faults) > shownFaults {
		return nil, faults
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		if faults == nil { // else the parser stumbled over what is already reported
			faults = Faults{s.syntaxFault(err)}
		}
		return nil, faults
	}
	if len(file.Docs) == 0 {
		return nil, faults
	}
	return file.Docs[0].Body, faults
}

// refused are the arts of YAML that a configuration does not need, and that
// make a reader search elsewhere, or a parser grow a billion laughs.
var refused = map[token.Type]struct{ problem, instead string }{
	token.AnchorType:     {"anchors are not allowed", `write the value out, or put it in quotes if it begins with "&"`},
	token.AliasType:      {"aliases are not allowed", `write the value out, or put it in quotes if it begins with "*", such as "*.fabrikam.com"`},
	token.MergeKeyType:   {"merge keys are not allowed", "write the keys out"},
	token.TagType:        {"tags are not allowed", `remove it, or put the value in quotes if it begins with "!"`},
	token.MappingKeyType: {`keys after "?" are not allowed`, "write key: value"},
	token.DirectiveType:  {"directives are not allowed", "remove the line"},
}

// refuse reports what is allowed in YAML but not here.
func (s *source) refuse(tokens token.Tokens) (faults Faults) {
	var begun, ended bool
	directive := 0 // the line of the last one
	for _, t := range tokens {
		if t.Type == token.CommentType {
			continue
		}
		if r, ok := refused[t.Type]; ok {
			faults = append(faults, s.fault(placeOf(t), "", r.problem, r.instead))
		}
		if ended || begun && t.Type == token.DocumentHeaderType {
			faults = append(faults, s.fault(placeOf(t), "", "a second document begins here", "write one configuration in one file"))
		}
		if t.Type == token.DirectiveType {
			directive = t.Position.Line
		}
		begun = begun || t.Position.Line != directive
		ended = t.Type == token.DocumentEndType
	}
	return faults
}

// hints say what to do about the parser's messages, found by a part of them.
var hints = []struct{ message, instead string }{
	{`'\t' that cannot start`, "indent with spaces, not with tabs"},
	{"reserved character", "put the value in quotes"},
	{"document not started", "put the value in quotes"},
	{"escape character", "write the value in single quotes, where a backslash is itself, or close a double quote that was opened above"},
	{"end character of", "add the closing quote"},
	{"unexpected key name", "write key: value, with a space after the colon"},
	{"non-map value", "write key: value, with a space after the colon"},
	{"mapping value is not allowed", "begin a new line, or put the value in quotes if the colon belongs to it"},
	{"value is not allowed", "check the indentation, and put a value with brackets or quotes in it in quotes"},
	{"end token", "add the closing bracket"},
	{"must be specified", "add what is missing, or put a value with brackets in it in quotes"},
}

// syntaxFault renders the parser's error like any other fault.
func (s *source) syntaxFault(err error) Fault {
	var positioned interface {
		error
		GetMessage() string
		GetToken() *token.Token
	}
	if !errors.As(err, &positioned) {
		return s.fault(place{}, "", "this is not YAML: "+err.Error(), "")
	}
	at := placeOf(positioned.GetToken())
	if fault, ok := s.bareBracket(at); ok {
		return fault
	}
	message := strings.NewReplacer("\t", `\t`, "\n", `\n`).Replace(positioned.GetMessage())
	for _, hint := range hints {
		if strings.Contains(message, hint.message) {
			return s.fault(at, "", message, hint.instead)
		}
	}
	return s.fault(at, "", message, "")
}

// listenBracket is an address as browsers write it, which begins a list here.
var listenBracket = regexp.MustCompile(`\blisten["']?:\s+(\[[\w:.%]*:[\w:.%]*\]:\d+)`)

// bareBracket says what is wrong where the parser complains about an IPv6
// address without quotes.
func (s *source) bareBracket(at place) (Fault, bool) {
	if at.line < 1 || at.line > len(s.lines) {
		return Fault{}, false
	}
	line := s.lines[at.line-1]
	m := listenBracket.FindStringSubmatchIndex(line)
	if m == nil {
		return Fault{}, false
	}
	at.column = utf8.RuneCountInString(line[:m[2]]) + 1
	return s.fault(at, "", "a value that begins with a bracket is a list", `write it in quotes: "`+line[m[2]:m[3]]+`"`), true
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{}
	}
	return place{t.Position.Line, t.Position.Column}
}
