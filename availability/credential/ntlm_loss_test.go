package credential_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"fbgate/availability"
	"fbgate/availability/exchangetest/authtest"
)

const target = "http://mail.fabrikam.example/EWS/Exchange.asmx"

// leg is what a request is in the course of a call.
type leg string

const (
	plain     leg = "plain"
	negotiate leg = "NEGOTIATE"
	proof     leg = "AUTHENTICATE"
)

func legOf(r *http.Request) leg {
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	message, _ := base64.StdEncoding.DecodeString(token)
	switch {
	case len(message) < 9:
		return plain
	case message[8] == 1:
		return negotiate
	}
	return proof
}

// at puts a fault in place of the answer to the first requests of a kind.
func at(l leg, times int, fault func(next http.Handler, w http.ResponseWriter, r *http.Request)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if legOf(r) == l && times > 0 {
				times--
				fault(next, w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// The faults.

func announceClose(next http.Handler, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	next.ServeHTTP(w, r)
}

func closeSilently(next http.Handler, w http.ResponseWriter, r *http.Request) {
	recorder := httptest.NewRecorder()
	next.ServeHTTP(recorder, r)
	conn, _, _ := http.NewResponseController(w).Hijack()
	recorder.Result().Write(conn)
	conn.Close()
}

func hangUp(_ http.Handler, w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	conn, _, _ := http.NewResponseController(w).Hijack()
	conn.Close()
}

func forget(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("WWW-Authenticate", `Basic realm="x", ntlm`)
	http.Error(w, "who are you?", http.StatusUnauthorized)
}

func endless401(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("WWW-Authenticate", "NTLM TlRMTVNTUAAC")
	w.WriteHeader(http.StatusUnauthorized)
	for err := error(nil); err == nil; {
		_, err = w.Write(make([]byte, 1<<10))
	}
}

func bareOffer(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("WWW-Authenticate", "NTLM")
	w.WriteHeader(http.StatusUnauthorized)
}

func unavailable(_ http.Handler, w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusServiceUnavailable)
}

// Calls to a server with a fault, the first ones or after one that went well.
func TestNTLMFaults(t *testing.T) {
	const always = 100
	for name, c := range map[string]struct {
		later    bool // there has been a call before
		fault    func(http.Handler) http.Handler
		requests int    // at most
		fails    string // what its error says; empty: it succeeds
	}{
		"none":                                    {false, at(plain, 0, nil), 2, ""},
		"none later":                              {true, at(plain, 0, nil), 1, ""},
		"the server forgets the connection":       {true, at(plain, 1, forget), 3, ""},
		"hangs up on a request":                   {true, at(plain, 1, hangUp), 3, ""},
		"announces the end after the answer":      {true, at(plain, 1, announceClose), 1, ""},
		"a 401 without an end to a plain request": {true, at(plain, 1, endless401), 3, ""},

		"ends the connection after a challenge":   {false, at(negotiate, 1, announceClose), 3, ""},
		"ends it after each challenge":            {false, at(negotiate, always, announceClose), 2, "closed after the challenge"},
		"ends it without a word":                  {false, at(negotiate, 1, closeSilently), 4, ""},
		"ends it each time without a word":        {false, at(negotiate, always, closeSilently), 4, "broke after the challenge"},
		"hangs up on NEGOTIATE":                   {false, at(negotiate, 1, hangUp), 1, "EOF"},
		"hangs up on the proof":                   {false, at(proof, 1, hangUp), 4, ""},
		"hangs up on each proof":                  {false, at(proof, always, hangUp), 4, "EOF"},
		"a 401 without an end":                    {false, at(negotiate, always, endless401), 1, "longer than 65536 bytes"},
		"offers NTLM without a challenge":         {false, at(negotiate, always, bareOffer), 1, "sends no challenge of NTLM"},
		"503 to NEGOTIATE, 401 to the request":    {false, at(negotiate, always, unavailable), 4, "HTTP 503"},
		"503 to NEGOTIATE once, 401 to a request": {false, at(negotiate, 1, unavailable), 4, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inNetwork(t, func(t *testing.T, n *network) {
				var faulty atomic.Bool
				var seen atomic.Int32
				client := n.client(t, authtest.NTLM(echoBody, accepting), func(next http.Handler) http.Handler {
					fault := c.fault(next)
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if !faulty.Load() {
							next.ServeHTTP(w, r)
							return
						}
						seen.Add(1)
						fault.ServeHTTP(w, r)
					})
				}, 1)
				if c.later {
					holdAll(t, client, target, 1)
				}
				faulty.Store(true)
				status, answer, err := post(t.Context(), client, target, "question")
				switch {
				case c.fails == "" && (status != http.StatusOK || answer != "svc: question"):
					t.Errorf("HTTP %d %q, %v", status, answer, err)
				case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
					t.Errorf("HTTP %d, %v; want it to fail with %q", status, err, c.fails)
				case err != nil && availability.ReasonFor(err).Code == availability.Unauthorized:
					t.Errorf("%v is no refusal of the account", err)
				}
				if int(seen.Load()) > c.requests {
					t.Errorf("%d requests, want at most %d", seen.Load(), c.requests)
				}
				faulty.Store(false)
				holdAll(t, client, target, 1)
			})
		})
	}
}

