package davprop

import (
	"encoding/xml"
	"fmt"
	"strings"

	"fbgate/translate/wirexml"
)

// Search is a SEARCH: which properties of which messages of a folder.
type Search struct {
	Find
	// Scope is the folder: a URL or path, or empty for the one that was asked.
	Scope string
	// Uses are the properties Where looks at.
	Uses  []xml.Name
	where condition
}

// maxComparisons is how many comparisons a WHERE has: each is made with each resource.
const maxComparisons = 16

type searchRequest struct {
	XMLName xml.Name `xml:"DAV: searchrequest"`
	SQL     string   `xml:"DAV: sql"`
}

// ParseSearch reads the body of a SEARCH. Of Exchange's SQL it knows
//
//	SELECT "property", … FROM Scope('SHALLOW TRAVERSAL OF "folder"') WHERE …
//
// or SELECT *, with conditions that compare a property with =, <>, LIKE or IS [NOT] NULL,
// joined by AND, OR, NOT and parentheses. Anything else is an error that says where it
// begins.
func ParseSearch(body []byte) (Search, error) {
	var r searchRequest
	if err := wirexml.DecodeCharset(body, &r); err != nil {
		return Search{}, err
	}
	p := sql{rest: r.SQL}
	p.next()
	s, err := p.search()
	if err != nil {
		return Search{}, err
	}
	if len(s.Props) > maxNames {
		return Search{}, fmt.Errorf("more than %d properties", maxNames)
	}
	if len(s.Uses) > maxComparisons {
		return Search{}, fmt.Errorf("more than %d comparisons", maxComparisons)
	}
	return s, nil
}

// Matches reports whether a resource with these properties is one that is searched for.
// get returns the text of a property, and false if the resource does not have it.
func (s Search) Matches(get func(xml.Name) (text string, ok bool)) bool {
	return s.where == nil || s.where(get) == yes
}

// condition is a part of WHERE.
type condition func(get func(xml.Name) (string, bool)) truth

// truth is that of SQL: to compare what is not there is neither true nor false.
type truth int8

const (
	no truth = iota - 1
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

func and(a, b condition) condition {
	return func(get func(xml.Name) (string, bool)) truth { return min(a(get), b(get)) }
}

func or(a, b condition) condition {
	return func(get func(xml.Name) (string, bool)) truth { return max(a(get), b(get)) }
}

func not(a condition) condition {
	return func(get func(xml.Name) (string, bool)) truth { return -a(get) }
}

func isNull(name xml.Name) condition {
	return func(get func(xml.Name) (string, bool)) truth {
		_, ok := get(name)
		return truthOf(!ok)
	}
}

// compare compares without case, as Exchange does.
func compare(name xml.Name, holds func(lower string) bool) condition {
	return func(get func(xml.Name) (string, bool)) truth {
		text, ok := get(name)
		if !ok {
			return unknown
		}
		return truthOf(holds(strings.ToLower(text)))
	}
}

// like matches a pattern in which "%" stands for any characters.
func like(pattern string) func(string) bool {
	parts := strings.Split(strings.ToLower(pattern), "%")
	return func(s string) bool {
		first, last := parts[0], parts[len(parts)-1]
		if len(parts) == 1 {
			return s == first
		}
		if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
			return false
		}
		s = s[len(first) : len(s)-len(last)]
		for _, part := range parts[1 : len(parts)-1] {
			at := strings.Index(s, part)
			if at < 0 {
				return false
			}
			s = s[at+len(part):]
		}
		return true
	}
}
