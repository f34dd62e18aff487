package pretend

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
)

// Reset ends the connection of a response with a TCP RST, which a close with data
// unsent or a linger time of 0 gives.
func Reset(w http.ResponseWriter) {
	conn := hijack(w)
	under := conn
	if secure, ok := conn.(*tls.Conn); ok {
		under = secure.NetConn()
	}
	if tcp, ok := under.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = under.Close()
}

// Truncate sends half of the body without its length, in the way of HTTP/1.0, where
// the end of the connection is the end of the body.
func Truncate[Body string | []byte](w http.ResponseWriter, status int, contentType string, body Body) {
	conn := hijack(w)
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), contentType, body[:len(body)/2])
}

// hijack takes the connection over. Where there is none to be had, as with HTTP/2,
// the answer is aborted.
func hijack(w http.ResponseWriter) net.Conn {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return conn
}
