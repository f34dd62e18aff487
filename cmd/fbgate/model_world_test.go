package main

import (
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/exchangetest"
	"fbgate/availability/exchangetest/oauthtest"
	"fbgate/availability/exchangetest/publicfoldertest"
)

// modelConfig expects the folder with the files it names.
//
//   - contoso is asked by https, with a private CA, and says what it does not know is
//     in the cloud.
//   - fabrikam has two servers, takes few mailboxes in a call, and is a chain's first.
//   - home is an Exchange 2003 with a password, whose people are moving to the cloud.
//   - cloud wants tokens.
//   - branch tells digits only, of half an hour.
//   - crowded has more appointments than its server lists.
//   - closed gives nothing away.
const modelConfig = `
answer_timeout: 10s
cache: {ttl: 15m, lookup_timeout: 25s, stale: %[2]s}
directory: {file: %[1]s/people.csv}
internet_free_busy: {months_before: 1, months_after: 1}
folder: {months_before: 0, months_after: 1}
organizations:
  - {name: contoso, domains: [contoso.com], target_sharing_epr: "https://mail.contoso.com:443/EWS/Exchange.asmx", ca_file: %[1]s/ca.pem, then: cloud, prefetch: 0s, max_response_bytes: 2MiB}
  - {name: fabrikam, domains: [fabrikam.com, "*.fabrikam.com"], target_sharing_epr: ["http://a.fabrikam.com:80/EWS/Exchange.asmx", "http://b.fabrikam.com:80/EWS/Exchange.asmx"], insecure_http: true, max_mailboxes: 4, prefetch: off, then: contoso, max_response_bytes: 2MiB}
  - {name: home, domains: [home.example], access_method: PublicFolder, public_folder_url: "http://mail.home.example:80/public/", insecure_http: true, credential: {username: svc, password_file: %[1]s/password}, then: cloud, prefetch: 7d, max_response_bytes: 2MiB}
  - {name: cloud, domains: [cloud.example], target_sharing_epr: "http://ews.cloud.example:80/EWS/Exchange.asmx", insecure_http: true, credential: {type: oauth2, token_url: "https://login.cloud.example:443/token", client_id: fbgate, password_file: %[1]s/password, scope: all}, impersonate: service@cloud.example, prefetch: 0s, max_response_bytes: 2MiB}
  - {name: branch, domains: [branch.example], target_sharing_epr: "http://ews.branch.example:80/EWS/Exchange.asmx", insecure_http: true, requested_view: MergedOnly, merged_free_busy_interval: 30m, concurrency: 2, max_response_bytes: 2MiB}
  - {name: crowded, domains: [crowded.example], target_sharing_epr: "http://ews.crowded.example:80/EWS/Exchange.asmx", insecure_http: true, max_window: 14d, max_response_bytes: 2MiB}
  - {name: closed, domains: [closed.example], target_sharing_epr: "http://ews.closed.example:80/EWS/Exchange.asmx", insecure_http: true, free_busy_access_level: none}
`

// The times of modelConfig.
const (
	modelTTL    = 15 * time.Minute
	modelLookup = 25 * time.Second
	modelAnswer = 10 * time.Second
	// modelStale is how much longer answers may be served where fresh ones cannot be had,
	// in every other world.
	modelStale = time.Hour
	// modelOldest is how old what is told may be when it is asked for, if nothing stale
	// is served: it was remembered when the lookup that brought it ended.
	modelOldest = modelTTL + modelLookup
)

// universe is a gateway, its partners, and what they have said.
type universe struct {
	t       *testing.T
	seed    uint64
	dice    *rand.Rand // the driver's
	weather float64    // how much of what can go wrong does
	calm    bool       // nothing ever does
	oracle  *oracle
	network *network
	gateway *gateway
	send    func(method, target, body string) *httptest.ResponseRecorder // how clients ask
	stale   time.Duration                                                // how much longer answers may be served
	oldest  time.Duration                                                // that what is told may be
	answer  time.Duration                                                // that a client may wait; 0 is not looked at
	hurry   time.Duration                                                // how many times faster than in the model all is that takes time
	replay  string                                                       // how to see it again
	people  map[string]*holder                                           // by address
	crowd   []*holder
	issuer  *oauthtest.Server
	settle  func(*holder)                    // puts the mailbox where it is
	afflict func(*holder, *rand.Rand) string // lets it fail
	heal    func(*holder)
	end     func()
	faults  atomic.Int64

	calendars sync.Mutex // held while they change, and while they are read and told

	mu     sync.Mutex
	step   int
	events map[string]int
	slow   bool // every reply is a trickle
	story  []string
	counts map[string]int // of faults
	stats  stats
}

