package page_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fbgate/availability"
	"fbgate/davfb/admin"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

var update = flag.Bool("update", false, "write docs/screenshots anew")

// patience is how long anything may take in a browser, on a machine that has much to do.
const patience = 2 * time.Minute

// css names the first element a selector finds.
type css = chromedp.CSS

// size is that of a screen.
type size struct {
	name          string
	width, height int64
}

var desktop, phone = size{"desktop", 1024, 768}, size{"phone", 360, 740}

// chromium is started for the first test that needs it.
var chromium = sync.OnceValues(func() (context.Context, error) {
	if _, err := exec.LookPath("chromium"); err != nil {
		return nil, err
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.Flag("hide-scrollbars", true), chromedp.Env("TZ=Europe/Berlin"))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, _ = chromedp.NewContext(ctx)
	closeBrowser = func() { _ = chromedp.Cancel(ctx); cancel() }
	return ctx, chromedp.Do(ctx)
})

// closeBrowser ends it; TestMain does.
var closeBrowser = func() {}

// tab is a page in the browser.
type tab struct {
	*testing.T
	ctx     context.Context
	address string // of the world

	mu     sync.Mutex
	faults []string // that the browser has found
}

// open opens a tab of its own, with cookies of its own, on a screen of that size.
func open(t *testing.T, w *world, screen size) *tab {
	browser, err := chromium()
	if err != nil {
		t.Skip("no browser: install Debian's package chromium: ", err)
	}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, cancelTime := context.WithTimeout(ctx, patience)
	t.Cleanup(cancelTime)
	tb := &tab{T: t, ctx: ctx, address: w.serve(t)}
	if err := chromedp.Listen(ctx, tb.listen); err != nil {
		t.Fatal(err)
	}
	call(tb, cdplog.Enable, cdp.Empty{})
	tb.do(chromedp.EmulateViewport(screen.width, screen.height))
	return tb
}

func (tb *tab) listen(event any) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	switch e := event.(type) {
	case *cdplog.EventEntryAdded:
		tb.faults = append(tb.faults, fmt.Sprintf("%s %s: %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *runtime.EventExceptionThrown:
		tb.faults = append(tb.faults, e.ExceptionDetails.Text)
	}
}

func call[P, R any](tb *tab, c cdp.Command[P, R], params P) {
	tb.Helper()
	tb.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	}))
}

func (tb *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	tb.Helper()
	if err := chromedp.Do(tb.ctx, steps...); err != nil {
		tb.Fatal(err)
	}
}

func eval[R any](tb *tab, script string) R {
	tb.Helper()
	result, err := chromedp.Run(tb.ctx, chromedp.Evaluate[R](script, chromedp.EvalAwaitPromise))
	if err != nil {
		tb.Fatalf("%.200s: %v", script, err)
	}
	return result
}

func (tb *tab) visit(path string) {
	tb.Helper()
	tb.do(chromedp.Navigate(tb.address + path))
}

