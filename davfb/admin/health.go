package admin

import (
	"io"
	"net/http"
)

// health says that the process runs and answers.
func (a *admin) health(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, "ok\n")
}

// ready says whether a load balancer should send clients here. Organizations that
// fail do not matter: their mailboxes are answered honestly.
func (a *admin) ready(w http.ResponseWriter, _ *http.Request) {
	if !a.Ready() {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "not ready: starting or shutting down\n")
		return
	}
	_, _ = io.WriteString(w, "ready\n")
}
