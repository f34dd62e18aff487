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

// TraceHead begins what String returns, if anything was written down.
const TraceHead = "=== "

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
		fmt.Fprintf(&b, TraceHead+"%d, %s, %s\n>>> %s\n<<< %s\n", i+1, e.begun.UTC().Format(time.RFC3339Nano), took, e.requestText(), e.responseText())
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

// secretsOf returns what of a request proves who somebody is. body is its beginning.
func secretsOf(r *http.Request, body []byte) (secrets []string) {
	if _, proof, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		secrets = append(secrets, proof)
	}
	if _, password, ok := r.BasicAuth(); ok {
		secrets = append(secrets, password)
	}
	if !isForm(r.Header) {
		return secrets
	}
	form, _ := url.ParseQuery(string(body)) // what can be read of it
	for _, name := range []string{"client_secret", "client_assertion"} {
		if form.Has(name) {
			secrets = append(secrets, form.Get(name))
		}
	}
	return secrets
}

// bodyOf returns the beginning of a request's body, and leaves the body as it is.
func bodyOf(r *http.Request) []byte {
	if r.GetBody == nil {
		return nil
	}
	body, err := r.GetBody()
	if err != nil {
		return nil
	}
	defer body.Close()
	content, _ := io.ReadAll(io.LimitReader(body, mostBody)) // as much as can be had
	return content
}

// requestText is the request as it is shown.
func (e *exchange) requestText() string {
	switch {
	case len(e.question) == 0:
		return e.request
	case e.token:
		return e.request + "\n…\n"
	}
	return e.request + "\n" + hide(e.question) + "\n"
}

// responseText is the response as it is shown.
func (e *exchange) responseText() string {
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
// appointments are about, to the end of a body that was cut off there. Each begins
// with a letter to look for, which makes it fast.
var confidential = []*regexp.Regexp{
	regexp.MustCompile(`("(?:access|refresh|id)_token"\s*:\s*")[^"]*()`),
	regexp.MustCompile(`(?s)(<(?:[\w.-]+:)?CalendarEventDetails\b[^>]*>).*?(</(?:[\w.-]+:)?CalendarEventDetails\s*>|$)`),
	regexp.MustCompile(`(?s)(<(?:[\w.-]+:)?(?:Subject|Location|ID)\b[^>]*>).*?(</(?:[\w.-]+:)?(?:Subject|Location|ID)\s*>|$)`),
}

// hide returns a body as it is shown.
func hide(body []byte) string {
	if slices.Contains(body, 0) {
		return "… is not text"
	}
	text := strings.ToValidUTF8(string(body), "\ufffd")
	for _, pattern := range confidential {
		text = pattern.ReplaceAllString(text, "$1…$2")
	}
	return text
}
