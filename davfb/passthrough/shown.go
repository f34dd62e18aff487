package passthrough

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// proof is what the server has made of what the client has shown on a connection.
type proof struct {
	bound bool   // an Authorization for all of the connection has been sent
	begun bool   // the server has answered the last one by a challenge
	shown string // the one by which it has accepted the connection, if that is known
}

// note keeps what the answer to a request with this header tells of whose the
// connection is, and returns the Authorization by which that is known. Accepted is that
// the server has taken whoever sent the request for somebody.
func (l *link) note(header http.Header, status int, accepted bool) (shown string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	authorization := header["Authorization"]
	begun := l.begun
	l.begun = false
	switch {
	case len(authorization) == 0:
		if status == http.StatusUnauthorized || !accepted || len(header["Cookie"]) > 0 {
			l.shown = ""
		}
	case len(authorization) > 1 || !ofConnection(authorization[0]):
		l.bound = l.bound || len(authorization) > 1
		l.shown = ""
	default:
		l.bound, l.shown = true, ""
		if accepted && (begun || !isNTLM(authorization[0])) {
			l.shown = authorization[0] // unasked, the end of an NTLM handshake proves nothing
		}
		l.begun = status == http.StatusUnauthorized
	}
	return l.shown
}

// noteHandedOn keeps what the answer to a request that was handed on tells. Without an
// Authorization only a 401 says that the server does not know the connection: a 403 or
// a 500 may be about what was asked for.
func (l *link) noteHandedOn(header http.Header, status int) {
	accepted := status < 400 || status == http.StatusNotFound
	if len(header["Authorization"]) == 0 {
		accepted = status != http.StatusUnauthorized
	}
	l.note(header, status, accepted)
}

// ofConnection reports whether an Authorization authenticates a connection rather than
// a request (RFC 4559, 6).
func ofConnection(authorization string) bool {
	scheme, _, _ := strings.Cut(authorization, " ")
	return strings.EqualFold(scheme, "NTLM") || strings.EqualFold(scheme, "Negotiate")
}

// isNTLM reports whether an Authorization has several steps, by either name.
func isNTLM(authorization string) bool {
	scheme, token, _ := strings.Cut(authorization, " ")
	return strings.EqualFold(scheme, "NTLM") || strings.HasPrefix(strings.TrimSpace(token), ntlmBegin)
}

// ntlmBegin is how NTLM's messages begin, which Negotiate may carry as they are.
var ntlmBegin = base64.RawStdEncoding.EncodeToString([]byte("NTLMSS"))
