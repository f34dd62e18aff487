package passthrough

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Matches reports whether a request is for one of the Paths.
func (h *Handler) Matches(r *http.Request) bool { return h.holds(r.URL.Path) }

func (h *Handler) holds(target string) bool {
	got := segments(target)
	for _, path := range h.paths {
		if len(path) == 0 {
			return true
		}
		if len(got) >= len(path) && slices.EqualFunc(got[:len(path)], path, strings.EqualFold) {
			return !climbs(target)
		}
	}
	return false
}

// segments splits a path at its slashes, however many there are.
func segments(path string) []string {
	return strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
}

// climbs reports whether a server could take a path for one outside the folder it
// begins with: "/public/../exchange". It is no access control, which only the server
// has; but nobody who was promised /public should come upon more by accident.
func climbs(path string) bool {
	for range 3 { // some servers decode more than once
		for segment := range strings.FieldsFuncSeq(path, func(c rune) bool { return c == '/' || c == '\\' }) {
			if segment == ".." {
				return true
			}
		}
		again, err := url.PathUnescape(path)
		if err != nil || again == path {
			return false
		}
		path = again
	}
	return true
}

// targetOf returns the URL whose RequestURI is what the client wrote, byte for byte,
// but for the host that a client of a forward proxy writes in front.
func targetOf(r *http.Request, server *url.URL) *url.URL {
	raw := r.RequestURI
	if !strings.HasPrefix(raw, "/") && raw != "*" {
		_, raw, _ = strings.Cut(raw, "://")
		slash := strings.IndexAny(raw, "/?")
		switch {
		case slash < 0:
			raw = "/"
		case raw[slash] == '?':
			raw = "/" + raw[slash:]
		default:
			raw = raw[slash:]
		}
	}
	out := &url.URL{Scheme: server.Scheme, Host: server.Host}
	if !strings.HasPrefix(raw, "//") {
		out.Opaque = raw
		return out
	}
	// Opaque would be taken for one that begins with a host. RawPath does as well,
	// unless there are characters in it that should have been escaped; then the host
	// is written, as every server has to take it (RFC 9112, 3.2.2).
	path, query, asked := strings.Cut(raw, "?")
	decoded, err := url.PathUnescape(path)
	out.Path, out.RawPath, out.RawQuery, out.ForceQuery = decoded, path, query, asked
	if err != nil || out.RequestURI() != raw {
		return &url.URL{Scheme: server.Scheme, Host: server.Host, Opaque: "//" + server.Host + raw}
	}
	return out
}