// wait waits until the page shows a text.
func (tb *tab) wait(text string) {
	tb.Helper()
	for !strings.Contains(tb.text(), text) {
		select {
		case <-tb.ctx.Done():
			tb.Fatalf("%q does not come; what is there: %s", text, tb.last())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// text is that of the page, or nothing while it is between two pages.
func (tb *tab) text() string {
	text, _ := chromedp.Run(tb.ctx, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`))
	return text
}

func (tb *tab) last() string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.ctx), 5*time.Second)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Evaluate[string](`document.body.innerText`))
	return text
}

// press clicks what is found and waits for the page it leads to.
func (tb *tab) press(selector, then string) {
	tb.Helper()
	tb.loaded()
	tb.do(chromedp.ScrollIntoView(css(selector)), chromedp.Click(css(selector)))
	tb.wait(then)
}

// loaded waits until the page is all there: what is found in one that is not may be
// another thing when it is.
func (tb *tab) loaded() {
	tb.Helper()
	for {
		state, _ := chromedp.Run(tb.ctx, chromedp.Evaluate[string](`document.readyState`))
		if state == "complete" {
			return
		}
		select {
		case <-tb.ctx.Done():
			tb.Fatalf("the page stays %q: %s", state, tb.last())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// sound fails if the browser or the check of accessibility has found a fault.
func (tb *tab) sound(about string) {
	tb.Helper()
	check, err := os.ReadFile("testdata/accessible.js")
	if err != nil {
		tb.Fatal(err)
	}
	for _, found := range eval[[]string](tb, string(check)) {
		tb.Errorf("%s: %s", about, found)
	}
	tb.axe(about)
	tb.mu.Lock()
	defer tb.mu.Unlock()
	for _, found := range tb.faults {
		tb.Errorf("%s: the browser says: %s", about, found)
	}
	tb.faults = nil
}

// axe lets axe-core look, too, if FBGATE_AXE names its axe.min.js: it is not part of the
// repository.
func (tb *tab) axe(about string) {
	tb.Helper()
	file := os.Getenv("FBGATE_AXE")
	if file == "" {
		return
	}
	library, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	eval[bool](tb, string(library)+"; true")
	for _, found := range eval[[]string](tb, `axe.run(document, {resultTypes: ["violations"]}).then((r) =>
		r.violations.flatMap((v) => v.nodes.map((n) => v.impact + " " + v.id + ": " + n.failureSummary + " " + n.html.slice(0, 200))))`) {
		tb.Errorf("%s: axe: %s", about, found)
	}
}

// picture keeps what the page looks like, all of it or what the screen shows, with -update.
func (tb *tab) picture(name string, whole bool) {
	tb.Helper()
	if !*update {
		return
	}
	if whole {
		height := eval[int64](tb, `document.documentElement.scrollHeight`)
		tb.do(chromedp.EmulateViewport(eval[int64](tb, `innerWidth`), min(height, 1400)))
	}
	content, err := chromedp.Run(tb.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		tb.Fatal(err)
	}
	keepPicture(tb.T, name, content)
}

func (tb *tab) theme(name string) {
	tb.Helper()
	call(tb, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

const attendees = "mary@contoso.com\njoe@contoso.com\npilar@fabrikam.com\nnobody@contoso.com"

// views are the pages as operators see them.
func views() map[string]string {
	return map[string]string{
		"overview": "/ui/", "availability": ask("who", attendees, "days", "2", "interval", "30"), "lookups": "/ui/lookups", "lookup": "/ui/lookups/22",
		"cache": "/ui/cache", "entry": "/ui/cache/entry?mailbox=mary@contoso.com", "doctor": "/ui/doctor?mailbox=nobody@contoso.com", "configuration": "/ui/configuration",
		"problem": "/ui/nowhere",
	}
}

// kept are those of which the handbook has a picture: all of them once, one at night, and
// one on a phone.
func kept(name string, screen size, theme string) bool {
	switch {
	case screen == desktop && theme == "light":
		return name != "problem"
	case screen == desktop:
		return name == "overview"
	}
	return theme == "light" && name == "availability"
}

// Every page can be used by everybody, on a small and an old screen, by day and by night.
func TestPagesAreAccessible(t *testing.T) {
	for _, screen := range []size{desktop, phone} {
		for _, theme := range []string{"light", "dark"} {
			t.Run(screen.name+" "+theme, func(t *testing.T) {
				tb := open(t, newWorld(t, nil), screen)
				tb.theme(theme)
				for name, path := range views() {
					tb.visit(path)
					if name == "problem" { // which the browser remarks on
						tb.forgive()
					}
					if name == "doctor" {
						tb.press("button.main", "It fails at authentication")
					}
					eval[bool](tb, `document.querySelectorAll("details").forEach((d) => d.open = true), true`)
					tb.sound(name)
					eval[bool](tb, `document.querySelectorAll("details").forEach((d) => d.open = false), true`)
					if kept(name, screen, theme) {
						file := name
						if theme == "dark" {
							file += "-dark"
						}
						if screen == phone {
							file += "-phone"
						}
						tb.picture(file, true)
						tb.do(chromedp.EmulateViewport(screen.width, screen.height))
					}
				}
			})
		}
	}
}

// With keys alone the first thing one comes to leads past the navigation, and everything
// that can be used shows that it has the focus.
func TestKeys(t *testing.T) {
	tb := open(t, newWorld(t, nil), desktop)
	tb.visit("/ui/cache")
	tb.do(chromedp.KeyEvent("\t"))
	if got := eval[string](tb, `document.activeElement.textContent`); got != "Skip to the content" {
		t.Errorf("the first is %q", got)
	}
	for i := range 5 {
		// It may take a frame or two to be drawn.
		const seen = `(() => { const e = document.activeElement, s = getComputedStyle(e), b = e.getBoundingClientRect(); return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 && b.bottom > 0 })()`
		visible := eval[bool](tb, seen)
		for try := 0; !visible && try < 100; try++ {
			tb.do(chromedp.Sleep(20 * time.Millisecond))
			visible = eval[bool](tb, seen)
		}
		if !visible {
			t.Errorf("after %d tabs the focus is not to be seen: %s", i+1, eval[string](tb, `document.activeElement.outerHTML`))
		}
		tb.do(chromedp.KeyEvent("\t"))
	}
}

func TestSignInWithABrowser(t *testing.T) {
	for _, screen := range []size{desktop, phone} {
		tb := open(t, newWorld(t, withToken), screen)
		tb.visit("/ui/cache?order=expiry")
		tb.wait("Sign in")
		tb.sound("sign-in")
		tb.do(chromedp.SendKeys(css("#token"), secret+"\r"))
		tb.wait("mary@contoso.com")
		if at := eval[string](tb, `location.pathname + location.search`); at != "/ui/cache?order=expiry" {
			t.Errorf("led to %s", at)
		}
		if seen := eval[string](tb, `document.cookie`); seen != "" {
			t.Errorf("scripts see %s", seen)
		}
		tb.sound("signed in")
		tb.press(".out button", "Sign in")
		tb.visit("/ui/")
		tb.wait("It stands in the file")
	}
}

// Who has a name signs in by it, with scripts and without, on any screen.
func TestSignInByNameWithABrowser(t *testing.T) {
	for _, screen := range []size{desktop, phone} {
		for _, scripts := range []bool{true, false} {
			tb := open(t, newWorld(t, func(c *admin.Config) { withToken(c); withPeople(c) }), screen)
			about := fmt.Sprintf("sign-in, %s, scripts: %v", screen.name, scripts)
			if !scripts {
				call(tb, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			}
			tb.visit("/ui/cache?order=expiry")
			tb.wait("With your name")
			tb.wait("With the token")
			if scripts {
				tb.sound(about)
				if screen == desktop {
					tb.picture("sign-in", false)
				}
				// Side by side where there is room.
				beside := eval[bool](tb, `document.querySelector("#by-name").getBoundingClientRect().top === document.querySelector("#by-token").getBoundingClientRect().top`)
				if beside != (screen == desktop) {
					t.Errorf("%s: side by side: %v", about, beside)
				}
			}
			tb.do(chromedp.SendKeys(css("#username"), "mary"), chromedp.SendKeys(css("#password"), "guess\r"))
			tb.wait("The name or the password is wrong.")
			tb.forgive() // the status
			if scripts {
				tb.sound(about + ", wrong")
			}
			tb.loaded()
			tb.do(chromedp.SendKeys(css("#password"), "secret\r")) // the name is still there
			tb.wait("pilar@fabrikam.com")
			tb.wait("mary")
			if scripts {
				if at := eval[string](tb, `location.pathname + location.search`); at != "/ui/cache?order=expiry" {
					t.Errorf("led to %s", at)
				}
				if got := eval[string](tb, `document.querySelector(".operator").textContent`); got != "Signed in as mary" {
					t.Errorf("the head says %q", got)
				}
				tb.sound(about + ", signed in")
			}
			tb.press(".out button", "With your name")
			tb.do(chromedp.SendKeys(css("#token"), secret+"\r"))
			tb.wait("by the token")
		}
	}
}

// forgive forgets what the browser has found so far.
func (tb *tab) forgive() {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.faults = nil
}

// journey is what an operator does, which has to work without scripts as well.
func journey(tb *tab, w *world) {
	tb.visit("/ui/")
	tb.wait("Overview")
	tb.wait("fabrikam")
	tb.press(`nav a[href="/ui/availability"]`, "Attendees")
	tb.loaded()
	tb.do(chromedp.SendKeys(css("#who"), "mary@contoso.com, nobody@contoso.com"))
	tb.press("button.main", "All Attendees")
	tb.wait("unknown-mailbox")
	tb.press(`nav a[href="/ui/cache"]`, "of 4 mailboxes")
	tb.loaded()
	tb.do(chromedp.SendKeys(css("#matching"), "pilar"))
	tb.press("button.main", "1 of 4 mailboxes")
	tb.press(`tbody a`, "Half hours in UTC")
	tb.press(`main form button`, "cache flushed: pilar@fabrikam.com, 1 mailbox")
	tb.loaded()
	tb.do(chromedp.SendKeys(css("#flush-organization"), "contoso"))
	tb.press(`button[formaction]`, "cache refreshed: contoso, 3 mailboxes")
	tb.loaded()
	tb.do(chromedp.Click(css("#everything")))
	tb.press(`button.danger`, "cache flushed: everything, 3 mailboxes")
	tb.press(`nav a[href="/ui/lookups"]`, "No.")
	tb.press(`tbody th a`, "What was told, and why")
	tb.press(`nav a[href="/ui/doctor"]`, "hop by hop")
	tb.loaded()
	tb.do(chromedp.SendKeys(css("#mailbox"), "mary@contoso.com"))
	tb.press("button.main", "Everything works. 7 hops")
	tb.press(`nav a[href="/ui/configuration"]`, "A reload would change this")
	tb.press(`main form button`, "configuration reloaded: /etc/fbgate/fbgate.yaml")
	tb.wait("The file says what is in force")
	if len(w.config.Changes.Last()) != 4 {
		tb.Errorf("%+v", w.config.Changes.Last())
	}
}

func withChanges(c *admin.Config) { c.Changes = new(admin.Changes) }

func TestJourney(t *testing.T) {
	for _, screen := range []size{desktop, phone} {
		t.Run(screen.name, func(t *testing.T) {
			w := newWorld(t, withChanges)
			tb := open(t, w, screen)
			journey(tb, w)
			tb.sound("the end")
		})
	}
}

func TestJourneyWithoutScripts(t *testing.T) {
	w := newWorld(t, withChanges)
	tb := open(t, w, desktop)
	call(tb, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	tb.visit("/ui/")
	if strings.Contains(tb.text(), "Pause refreshing") {
		t.Fatal("scripts run")
	}
	journey(tb, w)
}

// working counts what tells that the doctor is at work and can be seen.
const working = `[...document.querySelectorAll("progress, .pending")].filter((e) => e.checkVisibility()).length`

// What the doctor has found is there while he goes on, with scripts and without.
func TestDoctorTellsAsHeGoes(t *testing.T) {
	for _, scripts := range []bool{true, false} {
		t.Run(fmt.Sprintf("scripts %v", scripts), func(t *testing.T) {
			w := newWorld(t, nil)
			w.hops = make(chan bool)
			tb := open(t, w, desktop)
			if !scripts {
				call(tb, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
			}
			tb.visit("/ui/doctor")
			tb.do(chromedp.SendKeys(css("#mailbox"), "nobody@contoso.com"))
			// Without scripts the click's page is not complete before the doctor is done:
			// nobody waits for that here.
			go func() { _ = chromedp.Do(tb.ctx, chromedp.Click(css("button.main"))) }()
			for i, found := range []string{"the mailbox is there by this address", "organization contoso", "192.0.2.10"} {
				w.hops <- true
				tb.wait(found)
				if n := eval[int](tb, `document.querySelectorAll(".hop").length`); n != i+1 {
					t.Errorf("%d hops are shown after %d", n, i+1)
				}
				if n := eval[int](tb, working); n != 1 {
					t.Errorf("it does not show that it goes on after %d hops", i+1)
				}
			}
			if scripts {
				tb.sound("while the doctor is at work")
				tb.picture("doctor-at-work", false)
			}
			close(w.hops)
			tb.wait("It fails at authentication.")
			for eval[int](tb, working) != 0 { // until the last style sheet is there
			}
			if strings.Contains(eval[string](tb, `document.body.innerHTML`), "<script>alert") {
				t.Error("what a server says is taken for a part of the page")
			}
		})
	}
}

// The list of lookups grows by itself, unless it is told not to.
func TestRefresh(t *testing.T) {
	w := newWorld(t, nil)
	tb := open(t, w, desktop)
	tb.visit("/ui/lookups")
	tb.wait("Pause refreshing")
	w.lookups.Add(question(24))
	tb.wait("\n25\t")
	tb.sound("refreshed")
	tb.press("[type=button]", "Paused.")
	tb.do(chromedp.Click(css("h1")))
	w.lookups.Add(question(25))
	tb.press("[type=button]", "Pause refreshing")
	tb.wait("\n26\t")
}

// A gateway with nothing in it, and one with very much of everything, look well, too.
func TestExtremes(t *testing.T) {
	long := availability.Mailbox(strings.Repeat("a-very-long-name-", 12) + "@" + strings.Repeat("department.", 8) + "contoso.com")
	for name, w := range map[string]*world{
		"nothing": newWorld(t, func(c *admin.Config) { *c = admin.Config{Log: c.Log} }),
		"much": newWorld(t, func(c *admin.Config) {
			many := organizations()
			for i := range 5 {
				o := organizations()[i%3]
				o.Name = fmt.Sprintf("%s-%d-%s", o.Name, i, strings.Repeat("x", 60))
				o.Domains = slices.Repeat([]string{string(long)[len(long)-60:]}, 20)
				many = append(many, o)
			}
			c.Organizations = func() []admin.Organization { return many }
			start := midnight()
			c.Caches["contoso"].Lookup(t.Context(), availability.Query{Mailboxes: []availability.Mailbox{long}, Window: availability.Window{Start: start, End: start.AddDate(0, 0, 42)}, Interval: time.Hour})
			c.Token = nil
		}),
	} {
		for _, screen := range []size{desktop, phone} {
			t.Run(name+" "+screen.name, func(t *testing.T) {
				tb := open(t, w, screen)
				paths := []string{"/ui/", "/ui/cache"}
				if name == "much" {
					paths = append(paths, "/ui/cache/entry?mailbox="+string(long), ask("who", strings.Repeat(string(long)+",", 8), "days", "7", "interval", "5"))
				}
				for _, path := range paths {
					tb.visit(path)
					tb.sound(fmt.Sprintf("%.40s", path))
				}
			})
		}
	}
}

// The check that passes all pages finds what it is there for.
func TestTheCheckFindsFaults(t *testing.T) {
	tb := open(t, newWorld(t, nil), phone)
	check, err := os.ReadFile("testdata/accessible.js")
	if err != nil {
		t.Fatal(err)
	}
	for html, want := range map[string]string{
		`<h5>x</h5>`:                 "leaves out a level",
		`<p id="content"></p>`:       "an id that is there twice",
		`<input>`:                    "no name",
		`<input placeholder="name">`: "no name",
		`<button><span aria-hidden="true">x</span></button>`: "no name",
		`<label for="nothing">x</label>`:                     "names nothing",
		`<a href="#nowhere">x</a>`:                           "leads nowhere",
		`<img src="/ui/static/mark.svg">`:                    "no alt",
		`<p><font color="#999999">x</font></p>`:              "contrast",
		`<table><tr><td>x</td></tr></table>`:                 "a table without headings",
		`<table><tr><th>x</th></tr></table>`:                 "without scope",
		`<p tabindex="3">x</p>`:                              "out of the order of focus",
		"<p>" + strings.Repeat("w", 200) + "</p>":            "the page is",
		`<h1>x</h1>`:  "there should be one h1",
		`<svg></svg>`: "without a role",
	} {
		tb.visit("/ui/cache")
		eval[bool](tb, fmt.Sprintf(`document.querySelector("main").insertAdjacentHTML("beforeend", %q), true`, html))
		if found := eval[[]string](tb, string(check)); !slices.ContainsFunc(found, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("%s: %q", html, found)
		}
	}
}
