package main

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/availability"
)

var modelSeed = flag.Uint64("seed", 0, "the world of TestModel to see again")

// lookupsPerWorld is of how many mailboxes one world is asked.
const lookupsPerWorld = 250

// The whole gateway, as it is configured, before partners that do whatever servers and
// networks do, in many made-up worlds in which time does what it likes. Whatever a client
// is told, a partner must have said, of that very mailbox and not too long ago.
//
// MODEL=100000 is of how many mailboxes clients ask in all. A world depends on its seed alone, but
// for the moments at which the gateway tries again, which are random.
func TestModel(t *testing.T) {
	t.Parallel()
	lookups := 3000
	if text := os.Getenv("MODEL"); text != "" {
		var err error
		if lookups, err = strconv.Atoi(text); err != nil {
			t.Fatalf("MODEL: %v", err)
		}
	}
	var mu sync.Mutex
	var all stats
	run := func(seed uint64) {
		// A bubble that fails ends its goroutine.
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			one := runWorld(t, seed)
			mu.Lock()
			defer mu.Unlock()
			all.add(one)
		})
	}
	if *modelSeed != 0 {
		run(*modelSeed)
	} else {
		seeds := make(chan uint64)
		var lanes sync.WaitGroup
		for range 2 {
			lanes.Go(func() {
				for seed := range seeds {
					run(seed)
				}
			})
		}
		for seed := range uint64(max(1, lookups/lookupsPerWorld)) {
			if t.Failed() {
				break
			}
			seeds <- seed + 1
		}
		close(seeds)
		lanes.Wait()
	}
	t.Logf("%+v", all)
	if *modelSeed == 0 && !t.Failed() && (all.known*4 < all.slots || all.hits*25 < all.requests || all.faults < all.requests/4) {
		t.Errorf("this was about too little: %+v", all)
	}
}

func (s *stats) add(o stats) {
	s.requests += o.requests
	s.lookups += o.lookups
	s.slots += o.slots
	s.known += o.known
	s.hits += o.hits
	s.faults += o.faults
}

// moments are when worlds begin: before days that are odd. Time in a bubble begins with
// the year 2000.
var moments = []string{
	"2000-02-28T20:00:00Z", // before a leap day
	"2001-02-27T12:00:00Z",
	"2000-03-25T18:00:00Z", // before summer time in Europe
	"2000-04-01T22:00:00Z", // and in America
	"2000-10-28T18:00:00Z", // before its end, in both
	"2000-12-31T22:30:00Z", // before a year's end
	"2003-12-30T00:00:00Z",
	"2004-02-28T23:00:00Z",
	"2005-05-30T23:59:00Z",
	"2007-08-15T10:07:30Z",
}

func runWorld(t *testing.T, seed uint64) (found stats) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		begin, err := time.Parse(time.RFC3339, moments[seed%uint64(len(moments))])
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(begin))
		w := newUniverse(t, seed, dir)
		for w.stats.lookups < lookupsPerWorld && !t.Failed() {
			w.next()
		}
		w.close()
		w.stats.faults = int(w.faults.Load())
		found = w.stats
	})
	return found
}

// next is one step of a world.
func (w *universe) next() {
	w.mu.Lock()
	w.step++
	clear(w.events)
	w.mu.Unlock()
	dice := w.dice
	switch n := dice.IntN(20); {
	case n < 7:
		w.ask(1)
	case n < 9:
		w.ask(2 + dice.IntN(3))
	case n < 11:
		w.file(dice)
	case n < 13:
		w.message(dice)
	case n < 13+dice.IntN(2):
		w.look()
	case n < 14:
		w.leave()
	case n < 15:
		if w.flush(); dice.IntN(2) == 0 {
			w.flushMeanwhile()
		}
	case n < 17:
		w.change()
	default:
		time.Sleep(naps[dice.IntN(len(naps))] + time.Duration(dice.IntN(2000))*time.Millisecond)
	}
}

var naps = []time.Duration{
	0, time.Second, 12 * time.Second, 35 * time.Second, 3 * time.Minute, 7 * time.Minute,
	modelTTL - 2*time.Second, modelTTL - time.Second, modelTTL, modelTTL + 30*time.Second, time.Hour, 26 * time.Hour,
}

// ask lets so many clients ask at once.
func (w *universe) ask(clients int) {
	var all sync.WaitGroup
	for range clients {
		q := w.question(w.dice)
		all.Go(func() { w.compare(q) })
	}
	all.Wait()
}

