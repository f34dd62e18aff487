package davfb_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// single is a listener of one connection.
type single struct {
	connection chan net.Conn
	closed     chan struct{}
	once       sync.Once
}

func (s *single) Accept() (net.Conn, error) {
	select {
	case c := <-s.connection:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *single) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *single) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// FuzzConnection sends whatever bytes on a connection to a server as fbgate has one. What
// comes are whole responses, no more than one for each request and one that says that what
// followed was none, and then the end of the connection.
func FuzzConnection(f *testing.F) {
	const host = " HTTP/1.1\r\nHost: gw.contoso.com\r\n"
	target := question(hours(0, 2), time.Hour, "mary@contoso.com", "joe@contoso.com")
	f.Add([]byte("GET " + target + host + "\r\n"))
	f.Add([]byte("HEAD " + target + host + "\r\nGET /public//" + host + "\r\n"))
	f.Add([]byte("GET http://other" + target + " HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET * HTTP/1.1\r\nHost:\r\n\r\n"))
	f.Add([]byte("PROPFIND " + item + host + "Depth: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<?xml\r\n0\r\n\r\nGET /x" + host + "\r\n"))
	f.Add([]byte("PUT /freebusy/mary@contoso.com.vfb" + host + "Authorization: x\r\nExpect: 100-continue\r\nContent-Length: 15\r\n\r\nBEGIN:VCALENDAR"))
	f.Add([]byte("PUT /freebusy/mary@contoso.com.vfb" + host + "Authorization: x\r\nContent-Length: 999999999999\r\n\r\nBEGIN"))
	f.Add([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	f.Add([]byte("GET /freebusy/mary@contoso.com.vfb" + host + "Range: bytes=0-1,3-4\r\n\r\nDELETE " + item + "USER-_xF8FF_cn=mary.EML" + host + "Authorization: x\r\n\r\n"))
	f.Add([]byte("OPTIONS *" + host + "\r\nCONNECT other:443" + host + "\r\n"))
	handler, published := fuzzedGateway(f)
	f.Fuzz(func(t *testing.T, sent []byte) {
		clear(published)
		synctest.Test(t, func(t *testing.T) {
			var methods []string
			server := &http.Server{
				ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 20 * time.Second, WriteTimeout: 40 * time.Second, IdleTimeout: time.Minute,
				MaxHeaderBytes: 16 << 10, DisableGeneralOptionsHandler: true, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
				Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					methods = append(methods, r.Method) // of one connection, one after the other
					handler.ServeHTTP(w, r)
				}),
			}
			listener := &single{connection: make(chan net.Conn), closed: make(chan struct{})}
			var running sync.WaitGroup
			running.Go(func() { _ = server.Serve(listener) })
			here, there := net.Pipe()
			listener.connection <- there
			running.Go(func() { _, _ = here.Write(sent) })
			read := make(chan []byte, 1)
			go func() {
				all, _ := io.ReadAll(here)
				read <- all
			}()
			var came []byte
			select {
			case came = <-read:
			case <-time.After(time.Hour):
				t.Error("the connection is still there after an hour")
			}
			here.Close()
			server.Close()
			running.Wait()
			checkStream(t, came, methods)
		})
	})
}

// checkStream fails the test unless bytes are responses to requests of these methods.
func checkStream(t *testing.T, came []byte, methods []string) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(came))
	for n := 0; ; {
		if _, err := r.Peek(1); err != nil {
			if n < len(methods) {
				t.Errorf("%d responses to %v: %q", n, methods, came)
			}
			return
		}
		method := http.MethodGet
		if n < len(methods) {
			method = methods[n]
		}
		response, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("%q is no response: %v", came, err)
		}
		if response.StatusCode >= 200 {
			n++
		}
		if n > len(methods)+1 || n == len(methods)+1 && response.StatusCode < 400 {
			t.Fatalf("%d responses to %v: %q", n, methods, came)
		}
		if kind := response.Header.Get("Content-Type"); strings.Contains(kind, "html") || response.StatusCode == 500 || response.Header.Get("Location") != "" {
			t.Errorf("%s, %v", response.Status, response.Header)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil && !errors.Is(err, io.EOF) {
			t.Fatalf("%q: %v", came, err)
		}
	}
}
