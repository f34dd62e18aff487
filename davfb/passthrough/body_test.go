package passthrough_test

import (
	"bufio"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fbgate/davfb/passthrough"
)

// Server and client talk by turns within one request, so nothing is kept back.
func TestNothingIsBuffered(t *testing.T) {
	for _, length := range []string{"Content-Length: 5", "Transfer-Encoding: chunked"} {
		synctest.Test(t, func(t *testing.T) {
			p := between(t, passthrough.Config{}, speaks(func(w http.ResponseWriter, r *http.Request) {
				control := http.NewResponseController(w)
				control.EnableFullDuplex()
				w.Header().Set("Content-Length", "6")
				io.WriteString(w, ".")
				control.Flush()
				for b := make([]byte, 1); ; {
					if _, err := io.ReadFull(r.Body, b); err != nil {
						return
					}
					w.Write(b)
					control.Flush()
				}
			}))
			c := p.connect(t)
			c.send("RPC_IN_DATA /public/x HTTP/1.1\nHost: mail\n" + length + "\n\n")
			response, err := http.ReadResponse(c.r, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range ".hello" {
				if want != '.' && length == "Content-Length: 5" {
					c.send(string(want))
				} else if want != '.' {
					c.send("1\n" + string(want) + "\n")
				}
				got := make([]byte, 1)
				if _, err := io.ReadFull(response.Body, got); err != nil || rune(got[0]) != want {
					t.Fatalf("%s: %q, %v, want %q", length, got, err, want)
				}
			}
			if length != "Content-Length: 5" {
				c.send("0\n\n")
			}
		})
	}
}

// The server can be ahead of a client that reads slowly by no more than a few buffers.
func TestSlowReader(t *testing.T) {
	const size = 64 << 20
	synctest.Test(t, func(t *testing.T) {
		var written atomic.Int64
		sum := crc32.NewIEEE()
		p := between(t, passthrough.Config{}, speaks(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(size))
			random, block := rand.NewChaCha8([32]byte{1}), make([]byte, 64<<10)
			for range size / len(block) {
				random.Read(block)
				sum.Write(block)
				n, _ := w.Write(block)
				written.Add(int64(n))
			}
		}))
		c := p.connect(t)
		c.send(get)
		response, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		read, got := int64(0), crc32.NewIEEE()
		for err == nil {
			if read%(8<<20) == 0 {
				time.Sleep(time.Minute)
				synctest.Wait()
				if ahead := written.Load() - read; ahead > 512<<10 {
					t.Fatalf("the server is %d bytes ahead", ahead)
				}
			}
			var n int64
			n, err = io.CopyN(got, response.Body, 1<<20)
			read += n
		}
		if err != io.EOF || read != size || got.Sum32() != sum.Sum32() {
			t.Errorf("%v after %d bytes", err, read)
		}
	})
}

func TestLargeUpload(t *testing.T) {
	const size = 32 << 20
	synctest.Test(t, func(t *testing.T) {
		p := between(t, passthrough.Config{}, speaks(func(w http.ResponseWriter, r *http.Request) {
			sum := crc32.NewIEEE()
			n, err := io.Copy(sum, r.Body)
			fmt.Fprint(w, n, err, sum.Sum32())
		}))
		c := p.connect(t)
		sum := crc32.NewIEEE()
		c.send(fmt.Sprintf("PUT /public/x HTTP/1.1\nHost: mail\nContent-Length: %d\n\n", size))
		if _, err := io.CopyN(io.MultiWriter(c, sum), rand.NewChaCha8([32]byte{2}), size); err != nil {
			t.Fatal(err)
		}
		if _, body := c.answer("PUT"); body != fmt.Sprint(size, nil, sum.Sum32()) {
			t.Errorf("%s", body)
		}
		c.send(get)
		c.answer("GET")
	})
}

const expecting = "PUT /public/x HTTP/1.1\nHost: mail\nExpect: 100-continue\nContent-Length: 5\n\n"

func TestContinue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := between(t, passthrough.Config{}, func(c net.Conn) {
			r := bufio.NewReader(c)
			for range 2 {
				q := request(t, r)
				io.WriteString(c, "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
				body, _ := io.ReadAll(q.Body)
				fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			}
		})
		c := p.connect(t)
		for range 2 {
			c.send(expecting)
			for _, want := range []int{http.StatusProcessing, http.StatusContinue} {
				if response, _ := c.answer("PUT"); response.StatusCode != want {
					t.Errorf("%s", response.Status)
				}
			}
			c.send("hello")
			if response, body := c.answer("PUT"); response.StatusCode != http.StatusOK || body != "hello" || response.Close {
				t.Errorf("%s: %q", response.Status, body)
			}
		}
	})
}

// A server that does not want the body gets none, and the client is not asked for it.
func TestNoContinue(t *testing.T) {
	for _, length := range []string{"0", "4"} {
		synctest.Test(t, func(t *testing.T) {
			p := between(t, passthrough.Config{}, func(c net.Conn) {
				r := bufio.NewReader(c)
				request(t, r)
				io.WriteString(c, "HTTP/1.1 401 Unauthorized\r\nContent-Length: "+length+"\r\n\r\n"+"none"[:length[0]-'0'])
				if rest, _ := io.ReadAll(r); len(rest) > 0 {
					t.Errorf("%q was sent", rest)
				}
			})
			c := p.connect(t)
			c.send(expecting)
			if response, body := c.answer("PUT"); response.StatusCode != http.StatusUnauthorized || body != "none"[:length[0]-'0'] || !response.Close {
				t.Errorf("%s: %q", response.Status, body)
			}
			c.ended()
		})
	}
}

