package access_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/availability/access"
	"fbgate/availability/directory"
	"fbgate/availability/published"
	"fbgate/availability/route"
	"fbgate/cache"
	"fbgate/davfb"
	"fbgate/davfb/face"
	"fbgate/davfb/folder"
	"fbgate/davfb/internet"
	"fbgate/translate/davxml"
)

const (
	dn    = "/o=contoso/ou=sales/cn=recipients/cn="
	group = "/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/EX:_xF8FF_o=Contoso_xF8FF_ou=Sales/"
	user  = "USER-_xF8FF_cn=Recipients_xF8FF_cn="
)

// book is a Directory that can fail.
type book struct {
	mu      sync.Mutex
	entries map[availability.Mailbox]*directory.Entry
	fails   bool
}

func (b *book) Find(_ context.Context, mailboxes []availability.Mailbox) (map[availability.Mailbox]*directory.Entry, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fails {
		return nil, availability.Because(availability.DirectoryFailed, "it is down")
	}
	found := make(map[availability.Mailbox]*directory.Entry)
	for _, m := range mailboxes {
		if e := b.entries[m]; e != nil {
			found[m] = e
		}
	}
	return found, nil
}

// people are a directory of some with mailboxes at fabrikam.com, which paul must not see.
func people() *book {
	b := &book{entries: make(map[availability.Mailbox]*directory.Entry)}
	add := func(e directory.Entry, names ...availability.Mailbox) {
		for _, name := range append(names, e.Mailbox) {
			b.entries[name] = &e
		}
	}
	for _, name := range []availability.Mailbox{"mary", "pat"} {
		e := directory.Entry{Mailbox: name + "@fabrikam.com", Primary: name + "@fabrikam.com", LegacyDN: dn + name}
		add(e, e.LegacyDN, name+".smith@contoso.com", name+".jones@contoso.com")
	}
	add(directory.Entry{Mailbox: "joe@fabrikam.com", Primary: "joe@contoso.com"}, "joe@contoso.com")
	add(directory.Entry{Mailbox: "staff@contoso.com", Members: []availability.Mailbox{"amy@contoso.com", "mary@fabrikam.com"}})
	add(directory.Entry{Mailbox: "stuff@contoso.com", Members: []availability.Mailbox{"amy@contoso.com", "mary@nonesuch.com"}})
	add(directory.Entry{Mailbox: "team@contoso.com", LegacyDN: dn + "team", Members: []availability.Mailbox{"mary@fabrikam.com", "pat@fabrikam.com"}}, dn+"team")
	add(directory.Entry{Mailbox: "large@fabrikam.com", LegacyDN: dn + "large", Members: []availability.Mailbox{}, TooMany: 1000}, dn+"large")
	add(directory.Entry{Mailbox: "empty@fabrikam.com", LegacyDN: dn + "empty", Members: []availability.Mailbox{}}, dn+"empty")
	return b
}

// gateway is fbgate with rules, put together as the command does.
type gateway struct {
	address  string
	book     *book
	store    *published.Store
	contoso  *organization
	fabrikam *organization
	log      safeBuffer
}

type safeBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.String()
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	g := &gateway{book: people(), contoso: &organization{name: "contoso"}, fabrikam: &organization{name: "fabrikam"}}
	log := slog.New(slog.NewTextHandler(&g.log, nil))
	var err error
	if g.store, err = published.Open(filepath.Join(t.TempDir(), "published.db"), published.Options{Log: log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.store.Close() })

	// The second one of them decides about paul.
	r := rules(t,
		access.Rule{Organizations: []string{"fabrikam"}, Domains: []string{"fabrikam.com"}, Level: sees},
		access.Rule{Organizations: []string{"fabrikam"}, Level: none},
		access.Rule{Level: sees})
	router := route.New()
	for _, o := range []*organization{g.contoso, g.fabrikam} {
		remembered := cache.New(o.name, o, cache.NewMemory(1000), cache.Policy{Known: time.Hour, Lasting: time.Hour, Wait: time.Minute, Timeout: time.Minute})
		router.Add(r.Guard(o.name, remembered), o.name+".com")
	}
	denied := r.Denied(g.owners)
	var source availability.Source = published.Source{Store: g.store, Next: router, Denied: denied}
	source = r.Veil(g.owners, &directory.Source{Directory: g.book, Next: source})
	source = published.Source{Store: g.store, Next: source, Denied: denied}

	files, err := internet.New(internet.Config{Source: source, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	handler := davfb.New(davfb.Config{Source: source, Name: "a1", Limits: davxml.Limits{Attendees: 10, Window: 24 * time.Hour, Digits: 1000}, Log: log,
		Parts: []davfb.Part{{Matches: folder.Holds, Handler: folder.New(folder.Config{Source: source, Name: "a1", Log: log})}, {Matches: files.Matches, Handler: files}}})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, face.WithRequester(r, availability.Requester{Mailbox: availability.Mailbox(r.Header.Get("Who"))}))
	}))
	t.Cleanup(server.Close)
	g.address = server.Listener.Addr().String()
	return g
}

