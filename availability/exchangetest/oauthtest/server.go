// Package oauthtest is a pretend OAuth 2 token endpoint and what tokens protect, for
// tests: strict in what it takes, and with the error texts of Microsoft's.
package oauthtest

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Server is an http.Handler: the token endpoint for one client and the client
// credentials grant. Make it with [New]. The fields may be changed before it serves.
type Server struct {
	// Scope and Resource have to come with each call, just so.
	Scope, Resource string
	// Certificate, unless it is nil, is whose key has to sign an assertion; the secret
	// is not taken then.
	Certificate *x509.Certificate
	// Lifetime is how long tokens hold, default an hour.
	Lifetime time.Duration
	// Respond answers a call instead, if it is not nil and returns true.
	Respond func(http.ResponseWriter, *http.Request) bool

	clientID, secret string

	mu     sync.Mutex
	counts Counts
	tokens map[string]time.Time // and when they end
	seen   map[string]bool      // IDs of assertions
}

// Counts says what a Server has done.
type Counts struct {
	Calls    int // of the token endpoint
	Issued   int // tokens
	Accepted int // requests let through by Protect
	Refused  int // requests refused by Protect
}

var _ http.Handler = (*Server)(nil)

// New returns an endpoint that knows one client.
func New(clientID, secret string) *Server {
	return &Server{clientID: clientID, secret: secret, tokens: make(map[string]time.Time), seen: make(map[string]bool)}
}

// SetSecret changes the client's secret.
func (s *Server) SetSecret(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secret = secret
}

// SetCertificate changes the client's certificate.
func (s *Server) SetCertificate(c *x509.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Certificate = c
}

// Revoke ends all tokens.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// Counts returns what has been done so far.
func (s *Server) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// Protect lets through to next who shows a token that holds, and answers 401 to others.
func (s *Server) Protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.admits(r.Header.Values("Authorization")) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		http.Error(w, "no token", http.StatusUnauthorized)
	})
}

func (s *Server) admits(authorization []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(authorization) == 1 {
		token, is := strings.CutPrefix(authorization[0], "Bearer ")
		if end, known := s.tokens[token]; is && known && time.Now().Before(end) {
			s.counts.Accepted++
			return true
		}
	}
	s.counts.Refused++
	return false
}

// ServeHTTP answers a call of the token endpoint.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.counts.Calls++
	s.mu.Unlock()
	if s.Respond != nil && s.Respond(w, r) {
		return
	}
	if status, code, description := s.check(w, r); code != "" {
		answer(w, status, map[string]any{"error": code, "error_description": description})
		return
	}
	answer(w, http.StatusOK, s.issue())
}

func (s *Server) issue() map[string]any {
	lifetime := s.Lifetime
	if lifetime == 0 {
		lifetime = time.Hour
	}
	token := "token." + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Issued++
	s.tokens[token] = time.Now().Add(lifetime)
	return map[string]any{"token_type": "Bearer", "access_token": token, "expires_in": int(lifetime.Seconds())}
}

// check returns the error of a call, with an empty code if there is none.
func (s *Server) check(w http.ResponseWriter, r *http.Request) (status int, code, description string) {
	refuse := func(why string) (int, string, string) {
		return http.StatusBadRequest, "invalid_request", "AADSTS900144: " + why
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method != http.MethodPost:
		return refuse("the method is " + r.Method)
	case media != "application/x-www-form-urlencoded":
		return refuse("the body is " + media)
	case r.URL.RawQuery != "":
		return refuse("parameters belong into the body")
	case r.Header.Get("Authorization") != "":
		return refuse("the client proves itself in the header")
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		return refuse(err.Error())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	want := map[string]string{"grant_type": "client_credentials", "client_id": s.clientID, "scope": s.Scope, "resource": s.Resource}
	proof := url.Values{}
	for name, values := range r.PostForm {
		expected, known := want[name]
		switch {
		case len(values) != 1:
			return refuse(name + " comes several times")
		case name == "client_id" && values[0] != expected:
			return http.StatusBadRequest, "unauthorized_client", "AADSTS700016: Application was not found in the directory"
		case name == "scope" && values[0] != expected:
			return http.StatusBadRequest, "invalid_scope", "the scope is not valid"
		case known && values[0] != expected:
			return refuse(name + " is wrong")
		case !known:
			proof[name] = values
		}
		delete(want, name)
	}
	for name, missing := range want {
		if missing != "" {
			return refuse(name + " is missing")
		}
	}
	if why := s.proves(proof, r); why != "" {
		return http.StatusUnauthorized, "invalid_client", why
	}
	return 0, "", ""
}

// proves returns why the client has not proven itself, empty if it has.
func (s *Server) proves(proof url.Values, r *http.Request) (why string) {
	if s.Certificate == nil {
		if len(proof) != 1 || proof.Get("client_secret") != s.secret {
			return "AADSTS7000215: Invalid client secret provided."
		}
		return ""
	}
	if len(proof) != 2 || proof.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return "AADSTS7000216: a client assertion is required"
	}
	audience := "http://" + r.Host + r.URL.Path
	if r.TLS != nil {
		audience = "https://" + r.Host + r.URL.Path
	}
	if err := s.verify(proof.Get("client_assertion"), audience); err != nil {
		return "AADSTS700027: " + err.Error()
	}
	return ""
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may leave
}
