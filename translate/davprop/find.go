package davprop

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"

	"fbgate/translate/wirexml"
)

// Find says which properties somebody asks for.
type Find struct {
	// All asks for all that are cheap to tell.
	All bool
	// NamesOnly asks for the names of what there is.
	NamesOnly bool
	// Props are the ones asked for, if it is neither, in the client's order and spelling.
	Props []xml.Name
}

type propfind struct {
	XMLName xml.Name `xml:"DAV: propfind"`
	Targets []struct {
		Hrefs []string `xml:"DAV: href"`
	} `xml:"DAV: target"`
	AllProp  *struct{} `xml:"DAV: allprop"`
	PropName *struct{} `xml:"DAV: propname"`
	Props    []names   `xml:"DAV: prop"`
}

// ParseFind reads the body of a PROPFIND. An empty one asks for all (RFC 4918 9.1).
func ParseFind(body []byte) (Find, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return Find{All: true}, nil
	}
	var p propfind
	if err := wirexml.DecodeCharset(body, &p); err != nil {
		return Find{}, err
	}
	return p.find()
}

// ParseBatch reads the body of a BPROPFIND: a PROPFIND with the targets it is about. It
// is an error if there are none, or more than most.
func ParseBatch(body []byte, most int) (hrefs []string, f Find, err error) {
	var p propfind
	if err := wirexml.DecodeCharset(body, &p); err != nil {
		return nil, Find{}, err
	}
	for _, target := range p.Targets {
		hrefs = append(hrefs, target.Hrefs...)
	}
	if len(hrefs) == 0 || len(hrefs) > most {
		return nil, Find{}, fmt.Errorf("%d targets; there may be 1 to %d", len(hrefs), most)
	}
	f, err = p.find()
	return hrefs, f, err
}

func (p *propfind) find() (Find, error) {
	f := Find{All: p.AllProp != nil, NamesOnly: p.PropName != nil}
	for _, prop := range p.Props {
		var err error
		if f.Props, err = appendNames(f.Props, prop); err != nil {
			return Find{}, err
		}
	}
	kinds := 0
	for _, is := range []bool{f.All, f.NamesOnly, len(f.Props) > 0} {
		if is {
			kinds++
		}
	}
	if kinds != 1 {
		return Find{}, errors.New("a propfind holds one of prop, with the properties in it, allprop and propname")
	}
	return f, nil
}