// stats are counted to see that the model is about something.
type stats struct{ requests, lookups, slots, known, hits, faults int }

// holder has a mailbox.
type holder struct {
	address, alias, dn string
	organization       string          // of the address
	home               string          // where the mailbox is
	mute               map[string]bool // partners that answer without saying anything
	published          *availability.Window
	statuses           []availability.Status
	perDay             int
	salts              [8]uint64
	calendar           []availability.Span
}

func (x *holder) at(p *partner) bool { return x.home == p.organization() }

// organization is the one that a server is of.
func (p *partner) organization() string { return strings.TrimRight(p.name, "12") }

func (x *holder) says(p *partner, w availability.Window) saying {
	s := saying{at: time.Now(), host: p.name, window: w, known: w, calendar: x.calendar, grid: p.grid}
	if x.published != nil {
		s.known, s.grid = w.Intersect(*x.published), 15*time.Minute
	}
	return s
}

// draw makes up the calendar around a time, of days that each depend on a salt.
func (x *holder) draw(seed uint64, around time.Time) {
	x.calendar = nil
	first := around.UTC().Truncate(24*time.Hour).AddDate(0, 0, -70)
	for day := range 220 {
		midnight := first.AddDate(0, 0, day)
		h := fnv.New64a()
		_, _ = fmt.Fprint(h, x.address, midnight.Unix(), x.salts[day%len(x.salts)])
		dice := rand.New(rand.NewPCG(seed, h.Sum64()))
		at := time.Duration(0)
		for range x.perDay + dice.IntN(3) {
			at += time.Duration(dice.IntN(1+288/(x.perDay+1))) * 5 * time.Minute
			length := time.Duration(1+dice.IntN(1+144/(x.perDay+1))) * 5 * time.Minute
			if at+length > 24*time.Hour {
				break
			}
			window := availability.Window{Start: midnight.Add(at), End: midnight.Add(at + length)}
			x.calendar = append(x.calendar, availability.Span{Window: window, Status: x.statuses[dice.IntN(len(x.statuses))]})
			at += length
		}
	}
}

var (
	oldStatuses = []availability.Status{availability.Tentative, availability.Busy, availability.OOF, availability.Busy}
	newStatuses = append([]availability.Status{availability.WorkingElsewhere}, oldStatuses...)
)

// newUniverse makes one up, at the time there is. Dir is for the files it needs.
func newUniverse(t *testing.T, seed uint64, dir string) *universe {
	w := newCrowd(t, seed)
	w.build(dir)
	return w
}

// newCrowd makes up who there is, without a network.
func newCrowd(t *testing.T, seed uint64) *universe {
	w := &universe{
		t: t, seed: seed, dice: rand.New(rand.NewPCG(seed, 0)), oracle: newOracle(), people: make(map[string]*holder), events: make(map[string]int), counts: make(map[string]int),
	}
	w.weather = []float64{0, 0.03, 0.1, 0.3, 0.6, 0.95}[w.dice.IntN(6)]
	w.calm = w.weather == 0
	if seed%2 == 0 {
		w.stale = modelStale
	}
	w.oldest, w.answer, w.hurry, w.send = modelOldest+w.stale, modelAnswer, 1, w.serve
	w.replay = fmt.Sprintf("go test ./cmd/fbgate -run 'TestModel$' -seed %d", seed)
	w.network = &network{world: w, hosts: make(map[string]*host)}
	w.populate()
	return w
}

// populate makes up who there is.
func (w *universe) populate() {
	for _, o := range []struct {
		name, domain string
		people       int
		statuses     []availability.Status
		perDay       int
	}{
		{"contoso", "contoso.com", 9, newStatuses, 3},
		{"fabrikam", "fabrikam.com", 9, newStatuses, 2},
		{"home", "home.example", 7, oldStatuses, 3},
		{"cloud", "cloud.example", 6, newStatuses, 3},
		{"branch", "branch.example", 4, oldStatuses, 3},
		{"crowded", "crowded.example", 3, oldStatuses, 12},
	} {
		for i := range o.people {
			name := fmt.Sprintf("%s%d", o.name[:2], i)
			x := &holder{
				address: name + "@" + o.domain, alias: name + ".alias@" + o.domain, dn: "/o=Model/ou=Group/cn=Recipients/cn=" + name,
				organization: o.name, home: o.name, mute: make(map[string]bool), statuses: o.statuses, perDay: o.perDay,
			}
			switch {
			case o.name == "home" && i%3 == 0, o.name == "contoso" && i == 0:
				x.home = "cloud" // moved
			case o.name == "fabrikam" && i == 0:
				x.home = "contoso"
			case (o.name == "home" || o.name == "contoso") && i == 1:
				start := time.Now().Truncate(24*time.Hour).AddDate(0, 0, -20)
				x.statuses = oldStatuses // digits do not tell working elsewhere
				x.published = &availability.Window{Start: start, End: start.AddDate(0, 0, 45).Add(7 * time.Hour)}
			}
			for j := range x.salts {
				x.salts[j] = w.dice.Uint64()
			}
			x.draw(w.seed, time.Now())
			w.people[x.address] = x
			w.crowd = append(w.crowd, x)
		}
	}
}

