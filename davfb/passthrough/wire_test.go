package passthrough_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"
	"time"

	"fbgate/davfb/passthrough"
)

// recorder is a server that keeps the bytes of a request and answers with others.
type recorder struct {
	net.Listener
	answer   string
	requests chan []byte
}

func startRecorder(t *testing.T) *recorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &recorder{Listener: l, requests: make(chan []byte, 10)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.serve(c)
		}
	}()
	return r
}

// serve answers one request and hangs up.
func (r *recorder) serve(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	var taken bytes.Buffer
	reader := bufio.NewReader(io.TeeReader(c, &taken))
	head := textproto.NewReader(reader)
	for line := "-"; line != ""; {
		var err error
		if line, err = head.ReadLine(); err != nil {
			return
		}
	}
	// net/http would not take every request line here.
	_, fields, _ := bytes.Cut(taken.Bytes(), []byte("\r\n"))
	request, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader("POST / HTTP/1.1\r\n"), bytes.NewReader(fields), c)))
	if err == nil {
		body, _ := io.ReadAll(request.Body)
		head, _, _ := bytes.Cut(taken.Bytes(), []byte("\r\n\r\n"))
		r.requests <- append(append(head, "\r\n\r\n"...), body...)
	}
	io.WriteString(c, r.answer)
}

// startGateway returns the address of a gateway on a real network.
func startGateway(t *testing.T, c passthrough.Config) string {
	t.Helper()
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	handler, err := passthrough.New(c)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler, ConnContext: handler.ConnContext, ConnState: handler.ConnState, DisableGeneralOptionsHandler: true}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return l.Addr().String()
}

// exchange sends a request as it stands and returns all that comes.
func exchange(t *testing.T, address, request string) []byte {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	all, err := io.ReadAll(c)
	if err != nil {
		t.Errorf("%q: %v after %q", request, err, all)
	}
	return all
}

// message is a request or response as far as it has to be the same on both sides.
type message struct {
	first  string   // line
	fields []string // in order of their names; those of one name in the order they came
	body   string
}

// read reads a message. What one hop does for itself is left out: how long the body is
// in which way, and whether the connection goes on.
func read(raw []byte, method string) message {
	head, body, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	lines := strings.Split(string(head), "\r\n")
	m := message{first: lines[0], body: string(body)}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "connection", "transfer-encoding":
			continue
		}
		m.fields = append(m.fields, strings.ToLower(name)+": "+strings.TrimSpace(value))
	}
	slices.SortStableFunc(m.fields, func(a, b string) int {
		one, _, _ := strings.Cut(a, ":")
		other, _, _ := strings.Cut(b, ":")
		return strings.Compare(one, other)
	})
	if response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), &http.Request{Method: method}); err == nil {
		body, err := io.ReadAll(response.Body)
		m.body = fmt.Sprint(string(body), err)
		// The words after the code are net/http's (RFC 9112, 4: they mean nothing).
		m.first = fmt.Sprint(response.Proto, " ", response.StatusCode)
	}
	return m
}

const headers = "Host: Mail.Contoso.COM:8080\r\n"

