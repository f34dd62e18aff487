package credential

import (
	"encoding/base64"
	"net"
	"net/http"
	"strings"

	"github.com/Azure/go-ntlmssp"

	"fbgate/availability"
)

// handshake authenticates a connection and sends the request over it:
//
//	NEGOTIATE, no body  →  401, CHALLENGE
//	AUTHENTICATE, body  →  the answer
//
// The first message goes out unasked: asking without one would only bring a 401.
// It has no body, as the server would read it for nothing.
func (c *ntlmCall) handshake() (*http.Response, error) {
	schemes := c.schemes.of(c.host)
	for i, scheme := range schemes {
		response, conn, err := c.negotiate(scheme)
		if err != nil {
			return nil, err
		}
		if response.StatusCode != http.StatusUnauthorized {
			return c.unasked(response)
		}
		token, offered := findToken(response.Header, scheme)
		if token != "" {
			c.schemes.learn(c.host, scheme)
			return c.authenticate(scheme, token, response, conn)
		}
		if _, other := findToken(response.Header, schemes[1-i]); other {
			continue
		}
		if offered {
			break
		}
		return response, nil // it takes neither
	}
	return nil, misbehaved(c.host, "it offers NTLM or Negotiate, but sends no challenge of NTLM: it may take Kerberos only")
}

// negotiate sends the NEGOTIATE message and drains what comes, so that the same
// connection can carry the next one.
func (c *ntlmCall) negotiate(scheme string) (*http.Response, net.Conn, error) {
	message, err := negotiateMessage()
	if err != nil {
		return nil, nil, err
	}
	r := c.request.Clone(c.request.Context())
	r.Close = false // not after this message
	r.Header.Del("Connection")
	r.Header.Del("Expect")
	r.Header["Idempotency-Key"] = nil // is not sent: lets the transport replace a stale connection
	r.Header.Set("Authorization", scheme+" "+base64.StdEncoding.EncodeToString(message))
	response, conn, err := c.send(r, replay{})
	if err != nil {
		return nil, nil, err
	}
	whole, err := drain(response)
	switch {
	case err != nil && c.done():
		return nil, nil, err
	case err != nil:
		return nil, nil, lostConnection{err}
	case !whole && response.StatusCode == http.StatusUnauthorized:
		return nil, nil, misbehaved(c.host, "its 401 is longer than %d bytes", maxRefusalBody)
	}
	return response, conn, nil
}

// unasked sends the request to a server that did not answer the NEGOTIATE message
// with 401: it asks nobody who they are, or not now.
func (c *ntlmCall) unasked(first *http.Response) (*http.Response, error) {
	response, err := c.plain()
	if err == nil && wantsNTLM(response) {
		response.Body.Close()
		// Not a refusal of the account, which it has not seen.
		return nil, lostConnection{misbehaved(c.host, "it answers the NEGOTIATE message with HTTP %d, and the request without it with 401", first.StatusCode)}
	}
	return response, err
}

// authenticate answers the challenge that came over conn, with the request.
func (c *ntlmCall) authenticate(scheme, token string, challenged *http.Response, conn net.Conn) (*http.Response, error) {
	message, err := c.answer(token, challenged)
	if err != nil {
		return nil, err
	}
	if challenged.Close {
		return nil, lostConnection{misbehaved(c.host, "the connection is closed after the challenge, so that it cannot be answered")}
	}
	r := c.request.Clone(c.request.Context())
	r.Header.Set("Authorization", scheme+" "+base64.StdEncoding.EncodeToString(message))
	response, used, err := c.send(r, c.body)
	switch {
	case err != nil && used != nil && !c.done() && !timedOut(err):
		return nil, lostConnection{&availability.Reason{
			Code:   availability.Unreachable,
			Detail: "NTLM with " + c.host + ": the connection broke after the challenge: " + err.Error(),
			Scope:  availability.OfServer, Again: true,
		}}
	case err != nil:
		return nil, err
	case used != conn && response.StatusCode == http.StatusUnauthorized:
		// The server saw an answer to a challenge that it had not sent.
		response.Body.Close()
		return nil, lostConnection{misbehaved(c.host, "the connection broke after the challenge, and another took its place")}
	}
	if used == conn {
		c.remember(conn, response)
	}
	return response, nil
}

// answer returns the AUTHENTICATE message for a challenge in base64.
func (c *ntlmCall) answer(token string, challenged *http.Response) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return nil, misbehaved(c.host, "its challenge is not base64: %.200q", token)
	}
	challenge, err := parseChallenge(raw)
	if err != nil {
		return nil, misbehaved(c.host, "%v", err)
	}
	challenge.set(avChannelBindings, channelBinding(challenged.TLS))
	challenge.set(avTargetName, utf16le("HTTP/"+c.request.URL.Hostname()))
	message, err := ntlmssp.NewAuthenticateMessage(challenge.marshal(), c.username, c.password, nil)
	if err != nil {
		reason := availability.Because(availability.CredentialFailed, "NTLM of %s with %s: %v", c.username, c.host, err)
		reason.Scope = availability.OfServer
		return nil, reason
	}
	return message, nil
}

// wantsNTLM reports whether a response is a 401 that a handshake may turn.
func wantsNTLM(response *http.Response) bool {
	_, ntlm := findToken(response.Header, "NTLM")
	_, negotiate := findToken(response.Header, "Negotiate")
	return response.StatusCode == http.StatusUnauthorized && (ntlm || negotiate)
}

// findToken returns what a 401 says for a scheme, and whether it names it at all.
// Proxies join several challenges with commas, which base64 does not have.
func findToken(header http.Header, scheme string) (token string, offered bool) {
	for _, line := range header.Values("WWW-Authenticate") {
		for challenge := range strings.SplitSeq(line, ",") {
			name, rest, _ := strings.Cut(strings.TrimSpace(challenge), " ")
			if !strings.EqualFold(name, scheme) {
				continue
			}
			offered = true
			if rest = strings.TrimSpace(rest); rest != "" {
				return rest, true
			}
		}
	}
	return "", offered
}