// flushMeanwhile flushes while a client waits for what comes slowly, who then asks the
// same again: what the partners had said before that is not told, though it came after it.
func (w *universe) flushMeanwhile() {
	q, after := w.question(w.dice), time.Duration(w.dice.IntN(9000))*time.Millisecond
	w.slowly(!w.calm)
	var first sync.WaitGroup
	first.Go(func() { w.compare(q) })
	time.Sleep(after)
	w.flush()
	w.slowly(false)
	first.Wait()
	w.compare(q)
	time.Sleep(modelLookup) // what was under way has come by then
	w.compare(q)
}

// client is a question as an old client puts it.
type client struct {
	window    availability.Window
	interval  time.Duration
	attendees []attendee
	target    string
}

// attendee is one "u".
type attendee struct {
	written, address string
	person           *holder // nil if there is none
}

// zones are those clients are in.
var zones = []string{"Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "UTC"}

// question makes one up.
func (w *universe) question(dice *rand.Rand) client {
	interval := []time.Duration{5, 10, 15, 30, 30, 60}[dice.IntN(6)] * time.Minute
	if dice.IntN(20) == 0 {
		interval = []time.Duration{1, 7, 240, 1440}[dice.IntN(4)] * time.Minute
	}
	q := client{window: w.window(dice), interval: interval}
	people := 1 + dice.IntN(6)
	if dice.IntN(4) == 0 {
		people = 1 + dice.IntN(40)
	}
	people = max(1, min(people, 8000/q.window.Slots(interval)))
	for range people {
		q.attendees = append(q.attendees, w.attendee(dice))
	}
	if dice.IntN(4) == 0 && people > 1 {
		q.attendees[people-1] = q.attendees[0]
	}
	q.target = q.url(dice)
	return q
}

// window makes up a time to ask about, as often as not a local day.
func (w *universe) window(dice *rand.Rand) availability.Window {
	zone := must(time.LoadLocation(zones[dice.IntN(len(zones))]))
	now := time.Now().In(zone)
	days := dice.IntN(12) - 3
	if dice.IntN(8) == 0 {
		days = dice.IntN(100) - 40
	}
	start := time.Date(now.Year(), now.Month(), now.Day()+days, 0, 0, 0, 0, zone)
	length := 1
	switch dice.IntN(8) {
	case 0:
		length = 7
	case 1:
		length = 1 + dice.IntN(20)
	case 2:
		if dice.IntN(3) == 0 {
			length = 30 + dice.IntN(35)
		}
	}
	end := start.AddDate(0, 0, length)
	if dice.IntN(2) == 0 { // no midnight
		start = start.Add(time.Duration(dice.IntN(288)) * 5 * time.Minute)
		end = start.Add(time.Duration(1+dice.IntN(288)) * 5 * time.Minute)
	}
	if dice.IntN(12) == 0 {
		start, end = start.Add(time.Duration(dice.IntN(3600))*time.Second), end.Add(time.Hour)
	}
	return availability.Window{Start: start, End: end}
}

func (w *universe) attendee(dice *rand.Rand) attendee {
	if dice.IntN(12) == 0 {
		address := []string{"nobody@contoso.com", "nobody@home.example", "who@nowhere.example", "not an address", "/o=Model/cn=nobody", "boss@closed.example", "ghost@fabrikam.com"}[dice.IntN(7)]
		return attendee{written: address, address: address}
	}
	x := w.crowd[dice.IntN(len(w.crowd))]
	a := attendee{address: x.address, person: x}
	switch dice.IntN(8) {
	case 0:
		a.address = x.alias
	case 1:
		a.address = strings.ToUpper(x.address)
	case 2:
		a.address = x.dn
		a.written = "EX:" + x.dn
		return a
	}
	a.written = []string{"", "SMTP:", "smtp:"}[dice.IntN(3)] + a.address
	return a
}

// url writes a question in one of the ways clients do.
func (q client) url(dice *rand.Rand) string {
	stamp := func(t time.Time) string {
		switch text := t.Format("2006-01-02T15:04:05-07:00"); dice.IntN(4) {
		case 0:
			return t.UTC().Format("2006-01-02T15:04:05Z")
		case 1:
			return strings.Replace(text, "+", "%2B", 1)
		case 2:
			return t.Format("2006-01-02T15:04:05-0700")
		default:
			return text
		}
	}
	var b strings.Builder
	b.WriteString([]string{"/public/?Cmd=freebusy", "/public//?cmd=FreeBusy", "/PUBLIC?Cmd=freebusy"}[dice.IntN(3)])
	fmt.Fprintf(&b, "&start=%s&end=%s&interval=%d", stamp(q.window.Start), stamp(q.window.End), q.interval/time.Minute)
	for _, a := range q.attendees {
		b.WriteString("&u=" + strings.ReplaceAll(a.written, " ", "%20"))
	}
	return b.String()
}

// get asks the gateway, and holds it to its time.
func (w *universe) get(method, target, body string) (response *httptest.ResponseRecorder, begun time.Time) {
	begun = time.Now()
	response = w.send(method, target, body)
	took := time.Since(begun)
	w.tell("%s %.200s: %d after %v, Age %s, %s", method, target, response.Code, took, response.Header().Get("Age"), response.Header().Get("Cache-Status"))
	w.mu.Lock()
	w.stats.requests++
	if strings.HasPrefix(response.Header().Get("Cache-Status"), "fbgate; hit") {
		w.stats.hits++
	}
	w.mu.Unlock()
	if age, _ := strconv.Atoi(response.Header().Get("Age")); time.Duration(age)*time.Second > w.oldest+ageSlack || age < 0 {
		w.wrong("%s %s: Age %d", method, target, age)
	}
	if w.answer > 0 && took > w.answer {
		w.wrong("%s %s took %v", method, target, took)
	}
	return response, begun
}

// serve lets the gateway's handler answer.
func (w *universe) serve(method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Depth", "0")
	response := httptest.NewRecorder()
	w.gateway.plain.ServeHTTP(response, r)
	return response
}

// compare asks and compares the answer with what was heard.
func (w *universe) compare(q client) {
	response, begun := w.get(http.MethodGet, q.target, "")
	if response.Code != http.StatusOK {
		w.wrong("%s: %d %s", q.target, response.Code, response.Body)
		return
	}
	rows := rowIn.FindAllStringSubmatch(response.Body.String(), -1)
	if len(rows) != len(q.attendees)+1 {
		w.wrong("%s: %d rows: %s", q.target, len(rows), response.Body)
		return
	}
	everybody := make([]byte, q.window.Slots(q.interval))
	for i, a := range q.attendees {
		email, digits := emailIn.FindStringSubmatch(rows[i+1][1]), digitsIn.FindStringSubmatch(rows[i+1][1])
		if email == nil || digits == nil || email[1] != a.address {
			w.wrong("%s: row %d is %s, want %s", q.target, i, rows[i+1][1], a.address)
			return
		}
		if !w.judge(a.person, digits[1], q.window, q.interval, begun, response.Header(), len(q.attendees) == 1) {
			return
		}
		for j := range everybody {
			everybody[j] = both(everybody[j], digits[1][j]-'0')
		}
	}
	for j := range everybody {
		everybody[j] += '0'
	}
	if digits := digitsIn.FindStringSubmatch(rows[0][1]); digits == nil || digits[1] != string(everybody) {
		w.wrong("%s: all attendees are %v, want %s", q.target, digits, everybody)
	}
}

// judge reports whether the digits of a mailbox may be told.
func (w *universe) judge(x *holder, digits string, window availability.Window, interval time.Duration, begun time.Time, header http.Header, alone bool) bool {
	var heard []saying
	name := "a stranger"
	if x != nil {
		heard, name = w.oracle.heard(x.address, begun, w.oldest), x.address
	}
	strict := w.calm && x != nil && x.organization != "crowded"
	v := check(heard, digits, window, interval, strict, time.Now())
	if v.wrong != "" {
		w.wrong("%s: %s\n%s", name, v.wrong, digits)
		return false
	}
	w.mu.Lock()
	w.stats.lookups++
	w.stats.slots += len(digits)
	w.stats.known += v.known
	w.mu.Unlock()
	hit := strings.HasPrefix(header.Get("Cache-Status"), "fbgate; hit")
	return v.known == 0 || w.fresh(name, v.age, heard, header, hit && alone)
}

// ageSlack is how much younger than it is an answer may be called: its age counts from
// when it was asked for, and not at all if it was not remembered.
const ageSlack = modelLookup + modelAnswer

// fresh reports whether the age that is disclosed is true.
func (w *universe) fresh(name string, age time.Duration, heard []saying, header http.Header, exactly bool) bool {
	seconds, err := strconv.Atoi(header.Get("Age"))
	disclosed := time.Duration(seconds) * time.Second
	if err != nil || disclosed > w.oldest+ageSlack {
		w.wrong("%s: Age %q", name, header.Get("Age"))
		return false
	}
	if age > disclosed+ageSlack {
		w.wrong("%s: this is %v old, but Age is %v", name, age, disclosed)
		return false
	}
	if !exactly {
		return true
	}
	for _, s := range heard {
		if age := time.Since(s.at); age <= disclosed+ageSlack && age >= disclosed-ageSlack {
			return true
		}
	}
	w.wrong("%s: Age is %v, and nobody said anything then", name, disclosed)
	return false
}

// look lists what is remembered, as operators do: nothing is older than it may be told,
// and what is not known has a reason.
func (w *universe) look() {
	recorder := httptest.NewRecorder()
	w.gateway.operators(func() bool { return true }).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "http://localhost/cache?limit=10000", nil))
	w.judgeList(recorder)
}

