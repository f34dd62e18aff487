package foldertest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
)

// The namespaces.
const (
	nsDAV     = "DAV:"
	nsTypes   = "urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/"
	nsValues  = "xml:"
	nsProptag = "http://schemas.microsoft.com/mapi/proptag/"
	nsMAPI    = "http://schemas.microsoft.com/mapi/"
)

// property is one as it was sent.
type property struct {
	name   xml.Name
	dt     string
	text   string
	values []string // of mv.*
}

// properties are those of an update.
type properties struct {
	set     []property
	removed []xml.Name
}

type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

func (e element) is(space, local string) bool {
	return e.XMLName == xml.Name{Space: space, Local: local}
}

func readXML(header http.Header, body []byte) (element, error) {
	if kind, _, err := mime.ParseMediaType(header.Get("Content-Type")); err != nil || kind != "text/xml" {
		return element{}, fmt.Errorf("the Content-Type is %q", header.Get("Content-Type"))
	}
	if !strings.EqualFold(header.Get("Translate"), "f") {
		return element{}, errors.New("without Translate: f it is not for WebDAV")
	}
	var root element
	d := xml.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&root); err != nil {
		return element{}, err
	}
	if _, err := d.Token(); err != io.EOF {
		return element{}, errors.New("something follows the root element")
	}
	return root, nil
}

// readUpdate reads a propertyupdate: one set and at most one remove after it.
func readUpdate(header http.Header, body []byte) (properties, error) {
	var p properties
	root, err := readXML(header, body)
	if err != nil {
		return p, err
	}
	if !root.is(nsDAV, "propertyupdate") || len(root.Children) < 1 || len(root.Children) > 2 {
		return p, fmt.Errorf("%s with %d children is no propertyupdate of one set and one remove", root.XMLName.Local, len(root.Children))
	}
	for i, instruction := range root.Children {
		if want := []string{"set", "remove"}[i]; !instruction.is(nsDAV, want) || len(instruction.Children) != 1 || !instruction.Children[0].is(nsDAV, "prop") {
			return p, fmt.Errorf("%s instead of %s with one prop", instruction.XMLName.Local, want)
		}
	}
	for _, e := range root.Children[0].Children[0].Children {
		one, err := readProperty(e)
		if err != nil {
			return p, fmt.Errorf("%s: %w", e.XMLName.Local, err)
		}
		p.set = append(p.set, one)
	}
	if len(root.Children) == 2 {
		for _, e := range root.Children[1].Children[0].Children {
			if e.Text != "" || len(e.Children) > 0 {
				return p, fmt.Errorf("%s is removed, but has a value", e.XMLName.Local)
			}
			p.removed = append(p.removed, e.XMLName)
		}
	}
	return p, p.once()
}

// once returns an error if a property comes twice.
func (p properties) once() error {
	seen := make(map[string]bool)
	add := func(name xml.Name) error {
		key := name.Space + strings.ToLower(name.Local)
		if seen[key] {
			return fmt.Errorf("%s comes twice", name.Local)
		}
		seen[key] = true
		return nil
	}
	for _, one := range p.set {
		if err := add(one.name); err != nil {
			return err
		}
	}
	for _, name := range p.removed {
		if err := add(name); err != nil {
			return err
		}
	}
	return nil
}

func readProperty(e element) (property, error) {
	p := property{name: e.XMLName, text: e.Text}
	for _, a := range e.Attrs {
		if a.Name != (xml.Name{Space: nsTypes, Local: "dt"}) {
			return p, fmt.Errorf("an attribute %s", a.Name.Local)
		}
		p.dt = a.Value
	}
	multiple := strings.HasPrefix(p.dt, "mv.")
	if multiple != (len(e.Children) > 0) || multiple && e.Text != "" {
		return p, fmt.Errorf("dt is %q with %d values and the text %q", p.dt, len(e.Children), e.Text)
	}
	for _, v := range e.Children {
		if !v.is(nsValues, "v") || len(v.Children) > 0 || len(v.Attrs) > 0 {
			return p, fmt.Errorf("%s is no value", v.XMLName.Local)
		}
		p.values = append(p.values, v.Text)
	}
	return p, checkType(p)
}

// types are the values of dt by the type that ends a property's name.
var types = map[string]string{
	"0003": "int", "000B": "boolean", "001F": "", "0040": "dateTime.tz", "1003": "mv.int", "1102": "mv.bin.base64",
}

func checkType(p property) error {
	switch p.name.Space {
	case nsMAPI:
		if p.name.Local != "subject" || p.dt != "" {
			return errors.New("it is not known here")
		}
		return nil
	case nsProptag:
	default:
		return fmt.Errorf("the namespace %q", p.name.Space)
	}
	if len(p.name.Local) != 9 || p.name.Local[0] != 'x' || strings.Trim(p.name.Local[1:], "0123456789abcdefABCDEF") != "" {
		return errors.New("that is not x and eight digits")
	}
	dt, known := types[strings.ToUpper(p.name.Local[5:])]
	if !known || dt != p.dt {
		return fmt.Errorf("dt is %q instead of %q", p.dt, dt)
	}
	return nil
}