// After a restart, and after connections were idle for too long, there are new ones.
func TestNTLMRestart(t *testing.T) {
	inNetwork(t, func(t *testing.T, n *network) {
		handler := authtest.NTLM(echoBody, accepting)
		client := n.client(t, handler, same, 3)
		holdAll(t, client, target, 3)
		n.breakAll()
		synctest.Wait() // until the clients have seen it
		holdAll(t, client, target, 3)
		if counts := handler.Counts(); counts != (authtest.Counts{Requests: 3*2 + 3*3, Connections: 6, Challenges: 6, Accepted: 6}) {
			t.Errorf("%+v", counts)
		}
		n.breakAll() // and at once, while the client may not have seen it
		holdAll(t, client, target, 3)
	})
}

func same(next http.Handler) http.Handler { return next }

// A caller who gives up in whatever phase leaves the lane as good as new.
func TestNTLMCancellation(t *testing.T) {
	for _, phase := range []leg{plain, negotiate, proof} {
		t.Run(string(phase), func(t *testing.T) {
			inNetwork(t, func(t *testing.T, n *network) {
				arrived := make(chan struct{})
				stall := at(phase, 1, func(_ http.Handler, _ http.ResponseWriter, r *http.Request) {
					io.Copy(io.Discard, r.Body) // so that the server notices the end
					arrived <- struct{}{}
					<-r.Context().Done()
				})
				var stalling atomic.Bool
				client := n.client(t, authtest.NTLM(echoBody, accepting), func(next http.Handler) http.Handler {
					stalled := stall(next)
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if stalling.Load() {
							stalled.ServeHTTP(w, r)
							return
						}
						next.ServeHTTP(w, r)
					})
				}, 1)
				if phase == plain {
					holdAll(t, client, target, 1)
				}
				stalling.Store(true)
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					<-arrived
					cancel()
				}()
				if _, _, err := post(ctx, client, target, "question"); !errors.Is(err, context.Canceled) {
					t.Errorf("the call ends with %v", err)
				}
				holdAll(t, client, target, 1)
			})
		})
	}
}

// An answer without an end keeps its lane until it is closed, or its context ends.
func TestNTLMEndlessAnswer(t *testing.T) {
	inNetwork(t, func(t *testing.T, n *network) {
		endless := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for err := error(nil); err == nil && r.URL.Path == "/endless"; {
				_, err = w.Write(make([]byte, 1<<10))
			}
		})
		client := n.client(t, authtest.NTLM(endless, accepting), same, 1)
		for _, cancelled := range []bool{false, true} {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://mail/endless", nil)
			response, err := client.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			io.CopyN(io.Discard, response.Body, 100<<10)
			if cancelled {
				cancel()
				if _, err := io.Copy(io.Discard, response.Body); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				// Not closed: the failed Read has given the lane back.
			} else {
				response.Body.Close()
			}
			holdAll(t, client, "http://mail/", 1)
		}
	})
}