// servers are those of the organizations.
type servers struct {
	exchanges map[string]*exchangetest.Exchange
	folder    *publicfoldertest.Server
}

// pretend makes the servers, with all mailboxes.
func (w *universe) pretend() servers {
	exchanges := map[string]*exchangetest.Exchange{
		"contoso": exchangetest.New(exchangetest.Exchange2013), "fabrikam": exchangetest.New(exchangetest.Exchange2019),
		"cloud": exchangetest.New(exchangetest.Exchange2019), "branch": exchangetest.New(exchangetest.Exchange2010),
		"crowded": exchangetest.New(exchangetest.Exchange2007SP1),
	}
	exchanges["fabrikam"].NoMergedFreeBusy = w.seed%2 == 0
	exchanges["crowded"].MaxEntries = 60
	folder := publicfoldertest.New()
	folder.Username, folder.Password = "svc", worldPassword
	w.issuer = oauthtest.New("fbgate", worldPassword)
	w.issuer.Scope, w.issuer.Lifetime = "all", 20*time.Minute

	w.end = func() {
		for _, x := range exchanges {
			x.Close()
		}
		folder.Close()
	}
	w.settle = func(x *holder) {
		for name, server := range exchanges {
			if x.home == name {
				server.SetMailbox(x.address, x.calendar...)
				if x.published != nil {
					server.SetPublished(x.address, *x.published)
				}
			} else if name != "home" {
				server.RemoveMailbox(x.address)
			}
		}
		if x.home == "home" {
			folder.SetCalendar(x.address, x.calendar...)
			if x.published != nil {
				folder.SetPublished(x.address, *x.published)
			}
		} else {
			folder.RemoveMailbox(x.address)
		}
	}
	w.afflict = func(x *holder, dice *rand.Rand) (name string) {
		if x.home == "home" {
			f := rowFaults[dice.IntN(len(rowFaults))]
			folder.FailMailbox(x.address, f)
			x.mute["home"] = f.Row == publicfoldertest.Fours || f.Row == publicfoldertest.Contradicted
			return f.Name
		}
		f := mailboxFaults[dice.IntN(len(mailboxFaults))]
		exchanges[x.home].FailMailbox(x.address, f)
		return f.Name
	}
	w.heal = func(x *holder) {
		clear(x.mute)
		folder.FailMailbox(x.address, publicfoldertest.Fault{})
		for _, server := range exchanges {
			server.FailMailbox(x.address, exchangetest.Fault{})
		}
	}
	for _, x := range w.crowd {
		w.settle(x)
	}
	return servers{exchanges, folder}
}

// ews and publicFolder are what the gateway gets to see of them.
func (s servers) ews(w *universe, name string, grid time.Duration) *partner {
	return &partner{world: w, name: name, ews: s.exchanges[strings.TrimRight(name, "12")], grid: grid}
}

func (s servers) publicFolder(w *universe) *partner {
	return &partner{world: w, name: "home", folder: s.folder, grid: 15 * time.Minute}
}

// build connects them, and the gateway to them.
func (w *universe) build(dir string) {
	all := w.pretend()
	w.network.serve("mail.contoso.com:443", true, all.ews(w, "contoso", 0))
	w.network.serve("a.fabrikam.com:80", false, all.ews(w, "fabrikam1", 0))
	w.network.serve("b.fabrikam.com:80", false, all.ews(w, "fabrikam2", 0))
	w.network.serve("mail.home.example:80", false, all.publicFolder(w))
	w.network.serve("ews.cloud.example:80", false, w.issuer.Protect(all.ews(w, "cloud", 0)))
	w.network.serve("login.cloud.example:443", true, w.tokens(w.issuer))
	w.network.serve("ews.branch.example:80", false, all.ews(w, "branch", 30*time.Minute))
	w.network.serve("ews.crowded.example:80", false, all.ews(w, "crowded", 0))
	w.files(dir)
	var err error
	w.gateway, err = newWatchedGateway(parse(w.t, modelConfig, dir, w.stale), nil, slog.New(slog.DiscardHandler), w.network.watch)
	if err != nil {
		w.t.Fatal(err)
	}
}

