package publicfoldertest

import (
	"math"
	"net/http"
	"strconv"
	"strings"

	"fbgate/availability/exchangetest/pretend"
)

// delivery is an answer on its way to the client.
type delivery struct {
	http.ResponseWriter
	request *http.Request
	closed  <-chan struct{}
	body    string
}

// send sends the answer, or what the fault leaves of it.
func (d *delivery) send(f Fault) {
	if f.RetryAfter > 0 {
		d.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
	}
	switch {
	case f.Location != "":
		d.Header().Set("Location", f.Location)
		page(d, f.status(), "Object Moved")
	case f.Status != 0:
		page(d, f.Status, http.StatusText(f.Status)+f.Page)
	default:
		d.Header().Set("Content-Type", "text/xml")
		replyWays[f.Reply].send(d)
	}
}

func (d *delivery) write(parts ...string) {
	for _, part := range parts {
		if _, err := d.Write([]byte(part)); err != nil {
			return // the client has left
		}
	}
}

func (d *delivery) whole() {
	d.Header().Set("Content-Length", strconv.Itoa(len(d.body)))
	d.write(d.body)
}

func (d *delivery) hang() {
	select {
	case <-d.request.Context().Done():
	case <-d.closed:
	}
	panic(http.ErrAbortHandler)
}

func (d *delivery) reset() { pretend.Reset(d.ResponseWriter) }

func (d *delivery) truncate() {
	pretend.Truncate(d.ResponseWriter, http.StatusOK, "text/xml", d.body)
}

func (d *delivery) shortBody() {
	d.Header().Set("Content-Length", strconv.Itoa(len(d.body)))
	d.write(d.body[:len(d.body)/2])
	_ = http.NewResponseController(d.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

func (d *delivery) empty() { d.WriteHeader(http.StatusOK) }

func (d *delivery) html() { page(d, http.StatusOK, "Free/Busy") }

func (d *delivery) loginPage() {
	d.Header().Set("Content-Type", "text/html")
	d.write(`<html><head><title>Outlook Web Access</title></head><body><form action="/exchweb/bin/auth/owaauth.dll" method="POST">` +
		`<input type="text" name="username"><input type="password" name="password"></form></body></html>`)
}

func (d *delivery) notXML() { d.write("PK\x03\x04\x14\x00\x08 this is no XML") }

func (d *delivery) otherXML() {
	d.write(`<a:response xmlns:a="DAV:"><a:addresslist><a:item><a:DN>Mary</a:DN></a:item></a:addresslist></a:response>`)
}

func (d *delivery) controlCharacter() {
	d.write(strings.Replace(d.body, "All Attendees", "All\x01Attendees", 1))
}

func (d *delivery) deepNesting() {
	d.write(`<a:response xmlns:a="WM"><a:recipients>`, strings.Repeat("<a:item>", 400_000))
}

func (d *delivery) oversized() {
	d.write(d.body)
	blank := strings.Repeat(" ", 1<<20)
	for range 64 {
		if _, err := d.Write([]byte(blank)); err != nil {
			return
		}
	}
}

func (d *delivery) entityBomb() { d.write(pretend.EntityBomb, d.body) }

func (d *delivery) falseGzip() {
	d.Header().Set("Content-Encoding", "gzip")
	d.whole()
}

func (d *delivery) cutGzip() {
	d.Header().Set("Content-Encoding", "gzip")
	d.write(string(pretend.CutGzip([]byte(d.body))))
}
