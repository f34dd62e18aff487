// Package authtest is the server's side of Windows authentication over HTTP, for
// tests of clients. It shares no code with the client's side.
package authtest

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Verifier is the server's side of NTLM itself, for one handshake after the other.
type Verifier interface {
	// Challenge begins a handshake, whatever became of the one before, and
	// answers a NEGOTIATE message.
	Challenge(negotiate []byte) (challenge []byte, err error)
	// Authenticate ends the handshake. It returns who the client is, or an error
	// if it is not that.
	Authenticate(authenticate []byte) (user string, err error)
}

// Handler lets a request pass to another handler if its connection has been
// authenticated by NTLM, as IIS does. Make one with [NTLM], and set the
// http.Server's ConnContext to the method of that name.
type Handler struct {
	// Schemes are the names of NTLM that a 401 offers; nil is Negotiate and NTLM,
	// as Exchange has it. The messages are those of NTLM under either.
	Schemes []string

	next  http.Handler
	start func() (Verifier, error)

	mu     sync.Mutex
	idle   []Verifier
	counts Counts
}

// Counts are what a [Handler] has seen.
type Counts struct {
	Requests    int // all of them
	Connections int
	Challenges  int // sent
	Accepted    int // handshakes that proved who the client is
	Refused     int // handshakes that did not
}

// NTLM returns a Handler. It calls start when it needs one more Verifier, for as many
// handshakes as there are at once. A handshake that is broken off on a connection
// keeps its Verifier.
func NTLM(next http.Handler, start func() (Verifier, error)) *Handler {
	return &Handler{next: next, start: start}
}

// connection is what the server knows of one. Its requests come one by one.
type connection struct {
	user  string
	begun Verifier // of a handshake under way
}

type contextKey struct{}

// ConnContext is the ConnContext of the http.Server that serves the Handler.
func (h *Handler) ConnContext(ctx context.Context, _ net.Conn) context.Context {
	h.count(func(c *Counts) { c.Connections++ })
	return context.WithValue(ctx, contextKey{}, &connection{})
}

// User returns as whom the request's connection was authenticated.
func User(r *http.Request) string {
	if c, ok := r.Context().Value(contextKey{}).(*connection); ok {
		return c.user
	}
	return ""
}

// Counts returns what has been seen until now.
func (h *Handler) Counts() Counts {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.counts
}

func (h *Handler) count(change func(*Counts)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(&h.counts)
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.count(func(c *Counts) { c.Requests++ })
	conn, ok := r.Context().Value(contextKey{}).(*connection)
	if !ok {
		http.Error(w, "authtest: http.Server.ConnContext is not the Handler's", http.StatusInternalServerError)
		return
	}
	scheme, token, proof := strings.Cut(r.Header.Get("Authorization"), " ")
	switch message, err := base64.StdEncoding.DecodeString(token); {
	case !proof && conn.user != "":
		h.next.ServeHTTP(w, r)
	case err != nil || len(message) < 12:
		h.refuse(w, "")
	case message[8] == 1:
		h.challenge(w, conn, scheme, message)
	case message[8] == 3 && conn.begun != nil:
		h.authenticate(w, r, conn, message)
	default:
		h.refuse(w, "")
	}
}

// challenge begins a handshake; the connection is nobody's until it ends.
func (h *Handler) challenge(w http.ResponseWriter, conn *connection, scheme string, message []byte) {
	conn.user = ""
	verifier, err := conn.begun, error(nil)
	if verifier == nil {
		verifier, err = h.borrow()
	}
	if err == nil {
		conn.begun = verifier
		message, err = verifier.Challenge(message)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h.count(func(c *Counts) { c.Challenges++ })
	h.refuse(w, scheme+" "+base64.StdEncoding.EncodeToString(message))
}

func (h *Handler) authenticate(w http.ResponseWriter, r *http.Request, conn *connection, message []byte) {
	user, err := conn.begun.Authenticate(message)
	h.giveBack(conn.begun)
	conn.begun = nil
	if err != nil {
		h.count(func(c *Counts) { c.Refused++ })
		h.refuse(w, "")
		return
	}
	h.count(func(c *Counts) { c.Accepted++ })
	conn.user = user
	h.next.ServeHTTP(w, r)
}

func (h *Handler) borrow() (Verifier, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if last := len(h.idle) - 1; last >= 0 {
		verifier := h.idle[last]
		h.idle = h.idle[:last]
		return verifier, nil
	}
	return h.start()
}

func (h *Handler) giveBack(verifier Verifier) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.idle = append(h.idle, verifier)
}

// refuse answers 401 with a challenge or, if there is none, with what the server
// takes.
func (h *Handler) refuse(w http.ResponseWriter, challenge string) {
	header := w.Header()
	switch {
	case challenge != "":
		header.Set("WWW-Authenticate", challenge)
	case h.Schemes == nil:
		header["Www-Authenticate"] = []string{"Negotiate", "NTLM"}
	default:
		header["Www-Authenticate"] = h.Schemes
	}
	header.Set("Content-Type", "text/html")
	header.Set("Content-Length", strconv.Itoa(len(refusal)))
	w.WriteHeader(http.StatusUnauthorized)
	fmt.Fprint(w, refusal)
}

// refusal is as long as the page that IIS sends with a 401, 1293 bytes. Clients
// that leave it unread lose the connection, and with it their authentication.
var refusal = func() string {
	const head, foot = "<html><head><title>401 - Unauthorized: Access is denied due to invalid credentials.</title></head><body>\r\n", "</body></html>\r\n"
	return head + strings.Repeat(" ", 1293-len(head)-len(foot)) + foot
}()
