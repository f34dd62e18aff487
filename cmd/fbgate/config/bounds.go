package config

import (
	"fmt"

	"github.com/goccy/go-yaml/token"
)

// What the parser is given at most: it takes time in the square of the keys of
// one section, and stack and memory with the depth.
const (
	maxTokens = 200_000 // words and signs
	maxKeys   = 1000    // in one section
	maxDepth  = 50      // of brackets
	maxIndent = 500     // of keys and list entries, in characters
)

// bounds watches the tokens of a file go by.
type bounds struct {
	depth int   // of brackets open
	keys  []int // so far in the section open at each column
}

// bound refuses what would take the parser too long.
func (s *source) bound(tokens token.Tokens) Faults {
	const instead = "split the file among several instances of fbgate"
	if len(tokens) > maxTokens {
		problem := fmt.Sprintf("the file has more than %d words and signs", maxTokens)
		return Faults{s.fault(placeOf(tokens[maxTokens]), "", problem, instead)}
	}
	var b bounds
	for _, t := range tokens {
		if problem := b.pass(t); problem != "" {
			return Faults{s.fault(placeOf(t), "", problem, "make this part simpler")}
		}
	}
	return nil
}

// pass takes the next token and says which bound it exceeds, if any.
func (b *bounds) pass(t *token.Token) (problem string) {
	switch t.Type {
	case token.MappingStartType, token.SequenceStartType:
		b.depth++
	case token.MappingEndType, token.SequenceEndType:
		b.depth--
	case token.SequenceEntryType:
		return b.indent(t, 0)
	case token.MappingValueType: // the colon: the key stands before it
		return b.indent(t.Prev, 1)
	}
	if b.depth > maxDepth {
		return fmt.Sprintf("brackets are nested deeper than %d", maxDepth)
	}
	return ""
}

// indent counts a key, or a list entry, which begins new sections to its right.
// Within brackets the parser's time is linear.
func (b *bounds) indent(t *token.Token, keys int) (problem string) {
	if b.depth > 0 || t == nil {
		return ""
	}
	column := max(t.Position.Column, 0)
	if column > maxIndent {
		return fmt.Sprintf("this begins beyond column %d", maxIndent)
	}
	for len(b.keys) <= column {
		b.keys = append(b.keys, 0)
	}
	b.keys = b.keys[:column+1]
	if b.keys[column] += keys; b.keys[column] > maxKeys {
		return fmt.Sprintf("one section has more than %d keys", maxKeys)
	}
	return ""
}
