package folder_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
)

// element is XML as a tree, with white space: what a client like Evolution walks over.
type element struct {
	name     xml.Name
	dt       string
	children []*element
}

func parse(document []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(document))
	stack := []*element{{}}
	for {
		token, err := d.Token()
		if err != nil && len(stack) == 1 && len(stack[0].children) == 1 {
			return stack[0].children[0], nil
		}
		if err != nil {
			return nil, err
		}
		top := stack[len(stack)-1]
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name}
			for _, a := range token.Attr {
				if a.Name == (xml.Name{Space: "urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/", Local: "dt"}) {
					e.dt = a.Value
				}
			}
			top.children, stack = append(top.children, e), append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.children = append(top.children, &element{})
		}
	}
}

// readByPosition reads a multistatus as Evolution does: the first child of a propstat is
// the status and the next one prop; each child of a property with several values is one.
// It returns how many responses there are.
func readByPosition(document []byte) (int, error) {
	root, err := parse(document)
	if err != nil {
		return 0, err
	}
	dav := func(e *element, local string) bool { return e.name == xml.Name{Space: "DAV:", Local: local} }
	if !dav(root, "multistatus") {
		return 0, errors.New("no multistatus")
	}
	for _, response := range root.children {
		if !dav(response, "response") || len(response.children) < 2 || !dav(response.children[0], "href") {
			return 0, errors.New("no response with an href at first")
		}
		for _, child := range response.children[1:] {
			if dav(child, "status") && len(response.children) == 2 {
				continue // a resource that failed
			}
			if !dav(child, "propstat") || len(child.children) != 2 || !dav(child.children[0], "status") || !dav(child.children[1], "prop") {
				return 0, errors.New("no propstat of status and prop")
			}
			for _, property := range child.children[1].children {
				for _, v := range property.children {
					if strings.HasPrefix(property.dt, "mv.") && v.name != (xml.Name{Space: "xml:", Local: "v"}) {
						return 0, fmt.Errorf("a value of %v is %v", property.name, v.name)
					}
				}
			}
		}
	}
	return len(root.children), nil
}
