package davfb

import (
	"errors"
	"io"
	"net/http"

	"fbgate/translate/davxml"
)

// refusal is an error with a status of its own and a sentence for the client.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// refuse writes what is wrong with a request: in XML if a parameter is, so that
// people and scripts can read it, and as plain text otherwise.
func refuse(w http.ResponseWriter, err error) {
	var parameter *davxml.ParameterError
	var other *refusal
	switch {
	case errors.As(err, &parameter):
		write(w, http.StatusBadRequest, func(body []byte) []byte { return davxml.AppendError(body, parameter) })
	case errors.As(err, &other):
		plain(w, other.status, other.text)
	default:
		plain(w, http.StatusInternalServerError, "fbgate failed; its log says why.")
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}
