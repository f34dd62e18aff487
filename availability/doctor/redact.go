package doctor

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// String returns everything that was seen, without what is nobody's business: what
// proves who somebody is, wherever it comes back, and what appointments are about.
func (t *Trace) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b strings.Builder
	for i, e := range t.exchanges[:min(len(t.exchanges), mostExchanges)] {
		took := "not over"
		if !e.end.IsZero() {
			took = e.end.Sub(e.begun).Round(time.Microsecond).String()
		}
		fmt.Fprintf(&b, "=== %d, %s, %s\n>>> %s\n<<< %s\n", i+1, e.begun.UTC().Format(time.RFC3339Nano), took, e.request, e.text())
	}
	if more := len(t.exchanges) - mostExchanges; more > 0 {
		fmt.Fprintf(&b, "=== and %d more\n", more)
	}
	return t.withoutSecrets().Replace(b.String())
}

// shortest is how long a secret is at least that is looked for in all that was said:
// without one that is shorter, too little would be left to read.
const shortest = 4

// withoutSecrets takes out secrets in the ways they may be written, the longest first.
func (t *Trace) withoutSecrets() *strings.Replacer {
	forms := make(map[string]bool)
	for secret := range t.secrets {
		for _, form := range []string{secret, html.EscapeString(secret), url.QueryEscape(secret), url.PathEscape(secret)} {
			if len(form) >= shortest {
				forms[form] = true
			}
		}
	}
	sorted := slices.SortedFunc(maps.Keys(forms), func(a, b string) int {
		return cmp.Or(len(b)-len(a), strings.Compare(a, b))
	})
	var pairs []string
	for _, form := range sorted {
		pairs = append(pairs, form, "…")
	}
	return strings.NewReplacer(pairs...)
}

// requestText returns a request as it is shown, and the secrets in it.
func requestText(r *http.Request) (text string, secrets []string) {
	text = r.Method + " " + r.URL.Redacted() + "\n" + headers(r.Header)
	if _, proof, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		secrets = append(secrets, proof)
	}
	if _, password, ok := r.BasicAuth(); ok {
		secrets = append(secrets, password)
	}
	if r.GetBody == nil {
		return text, secrets
	}
	body, err := r.GetBody()
	if err != nil {
		return text, secrets
	}
	defer body.Close()
	content, _ := io.ReadAll(io.LimitReader(body, mostBody))
	if !isForm(r.Header) {
		return text + "\n" + hide(content) + "\n", secrets
	}
	form, _ := url.ParseQuery(string(content)) // what can be read of it
	for _, name := range []string{"client_secret", "client_assertion"} {
		if form.Has(name) {
			secrets = append(secrets, form.Get(name))
		}
	}
	return text + "\n…\n", secrets
}

// text is the response as it is shown.
func (e *exchange) text() string {
	switch {
	case e.response == "":
		return "nothing yet\n"
	case e.length == 0:
		return e.response
	case e.token:
		return e.response + "\n" + tokenError.FindString(string(e.body)) + "…\n"
	}
	text := e.response + "\n" + hide(e.body) + "\n"
	if more := e.length - len(e.body); more > 0 {
		text += fmt.Sprintf("… and %d bytes more\n", more)
	}
	return text
}

// tokenError is all that is shown of what a token endpoint answers: everything else
// may be a token or repeat a secret.
var tokenError = regexp.MustCompile(`"error"\s*:\s*"[a-z_]{1,50}"`)

// secretHeader are the names of headers that prove who somebody is.
var secretHeader = regexp.MustCompile(`(?i)auth|cookie|token|secret|session|passw|signature|key`)

// scheme is the word that such a header may begin with.
var scheme = regexp.MustCompile(`^(?i:Basic|Bearer|Digest|Negotiate|NTLM|Kerberos)\b`)

func headers(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			switch {
			case secretHeader.MatchString(name):
				value = strings.TrimSpace(scheme.FindString(value) + " …")
			case name == "Location":
				if before, _, ok := strings.Cut(value, "?"); ok {
					value = before + "?…"
				}
			}
			fmt.Fprintf(&b, "%.100s: %.500s\n", name, value)
		}
	}
	return b.String()
}

// confidential are what bodies may hold that is nobody's business: tokens, and what
// appointments are about, to the end of a body that was cut off there.
var confidential = regexp.MustCompile(`(?s)("(?:access|refresh|id)_token"\s*:\s*")[^"]*` +
	`|(<(?:[\w.-]+:)?CalendarEventDetails\b[^>]*>).*?(</(?:[\w.-]+:)?CalendarEventDetails\s*>|$)` +
	`|(<(?:[\w.-]+:)?(?:Subject|Location|ID)\b[^>]*>).*?(</(?:[\w.-]+:)?(?:Subject|Location|ID)\s*>|$)`)

// hide returns a body as it is shown.
func hide(body []byte) string {
	if slices.Contains(body, 0) {
		return "… is not text"
	}
	return confidential.ReplaceAllString(strings.ToValidUTF8(string(body), "\ufffd"), "$1$2$4…$3$5")
}
