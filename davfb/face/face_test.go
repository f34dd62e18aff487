package face_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fbgate/davfb/face"
)

// A request has one name, however many handlers name it.
func TestServeWithinServe(t *testing.T) {
	var outer, inner string
	log := slog.New(slog.DiscardHandler)
	handler := face.Serve(log, func(w http.ResponseWriter, r *http.Request, id string) error {
		outer = id
		face.Serve(log, func(_ http.ResponseWriter, _ *http.Request, id string) error {
			inner = id
			return nil
		}).ServeHTTP(w, r)
		return nil
	})
	for _, given := range []string{"", "abc-123", "not a token"} {
		r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
		r.Header.Set("X-Request-Id", given)
		handler.ServeHTTP(w, r)
		if outer == "" || inner != outer || (given == "abc-123") != (outer == given) || fmt.Sprint(w.Header()["X-Request-Id"]) != "["+outer+"]" {
			t.Errorf("%q: %s and %s, %v", given, outer, inner, w.Header())
		}
	}
}

// What is usual is no news.
func TestUsualRefusal(t *testing.T) {
	for usual, level := range map[bool]string{true: "DEBUG", false: "INFO"} {
		var log bytes.Buffer
		face.Serve(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), func(http.ResponseWriter, *http.Request, string) error {
			return fmt.Errorf("log in: %w", &face.Refusal{Status: http.StatusUnauthorized, Text: "Log in.", Challenge: "Negotiate", Usual: usual})
		}).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		if !strings.Contains(log.String(), "level="+level+" msg=refused") {
			t.Errorf("%t: %s", usual, &log)
		}
	}
}