// What comes to the server by the gateway is what comes to it directly, and so is what
// comes to the client.
func TestByteForByte(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
	tests := map[string]struct{ request, answer string }{}
	for _, target := range []string{
		"/public", "/public/", "/public//", "/PUBLIC/?Cmd=navbar", "//public//x/", "///public/?",
		"/public/?", "/public/??", "/public/?&&=&", "/public/?a=1;b=2&c=%zz&d=%u0041+e%20f%", "/public/?Cmd=freebusy;x",
		"/public/%2F%2f%41%61/a%20b;c=d,e=f/", "/public/a%25%2e%5Cb", "/public/%FC%e4.EML", "/public/._x/...",
		"/public/NON_IPM_SUBTREE/SCHEDULE%2B%20FREE%20BUSY/EX:_xF8FF_o=Org/USER-_xF8FF_CN=RECIPIENTS_xF8FF_CN=A.EML",
		`/public/a"b<c>{d}|^[e]`, "/public/\xfc\xe4", "/public/!$&'()*+,;=:@-._~", "/public/#x", "//public/?{}#x\xe4",
	} {
		tests["GET "+target] = struct{ request, answer string }{"GET " + target + " HTTP/1.1\r\n" + headers + "\r\n", ok}
	}
	for _, method := range []string{"HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND", "PROPPATCH", "BPROPFIND", "BPROPPATCH", "BCOPY", "BDELETE",
		"BMOVE", "COPY", "MOVE", "MKCOL", "LOCK", "UNLOCK", "SEARCH", "SUBSCRIBE", "UNSUBSCRIBE", "POLL", "NOTIFY", "X-MS-ENUMATTS", "odd!#$%&'*+-.^_`|~"} {
		line := method + " /public/x HTTP/1.1\r\n" + headers
		if method != "HEAD" { // where net/http leaves out that there is no body
			tests[method+" without body"] = struct{ request, answer string }{line + "Content-Length: 0\r\n\r\n", ok}
		}
		tests[method+" with body"] = struct{ request, answer string }{line + "Content-Type: text/xml\r\nContent-Length: 10\r\n\r\n<a>\x00\xff\r\n</a", ok}
		tests[method+" in chunks"] = struct{ request, answer string }{line + "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", ok}
	}
	for _, field := range []string{
		"Translate: f", "Depth: 1,noroot", "Brief: t", "Cookie: sessionid=a,0x409\r\nCookie: cadata=\"2,8JO\"", "X-Empty:", "X-Latin: gr\xfc\xdfe",
		"X-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: gopher\r\nX-Forwarded-Host: x\r\nForwarded: for=x", "Via: 1.0 old",
		"User-Agent: Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)", "Accept-Encoding: gzip, deflate", "Accept-Encoding: identity\r\nRange: bytes=1-2",
		"Authorization: Negotiate TlRMTVNTUAAB", "Authorization: Basic YTpi", "If: (<opaquelocktoken:x>)\r\nIf-Match: \"x\"", "Destination: http://mail/public/y",
		"Call-Back: httpu://1.2.3.4:1/\r\nNotification-Type: pragma/<http://schemas.microsoft.com/exchange/newmail>\r\nSubscription-Lifetime: 3600",
		"UA-CPU: x86\r\nCache-Control: no-cache\r\nPragma: no-cache", "X-Order: b\r\nX-Order: a\r\nX-Order: b", "X-Long: " + strings.Repeat("x", 8000),
	} {
		tests[field[:min(len(field), 40)]] = struct{ request, answer string }{"PROPFIND /public/ HTTP/1.1\r\n" + headers + field + "\r\nContent-Length: 2\r\n\r\nhi", ok}
	}
	const date = "Date: Sat, 21 Nov 2009 10:00:00 GMT\r\n"
	for name, answer := range map[string]string{
		"multistatus": "HTTP/1.1 207 Multi-Status\r\n" + date + "Server: Microsoft-IIS/6.0\r\nMS-WebStorage: 6.5.7638\r\nContent-Type: text/xml\r\nContent-Length: 4\r\n\r\n<a/>",
		"chunks":      "HTTP/1.1 207 Multi-Status\r\n" + date + "Transfer-Encoding: chunked\r\nContent-Type: text/xml\r\n\r\n3\r\n<a/\r\n1\r\n>\r\n0\r\n\r\n",
		"log-in":      "HTTP/1.1 440 Login Timeout\r\n" + date + "Set-Cookie: sessionid=; path=/\r\nSet-Cookie: cadata=; path=/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		"redirect":    "HTTP/1.1 302 Moved Temporarily\r\n" + date + "Location: http://exchange2.contoso.local/public/?Cmd=freebusy&x=y;z\r\nContent-Length: 0\r\n\r\n",
		"challenges":  "HTTP/1.1 401 Unauthorized\r\n" + date + "WWW-Authenticate: Negotiate\r\nWWW-Authenticate: NTLM\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 1\r\n\r\nx",
		"nothing":     "HTTP/1.1 204 No Content\r\n" + date + "\r\n",
		"unchanged":   "HTTP/1.1 304 Not Modified\r\n" + date + "ETag: \"x\"\r\n\r\n",
		"no type":     "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
		"no date":     "HTTP/1.1 404 Resource Not Found\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nno",
		"empty type":  "HTTP/1.1 200 OK\r\n" + date + "Content-Type:\r\nContent-Length: 2\r\n\r\nhi",
		"no length":   "HTTP/1.1 200 OK\r\n" + date + "Content-Type: text/plain\r\nConnection: close\r\n\r\nto the end",
		"old server":  "HTTP/1.0 200 OK\r\n" + date + "Content-Type: text/plain\r\n\r\nto the end",
		"odd code":    "HTTP/1.1 507 Insufficient Space\r\n" + date + "X-A: b\r\nX-A: a\r\nContent-Length: 0\r\n\r\n",
		"gzip":        "HTTP/1.1 200 OK\r\n" + date + "Content-Encoding: gzip\r\nContent-Type: text/xml\r\nVary: *\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08",
	} {
		tests[name] = struct{ request, answer string }{"SEARCH /public/ HTTP/1.1\r\n" + headers + "\r\n", answer}
	}
	tests["HEAD, and a length"] = struct{ request, answer string }{"HEAD /public/x HTTP/1.1\r\n" + headers + "\r\n", "HTTP/1.1 200 OK\r\n" + date + "Content-Type: text/xml\r\nContent-Length: 1000\r\n\r\n"}

	server := startRecorder(t)
	gateway := startGateway(t, passthrough.Config{URL: "http://" + server.Addr().String()})
	for name, test := range tests {
		server.answer = test.answer
		method, _, _ := strings.Cut(test.request, " ")
		wantAnswer := read(exchange(t, server.Addr().String(), test.request), method)
		wantRequest := message{}
		select {
		case raw := <-server.requests:
			wantRequest = read(raw, method)
		default:
			t.Errorf("%s: nothing came directly", name)
		}
		gotAnswer := read(exchange(t, gateway, test.request), method)
		gotRequest := message{}
		select {
		case raw := <-server.requests:
			gotRequest = read(raw, method)
		default:
			t.Errorf("%s: nothing came to the server; to the client came %q", name, gotAnswer)
			continue
		}
		wantAnswer.first = strings.Replace(wantAnswer.first, "HTTP/1.0", "HTTP/1.1", 1)
		if fmt.Sprintf("%q", gotRequest) != fmt.Sprintf("%q", wantRequest) {
			t.Errorf("%s: to the server came\n%q, directly\n%q", name, gotRequest, wantRequest)
		}
		if fmt.Sprintf("%q", gotAnswer) != fmt.Sprintf("%q", wantAnswer) {
			t.Errorf("%s: to the client came\n%q, directly\n%q", name, gotAnswer, wantAnswer)
		}
	}
}

