package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
	"fbgate/availability/exchangetest/publicfoldertest"
)

// partner is an organization's server as the gateway reaches it: a pretend server, what
// goes wrong between, and somebody who writes down what came through.
type partner struct {
	world  *universe
	name   string
	ews    *exchangetest.Exchange
	folder *publicfoldertest.Server
	grid   time.Duration // of its digits, if it tells no times
}

// question is what the gateway asks, read in the simplest way there is.
type question struct {
	mailboxes []string
	window    availability.Window
}

var (
	addressIn = regexp.MustCompile(`<t:Address>([^<]*)</t:Address>`)
	startIn   = regexp.MustCompile(`<t:StartTime>([^<]*)</t:StartTime>`)
	endIn     = regexp.MustCompile(`<t:EndTime>([^<]*)</t:EndTime>`)
	classIn   = regexp.MustCompile(`ResponseClass="(\w+)"`)
	rowIn     = regexp.MustCompile(`(?s)<a:item>(.*?)</a:item>`)
	emailIn   = regexp.MustCompile(`<a:email[^>]*>([^<]*)</a:email>`)
	digitsIn  = regexp.MustCompile(`<a:fbdata>([^<]*)</a:fbdata>`)
	prefixIn  = regexp.MustCompile(`(</?)(?:free-busy:)?(item|email|fbdata)\b`) // those of odd replies
)

func (p *partner) read(r *http.Request, body []byte) (q question) {
	var start, end string
	if p.ews != nil {
		for _, found := range addressIn.FindAllSubmatch(body, -1) {
			q.mailboxes = append(q.mailboxes, strings.ToLower(string(found[1])))
		}
		if s, e := startIn.FindSubmatch(body), endIn.FindSubmatch(body); s != nil && e != nil {
			start, end = string(s[1])+"Z", string(e[1])+"Z"
		}
	} else {
		query, _ := url.ParseQuery(r.URL.RawQuery)
		for _, u := range query["u"] {
			q.mailboxes = append(q.mailboxes, strings.ToLower(strings.TrimPrefix(u, "SMTP:")))
		}
		start, end = query.Get("start"), query.Get("end")
	}
	q.window.Start, _ = time.Parse(time.RFC3339, start)
	q.window.End, _ = time.Parse(time.RFC3339, end)
	return q
}