// A server that has the body without having asked for it, and then says what is no answer,
// does not keep the client waiting for ever.
func TestNoContinueAndNoAnswer(t *testing.T) {
	for _, answer := range []string{"", "H", "HTTP/1.1 401 Unauth", "HTTP/1.1 200 OK\r\nWhat?\r\n\r\n", "HTTP/1.1 200 OK\r\na\r: b\r\n\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			p := between(t, passthrough.Config{}, func(c net.Conn) {
				r := bufio.NewReader(c)
				io.ReadFull(request(t, r).Body, make([]byte, 5))
				io.WriteString(c, answer)
				if strings.HasSuffix(answer, "\n") {
					r.ReadByte() // and stays
				}
			})
			c := p.connect(t)
			begun := time.Now()
			c.send(expecting + "hello")
			for _, want := range []int{http.StatusContinue, http.StatusBadGateway} {
				if response, _ := c.answer("PUT"); response.StatusCode != want || time.Since(begun) > 2*time.Second {
					t.Errorf("%q: %s after %v", answer, response.Status, time.Since(begun))
				}
			}
			c.ended()
		})
	}
}

// A server that says nothing gets the body after a while.
func TestContinueIsNotSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := between(t, passthrough.Config{}, func(c net.Conn) {
			r := bufio.NewReader(c)
			body, _ := io.ReadAll(request(t, r).Body)
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			r.ReadByte()
		})
		c := p.connect(t)
		begun := time.Now()
		c.send(expecting)
		if response, _ := c.answer("PUT"); response.StatusCode != http.StatusContinue || time.Since(begun) != time.Second {
			t.Errorf("%s after %v", response.Status, time.Since(begun))
		}
		c.send("hello")
		if _, body := c.answer("PUT"); body != "hello" {
			t.Errorf("%q", body)
		}
	})
}

// An answer that comes before the request is complete ends the connection after it, and
// what is left of the request is not taken for the next one.
func TestEarlyAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		p := between(t, passthrough.Config{}, func(c net.Conn) {
			r := bufio.NewReader(c)
			for {
				q, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				asked.Add(1)
				io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!")
				io.Copy(io.Discard, q.Body)
			}
		})
		c := p.connect(t)
		c.send("PUT /public/x HTTP/1.1\nHost: mail\nContent-Length: 1000000\n\n")
		if response, body := c.answer("PUT"); response.StatusCode != http.StatusRequestEntityTooLarge || body != "no!" || !response.Close {
			t.Errorf("%s: %q", response.Status, body)
		}
		io.WriteString(c, strings.Repeat(strings.ReplaceAll(get, "\n", "\r\n"), 100)) // may fail
		c.ended()
		if asked.Load() != 1 {
			t.Errorf("%d requests came to the server", asked.Load())
		}
	})
}

// A server that answers as soon as it has read the header, as IIS does with 401, does
// not cost the connection if the body is on its way: log-in by NTLM would never end.
func TestEarlyAnswerToAShortBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := between(t, passthrough.Config{}, func(c net.Conn) {
			r := bufio.NewReader(c)
			for range 3 {
				q := request(t, r)
				io.WriteString(c, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 3\r\n\r\nno!")
				io.Copy(io.Discard, q.Body)
			}
			r.ReadByte()
		})
		c := p.connect(t)
		for range 3 {
			go io.WriteString(c, "PROPFIND /public/x HTTP/1.1\r\nHost: mail\r\nContent-Length: 9\r\n\r\n<a>hi</a>")
			if response, body := c.answer("PROPFIND"); body != "no!" || response.Close {
				t.Errorf("%s: %q, and the connection ends", response.Status, body)
			}
		}
	})
}

func TestBrokenBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := between(t, passthrough.Config{}, func(c net.Conn) { io.Copy(io.Discard, c) })
		c := p.connect(t)
		go io.WriteString(c, "PUT /public/x HTTP/1.1\r\nHost: mail\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n")
		if response, body := c.answer("PUT"); response.StatusCode != http.StatusBadRequest || body != "The body of the request is broken.\n" {
			t.Errorf("%s: %q", response.Status, body)
		}
		c.ended()
	})
}

func TestHTTP10(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened atomic.Int32
		p := between(t, passthrough.Config{}, func(c net.Conn) {
			opened.Add(1)
			speaks(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "4")
				fmt.Fprint(w, r.Host)
			})(c)
		})
		c := p.connect(t)
		for range 2 {
			c.send("GET /public/ HTTP/1.0\nHost: mail\nConnection: keep-alive\n\n")
			if response, body := c.answer("GET"); body != "mail" || response.Header.Get("Connection") != "keep-alive" {
				t.Errorf("%q %v", body, response.Header)
			}
		}
		c.send("GET /public/ HTTP/1.0\nHost: mail\n\n")
		c.answer("GET")
		c.ended()
		if opened.Load() != 1 {
			t.Errorf("%d connections to the server", opened.Load())
		}
	})
}
