package credential

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"

	"fbgate/availability"
)

// defaultConnections is how many connections an NTLM account has if it does not say.
const defaultConnections = 5

// NTLM is NTLM over HTTP ([MS-NTHT]), as Integrated Windows authentication has it
// where there is no Kerberos. Only NTLMv2 is sent, with the channel binding that
// Extended Protection asks for where the server is reached by TLS.
type NTLM struct {
	// Username is DOMAIN\user, or user@domain (a user principal name), or a bare
	// user name, which the server looks up where it likes.
	Username string
	Password Secret
	// Connections is how many requests are under way at once to all hosts
	// together; 0 means 5. NTLM authenticates a connection, not a request, and
	// each connection serves one request at a time, from its first byte until the
	// response's body is closed or read to its end. Further requests wait for
	// that as long as their context lets them.
	Connections int
}

var _ Kind = NTLM{}

func (n NTLM) account() string         { return n.Username }
func (n NTLM) secret() (string, error) { return n.Password() }

func (n NTLM) prove(connect Connect) http.RoundTripper {
	most := n.Connections
	if most <= 0 {
		most = defaultConnections
	}
	pool := newLanes(most, connect)
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		body, err := replayable(r)
		if err != nil {
			return nil, err
		}
		password, err := n.Password()
		if err != nil {
			return nil, unreadable(n, err)
		}
		host := origin(r.URL)
		lane, err := pool.take(r.Context(), host)
		if err != nil {
			return nil, err
		}
		handedOn := false
		defer func() {
			if !handedOn {
				clear(lane.ready) // its connection is gone, or in an unknown state
				pool.give(lane)
			}
		}()
		response, err := (&ntlmCall{
			lane: lane, schemes: &pool.schemes, host: host, request: r, body: body,
			username: n.Username, password: password, secret: sha256.Sum256([]byte(password)),
		}).roundTrip()
		if err != nil {
			return nil, err
		}
		handedOn = true
		response.Request = r // not the one that holds the proof
		release(response, func(whole bool) {
			if !whole {
				delete(lane.ready, host)
			}
			pool.give(lane)
		})
		return response, nil
	})
}

// origin names the server of a URL.
func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// misbehaved returns the Reason for a server that does not keep to the protocol.
func misbehaved(host, format string, args ...any) *availability.Reason {
	return &availability.Reason{
		Code:   availability.BadResponse,
		Detail: "NTLM with " + host + ": " + fmt.Sprintf(format, args...),
		Scope:  availability.OfServer,
	}
}