// owners says whose mailboxes are, by the directory if it knows them.
func (g *gateway) owners(ctx context.Context, mailboxes []availability.Mailbox) []access.Owner {
	found, err := g.book.Find(ctx, mailboxes)
	owners := make([]access.Owner, len(mailboxes))
	for i, m := range mailboxes {
		if e := found[m]; e != nil {
			m = e.Mailbox
		} else if err != nil && m.IsLegacyDN() {
			owners[i].Reason = availability.ReasonFor(err)
		}
		if name, ok := strings.CutSuffix(m.Domain(), ".com"); ok && (name == "contoso" || name == "fabrikam") {
			owners[i].Organization = name
		}
	}
	return owners
}

// publish publishes what pat does, under the names it is kept under, and one that was so
// once.
func (g *gateway) publish(t *testing.T) {
	t.Helper()
	now := time.Now()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	known := availability.Window{Start: month.AddDate(0, -2, 0), End: month.AddDate(0, 6, 0)}
	for _, name := range []availability.Mailbox{"pat@fabrikam.com", dn + "pat", "pat.jones@contoso.com"} {
		p := availability.Publication{Mailbox: name, Schedule: availability.NewSchedule(known, 0, nil), By: "pat", At: now, Expires: now.Add(time.Hour)}
		if err := g.store.Publish(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
}

var varies = regexp.MustCompile(`(?m)^(Date|X-Request-Id): .*\r\n`)

// ask returns every byte of the answer but those of Date and X-Request-Id.
func (g *gateway) ask(t *testing.T, who, request string) string {
	t.Helper()
	head, body, _ := strings.Cut(request, "\n")
	method, target, _ := strings.Cut(head, " ")
	c, err := net.Dial("tcp", g.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: gw.contoso.com\r\nConnection: close\r\nDepth: 0\r\nWho: %s\r\nContent-Length: %d\r\n\r\n%s", method, target, who, len(body), body)
	answer, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return varies.ReplaceAllString(string(answer), "")
}

// questions are the ways to ask about a mailbox with an address, or a legacyExchangeDN
// that ends so.
func questions(m string) (all []string) {
	if !strings.Contains(m, "@") {
		path := group + user + m + ".EML"
		return []string{
			"GET " + path, "HEAD " + path, "PROPFIND " + path,
			"BPROPFIND " + group + "\n" + `<D:propfind xmlns:D="DAV:" xmlns:p="http://schemas.microsoft.com/mapi/proptag/"><D:target><D:href>` + path + `</D:href></D:target><D:prop><p:x68541102/></D:prop></D:propfind>`,
			xmlQuestion("EX:" + dn + m),
		}
	}
	return []string{
		"GET /freebusy/" + m + ".vfb", "HEAD /freebusy/" + m + ".vfb",
		xmlQuestion("SMTP:" + m), "HEAD" + strings.TrimPrefix(xmlQuestion("SMTP:"+m), "GET"),
		xmlQuestion("SMTP:" + m + "&u=SMTP:amy@contoso.com"), // who is remembered from the second time on
		xmlQuestion("SMTP:" + m + "&u=SMTP:" + m),
	}
}

func xmlQuestion(attendees string) string {
	now := time.Now().UTC().Truncate(24 * time.Hour)
	const form = "2006-01-02T15:04:05Z"
	return fmt.Sprintf("GET /public/?Cmd=freebusy&start=%s&end=%s&interval=30&u=%s", now.Format(form), now.Add(24*time.Hour).Format(form), attendees)
}

// alike are pairs of what paul is denied, and of what nobody has.
var alike = [][2]string{
	{"mary@fabrikam.com", "mary@nonesuch.com"},
	{"nobody@fabrikam.com", "nobody@nonesuch.com"},
	{"mary.smith@contoso.com", "mary.smith@nowhere.com"}, // a secondary address
	{"joe@contoso.com", "joe@nowhere.com"},               // a contact that leads there
	{"staff@contoso.com", "stuff@contoso.com"},           // a list with a member there
	{"team@contoso.com", "team@nowhere.com"},             // a list with nobody but members there
	{"large@fabrikam.com", "large@nonesuch.com"},         // a list that is not even expanded
	{"empty@fabrikam.com", "empty@nonesuch.com"},
	{"pat@fabrikam.com", "pat@nonesuch.com"}, // has published
	{"pat.smith@contoso.com", "pat.smith@nowhere.com"},
	{"pat.jones@contoso.com", "pat.jones@nowhere.com"},
	{"mary", "nora"},
	{"pat", "pit"},
	{"team", "tame"},
	{"large", "larva"},
	{"empty", "emily"},
}

// differ returns the questions about a pair whose answers differ otherwise than the
// questions do.
func (g *gateway) differ(t *testing.T, who string, pair [2]string) (different []string) {
	t.Helper()
	second := questions(pair[1])
	for i, first := range questions(pair[0]) {
		var got, unknown string
		for range 3 { // between the two a second may pass, and Age with it
			got = strings.ReplaceAll(g.ask(t, who, first), pair[0], "ONE")
			if unknown = strings.ReplaceAll(g.ask(t, who, second[i]), pair[1], "ONE"); got == unknown {
				break
			}
		}
		if !strings.HasPrefix(got, "HTTP/1.1 ") {
			t.Fatalf("%s: %q", first, got)
		}
		if got != unknown {
			different = append(different, fmt.Sprintf("%s\n%s\nbut of what nobody has\n%s", first, got, unknown))
		}
	}
	return different
}

// Whoever must not see somebody gets, byte for byte, what they would get if nobody had
// such an address, in all faces. The organization is not asked, and the log says why.
func TestDeniedIsLikeUnknown(t *testing.T) {
	g := newGateway(t)
	g.publish(t)
	const paul, allowed = "paul@northwind.com", "ann@fabrikam.com"
	g.ask(t, paul, xmlQuestion("SMTP:amy@contoso.com")) // to be remembered
	for _, pair := range alike {
		for _, different := range g.differ(t, paul, pair) {
			t.Error(different)
		}
	}
	if len(g.fabrikam.asked) > 0 {
		t.Errorf("fabrikam was asked about %v", g.fabrikam.asked)
	}
	if want := `reason=not-allowed organization=fabrikam requester="" mailboxes=[mary@fabrikam.com]`; !strings.Contains(g.log.String(), want) ||
		!strings.Contains(g.log.String(), `detail="rule 2 of access_rules keeps it from somebody (paul@northwind.com) at 127.0.0.1"`) {
		t.Errorf("the log does not say why:\n%s", g.log.String())
	}
	// To others they are not alike, not even once paul has asked.
	for _, pair := range alike {
		if len(g.differ(t, allowed, pair)) == 0 {
			t.Errorf("%s is like %s to who may see both", pair[0], pair[1])
		}
	}
	if !slices.Contains(g.fabrikam.asked, "mary@fabrikam.com") {
		t.Error("fabrikam was not asked for who may see it")
	}
	// And what was remembered for them is not for paul.
	for _, pair := range alike {
		for _, different := range g.differ(t, paul, pair) {
			t.Error(different)
		}
	}
}

// It is so, too, while what stands before the organizations fails.
func TestDeniedIsLikeUnknownWhileThingsFail(t *testing.T) {
	for name, fail := range map[string]func(*gateway){
		"the directory": func(g *gateway) { g.book.fails = true },
		"the store":     func(g *gateway) { g.store.Close() },
	} {
		g := newGateway(t)
		g.publish(t)
		g.ask(t, "paul@northwind.com", xmlQuestion("SMTP:amy@contoso.com")) // to be remembered
		fail(g)
		for _, pair := range alike {
			if domain := availability.Mailbox(pair[0]).Domain(); name == "the directory" && domain == "contoso.com" {
				continue // whose names at contoso.com are, it alone knows
			}
			for _, different := range g.differ(t, "paul@northwind.com", pair) {
				t.Errorf("%s fails: %s", name, different)
			}
		}
		if len(g.fabrikam.asked) > 0 {
			t.Errorf("%s fails: fabrikam was asked about %v", name, g.fabrikam.asked)
		}
	}
}

// A list that a denied member is in shows the others, and not that the denied one is free.
func TestListWithADeniedMember(t *testing.T) {
	g := newGateway(t)
	answer := g.ask(t, "paul@northwind.com", xmlQuestion("SMTP:staff@contoso.com&u=SMTP:amy@contoso.com"))
	rows := regexp.MustCompile(`<a:fbdata>(\d+)</a:fbdata>`).FindAllStringSubmatch(answer, -1)
	if len(rows) != 3 || rows[1][1] != strings.Repeat("4", 48) || rows[2][1] != strings.Repeat("0", 48) {
		t.Errorf("%v in %s", rows, answer)
	}
}
