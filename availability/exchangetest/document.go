package exchangetest

import (
	"bytes"
	"encoding/xml"
	"fmt"
)

// document is XML being written.
type document struct{ bytes.Buffer }

// open writes a start tag; attributes are written as given.
func (d *document) open(name string, attributes ...string) {
	d.WriteString("<" + name)
	for _, a := range attributes {
		d.WriteString(" " + a)
	}
	d.WriteString(">")
}

func (d *document) close(name string) { d.WriteString("</" + name + ">") }

// leaf writes an element with text.
func (d *document) leaf(name, text string, attributes ...string) {
	d.open(name, attributes...)
	_ = xml.EscapeText(d, []byte(text)) // a Buffer takes everything
	d.close(name)
}

// empty writes an element without content.
func (d *document) empty(name string, attributes ...string) {
	d.open(name, attributes...)
	d.Truncate(d.Len() - 1)
	d.WriteString("/>")
}

func attribute(name string, value any) string {
	var escaped bytes.Buffer
	_ = xml.EscapeText(&escaped, fmt.Append(nil, value))
	return name + `="` + escaped.String() + `"`
}

// xmlns declares the default namespace, as EWS does on every element that
// begins another one.
func xmlns(namespace string) string { return attribute("xmlns", namespace) }

// envelope writes a SOAP 1.1 envelope in the manner of the dialect: content
// writes the children of its body.
func (t *traits) envelope(header bool, content func(d *document)) []byte {
	d := &document{}
	if !t.wcf {
		d.WriteString(declaration)
	}
	soap, info, instance := "soap", "t", []string{attribute("xmlns:xsi", nsXSI), attribute("xmlns:xsd", nsXSD)}
	onEnvelope, onBody := instance, []string(nil)
	if t.wcf {
		soap, info, onEnvelope, onBody = "s", "h", nil, instance
	}
	d.open(soap+":Envelope", append([]string{attribute("xmlns:"+soap, nsSOAP)}, onEnvelope...)...)
	if header {
		d.open(soap + ":Header")
		d.empty(info+":ServerVersionInfo", t.versionInfo(info)...)
		d.close(soap + ":Header")
	}
	d.open(soap+":Body", onBody...)
	content(d)
	d.close(soap + ":Body")
	d.close(soap + ":Envelope")
	return d.Bytes()
}

// versionInfo returns the attributes of ServerVersionInfo. Exchange 2007 does
// not name its schema.
func (t *traits) versionInfo(prefix string) []string {
	info := []string{attribute("xmlns:"+prefix, nsTypes)}
	for i, name := range []string{"MajorVersion", "MinorVersion", "MajorBuildNumber", "MinorBuildNumber"} {
		info = append(info, attribute(name, t.version[i]))
	}
	if t.wcf {
		info = append(info, attribute("Version", t.newest))
	}
	return info
}