// What is different, and is to be.
func TestNotByteForByte(t *testing.T) {
	server := startRecorder(t)
	server.answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nConnection: X-Private\r\nX-Private: 1\r\nKeep-Alive: 5\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
	gateway := startGateway(t, passthrough.Config{URL: "http://" + server.Addr().String(), Paths: []string{"/"}})
	for _, test := range []struct{ request, line, without string }{
		{"GET /public/ HTTP/1.1\r\nHost: mail\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers, x\r\n\r\n", "GET /public/ HTTP/1.1", "secret"},
		{"GET /public/ HTTP/1.1\r\nHost: mail\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n", "GET /public/ HTTP/1.1", "upgrade"},
		{"GET http://mail/public//x;y?{} HTTP/1.1\r\nHost: mail\r\nConnection: close\r\n\r\n", "GET /public//x;y?{} HTTP/1.1", "//mail"},
		{"GET http://mail HTTP/1.1\r\nHost: mail\r\nConnection: close\r\n\r\n", "GET / HTTP/1.1", "//mail"},
		{"GET http://mail?x HTTP/1.1\r\nHost: mail\r\nConnection: close\r\n\r\n", "GET /?x HTTP/1.1", "//mail"},
		{"OPTIONS * HTTP/1.1\r\nHost: mail\r\nConnection: close\r\n\r\n", "OPTIONS * HTTP/1.1", "//mail"},
		{"GET /public/ HTTP/1.0\r\n\r\n", "GET /public/ HTTP/1.1", "user-agent"},
		{"GET /public/ HTTP/1.1\r\nHost: mail\r\nConnection: close\r\n\r\n", "GET /public/ HTTP/1.1", "accept-encoding"},
		{"GET //public//{d}|^ HTTP/1.1\r\nHost: mail\r\nConnection: close\r\n\r\n", "GET http://" + server.Addr().String() + "//public//{d}|^ HTTP/1.1", "//mail"},
	} {
		answer := exchange(t, gateway, test.request)
		raw := string(<-server.requests)
		if !strings.HasPrefix(raw, test.line+"\r\n") || strings.Contains(strings.ToLower(raw), test.without) {
			t.Errorf("%q became %q", test.request, raw)
		}
		if !bytes.Contains(answer, []byte("\r\nWWW-Authenticate: NTLM\r\n")) || bytes.Contains(answer, []byte("X-Private")) || bytes.Contains(answer, []byte("Keep-Alive")) {
			t.Errorf("%q was answered by %q", test.request, answer)
		}
		if chunked := bytes.Contains(answer, []byte("chunked")); chunked == strings.Contains(test.request, "HTTP/1.0") {
			t.Errorf("%q was answered by %q", test.request, answer)
		}
	}
}

// Nobody is upgraded, even if the server is willing.
func TestNoUpgrade(t *testing.T) {
	server := startRecorder(t)
	server.answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nframes"
	gateway := startGateway(t, passthrough.Config{URL: "http://" + server.Addr().String()})
	answer := exchange(t, gateway, "GET /public/ HTTP/1.1\r\nHost: mail\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 502 ")) || bytes.Contains(answer, []byte("frames")) {
		t.Errorf("%q", answer)
	}
}
