package passthrough_test

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

	"fbgate/availability"
	"fbgate/davfb/passthrough"
)

// line is what a request asks for, as one side of the gateway reads it.
type line struct{ method, target, host, via string }

// notes are lines in the order they were read.
type notes struct {
	mu  sync.Mutex
	all []line
}

func (n *notes) add(r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, line{r.Method, r.RequestURI, r.Host, strings.Join(r.Header[availability.ViaHeader], ",")})
}

func (n *notes) lines() []line {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all
}

// converse sends bytes to a gateway, whose server answers each request with others, and
// returns all that came back and what both sides took for requests.
func converse(t *testing.T, sent, answer []byte) (came []byte, here, there *notes) {
	here, there = new(notes), new(notes)
	clients, servers := newNetwork(), newNetwork()
	handler, err := passthrough.New(passthrough.Config{
		URL: "http://exchange", Dial: servers.dial, Name: "a1", Forward: true, Log: slog.New(slog.DiscardHandler),
		HeaderTimeout: time.Minute, IdleTimeout: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	gateway := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			here.add(r)
			handler.ServeHTTP(w, r)
		}),
		ConnContext: handler.ConnContext, ConnState: handler.ConnState, DisableGeneralOptionsHandler: true,
		ReadTimeout: 20 * time.Second, IdleTimeout: 20 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0),
	}
	var running sync.WaitGroup
	running.Go(func() { _ = gateway.Serve(clients) })
	running.Go(func() {
		for {
			c, err := servers.Accept()
			if err != nil {
				return
			}
			running.Go(func() { serveBytes(c, answer, there) })
		}
	})
	c, err := clients.dial("", "")
	if err != nil {
		t.Fatal(err)
	}
	running.Go(func() { _, _ = c.Write(sent) })
	read := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(c)
		read <- all
	}()
	select {
	case came = <-read:
	case <-time.After(time.Hour):
		t.Error("the connection is still there after an hour")
	}
	c.Close()
	gateway.Close()
	servers.Close()
	running.Wait()
	return came, here, there
}

func serveBytes(c net.Conn, answer []byte, there *notes) {
	defer c.Close()
	r := bufio.NewReader(c)
	for {
		request, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		there.add(request)
		if _, err := io.Copy(io.Discard, request.Body); err != nil {
			return
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// FuzzExchange sends whatever bytes to the gateway, and lets the server answer with
// whatever others. The server sees no request that the gateway has not seen, each with the
// target and host as they were, and the client gets no more responses than it has sent
// requests, each of them whole or the last.
func FuzzExchange(f *testing.F) {
	const post = "POST /public/x?a=%zz HTTP/1.1\r\nHost: mail\r\n"
	for _, request := range []string{
		"GET //public/?Cmd=contents HTTP/1.1\r\nHost: mail\r\n\r\n",
		"HEAD /public/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		"GET http://other/public?x HTTP/1.1\r\nHost: mail\r\n\r\nGET /public/2 HTTP/1.1\r\nHost: mail\r\nConnection: close\r\n\r\n",
		post + "Content-Length: 5\r\n\r\nhelloGET /public/ HTTP/1.1\r\nHost: x\r\n\r\n",
		post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
		post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\nGET /exchange/ HTTP/1.1\r\nHost: x\r\n\r\n",
		post + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
		post + "Upgrade: websocket\r\nConnection: Upgrade, Host\r\nContent-Length: 0\r\n\r\n",
		"PROPFIND /public/\xff%2e%2e/ HTTP/1.1\r\nHost: mail\r\nX-Fbgate-Via: a1\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: mail\r\n\r\n",
	} {
		for _, answer := range []string{
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
			"HTTP/1.1 207 Multi-Status\r\nTransfer-Encoding: chunked\r\nMS-Author-Via: DAV\r\n\r\n2\r\nok\r\n0\r\n\r\n",
			"HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\n\r\nno",
			"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nraw",
		} {
			f.Add([]byte(request), []byte(answer))
		}
	}
	f.Fuzz(func(t *testing.T, sent, answer []byte) {
		synctest.Test(t, func(t *testing.T) {
			came, here, there := converse(t, sent, answer)
			asked := here.lines()
			for _, one := range there.lines() {
				for len(asked) > 0 && !same(asked[0], one) {
					asked = asked[1:]
				}
				if len(asked) == 0 {
					t.Fatalf("%q: the server sees %+v, of %+v", sent, one, here.lines())
				}
				asked = asked[1:]
			}
			checkResponses(t, came, here.lines())
		})
	})
}

// same reports whether a request is the same on both sides. Of what a client of a proxy
// writes, scheme and host are left out.
func same(asked, seen line) bool {
	target := asked.target
	if !strings.HasPrefix(target, "/") && target != "*" {
		_, target, _ = strings.Cut(target, "://")
		if at := strings.IndexAny(target, "/?"); at >= 0 {
			target = "/" + strings.TrimPrefix(target[at:], "/")
		} else {
			target = "/"
		}
	}
	if strings.HasPrefix(seen.target, "http://exchange//") { // a path that net/http cannot write otherwise
		seen.target = strings.TrimPrefix(seen.target, "http://exchange")
	}
	return asked.method == seen.method && target == seen.target && strings.HasSuffix(seen.via, "a1")
}

// checkResponses fails the test unless bytes are responses to these requests: one each, or
// fewer, and perhaps one that says that what followed was none.
func checkResponses(t *testing.T, came []byte, asked []line) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(came))
	for n := 0; ; {
		if _, err := r.Peek(1); err != nil {
			return
		}
		method := http.MethodGet
		if n < len(asked) {
			method = asked[n].method
		}
		response, err := http.ReadResponse(r, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("%q is no response: %v", came, err)
		}
		if response.StatusCode >= 200 {
			n++
		}
		if n > len(asked)+1 || n == len(asked)+1 && response.StatusCode < 400 {
			t.Fatalf("%d responses to %d requests: %q", n, len(asked), came)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("%q: %v", came, err)
			}
			return
		}
	}
}
