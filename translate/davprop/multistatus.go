package davprop

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"fbgate/translate/wirexml"
)

// Multistatus writes the answer to a question about properties. It is written by hand
// because Evolution reads it by position: in a propstat status comes first and prop
// follows at once, and in a property with several values all children are values. So
// there is no white space, and prefixes are those of Exchange.
type Multistatus struct {
	// Brief leaves out what is not there (the header Brief: t).
	Brief    bool
	prefixes map[string]string // of namespaces
	spaces   []string          // in the order of their prefixes, from d on
}

// Response is what is told of one resource.
type Response struct {
	// Href is its URL.
	Href string
	// Status is that of the whole resource if it is not 0: nothing else is told then.
	Status int
	// Found are the properties it has, Missing those it does not have.
	Found   []Property
	Missing []xml.Name
}

// NewMultistatus returns one that can tell of properties with these names.
func NewMultistatus(names []xml.Name, brief bool) *Multistatus {
	m := &Multistatus{Brief: brief, prefixes: map[string]string{"": "", DAV: "a:"}}
	for _, name := range names {
		if _, ok := m.prefixes[name.Space]; ok {
			continue
		}
		m.prefixes[name.Space] = prefix(len(m.spaces)) + ":"
		m.spaces = append(m.spaces, name.Space)
	}
	return m
}

// prefix returns d to z, then n23 and so on. Exchange has a for DAV:, b for types and c
// for values.
func prefix(n int) string {
	if n <= 'z'-'d' {
		return string(rune('d' + n))
	}
	return "n" + strconv.Itoa(n)
}

// AppendStart appends what comes before the first Response.
func (m *Multistatus) AppendStart(dst []byte) []byte {
	dst = append(dst, `<?xml version="1.0"?><a:multistatus xmlns:b="`+typeSpace+`"`...)
	for i, space := range m.spaces {
		dst = m.appendSpace(dst, space)
		if i == 0 { // where Exchange has it
			dst = append(dst, ` xmlns:c="`+valueSpace+`"`...)
		}
	}
	if len(m.spaces) == 0 {
		dst = append(dst, ` xmlns:c="`+valueSpace+`"`...)
	}
	return append(dst, ` xmlns:a="DAV:">`...)
}

func (m *Multistatus) appendSpace(dst []byte, space string) []byte {
	dst = append(dst, " xmlns:"...)
	dst = append(dst, strings.TrimSuffix(m.prefixes[space], ":")...)
	dst = append(dst, `="`...)
	return append(wirexml.AppendText(dst, space), '"')
}

// AppendEnd appends what comes after the last Response.
func (m *Multistatus) AppendEnd(dst []byte) []byte { return append(dst, "</a:multistatus>"...) }

// AppendResponse appends what is told of one resource. Properties of a namespace the
// Multistatus does not know are left out.
func (m *Multistatus) AppendResponse(dst []byte, r Response) []byte {
	dst = append(dst, "<a:response><a:href>"...)
	dst = wirexml.AppendText(dst, r.Href)
	dst = append(dst, "</a:href>"...)
	if r.Status != 0 {
		dst = appendStatus(dst, r.Status)
		return append(dst, "</a:response>"...)
	}
	if len(r.Found) > 0 || len(r.Missing) == 0 || m.Brief {
		dst = appendPropstat(dst, 200)
		for _, p := range r.Found {
			dst = m.appendProperty(dst, p)
		}
		dst = append(dst, "</a:prop></a:propstat>"...)
	}
	if len(r.Missing) > 0 && !m.Brief {
		dst = appendPropstat(dst, 404)
		for _, name := range r.Missing {
			dst = m.appendProperty(dst, Property{Name: name})
		}
		dst = append(dst, "</a:prop></a:propstat>"...)
	}
	return append(dst, "</a:response>"...)
}

func appendPropstat(dst []byte, status int) []byte {
	dst = append(dst, "<a:propstat>"...)
	return append(appendStatus(dst, status), "<a:prop>"...)
}

var statusTexts = map[int]string{200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 503: "Service Unavailable"}

func appendStatus(dst []byte, status int) []byte {
	return fmt.Appendf(dst, "<a:status>HTTP/1.1 %d %s</a:status>", status, statusTexts[status])
}

func (m *Multistatus) appendProperty(dst []byte, p Property) []byte {
	prefix, ok := m.prefixes[p.Name.Space]
	if !ok {
		return dst
	}
	name := prefix + p.Name.Local
	dst = append(append(dst, '<'), name...)
	if p.Type != "" {
		dst = append(dst, ` b:dt="`...)
		dst = append(wirexml.AppendText(dst, p.Type), '"')
	}
	if p.Text == "" && len(p.Values) == 0 && !p.Collection {
		return append(dst, "/>"...)
	}
	dst = append(dst, '>')
	dst = p.Value.append(dst)
	dst = append(append(dst, "</"...), name...)
	return append(dst, '>')
}

func (v Value) append(dst []byte) []byte {
	if v.Collection {
		return append(dst, "<a:collection/>"...)
	}
	for _, one := range v.Values {
		if one == "" {
			dst = append(dst, "<c:v/>"...)
			continue
		}
		dst = append(dst, "<c:v>"...)
		dst = append(wirexml.AppendText(dst, one), "</c:v>"...)
	}
	return wirexml.AppendText(dst, v.Text)
}
