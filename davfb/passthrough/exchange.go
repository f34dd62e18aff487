package passthrough

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"time"
)

// exchange is one request and its response on the client's side. It moves the
// deadlines of the client's connection as long as bytes do.
type exchange struct {
	http.ResponseWriter
	request *http.Request
	client  *http.ResponseController
	idle    time.Duration
	body    *clientBody // nil if there is none
}

// begin takes the deadlines over from the http.Server.
func begin(w http.ResponseWriter, r *http.Request, idle time.Duration) *exchange {
	x := &exchange{ResponseWriter: w, client: http.NewResponseController(w), idle: idle}
	// A server may answer before it has read all of the request; without this,
	// net/http would read the rest of the body for itself.
	_ = x.client.EnableFullDuplex()
	_ = x.client.SetReadDeadline(time.Time{})
	_ = x.client.SetWriteDeadline(time.Time{})
	ctx := r.Context()
	if r.ContentLength != 0 {
		x.body = newBody(x, r)
		ctx = httptrace.WithClientTrace(ctx, x.body.trace())
	}
	x.request = r.WithContext(context.WithValue(ctx, exchangeKey{}, x))
	if x.body != nil {
		x.request.Body = x.body
	}
	return x
}

type exchangeKey struct{}

func exchangeOf(r *http.Request) *exchange { return r.Context().Value(exchangeKey{}).(*exchange) }

// end leaves the connection as the http.Server wants to have it.
func (x *exchange) end() {
	if x.body != nil {
		x.body.end()
	}
}

// Unwrap lets an http.ResponseController reach the writer below.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// WriteHeader and Write send what they are given at once, however little it is: the
// ReverseProxy would do so only with answers whose length is unknown.
func (x *exchange) WriteHeader(status int) {
	_ = x.client.SetWriteDeadline(time.Now().Add(x.idle))
	if status < 200 {
		x.ResponseWriter.WriteHeader(status)
		return
	}
	respell(x.Header())
	x.ResponseWriter.WriteHeader(status)
	_ = x.client.Flush()
}

func (x *exchange) Write(p []byte) (int, error) {
	_ = x.client.SetWriteDeadline(time.Now().Add(x.idle))
	n, err := x.ResponseWriter.Write(p)
	if err == nil {
		err = x.client.Flush()
	}
	return n, err
}
