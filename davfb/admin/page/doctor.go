package page

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/doctor"
	"fbgate/davfb/admin"
)

// quietest is how long a hop may take.
const quietest = 2 * time.Minute

type doctorView struct {
	frame
	Mailbox, Organization, As string
	Organizations             []string
	Wrong                     string
}

// hop is one as it is shown.
type hop struct {
	doctor.Hop
	Number  int
	Outcome string // "ok", "moved" or "fails"
	Class   string
	New     bool // it is the first at another place
}

// verdict is what it comes to.
type verdict struct {
	Hops, Failed int
	First        string // the hop that failed first
	Digits       string
	Wrong        string // why it broke off
	Took         time.Duration
}

func (p *pages) doctorView(v *visit) doctorView {
	view := doctorView{
		frame: p.frame(v, "Doctor", "/ui/doctor"), Mailbox: strings.TrimSpace(v.field("mailbox")),
		Organization: v.field("organization"), As: strings.TrimSpace(v.field("as")),
	}
	if p.Organizations != nil {
		for _, o := range p.Organizations() {
			view.Organizations = append(view.Organizations, o.Name)
		}
	}
	return view
}

func (p *pages) doctorForm(v *visit) error {
	if p.Doctor == nil {
		return missing("has no doctor")
	}
	return p.show(v, http.StatusOK, "doctor", p.doctorView(v))
}

// doctor tells of each hop as soon as it is over: as events to a script that wants them,
// otherwise in a page that grows.
func (p *pages) doctor(v *visit) error {
	if p.Doctor == nil {
		return missing("has no doctor")
	}
	view := p.doctorView(v)
	if view.Mailbox == "" || len(view.Mailbox) > 1024 {
		view.Wrong = "Give the address of one mailbox, such as mary@contoso.com."
		return p.show(v, http.StatusBadRequest, "doctor", view)
	}
	ctx, done, err := p.ask(v.Context(), admin.LongestDoctor)
	if err != nil {
		return err
	}
	defer done()
	begun := time.Now()
	hops, err := p.Doctor(ctx, availability.ParseMailbox(view.Mailbox), view.Organization, availability.ParseMailbox(view.As))
	if errors.Is(err, admin.ErrBusy) {
		v.ResponseWriter.Header().Set("Retry-After", "10")
		view.Wrong = "Two doctors are at work already. Come again when one is done."
		return p.show(v, http.StatusServiceUnavailable, "doctor", view)
	}
	if err != nil {
		view.Wrong = err.Error()
		return p.show(v, http.StatusBadRequest, "doctor", view)
	}
	p.Log.Info("doctor asked", "client", p.who(v), "mailbox", view.Mailbox, "organization", view.Organization, "as", view.As)
	s := p.stream(v, view)
	found := verdict{}
	where := ""
	for h := range hops {
		found.Hops++
		one := hop{Hop: h, Number: found.Hops, Outcome: "ok", Class: "good", New: h.Where != where}
		where = h.Where
		switch {
		case h.Moved:
			one.Outcome, one.Class = "moved", "warn"
		case h.Reason != nil:
			one.Outcome, one.Class = "fails", "bad"
			if found.Failed++; found.Failed == 1 {
				found.First = h.Name
			}
		case h.Name == doctor.Digits:
			found.Digits = h.Found
		}
		if s.send("hop", one) != nil {
			return nil
		}
	}
	if ctx.Err() != nil {
		found.Wrong = fmt.Sprintf("It was broken off after %s.", took(time.Since(begun)))
	}
	found.Took = time.Since(begun)
	s.end(found, view)
	return nil
}

// stream sends parts of a page one by one.
type stream struct {
	w      http.ResponseWriter
	events bool
	failed error
}

func (p *pages) stream(v *visit, view doctorView) *stream {
	s := &stream{w: v.ResponseWriter, events: strings.Contains(v.Request.Header.Get("Accept"), "text/event-stream")}
	h := s.w.Header()
	h.Set("X-Accel-Buffering", "no") // a front end by nginx would wait for the end
	if s.events {
		h.Set("Content-Type", "text/event-stream")
		s.write(nil)
		return s
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	_ = s.send("doctor-begin", view)
	return s
}

// send writes one part and sees to it that it leaves.
func (s *stream) send(name string, data any) error {
	var part bytes.Buffer
	if err := templates.ExecuteTemplate(&part, name, data); err != nil {
		s.failed = err
		return err
	}
	content := part.Bytes()
	if s.events {
		content = event(name, part.String())
	}
	s.write(content)
	return s.failed
}

func (s *stream) write(content []byte) {
	c := http.NewResponseController(s.w)
	_ = c.SetWriteDeadline(time.Now().Add(quietest)) // the server's own is for pages that come at once
	if _, err := s.w.Write(content); err != nil {
		s.failed = err
		return
	}
	_ = c.Flush()
}

// event is a part as a server-sent event.
func event(name, html string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "event: %s\n", name)
	for line := range strings.Lines(html) {
		fmt.Fprintf(&b, "data: %s\n", strings.TrimRight(line, "\r\n"))
	}
	b.WriteString("\n")
	return b.Bytes()
}

func (s *stream) end(found verdict, view doctorView) {
	_ = s.send("verdict", found)
	if !s.events {
		_ = s.send("doctor-end", view)
	}
}
