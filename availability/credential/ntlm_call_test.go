package credential_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"fbgate/availability/exchangetest/authtest"
)

// The request arrives once, whole, and as it was, with the proof; what goes before
// it has no body.
func TestNTLMRequestArrivesAsItWas(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		body   io.Reader
		header http.Header
		want   string
	}{
		"GET":                 {http.MethodGet, nil, nil, `GET  0 []`},
		"a body":              {http.MethodPost, strings.NewReader("question"), nil, `POST question 8 []`},
		"one that is a pipe":  {http.MethodPost, io.MultiReader(strings.NewReader("ques"), strings.NewReader("tion")), nil, `POST question 8 []`},
		"100-continue":        {http.MethodPost, strings.NewReader("question"), http.Header{"Expect": {"100-continue"}}, `POST question 8 [100-continue]`},
		"more than a segment": {http.MethodPut, bytes.NewReader(make([]byte, 1<<20)), nil, fmt.Sprintf("PUT %s 1048576 []", make([]byte, 1<<20))},
	} {
		t.Run(name, func(t *testing.T) {
			inNetwork(t, func(t *testing.T, n *network) {
				echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					fmt.Fprintf(w, "%s %s %d %v", r.Method, body, r.ContentLength, r.Header["Expect"])
				})
				handler := authtest.NTLM(echo, accepting)
				client := n.client(t, handler, func(next http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if legOf(r) == negotiate && (r.ContentLength != 0 || r.Header["Idempotency-Key"] != nil) {
							t.Errorf("NEGOTIATE comes with a body of %d bytes, %v", r.ContentLength, r.Header)
						}
						next.ServeHTTP(w, r)
					})
				}, 1)
				for range 2 { // with a handshake and without
					body := c.body
					if seeker, ok := body.(io.Seeker); ok {
						seeker.Seek(0, io.SeekStart)
					} else if body != nil {
						body = io.MultiReader(strings.NewReader("ques"), strings.NewReader("tion"))
					}
					r, _ := http.NewRequest(c.method, target, body)
					for key, values := range c.header {
						r.Header[key] = values
					}
					response, err := client.RoundTrip(r)
					if err != nil {
						t.Fatal(err)
					}
					got, _ := io.ReadAll(response.Body)
					response.Body.Close()
					if string(got) != c.want {
						t.Errorf("%.100q, want %.100q", got, c.want)
					}
					if response.Request != r || r.Header.Get("Authorization") != "" {
						t.Error("the proof is shown to the caller")
					}
				}
				if counts := handler.Counts(); counts.Requests != 3 {
					t.Errorf("%+v", counts)
				}
			})
		})
	}
}

// Answers that have no body give the lane back though nobody closes them.
func TestNTLMAnswersWithoutBody(t *testing.T) {
	inNetwork(t, func(t *testing.T, n *network) {
		empty := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })
		handler := authtest.NTLM(empty, accepting)
		client := n.client(t, handler, same, 1)
		for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodHead} {
			r, _ := http.NewRequestWithContext(t.Context(), method, target, nil)
			if response, err := client.RoundTrip(r); err != nil || response.StatusCode != http.StatusNoContent {
				t.Fatal(response, err)
			}
		}
		if counts := handler.Counts(); counts.Requests != 4 || counts.Connections != 1 {
			t.Errorf("%+v", counts)
		}
	})
}

// unguarded lets every request through, and counts.
func unguarded(requests *int, answer http.HandlerFunc) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			*requests++
			answer(w, r)
		})
	}
}

// A server that asks nobody who they are gets the request as it is; on the same
// connection it is not asked again.
func TestNTLMIsNotAskedFor(t *testing.T) {
	inNetwork(t, func(t *testing.T, n *network) {
		requests := 0
		client := n.client(t, authtest.NTLM(nil, accepting), unguarded(&requests, func(w http.ResponseWriter, r *http.Request) {
			if body, _ := io.ReadAll(r.Body); string(body) != "question" {
				http.Error(w, "there is no question", http.StatusBadRequest)
			}
		}), 1)
		holdAll(t, client, target, 1)
		holdAll(t, client, target, 1)
		if requests != 3 {
			t.Errorf("%d requests", requests)
		}
	})
}

// Where NTLM is not offered, the 401 comes back whole, so that the caller can say
// what is.
func TestNTLMIsNotOffered(t *testing.T) {
	inNetwork(t, func(t *testing.T, n *network) {
		requests := 0
		client := n.client(t, authtest.NTLM(nil, accepting), unguarded(&requests, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", `Basic realm="NTLM"`)
			w.WriteHeader(http.StatusUnauthorized)
			io.WriteString(w, "Basic only")
		}), 1)
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader("question"))
		response, err := client.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusUnauthorized || string(body) != "Basic only" || response.Header.Get("WWW-Authenticate") != `Basic realm="NTLM"` || requests != 1 {
			t.Errorf("HTTP %d %q after %d requests", response.StatusCode, body, requests)
		}
	})
}
