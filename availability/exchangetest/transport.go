package exchangetest

import (
	"bytes"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

	"fbgate/availability/exchangetest/pretend"
)

// Transport is a way an answer is spoilt between server and client.
type Transport uint8

// The ways.
const (
	// Intact is the zero value: the answer arrives.
	Intact Transport = iota
	// Hang: nothing comes until the client leaves or the server is closed.
	Hang
	// Reset: the connection is reset instead of an answer.
	Reset
	// Truncate: half of the answer, then the connection is closed in good
	// order, so that only the XML shows that something is missing.
	Truncate
	// ShortBody: half of the answer although Content-Length announced all.
	ShortBody
	// Empty: status 200, the right type, and no body.
	Empty
	// HTML: a log-in page with status 200.
	HTML
	// NotXML: bytes that are no XML, as text/xml.
	NotXML
	// OtherXML: a SOAP envelope with an answer to another question.
	OtherXML
	// WrongCharset: the answer says it is UTF-16 and is neither that nor UTF-8.
	WrongCharset
	// DeepNesting: hundreds of thousands of elements, each in the one before,
	// none closed.
	DeepNesting
	// Oversized: the right answer with 64 MiB of white space in it.
	Oversized
	// EntityBomb: XML whose entities stand for entities, a gigabyte of text in all.
	EntityBomb
	// FalseGzip: the answer says it is compressed, and is not.
	FalseGzip
	// CutGzip: the answer is compressed, and half of it is missing.
	CutGzip
	// TooFew: one FreeBusyResponse less than mailboxes were asked for.
	TooFew
	// TooMany: one FreeBusyResponse more.
	TooMany
)

// transports are the names of the ways and what sends such an answer.
var transports = [...]struct {
	name string
	send func(*delivery)
}{
	Intact:       {"intact", (*delivery).whole},
	Hang:         {"hang", (*delivery).hang},
	Reset:        {"reset", (*delivery).reset},
	Truncate:     {"truncate", (*delivery).truncate},
	ShortBody:    {"short-body", (*delivery).shortBody},
	Empty:        {"empty", (*delivery).empty},
	HTML:         {"html", (*delivery).html},
	NotXML:       {"not-xml", (*delivery).notXML},
	OtherXML:     {"other-xml", (*delivery).otherXML},
	WrongCharset: {"wrong-charset", (*delivery).wrongCharset},
	DeepNesting:  {"deep-nesting", (*delivery).deepNesting},
	Oversized:    {"oversized", (*delivery).oversized},
	EntityBomb:   {"entity-bomb", (*delivery).entityBomb},
	FalseGzip:    {"false-gzip", (*delivery).falseGzip},
	CutGzip:      {"cut-gzip", (*delivery).cutGzip},
	// The count was wrong before the answer was sent.
	TooFew:  {"too-few", (*delivery).whole},
	TooMany: {"too-many", (*delivery).whole},
}

// String returns the name that Faults uses.
func (t Transport) String() string {
	if int(t) < len(transports) {
		return transports[t].name
	}
	return fmt.Sprintf("Transport(%d)", uint8(t))
}

const (
	declaration = `<?xml version="1.0" encoding="utf-8"?>`
	xmlType     = "text/xml; charset=utf-8"
	mebibyte    = 1 << 20
)

// delivery is an answer on its way to the client.
type delivery struct {
	http.ResponseWriter
	request *http.Request
	closed  <-chan struct{}
	dialect *traits
	status  int
	body    []byte
}

// send sends the answer, or what the fault leaves of it.
func (d *delivery) send(f Fault) {
	if f.RetryAfter > 0 {
		d.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	if f.Location != "" {
		d.Header().Set("Location", f.Location)
		d.status = http.StatusFound
	}
	if f.Status != 0 {
		d.status = f.Status
	}
	if f.Code == "" && (f.Status != 0 || f.Location != "") {
		page(d, d.status)
		return
	}
	d.Header().Set("Content-Type", xmlType)
	transports[f.Transport].send(d)
}

func (d *delivery) write(status int, parts ...[]byte) {
	d.WriteHeader(status)
	for _, part := range parts {
		_, _ = d.Write(part) // the client may leave
	}
}

func (d *delivery) whole() { d.write(d.status, d.body) }

func (d *delivery) reset() { pretend.Reset(d.ResponseWriter) }

func (d *delivery) truncate() { pretend.Truncate(d.ResponseWriter, d.status, xmlType, d.body) }

func (d *delivery) hang() {
	select {
	case <-d.request.Context().Done():
	case <-d.closed:
	}
	panic(http.ErrAbortHandler)
}

func (d *delivery) shortBody() {
	d.Header().Set("Content-Length", strconv.Itoa(len(d.body)))
	d.write(d.status, d.body[:len(d.body)/2])
	_ = http.NewResponseController(d.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

func (d *delivery) empty() { d.write(http.StatusOK) }

func (d *delivery) html() { page(d, http.StatusOK) }

func (d *delivery) notXML() { d.write(http.StatusOK, []byte("PK\x03\x04\x14\x00\x08 this is no XML")) }

func (d *delivery) otherXML() {
	d.write(http.StatusOK, d.dialect.envelope(true, func(d *document) { d.empty("ResolveNamesResponse", xmlns(nsMessages)) }))
}

func (d *delivery) wrongCharset() {
	d.Header().Set("Content-Type", "text/xml; charset=utf-16")
	before, after := d.halves()
	before = bytes.TrimPrefix(before, []byte(declaration))
	// é in windows-1252.
	d.write(d.status, []byte(strings.Replace(declaration, "utf-8", "utf-16", 1)), before, []byte("\xe9"), after)
}

func (d *delivery) deepNesting() {
	before, _ := d.halves()
	d.write(http.StatusOK, before, bytes.Repeat([]byte("<a>"), 400_000))
}

func (d *delivery) oversized() {
	before, after := d.halves()
	d.write(d.status, before)
	blank := bytes.Repeat([]byte(" "), mebibyte)
	for range 64 {
		if _, err := d.Write(blank); err != nil {
			return
		}
	}
	_, _ = d.Write(after)
}

func (d *delivery) entityBomb() { d.write(d.status, []byte(pretend.EntityBomb), d.body) }

func (d *delivery) falseGzip() {
	d.Header().Set("Content-Encoding", "gzip")
	d.whole()
}

func (d *delivery) cutGzip() {
	d.Header().Set("Content-Encoding", "gzip")
	d.write(d.status, pretend.CutGzip(d.body))
}

// halves cuts the answer where its SOAP body begins.
func (d *delivery) halves() (before, after []byte) {
	at := bytes.Index(d.body, []byte(":Body"))
	at += bytes.IndexByte(d.body[at:], '>') + 1
	return d.body[:at], d.body[at:]
}

// page answers like a web server, with HTML. With status 200 it asks to log in.
func page(w http.ResponseWriter, status int) {
	title := http.StatusText(status)
	if status == http.StatusOK {
		title = "Sign in"
	}
	if status == http.StatusUnauthorized && w.Header().Get("WWW-Authenticate") == "" {
		w.Header()["Www-Authenticate"] = []string{"Negotiate", "NTLM"}
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<!DOCTYPE html><html><head><title>%s</title></head><body><h1>%s</h1><br><form><input name=\"password\"></form></body></html>", title, title)
}
