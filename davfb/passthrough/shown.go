package passthrough

import (
	"bytes"
	"encoding/base64"
	"net"
	"net/http"
	"strings"
)

// proof is what the server has made of what the client has shown on a connection.
type proof struct {
	bound bool   // an Authorization for all of the connection has been sent
	begun string // the request that the server has just answered by a step of a log-in, "" if it has not
	ntlm  bool   // that step is NTLM's
	shown string // the Authorization by which it has accepted the connection, if that is known
}

// note keeps what the answer to a request tells of whose the connection is, and returns
// the Authorization by which that is known. Accepted is that the server has taken whoever
// sent the request for somebody. A cookie changes nothing: who sends it has proven on
// this very connection who they are, and Ask looks at what it may be by itself.
func (l *link) note(sent *http.Request, answer *http.Response, accepted bool) (shown string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	authorization := sent.Header["Authorization"]
	begun, ntlm := l.begun == line(sent), l.ntlm
	l.begun, l.ntlm = "", false
	switch {
	case len(authorization) == 0:
		if !accepted {
			l.shown = ""
		}
	case len(authorization) > 1 || !ofConnection(authorization[0]):
		l.bound = l.bound || len(authorization) > 1
		l.shown = ""
	default:
		l.bound, l.shown = true, ""
		switch {
		case answer.StatusCode == http.StatusUnauthorized:
			var step bool
			if step, l.ntlm = challenges(answer.Header); step {
				l.begun = line(sent)
			}
		case !accepted:
		case !hasSteps(authorization[0]), begun && ntlm:
			l.shown = authorization[0]
		case begun: // by Kerberos, of which what looks like NTLM's end is no part
			l.shown, _, _ = strings.Cut(authorization[0], " ")
		}
		// Otherwise it is the end of a handshake that proves nothing: unasked, or where
		// something else is asked for than what the server wanted a log-in for, which
		// may be for everybody.
	}
	return l.shown
}

// line is what a request asks for.
func line(r *http.Request) string { return r.Method + " " + r.Host + " " + r.URL.String() }

// challenges reports whether an answer holds a step of a log-in, rather than the wish for
// one, and whether that is NTLM's CHALLENGE_MESSAGE ([MS-NLMP] 2.2.1.2), be it in SPNEGO.
func challenges(header http.Header) (step, ntlm bool) {
	for _, value := range header["Www-Authenticate"] {
		for way := range strings.SplitSeq(value, ",") {
			way = strings.TrimSpace(way)
			_, token, _ := strings.Cut(way, " ")
			if token = strings.TrimSpace(token); !ofConnection(way) || token == "" {
				continue
			}
			step = true
			message, err := base64.StdEncoding.DecodeString(token)
			ntlm = ntlm || err == nil && bytes.Contains(message, []byte("NTLMSSP\x00\x02\x00\x00\x00"))
		}
	}
	return step, ntlm
}

// prepare makes sure that the server judges what a request shows by that alone, and not
// by what has been made of the connection before, unless it goes on with that. A
// connection that has been authenticated by nobody knows whom is left: whoever it is can
// log in anew, rather than have no name. It returns by what the connection is known.
func (l *link) prepare(asked *http.Request) (shown string) {
	authorization := asked.Header.Get("Authorization")
	l.mu.Lock()
	shown = l.shown
	var stays bool
	switch {
	case authorization == "":
		stays = shown != ""
	case ofConnection(authorization):
		stays = l.begun == line(asked) || !hasSteps(authorization) && shown != "" && !hasSteps(shown)
	}
	l.mu.Unlock()
	if !stays {
		l.leave()
		return ""
	}
	return shown
}

// claim notes whose request comes on the connection. A proxy in front may put several
// clients on one: what another one has proven must not serve this one.
func (l *link) claim(r *http.Request) {
	client, _, _ := net.SplitHostPort(r.RemoteAddr)
	l.mu.Lock()
	another := l.claimed && l.owner != client
	l.owner, l.claimed = client, true
	l.mu.Unlock()
	if another {
		l.leave()
	}
}

// noteHandedOn keeps what the answer to a request that was handed on tells. Without an
// Authorization only a 401 says that the server does not know the connection: a 403 or
// a 500 may be about what was asked for.
func (l *link) noteHandedOn(answer *http.Response) {
	sent, status := answer.Request, answer.StatusCode // what was sent counts: "Connection: Authorization" takes that field away
	accepted := status < 400 || status == http.StatusNotFound
	if len(sent.Header["Authorization"]) == 0 {
		accepted = status != http.StatusUnauthorized
	}
	l.note(sent, answer, accepted)
}

// ofConnection reports whether an Authorization authenticates a connection rather than
// a request (RFC 4559, 6).
func ofConnection(authorization string) bool {
	scheme, _, _ := strings.Cut(authorization, " ")
	return strings.EqualFold(scheme, "NTLM") || strings.EqualFold(scheme, "Negotiate")
}

// hasSteps reports whether an Authorization that authenticates a connection is one of
// several steps: NTLM by either name, or what follows the first token of SPNEGO. A first
// token, which alone may be the last, is framed as RFC 2743, 3.1 says.
func hasSteps(authorization string) bool {
	scheme, token, _ := strings.Cut(authorization, " ")
	return strings.EqualFold(scheme, "NTLM") || !strings.HasPrefix(strings.TrimSpace(token), framed)
}

// framed is how base64 of a first token of GSS-API begins, whose first byte is 0x60.
const framed = "Y"