func (w *universe) judgeList(response *httptest.ResponseRecorder) {
	var page struct {
		Entries []struct {
			Mailbox, Source string
			Age             int
			Reason          *struct{ Code string }
		}
	}
	if err := json.Unmarshal(response.Body.Bytes(), &page); err != nil || response.Code != http.StatusOK {
		w.wrong("GET /cache: %d %v", response.Code, err)
	}
	for _, e := range page.Entries {
		if age := time.Duration(e.Age) * time.Second; age < 0 || age > w.oldest || e.Reason == nil && e.Source == "" {
			w.wrong("GET /cache: %+v", e)
		}
	}
}

// leave asks and does not wait for the answer.
func (w *universe) leave() {
	q := w.question(w.dice)
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Duration(w.dice.IntN(3000))*time.Millisecond)
	defer cancel()
	w.tell("somebody leaves")
	w.gateway.plain.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, q.target, nil))
}

// refusals are how the other faces say that they do not know.
var refusals = map[int]bool{http.StatusNotFound: true, http.StatusForbidden: true, http.StatusServiceUnavailable: true}

// refused reports whether a face has said so, and may have.
func (w *universe) refused(x *holder, target string, response *httptest.ResponseRecorder, status int) bool {
	if response.Code == status {
		return false
	}
	if strict := w.calm && x.organization != "crowded" && x.published == nil; strict || !refusals[response.Code] {
		w.wrong("%s: %d %s", target, response.Code, response.Body)
	}
	return true
}