// ServeHTTP answers, or does something worse.
func (p *partner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	q := p.read(r, body)
	chance := p.world.chance(p.name, fmt.Sprint(q))
	if p.world.isSlow() {
		p.answer(w, r, q, chance, deliveries[0])
		return
	}
	if chance.Float64() >= p.world.howBad() {
		p.answer(w, r, q, chance, whole)
		return
	}
	switch n := chance.IntN(20); {
	case n < 2: // late, and right
		p.world.fault(p.name, "late")
		if pause(r.Context(), time.Duration(chance.IntN(40_000))*time.Millisecond/p.world.hurry) {
			p.answer(w, r, q, chance, whole)
		}
	case n < 8:
		p.answer(w, r, q, chance, deliveries[chance.IntN(len(deliveries))])
	default:
		p.fail(w, r, q, chance)
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// fail answers with one of the faults that the pretend server has for whole calls.
func (p *partner) fail(w http.ResponseWriter, r *http.Request, q question, chance *rand.Rand) {
	// In real time nobody wants to wait for minutes.
	if p.ews != nil {
		f := ewsFaults[chance.IntN(len(ewsFaults))]
		f.BackOff, f.RetryAfter = f.BackOff/(p.world.hurry*p.world.hurry), f.RetryAfter/p.world.hurry
		p.world.fault(p.name, f.Name)
		p.ews.With(f).ServeHTTP(w, r)
		return
	}
	f := folderFaults[chance.IntN(len(folderFaults))]
	f.RetryAfter /= p.world.hurry
	p.world.fault(p.name, f.Name)
	if !harmless[f.Name] {
		p.folder.With(f).ServeHTTP(w, r)
		return
	}
	p.hear(w, r, q, p.folder.With(f), whole)
}

// The faults of whole calls. Those that say nothing of anybody are told from those
// that do no harm.
var ewsFaults, folderFaults, harmless = func() (e []exchangetest.Fault, f []publicfoldertest.Fault, harmless map[string]bool) {
	for _, fault := range exchangetest.Faults() {
		if fault.PerCall() {
			e = append(e, fault)
		}
	}
	for _, fault := range publicfoldertest.Faults() {
		if !fault.PerMailbox() {
			f = append(f, fault)
		}
	}
	harmless = make(map[string]bool)
	for _, fault := range publicfoldertest.Oddities() {
		if !fault.PerMailbox() {
			f, harmless[fault.Name] = append(f, fault), true
		}
	}
	return e, f, harmless
}()

// answer lets the pretend server answer.
func (p *partner) answer(w http.ResponseWriter, r *http.Request, q question, chance *rand.Rand, d delivery) {
	d.chance, d.hurry = chance, p.world.hurry
	var handler http.Handler = p.folder
	if p.ews != nil {
		handler = p.ews
	}
	if d.name != "" {
		p.world.fault(p.name, d.name)
	}
	p.hear(w, r, q, handler, d)
}

// hear writes down what the server says, if it comes through.
func (p *partner) hear(w http.ResponseWriter, r *http.Request, q question, handler http.Handler, d delivery) {
	d.send(w, r, p.record(r, q, handler, d.arrives))
}

// record lets the server answer and writes down what it said. Calendars do not change
// between the two.
func (p *partner) record(r *http.Request, q question, handler http.Handler, arrives bool) *httptest.ResponseRecorder {
	p.world.calendars.Lock()
	defer p.world.calendars.Unlock() // the server gives up by a panic if the client has left
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	if arrives && recorder.Code == http.StatusOK {
		p.note(q, recorder.Body.Bytes())
	}
	return recorder
}

func (p *partner) note(q question, reply []byte) {
	said := make(map[string]bool)
	if p.ews != nil {
		for i, class := range classIn.FindAllSubmatch(reply, -1) {
			if i < len(q.mailboxes) && string(class[1]) == "Success" {
				said[q.mailboxes[i]] = true
			}
		}
	} else {
		for _, row := range rowIn.FindAllSubmatch(prefixIn.ReplaceAll(reply, []byte("${1}a:$2")), -1) {
			email, digits := emailIn.FindSubmatch(row[1]), digitsIn.FindSubmatch(row[1])
			if email != nil && digits != nil && strings.TrimSpace(string(digits[1])) != "" {
				said[strings.ToLower(strings.TrimSpace(string(email[1])))] = true
			}
		}
	}
	for _, m := range q.mailboxes {
		if person := p.world.people[m]; said[m] && person != nil && !person.mute[p.name] && person.at(p) {
			p.world.oracle.note(m, person.says(p, q.window))
		}
	}
}

// delivery is how a reply goes over the wire.
type delivery struct {
	name    string
	arrives bool // in full, sooner or later
	way     func(d delivery, w http.ResponseWriter, r *http.Request, body []byte)
	chance  *rand.Rand
	hurry   time.Duration
}

var whole = delivery{arrives: true, way: func(_ delivery, w http.ResponseWriter, _ *http.Request, body []byte) { _, _ = w.Write(body) }}

// send sends what was recorded.
func (d delivery) send(w http.ResponseWriter, r *http.Request, recorded *httptest.ResponseRecorder) {
	for name, values := range recorded.Header() {
		w.Header()[name] = values
	}
	if d.chance != nil && d.chance.IntN(4) == 0 {
		w.Header().Set("Connection", "close") // and the next call dials
	}
	if d.name != "" {
		w.Header().Del("Content-Length")
	}
	if recorded.Code != http.StatusOK {
		d.way = whole.way
	}
	if d.way == nil || d.name == "" {
		w.WriteHeader(recorded.Code)
	}
	d.way(d, w, r, recorded.Body.Bytes())
}

// deliveries are the ways besides.
var deliveries = []delivery{
	{name: "a trickle", arrives: true, way: trickled},
	{name: "real gzip", arrives: true, way: func(_ delivery, w http.ResponseWriter, _ *http.Request, body []byte) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(body)
		_ = z.Close()
	}},
	{name: "in many chunks", arrives: true, way: func(_ delivery, w http.ResponseWriter, _ *http.Request, body []byte) {
		for len(body) > 0 {
			n := min(len(body), 1000)
			_, _ = w.Write(body[:n])
			_ = http.NewResponseController(w).Flush()
			body = body[n:]
		}
	}},
	{name: "reset half-way", way: func(d delivery, w http.ResponseWriter, _ *http.Request, body []byte) {
		_, _ = w.Write(body[:d.cut(body)])
		_ = http.NewResponseController(w).Flush()
		resetConnection(w)
	}},
	{name: "the end is missing", way: func(d delivery, w http.ResponseWriter, _ *http.Request, body []byte) {
		_, _ = w.Write(body[:d.cut(body)])
	}},
	{name: "a length too long", way: func(d delivery, w http.ResponseWriter, _ *http.Request, body []byte) {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)+1+d.chance.IntN(1000)))
		_, _ = w.Write(body)
	}},
	{name: "a length too short", way: func(d delivery, w http.ResponseWriter, _ *http.Request, body []byte) {
		cut := d.cut(body)
		w.Header().Set("Content-Length", strconv.Itoa(cut))
		_, _ = w.Write(body[:cut])
	}},
	{name: "silence half-way", way: func(d delivery, w http.ResponseWriter, r *http.Request, body []byte) {
		_, _ = w.Write(body[:d.cut(body)])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}},
	{name: "a trickle that ends", way: func(d delivery, w http.ResponseWriter, r *http.Request, body []byte) {
		trickled(d, w, r, body[:d.cut(body)])
		resetConnection(w)
	}},
}

