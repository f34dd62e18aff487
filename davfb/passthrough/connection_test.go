package passthrough_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/davfb/passthrough"
)

const get = "GET /public/ HTTP/1.1\nHost: mail\n\n"

var hello = speaks(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })

// Each connection of a client has one to the server, for as long as it lives.
func TestOneConnectionForEachClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened, closed atomic.Int32
		p := between(t, passthrough.Config{}, func(c net.Conn) {
			number := string('0' + rune(opened.Add(1)))
			defer closed.Add(1)
			speaks(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, number) })(c)
		})
		first, second := p.connect(t), p.connect(t)
		for range 5 {
			for number, c := range map[string]*client{"1": first, "2": second} {
				if number == "2" && opened.Load() == 0 {
					continue // the first to ask is to be number 1
				}
				c.send(get)
				if _, got := c.answer("GET"); got != number {
					t.Errorf("connection %s of the server answers number %s", got, number)
				}
			}
		}
		first.Close()
		synctest.Wait()
		if opened.Load() != 2 || closed.Load() != 1 {
			t.Errorf("%d opened, %d closed", opened.Load(), closed.Load())
		}
		second.Close()
		synctest.Wait()
		if closed.Load() != 2 {
			t.Errorf("%d closed", closed.Load())
		}
	})
}

// A server that hangs up between two requests hangs up on the client.
func TestServerHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var server atomic.Pointer[net.Conn]
		p := between(t, passthrough.Config{}, func(c net.Conn) {
			server.Store(&c)
			hello(c)
		})
		c := p.connect(t)
		c.send(get)
		c.answer("GET")
		synctest.Wait()
		(*server.Load()).Close()
		c.ended()
	})
}

// If the next request was on its way already, it is not sent on another connection.
func TestServerHangsUpAtTheWrongMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened atomic.Int32
		p := between(t, passthrough.Config{}, func(c net.Conn) {
			opened.Add(1)
			r := bufio.NewReader(c)
			request(t, r)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			request(t, r) // and hangs up
		})
		c := p.connect(t)
		c.send(get)
		c.answer("GET")
		c.send(get)
		c.ended()
		if opened.Load() != 1 {
			t.Errorf("%d connections", opened.Load())
		}
	})
}

func TestServerSaysConnectionClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := between(t, passthrough.Config{}, func(c net.Conn) {
			request(t, bufio.NewReader(c))
			io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")
		})
		c := p.connect(t)
		c.send(get)
		if response, body := c.answer("GET"); body != "all of it" || !response.Close {
			t.Errorf("%+v: %q", response, body)
		}
		c.ended()
	})
}

func TestServerBreaksOff(t *testing.T) {
	for name, answer := range map[string]string{
		"a length":  "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun",
		"in chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n",
	} {
		synctest.Test(t, func(t *testing.T) {
			p := between(t, passthrough.Config{}, func(c net.Conn) {
				request(t, bufio.NewReader(c))
				io.WriteString(c, answer)
			})
			c := p.connect(t)
			c.send(get)
			response, err := http.ReadResponse(c.r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(response.Body); string(body) != "begun" || !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %q, %v", name, body, err)
			}
		})
	}
}

// A client that leaves takes its connection to the server with it, whatever that is
// doing.
func TestClientLeaves(t *testing.T) {
	for name, serve := range map[string]func(c net.Conn, r *bufio.Reader){
		"while the server thinks": func(net.Conn, *bufio.Reader) {},
		"in the middle of the answer": func(c net.Conn, _ *bufio.Reader) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			gone := make(chan error, 1)
			p := between(t, passthrough.Config{}, func(c net.Conn) {
				r := bufio.NewReader(c)
				request(t, r)
				serve(c, r)
				_, err := r.ReadByte()
				gone <- err
			})
			c := p.connect(t)
			c.send(get)
			synctest.Wait()
			c.Close()
			synctest.Wait()
			select {
			case err := <-gone:
				if err == nil {
					t.Errorf("%s: there was more", name)
				}
			default:
				t.Errorf("%s: the connection to the server is still there", name)
			}
		})
	}
}

func TestServerIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := between(t, passthrough.Config{}, nil)
		p.server.Close()
		c := p.connect(t)
		c.send(get)
		response, body := c.answer("GET")
		if response.StatusCode != http.StatusBadGateway || body != "The Exchange server behind this gateway cannot be reached. The gateway's log says why.\n" || !response.Close {
			t.Errorf("%s: %q", response.Status, body)
		}
		if log := p.log.String(); !strings.Contains(log, `level=WARN msg="not handed on"`) || !strings.Contains(log, "use of closed network connection") {
			t.Errorf("the log is %s", log)
		}
	})
}

func TestServerIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := between(t, passthrough.Config{HeaderTimeout: time.Minute}, func(c net.Conn) { io.Copy(io.Discard, c) })
		c := p.connect(t)
		begun := time.Now()
		c.send(get)
		response, body := c.answer("GET")
		if response.StatusCode != http.StatusGatewayTimeout || body != "The Exchange server behind this gateway did not answer in time.\n" || time.Since(begun) != time.Minute {
			t.Errorf("after %v %s: %q", time.Since(begun), response.Status, body)
		}
		c.ended()
	})
}

// What does not move ends. What moves slowly may take as long as it wants, whatever the
// listener's own limits are.
func TestIdleTimeout(t *testing.T) {
	c := passthrough.Config{HeaderTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	t.Run("a slow answer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := between(t, c, speaks(func(w http.ResponseWriter, _ *http.Request) {
				for range 10 {
					io.WriteString(w, "x")
					http.NewResponseController(w).Flush()
					time.Sleep(119 * time.Second)
				}
			}))
			c := p.connect(t)
			c.send(get)
			if _, body := c.answer("GET"); body != "xxxxxxxxxx" {
				t.Errorf("%q", body)
			}
		})
	})
	t.Run("an answer that stops", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := between(t, c, func(c net.Conn) {
				request(t, bufio.NewReader(c))
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")
				io.Copy(io.Discard, c)
			})
			c := p.connect(t)
			begun := time.Now()
			c.send(get)
			response, err := http.ReadResponse(c.r, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadAll(response.Body); !errors.Is(err, io.ErrUnexpectedEOF) || time.Since(begun) != 2*time.Minute {
				t.Errorf("after %v %v", time.Since(begun), err)
			}
		})
	})
	t.Run("a slow request", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := between(t, c, speaks(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
			c := p.connect(t)
			c.send("PUT /public/x HTTP/1.1\nHost: mail\nContent-Length: 10\n\n")
			for range 10 {
				time.Sleep(119 * time.Second)
				c.send("x")
			}
			if _, body := c.answer("PUT"); body != "xxxxxxxxxx" {
				t.Errorf("%q", body)
			}
		})
	})
	t.Run("a request that stops", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := between(t, c, func(c net.Conn) { io.Copy(io.Discard, c) })
			c := p.connect(t)
			begun := time.Now()
			c.send("PUT /public/x HTTP/1.1\nHost: mail\nContent-Length: 10\n\nx")
			response, body := c.answer("PUT")
			if response.StatusCode != http.StatusRequestTimeout || body != "The rest of the request did not come in time.\n" || time.Since(begun) != 2*time.Minute {
				t.Errorf("after %v %s: %q", time.Since(begun), response.Status, body)
			}
		})
	})
	t.Run("a client that does not read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			cut := make(chan time.Duration, 1)
			p := between(t, c, func(c net.Conn) {
				begun := time.Now()
				request(t, bufio.NewReader(c))
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
				for err := error(nil); err == nil; {
					_, err = c.Write(make([]byte, 1000))
				}
				cut <- time.Since(begun)
			})
			p.connect(t).send(get)
			if after := <-cut; after != 2*time.Minute {
				t.Errorf("after %v", after)
			}
		})
	})
	t.Run("between requests", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := between(t, c, hello)
			c := p.connect(t)
			begun := time.Now()
			c.send(get)
			c.answer("GET")
			c.ended()
			if after := time.Since(begun); after != 2*time.Minute {
				t.Errorf("after %v", after)
			}
		})
	})
}

func TestMaxConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := between(t, passthrough.Config{MaxConnections: 2}, hello)
		first, second, third := p.connect(t), p.connect(t), p.connect(t)
		for _, c := range []*client{first, second} {
			c.send(get)
			c.answer("GET")
		}
		third.send(get)
		response, body := third.answer("GET")
		if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") != "10" || !strings.Contains(body, "Too many connections") {
			t.Errorf("%s %v: %q", response.Status, response.Header, body)
		}
		first.Close()
		synctest.Wait()
		fourth := p.connect(t)
		fourth.send(get)
		if _, body := fourth.answer("GET"); body != "hello" {
			t.Errorf("%q", body)
		}
	})
}
