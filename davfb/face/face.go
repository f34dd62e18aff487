// Package face holds what all that clients see has in common: each request has a name,
// a fault is an answer, a failure is in the log.
package face

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// Handler answers the request that is named id in logs. One that returns an error has
// written nothing.
type Handler func(w http.ResponseWriter, r *http.Request, id string) error

// Serve names requests, hands them to handle, and writes and logs the error that one
// returns, or the fault it has: a connection closed without a byte crashes some
// clients. Of two Serve one within the other, both know a request by the same name.
func Serve(log *slog.Logger, handle Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := requestID(w.Header(), r)
		w.Header()["X-Request-Id"] = []string{id}
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler {
				panic(p)
			}
			log.ErrorContext(r.Context(), "panic", "request_id", id, "panic", p, "stack", string(debug.Stack()))
			if _, begun := w.Header()["Content-Length"]; begun {
				panic(http.ErrAbortHandler) // better cut short than ended with something else
			}
			refuse(w, fmt.Errorf("panic: %v", p))
		}()
		if err := handle(w, r, id); err != nil {
			refuse(w, err)
			logRefusal(log, r, id, err)
		}
	})
}
