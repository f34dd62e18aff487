package intake

import (
	"fmt"
	"io"
	"net"
	"time"
)

const (
	// mostRefusing is how many connections are told at once why they are not taken.
	// Further ones are closed without a word.
	mostRefusing = 64
	// refusalTime is how long that may take, from the first byte to the last.
	refusalTime = 2 * time.Second
	// mostDrained is how much of a request is taken off a client meanwhile: all of an
	// honest one, as closing a connection with something unread destroys what was sent on
	// it (RFC 9112 9.6).
	mostDrained = 256 << 10
	// retryAfter is when to come again.
	retryAfter = 10 * time.Second
)

// refusal is why a connection is not taken.
type refusal struct {
	reason string // in the log
	answer []byte // of HTTP
}

var (
	full    = newRefusal("all connections are taken", "The gateway has as many connections as it takes. Try again in a few seconds.\n")
	tooMany = newRefusal("one client has too many", "There are too many connections from your network. Close some, or try again in a few seconds.\n")
)

func newRefusal(reason, text string) *refusal {
	return &refusal{reason, fmt.Appendf(nil, "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"+
		"Content-Length: %d\r\nRetry-After: %d\r\nConnection: close\r\n\r\n%s", len(text), int(retryAfter/time.Second), text)}
}

// refuse ends a connection that is not taken.
func (l *Listener) refuse(c net.Conn, why *refusal) {
	l.report.add(why, c.RemoteAddr())
	if l.config.Silent {
		_ = c.Close()
		return
	}
	select {
	case l.refusing <- struct{}{}:
		go func() {
			defer func() { <-l.refusing }()
			defer c.Close()
			why.tell(c)
		}()
	default:
		_ = c.Close()
	}
}

// tell writes the answer so that the client can read it: after its request has begun, as
// some clients take an answer before that for that of an older request and drop it.
func (r *refusal) tell(c net.Conn) {
	_ = c.SetDeadline(time.Now().Add(refusalTime))
	if n, err := c.Read(make([]byte, 1)); n == 0 && err != nil {
		return
	}
	if _, err := c.Write(r.answer); err != nil {
		return
	}
	_ = closeWrite(c)
	_, _ = io.Copy(io.Discard, io.LimitReader(c, mostDrained))
}
