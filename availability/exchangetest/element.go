package exchangetest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
)

// The namespaces. They are names, not addresses: with https they would be other
// names.
const (
	nsSOAP     = "http://schemas.xmlsoap.org/soap/envelope/"
	nsMessages = "http://schemas.microsoft.com/exchange/services/2006/messages"
	nsTypes    = "http://schemas.microsoft.com/exchange/services/2006/types"
	nsErrors   = "http://schemas.microsoft.com/exchange/services/2006/errors"
	nsXSI      = "http://www.w3.org/2001/XMLSchema-instance"
	nsXSD      = "http://www.w3.org/2001/XMLSchema"
)

// maxDepth is how deep the elements of a request may nest; the schema needs 8.
const maxDepth = 32

// element is an XML element with its character data, white space trimmed.
type element struct {
	name     xml.Name
	attrs    []xml.Attr
	children []*element
	data     string
	at       position
}

// position is where in the request something stands, from 1.
type position struct{ line, column int }

// parse reads a whole document: one element, no document type.
func parse(body []byte) (*element, error) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	dec := xml.NewDecoder(bytes.NewReader(body))
	outside := &element{}
	open := []*element{outside}
	text := [][]byte{nil} // of the elements that are open
	for {
		line, column := dec.InputPos()
		at := position{line, column}
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, malformed(at, "%v", err)
		}
		inner := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			if len(open) > maxDepth {
				return nil, malformed(at, "elements nest deeper than %d", maxDepth)
			}
			e := &element{name: token.Name, attrs: token.Copy().Attr, at: at}
			inner.children = append(inner.children, e)
			open, text = append(open, e), append(text, nil)
		case xml.EndElement:
			inner.data = string(bytes.TrimSpace(text[len(text)-1]))
			open, text = open[:len(open)-1], text[:len(text)-1]
		case xml.CharData:
			text[len(text)-1] = append(text[len(text)-1], token...)
		case xml.Directive:
			return nil, malformed(at, "a document type is not allowed")
		}
	}
	if len(outside.children) != 1 || len(bytes.TrimSpace(text[0])) > 0 {
		return nil, malformed(position{1, 1}, "the request is not one XML element")
	}
	return outside.children[0], nil
}

// child returns the first child with the given local name, or nil.
func (e *element) child(local string) *element {
	if e != nil {
		for _, c := range e.children {
			if c.name.Local == local {
				return c
			}
		}
	}
	return nil
}

// text returns the character data of a child, "" if there is none.
func (e *element) text(local string) string {
	if c := e.child(local); c != nil {
		return c.data
	}
	return ""
}

// attr returns the value of an attribute without namespace.
func (e *element) attr(local string) string {
	for _, a := range e.attrs {
		if a.Name.Space == "" && a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}
