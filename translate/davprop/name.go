// Package davprop reads and writes the XML with which clients of Exchange 2000 to 2007
// read and write properties over WebDAV: PROPFIND, BPROPFIND, SEARCH, PROPPATCH and the
// multistatus that answers them.
package davprop

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The namespaces of properties.
const (
	DAV      = "DAV:"
	MAPI     = "http://schemas.microsoft.com/mapi/"
	Proptag  = "http://schemas.microsoft.com/mapi/proptag/"
	HTTPMail = "urn:schemas:httpmail:"
)

// typeSpace is the namespace of the attribute dt, which says what type a value has.
const typeSpace = "urn:uuid:c2f41010-65b3-11d1-a29f-00aa00c14882/"

// valueSpace is the namespace of v, the element of one of several values.
const valueSpace = "xml:"

// What clients ask for has 30 properties at most, of names below 100 bytes. In a list
// each is repeated for each resource.
const (
	maxNames   = 128 // in one request
	maxNameLen = 256 // bytes, of namespace and name together
)

// Tag returns the name of a MAPI property: that of 0x684f1003 is x684f1003 in [Proptag].
func Tag(tag uint32) xml.Name {
	return xml.Name{Space: Proptag, Local: fmt.Sprintf("x%08x", tag)}
}

// Key returns a name by which the spellings of one property are the same: clients write
// x10F2000B, x10f2000b or 0x10F2000B (Zimbra, though that is no legal name in XML), and
// ask for a string in Unicode (001f) or the server's code page (001e).
func Key(name xml.Name) xml.Name {
	if name.Space != Proptag {
		return name
	}
	hex, ok := strings.CutPrefix(strings.TrimPrefix(strings.ToLower(name.Local), "0"), "x")
	tag, err := strconv.ParseUint(hex, 16, 32)
	if !ok || err != nil || len(hex) != 8 {
		return name
	}
	const unicode, codePage = 0x1f, 0x1e
	if tag&0xefff == codePage { // single or, with the bit 0x1000, multiple values
		return Tag(uint32(tag + unicode - codePage))
	}
	if len(name.Local) == len(hex)+1 && name.Local[1:] == hex && name.Local[0] == 'x' {
		return name
	}
	return xml.Name{Space: Proptag, Local: "x" + hex}
}

// names are elements of which only the names matter.
type names struct {
	Elements []struct{ XMLName xml.Name } `xml:",any"`
}

func appendNames(all []xml.Name, n names) ([]xml.Name, error) {
	for _, e := range n.Elements {
		if err := checkName(e.XMLName); err != nil {
			return nil, err
		}
		all = append(all, e.XMLName)
	}
	if len(all) > maxNames {
		return nil, fmt.Errorf("more than %d properties", maxNames)
	}
	return all, nil
}

// checkName refuses names that cannot be written back.
func checkName(name xml.Name) error {
	switch {
	case len(name.Space)+len(name.Local) > maxNameLen:
		return fmt.Errorf("the name of a property is longer than %d bytes", maxNameLen)
	case strings.Contains(name.Local, ":"), name.Local == "":
		return fmt.Errorf("%.50q is no name of a property", name.Local)
	case name.Space == "http://www.w3.org/2000/xmlns/", name.Space == "http://www.w3.org/XML/1998/namespace":
		return errors.New("a property has the namespace of XML itself")
	}
	return nil
}
