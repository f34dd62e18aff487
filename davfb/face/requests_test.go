package face_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"fbgate/davfb/face"
)

func TestRequestsAreCountedByWhatBecameOfThem(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	serve := func(err error) http.Handler {
		return face.Serve(log, func(w http.ResponseWriter, _ *http.Request, _ string) error {
			if err == nil {
				_, _ = io.WriteString(w, "yes")
			}
			return err
		})
	}
	refusal := func(status int) http.Handler { return serve(&face.Refusal{Status: status}) }
	for _, test := range []struct {
		name    string
		handler http.Handler
		want    face.Outcome
	}{
		{"written without a status", serve(nil), face.Answered},
		{"206", refusal(206), face.Answered},
		{"302", refusal(302), face.Answered},
		{"400", refusal(400), face.Refused},
		{"401", refusal(401), face.Unauthorized},
		{"403", refusal(403), face.Denied},
		{"404", refusal(404), face.NotFound},
		{"405", refusal(405), face.Refused},
		{"414", refusal(414), face.Refused},
		{"429", refusal(429), face.Limited},
		{"440", refusal(440), face.Unauthorized},
		{"502", refusal(502), face.Failed},
		{"503", refusal(503), face.Limited},
		{"an error", serve(errors.New("out of cheese")), face.Failed},
		{"a panic", face.Serve(log, func(http.ResponseWriter, *http.Request, string) error { panic("at the disco") }), face.Failed},
		{"aborted", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), face.Failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			var requests face.Requests
			func() {
				defer func() { _ = recover() }()
				requests.Count("it", test.handler).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
			}()
			var want [face.Outcomes]uint64
			want[test.want] = 1
			if got := requests.Counts(); got["it"] != want || len(got) != 1 {
				t.Errorf("%v, want one that is %v", got, test.want)
			}
		})
	}
}

func TestWhoeverLeavesIsNotAnswered(t *testing.T) {
	var requests face.Requests
	ctx, cancel := context.WithCancel(t.Context())
	requests.Count("it", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusOK)
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	if got := requests.Counts()["it"]; got[face.Left] != 1 || got[face.Answered] != 0 {
		t.Errorf("%v", got)
	}
}

// Handlers below reach what a ResponseWriter can do besides, and several faces count
// apart from several sides.
func TestCountingIsNotInTheWay(t *testing.T) {
	var requests face.Requests
	handler := func(name string) http.Handler {
		return requests.Count(name, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Errorf("%v", err)
			}
		}))
	}
	var users sync.WaitGroup
	for range 8 {
		users.Go(func() {
			a, b := handler("a"), handler("b")
			for range 100 {
				a.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
				b.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
				requests.Counts()
			}
		})
	}
	users.Wait()
	if got := requests.Counts(); got["a"][face.Answered] != 800 || got["b"][face.Answered] != 800 {
		t.Errorf("%v", got)
	}
	var nobody *face.Requests
	if next := http.NotFoundHandler(); nobody.Count("c", next) == nil {
		t.Error("nothing is left of the handler")
	}
}
