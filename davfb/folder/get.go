package folder

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/translate/folderpath"
	"fbgate/translate/merged"

	"github.com/emersion/go-webdav"
)

const (
	plainText = "text/plain; charset=utf-8"
	// slot is the time one digit stands for in the text of a message.
	slot = 30 * time.Minute
	day  = 24 * time.Hour
)

// options answers OPTIONS. Nothing can be locked, so that this is WebDAV of class 1 only.
func (v *visit) options() error {
	h := v.w.Header()
	allow := strings.Join(v.allowed(), ", ")
	h.Set("Allow", allow)
	h.Set("Public", allow) // what RFC 2068 and Exchange had
	h.Set("DAV", "1")
	h.Set("MS-Author-Via", "DAV")
	if v.path.User == "" {
		h.Set("DASL", "<DAV:sql>")
	}
	h.Set("Content-Length", "0")
	v.w.WriteHeader(http.StatusOK)
	return nil
}

// get answers GET and HEAD: a message as text, by the library, which knows of ranges and
// conditions, and a folder as a list of URLs. Nothing else is left to the library: it
// reads no bodies for these, and deep nesting in one it does read would end the process.
func (v *visit) get() error {
	if v.path.User != "" {
		m, err := v.one()
		if err != nil {
			return err
		}
		r := v.r.WithContext(v.r.Context())
		r.URL = &url.URL{Path: unescaped(v.path)} // as the library reads it, whatever was escaped
		handler := webdav.Handler{FileSystem: &tree{v, &m}}
		handler.ServeHTTP(v.w, r)
		return nil
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), listTime)
	defer cancel()
	if err := v.takeTurn(ctx); err != nil {
		return err
	}
	defer v.turn.Give()
	out := &output{v: v, status: http.StatusOK, kind: []string{plainText}}
	for p, err := range v.children(ctx, v.path) {
		if err != nil {
			return out.fail(err)
		}
		out.buffer = append(append(out.buffer, v.href(p)...), '\n')
		out.flush()
	}
	return out.end()
}

// text draws a message for people: a line for each day, a digit for each half hour. Its
// length depends on the path and the day alone, so that it can be told without asking
// for the message.
func (f *folder) text(p folderpath.Path, s availability.Schedule, w availability.Window, at time.Time) []byte {
	digits := merged.Digits{WorkingElsewhere: f.WorkingElsewhere}
	b := fmt.Appendf(nil, "%s\r\nAs of %s. Half hours in UTC: 0 free, 1 tentative, 2 busy, 3 out of office, 4 not known.\r\n\r\n", p.DN(), at.UTC().Format(time.RFC3339))
	for start := w.Start; start.Before(w.End); start = start.Add(day) {
		b = append(start.AppendFormat(b, time.DateOnly), ' ')
		b = digits.Append(b, s, availability.Window{Start: start, End: start.Add(day)}, slot)
		b = append(b, "\r\n"...)
	}
	return b
}

// textLen is the length of the text.
func (f *folder) textLen(p folderpath.Path) int {
	const epoch, digits, lineEnd = 0, int(day / slot), 2
	w := f.window(time.Now())
	head := len(f.text(p, availability.Schedule{}, availability.Window{}, time.Unix(epoch, 0)))
	return head + int(w.Duration()/day)*(len(time.DateOnly)+1+digits+lineEnd)
}