// cut returns where to cut a body so that it is not whole.
func (d delivery) cut(body []byte) int { return d.chance.IntN(len(body) * 9 / 10) }

func trickled(d delivery, w http.ResponseWriter, r *http.Request, body []byte) {
	pieces := 2 + d.chance.IntN(20)
	for i := range pieces {
		_, _ = w.Write(body[len(body)*i/pieces : len(body)*(i+1)/pieces])
		_ = http.NewResponseController(w).Flush()
		if !pause(r.Context(), time.Duration(d.chance.IntN(2500))*time.Millisecond/d.hurry) {
			return
		}
	}
}

// tokens is the server of tokens, and what goes wrong with it.
func (w *universe) tokens(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body) // or nobody would notice that the client leaves
		if err != nil {
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		chance := w.chance("login")
		if chance.Float64() >= w.howBad() {
			handler.ServeHTTP(rw, r)
			return
		}
		w.fault("login", "tokens")
		switch chance.IntN(5) {
		case 0:
			http.Error(rw, "<html>", http.StatusOK)
		case 1:
			http.Error(rw, `{"error":"temporarily_unavailable"}`, http.StatusServiceUnavailable)
		case 2:
			resetConnection(rw)
		case 3:
			<-r.Context().Done()
		case 4:
			if pause(r.Context(), time.Duration(chance.IntN(20_000))*time.Millisecond/w.hurry) {
				handler.ServeHTTP(rw, r)
			}
		}
	})
}

func (w *universe) howBad() float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.weather
}

func (w *universe) isSlow() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.slow
}

// slowly lets every reply come in a trickle, or as it comes.
func (w *universe) slowly(slow bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slow = slow
}

// chance returns the dice of one event. They depend on the seed, the step and what the
// event is, not on which goroutine comes first.
func (w *universe) chance(event ...string) *rand.Rand {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := fmt.Sprint(w.step, event)
	w.events[key]++
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, key, w.events[key])
	return rand.New(rand.NewPCG(w.seed, h.Sum64()))
}

// dialFault is what happens to a connection.
type dialFault uint8

const (
	connects dialFault = iota
	refuses
	unnamed
	silent
	lying
)

func (f dialFault) String() string {
	return [...]string{"connects", "refused", "no such name", "no connection", "a wrong certificate"}[f]
}

func (w *universe) dialFault(h *host) dialFault {
	chance := w.chance("dial", h.name)
	if chance.Float64() >= w.howBad()/3 {
		return connects
	}
	fault := refuses + dialFault(chance.IntN(4))
	w.fault(h.name, fault.String())
	return fault
}

func (w *universe) anyLie(h *host) lie {
	return []lie{expired, unknownCA, otherHost, notYetTrue}[w.chance("lie", h.name).IntN(4)]
}
