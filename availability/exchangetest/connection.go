package exchangetest

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
)

// reset ends the connection with a TCP RST, which a close with data unsent or a
// linger time of 0 gives.
func (d *delivery) reset() {
	conn := d.hijack()
	under := conn
	if secure, ok := conn.(*tls.Conn); ok {
		under = secure.NetConn()
	}
	if tcp, ok := under.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = under.Close()
}

// truncate sends half of the answer without its length, in the way of HTTP/1.0,
// where the end of the connection is the end of the body.
func (d *delivery) truncate() {
	conn := d.hijack()
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nConnection: close\r\n\r\n%s",
		d.status, http.StatusText(d.status), xmlType, d.body[:len(d.body)/2])
}

// hijack takes the connection over. Where there is none to be had, as with
// HTTP/2, the answer is aborted.
func (d *delivery) hijack() net.Conn {
	conn, _, err := http.NewResponseController(d.ResponseWriter).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return conn
}
