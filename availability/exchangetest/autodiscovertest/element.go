package autodiscovertest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// maxDepth is how deep the elements of a request may nest; both schemas need 6.
const maxDepth = 16

// element is an XML element with its character data, white space trimmed.
type element struct {
	name     xml.Name
	children []*element
	data     string
}

// parse reads a whole document: one element, no document type.
func parse(body []byte) (*element, error) {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	outside := &element{}
	open := []*element{outside}
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		inner := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			if len(open) > maxDepth {
				return nil, fmt.Errorf("elements nest deeper than %d", maxDepth)
			}
			e := &element{name: token.Name}
			inner.children = append(inner.children, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			inner.data += string(bytes.TrimSpace(token))
		case xml.Directive:
			return nil, errors.New("a document type is not allowed")
		}
	}
	if len(outside.children) != 1 || outside.data != "" {
		return nil, errors.New("the request is not one XML element")
	}
	return outside.children[0], nil
}

// exactly returns the children of e if they are of these names, in this order, all of
// the namespace space.
func (e *element) exactly(space string, names ...string) ([]*element, error) {
	if len(e.children) != len(names) {
		return nil, fmt.Errorf("%s has %d elements, want %v", e.name.Local, len(e.children), names)
	}
	for i, name := range names {
		if want := (xml.Name{Space: space, Local: name}); e.children[i].name != want {
			return nil, fmt.Errorf("in %s: %v, want %v", e.name.Local, e.children[i].name, want)
		}
	}
	return e.children, nil
}

// only returns what a way of elements, each the only child of the one before, leads
// to.
func (e *element) only(space string, names ...string) (*element, error) {
	for _, name := range names {
		children, err := e.exactly(space, name)
		if err != nil {
			return nil, err
		}
		e = children[0]
	}
	return e, nil
}

// escape makes text fit for XML.
func escape(s string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
