package credential

import (
	"io"
	"net/http"
)

// bearer sends requests with a pass.
type bearer[T any] struct {
	kind    Kind
	base    http.RoundTripper
	passes  passes[T]
	service func(*http.Request) string
	show    func(proof T, in http.Header) error
}

// RoundTrip sends r with a pass. If the server does not accept it, which may be due
// to its age or to a key the server has changed, r is sent once more with a new one.
func (b *bearer[T]) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := b.send(r)
	if err != nil || response.StatusCode != http.StatusUnauthorized {
		return response, err
	}
	again, ok := repeated(r)
	if !ok {
		return response, nil
	}
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10) // lets the connection be used again
	response.Body.Close()
	return b.send(again)
}

func (b *bearer[T]) send(r *http.Request) (*http.Response, error) {
	secret, err := b.kind.secret()
	if err != nil {
		closeBody(r)
		return nil, unreadable(b.kind, err)
	}
	service := b.service(r)
	pass, err := b.passes.get(r.Context(), secret, service)
	if err != nil {
		closeBody(r)
		return nil, err
	}
	shown := r.Clone(r.Context())
	if err := b.show(pass.proof, shown.Header); err != nil {
		closeBody(r)
		return nil, err
	}
	response, err := b.base.RoundTrip(shown)
	if err != nil {
		return nil, err
	}
	response.Request = r // the proof is nobody else's business
	if response.StatusCode == http.StatusUnauthorized {
		b.passes.drop(service, pass)
	}
	return response, nil
}

// repeated returns r to be sent once more, if its body can be.
func repeated(r *http.Request) (*http.Request, bool) {
	if r.Body == nil || r.Body == http.NoBody {
		return r, true
	}
	if r.GetBody == nil {
		return nil, false
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, false
	}
	again := r.Clone(r.Context())
	again.Body = body
	return again, true
}