var calendarLine = regexp.MustCompile(`(?m)^(DTSTART|DTEND|FREEBUSY)(?:;FBTYPE=([A-Z-]+))?:([0-9TZ]+)(?:/([0-9TZ]+))?\r$`)

// file asks for an Internet Free/Busy file.
func (w *universe) file(dice *rand.Rand) {
	x := w.crowd[dice.IntN(len(w.crowd))]
	target := "/freebusy/" + []string{x.address, x.alias}[dice.IntN(2)] + ".vfb"
	if dice.IntN(2) == 0 {
		window := w.window(dice)
		target += "?start=" + window.Start.UTC().Format(time.RFC3339) + "&end=" + window.End.UTC().Format(time.RFC3339)
	}
	response, begun := w.get(http.MethodGet, target, "")
	if w.refused(x, target, response, http.StatusOK) {
		return
	}
	var window availability.Window
	var told []availability.Span
	for _, line := range calendarLine.FindAllStringSubmatch(strings.ReplaceAll(response.Body.String(), "\r\n ", ""), -1) {
		start, end := moment(line[3]), moment(line[4])
		switch line[1] {
		case "DTSTART":
			window.Start = start
		case "DTEND":
			window.End = start
		default:
			told = append(told, availability.Span{Window: availability.Window{Start: start, End: end}, Status: map[string]availability.Status{
				"BUSY-TENTATIVE": availability.Tentative, "BUSY": availability.Busy, "BUSY-UNAVAILABLE": availability.OOF,
			}[line[2]]})
		}
	}
	w.judgeTold(x, target, told, window, begun, response)
}

func moment(text string) time.Time {
	t, _ := time.Parse("20060102T150405Z", text) // one that is missing is the zero time
	return t
}