// files writes what the configuration names.
func (w *universe) files(dir string) {
	people := "PrimarySmtpAddress,LegacyExchangeDN,EmailAddresses\n"
	for _, x := range w.crowd {
		people += fmt.Sprintf("%s,%s,smtp:%s\n", x.address, x.dn, x.alias)
	}
	for name, content := range map[string]string{"people.csv": people, "password": worldPassword, "ca.pem": string(modelCA.pem)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}

// The faults of one mailbox among others.
var mailboxFaults, rowFaults = func() (m []exchangetest.Fault, r []publicfoldertest.Fault) {
	for _, f := range exchangetest.Faults() {
		if f.PerMailbox() {
			m = append(m, f)
		}
	}
	for _, f := range append(publicfoldertest.Faults(), publicfoldertest.Oddities()...) {
		if f.PerMailbox() {
			r = append(r, f)
		}
	}
	return m, r
}()

// tell adds to the story that a failure comes with.
func (w *universe) tell(format string, args ...any) {
	const most = 60
	line := time.Now().UTC().Format("2006-01-02 15:04:05.000 ") + fmt.Sprintf(format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.story = append(w.story, line); len(w.story) > 2*most {
		w.story = append(w.story[:0], w.story[most:]...)
	}
}

// fault counts something that goes wrong, and tells of it.
func (w *universe) fault(where, name string) {
	w.faults.Add(1)
	w.mu.Lock()
	w.counts[name]++
	w.mu.Unlock()
	w.tell("  %s: %s", where, name)
}

// wrong reports what must not be, with how it came to it.
func (w *universe) wrong(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.t.Errorf("%s\n\nTo see it again: %s\nWeather %v. What came before:\n%s",
		fmt.Sprintf(format, args...), w.replay, w.weather, strings.Join(w.story[max(0, len(w.story)-40):], "\n"))
}

// change lets something happen to calendars and servers.
func (w *universe) change() {
	dice := w.dice
	w.calendars.Lock()
	defer w.calendars.Unlock()
	x := w.crowd[dice.IntN(len(w.crowd))]
	switch n := dice.IntN(10); {
	case n < 4 || w.calm && n < 8:
		x.salts[dice.IntN(len(x.salts))]++
		x.salts[dice.IntN(len(x.salts))]++
		x.draw(w.seed, time.Now())
		w.settle(x)
		w.tell("%s has another calendar", x.address)
	case w.calm:
	case n < 6:
		w.tell("%s: %s", x.address, w.afflict(x, dice))
	case n < 8:
		w.heal(x)
		w.tell("%s is well", x.address)
	case n < 9 && x.organization == "home":
		w.heal(x)
		if x.home = "cloud"; dice.IntN(2) == 0 {
			x.home = "home"
		}
		w.settle(x)
		w.tell("%s is at %s", x.address, x.home)
	default:
		w.mishap()
	}
}

// mishap befalls a whole server.
func (w *universe) mishap() {
	switch w.dice.IntN(4) {
	case 0:
		w.issuer.Revoke()
		w.tell("all tokens are revoked")
	case 1:
		w.network.hangUp()
	default:
		for _, h := range w.network.hosts { // in any order: each has its own dice
			if w.chance("outage", h.name).IntN(3) == 0 {
				h.down.Store(!h.down.Load())
				w.tell("%s", h)
			}
		}
		w.network.hangUp()
	}
}

// flush forgets something, as operators do.
func (w *universe) flush() {
	target, x := "/cache", w.crowd[w.dice.IntN(len(w.crowd))]
	switch w.dice.IntN(3) {
	case 0:
		target += "?mailbox=" + x.address
		defer w.oracle.flush(x.address, time.Now())
	case 1:
		target += "?organization=" + x.home // those of it alone, but the oracle does not know of whom it said something
	default:
		defer w.oracle.flush("", time.Now())
	}
	recorder := httptest.NewRecorder()
	operators := w.gateway.operators(func() bool { return true })
	operators.ServeHTTP(recorder, httptest.NewRequest(http.MethodDelete, "http://localhost"+target, nil))
	w.tell("DELETE %s: %d", target, recorder.Code)
	if recorder.Code != http.StatusOK {
		w.wrong("DELETE %s: %d %s", target, recorder.Code, recorder.Body)
	}
}
