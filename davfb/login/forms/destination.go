package forms

import (
	"net/http"
	"net/url"
	"strings"
)

// elsewhere is where those go who did not say where to, or had better not.
const elsewhere = "/public/"

// destination returns where on this host a client goes after its log-in, as an absolute
// URL of what it calls this host, base. Whatever is wanted of another host, or read as
// such by any browser, is not: a link to the form could else lead from here to a copy
// of it that keeps passwords.
func (h *Handler) destination(base, wanted string) string {
	target, ok := h.onThisHost(base, wanted)
	if !ok {
		target = elsewhere
	}
	if strings.HasSuffix(base, "://") {
		return target // HTTP/1.0 need not name a host
	}
	return base + target
}

// onThisHost returns path and query of a URL of this host, in which nothing is left to
// guess.
func (h *Handler) onThisHost(base, wanted string) (target string, ok bool) {
	if wanted == "" || len(wanted) > maxDestination || strings.ContainsFunc(wanted, needsEscape) {
		return "", false
	}
	u, err := url.Parse(wanted)
	if err != nil || u.User != nil || u.Opaque != "" {
		return "", false
	}
	if (u.Scheme != "" || u.Host != "") && !strings.EqualFold(u.Scheme+"://"+u.Host, base) {
		return "", false
	}
	path := u.EscapedPath()
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return "", false
	}
	if h.Matches(&http.Request{Method: http.MethodGet, URL: u}) {
		return "", false // from the form to the form
	}
	u.Fragment, u.RawFragment = "", ""
	return u.RequestURI(), true
}

// needsEscape reports what has no place in a URL: browsers drop control characters and
// take a backslash for a slash.
func needsEscape(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune(`\"<>`, c) }
