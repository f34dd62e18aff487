package davprop

import (
	"encoding/xml"
	"fmt"

	"fbgate/translate/wirexml"
)

// Patch is what a PROPPATCH changes.
type Patch struct {
	Set    []Property
	Remove []xml.Name
}

type propertyUpdate struct {
	XMLName xml.Name `xml:"DAV: propertyupdate"`
	Set     []struct {
		Props []struct {
			Properties []property `xml:",any"`
		} `xml:"DAV: prop"`
	} `xml:"DAV: set"`
	Remove []struct {
		Props []names `xml:"DAV: prop"`
	} `xml:"DAV: remove"`
}

type property struct {
	XMLName    xml.Name
	Attributes []xml.Attr `xml:",any,attr"`
	Text       string     `xml:",chardata"`
	Values     []struct {
		XMLName xml.Name
		Text    string `xml:",chardata"`
	} `xml:",any"`
}

// ParsePatch reads a propertyupdate, which is the body of a PROPPATCH. It is an error if
// it changes nothing.
func ParsePatch(body []byte) (Patch, error) {
	var update propertyUpdate
	if err := wirexml.DecodeCharset(body, &update); err != nil {
		return Patch{}, err
	}
	var p Patch
	for _, set := range update.Set {
		for _, prop := range set.Props {
			for _, one := range prop.Properties {
				if err := checkName(one.XMLName); err != nil {
					return Patch{}, err
				}
				p.Set = append(p.Set, Property{one.XMLName, one.value()})
			}
		}
	}
	for _, remove := range update.Remove {
		for _, prop := range remove.Props {
			var err error
			if p.Remove, err = appendNames(p.Remove, prop); err != nil {
				return Patch{}, err
			}
		}
	}
	if n := len(p.Set) + len(p.Remove); n == 0 || n > maxNames {
		return Patch{}, fmt.Errorf("a propertyupdate sets or removes 1 to %d properties", maxNames)
	}
	return p, nil
}

func (p *property) value() Value {
	v := Value{Text: p.Text}
	for _, a := range p.Attributes {
		// Of any namespace: clients have used that of XML-Data, too.
		if a.Name.Local == "dt" {
			v.Type = a.Value
		}
	}
	for _, one := range p.Values {
		if one.XMLName.Local == "v" {
			v.Values = append(v.Values, one.Text)
		}
	}
	return v
}