const askMessage = `<a:propfind xmlns:a="DAV:" xmlns:d="http://schemas.microsoft.com/mapi/proptag/"><a:prop>` +
	`<d:x68470003/><d:x68480003/><d:x68511003/><d:x68521102/><d:x68531003/><d:x68541102/><d:x68551003/><d:x68561102/></a:prop></a:propfind>`

// message asks for a message of the public folder.
func (w *universe) message(dice *rand.Rand) {
	x := w.crowd[dice.IntN(len(w.crowd))]
	target := "/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/EX:_xF8FF_o=Model_xF8FF_ou=Group/USER-_xF8FF_cn=Recipients_xF8FF_cn=" +
		strings.TrimPrefix(x.dn, "/o=Model/ou=Group/cn=Recipients/cn=") + ".EML"
	response, begun := w.get("PROPFIND", target, askMessage)
	if w.refused(x, target, response, http.StatusMultiStatus) {
		return
	}
	m := mapiMessage(response.Body.String())
	window := availability.Window{Start: m.minute("x68470003"), End: m.minute("x68480003")}
	var told []availability.Span
	for status, tags := range map[availability.Status][2]string{
		availability.Tentative: {"x68511003", "x68521102"}, availability.Busy: {"x68531003", "x68541102"}, availability.OOF: {"x68551003", "x68561102"},
	} {
		months, blocks := m.values(tags[0]), m.values(tags[1])
		for i := range min(len(months), len(blocks)) {
			n, _ := strconv.Atoi(months[i])
			first := time.Date(n>>4, time.Month(n&15), 1, 0, 0, 0, 0, time.UTC)
			block, err := base64.StdEncoding.DecodeString(blocks[i])
			if err != nil {
				w.wrong("%s: %v: %s", target, err, response.Body)
			}
			for ; len(block) >= 4; block = block[4:] {
				from, to := binary.LittleEndian.Uint16(block), binary.LittleEndian.Uint16(block[2:])
				told = append(told, availability.Span{Window: availability.Window{Start: first.Add(time.Duration(from) * time.Minute), End: first.Add(time.Duration(to) * time.Minute)}, Status: status})
			}
		}
	}
	w.judgeTold(x, target, told, window, begun, response)
}

// mapiMessage is the answer about one.
type mapiMessage string

var valueIn = regexp.MustCompile(`<\w+:v>([^<]*)</\w+:v>`)

func (m mapiMessage) property(tag string) string {
	_, rest, _ := strings.Cut(string(m), ":"+tag)
	_, rest, _ = strings.Cut(rest, ">")
	text, _, _ := strings.Cut(rest, ":"+tag)
	text, _, _ = strings.Cut(text+"</", "</"+"d:"+tag)
	return text
}

func (m mapiMessage) values(tag string) (values []string) {
	for _, found := range valueIn.FindAllStringSubmatch(m.property(tag), -1) {
		values = append(values, found[1])
	}
	return values
}

func (m mapiMessage) minute(tag string) time.Time {
	text, _, _ := strings.Cut(m.property(tag), "<")
	n, _ := strconv.Atoi(text)
	return time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC).Add(0).AddDate(0, 0, n/1440).Add(time.Duration(n%1440) * time.Minute)
}

// judgeTold holds appointments against what was heard, in slots of a quarter of an hour:
// all else of the time they are of is told to be free.
func (w *universe) judgeTold(x *holder, target string, told []availability.Span, window availability.Window, begun time.Time, response *httptest.ResponseRecorder) {
	if window.Start.Year() < 1999 || window.Empty() {
		w.wrong("%s: about %v to %v: %s", target, window.Start, window.End, response.Body)
		return
	}
	const slot = 15 * time.Minute
	row := make([]byte, window.Slots(slot))
	for i := range row {
		row[i] = '0'
	}
	for _, span := range told {
		if span.Empty() || span.Status == availability.NoData || !window.Contains(span.Window) {
			w.wrong("%s tells %v of %v to %v", target, span, window.Start, window.End)
			return
		}
		for i := int(span.Start.Sub(window.Start) / slot); i < len(row) && window.Start.Add(time.Duration(i)*slot).Before(span.End); i++ {
			row[i] = max(row[i], '0'+digitOf[span.Status])
		}
	}
	w.judge(x, string(row), window, slot, begun, response.Header(), true)
}
