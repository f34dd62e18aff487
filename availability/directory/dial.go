package directory

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync/atomic"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// maxReply is how much a server may send without being asked anything more, in bytes.
// go-ldap itself would take 2 GiB.
const maxReply = 64 << 20

// dial connects, securely if it has to be, and logs in as an account; as nobody if its
// name is empty.
func (c *LDAPConfig) dial(ctx context.Context, u *url.URL, account, password string) (*ldap.Conn, error) {
	port := cmp.Or(u.Port(), map[string]string{"ldap": ldap.DefaultLdapPort, "ldaps": ldap.DefaultLdapsPort}[u.Scheme])
	dialer := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}}
	socket, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, err
	}
	// What go-ldap does by itself, below, knows no context.
	defer context.AfterFunc(ctx, func() { socket.SetDeadline(time.Unix(1, 0)) })()
	conn, err := c.begin(ctx, newWire(socket, c.Timeout), u)
	if err == nil {
		err = logIn(conn, account, password)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		socket.Close()
		if conn != nil {
			conn.Close()
		}
		if cause := context.Cause(ctx); cause != nil {
			err = fmt.Errorf("connecting: %w", cause)
		}
		return nil, err
	}
	return conn, nil
}

// begin starts a conversation on w.
func (c *LDAPConfig) begin(ctx context.Context, w *wire, u *url.URL) (*ldap.Conn, error) {
	if u.Scheme == "ldaps" {
		secure := tls.Client(w, c.tls(u.Hostname()))
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, fmt.Errorf("no secure connection: %w", err)
		}
		return c.start(secure, true), nil
	}
	if c.StartTLS {
		secure, err := c.startTLS(ctx, w, u.Hostname())
		if err != nil {
			return nil, fmt.Errorf("no secure connection by StartTLS: %w", err)
		}
		return c.start(secure, true), nil
	}
	return c.start(w, false), nil
}

// startTLS makes a connection a secure one (RFC 4511, 4.14). That of go-ldap would not let
// what comes through TLS be bounded.
func (c *LDAPConfig) startTLS(ctx context.Context, w net.Conn, host string) (net.Conn, error) {
	request := ber.NewSequence("")
	request.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, 1, ""))
	operation := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationExtendedRequest, nil, "")
	operation.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, "1.3.6.1.4.1.1466.20037", ""))
	request.AppendChild(operation)
	if _, err := w.Write(request.Bytes()); err != nil {
		return nil, err
	}
	// Read byte by byte, so that nothing is taken of what follows.
	reply, err := ber.ReadPacket(&elements{Conn: w})
	if err != nil {
		return nil, err
	}
	if err := ldap.GetLDAPError(reply); err != nil {
		return nil, err
	}
	secure := tls.Client(w, c.tls(host))
	return secure, secure.HandshakeContext(ctx)
}

func (c *LDAPConfig) start(wire net.Conn, secure bool) *ldap.Conn {
	conn := ldap.NewConn(&elements{Conn: wire}, secure)
	conn.SetTimeout(2 * c.Timeout) // for what was left behind: who waits leaves earlier
	conn.Start()
	return conn
}

func (c *LDAPConfig) tls(host string) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.TLS != nil {
		config = c.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = host
	}
	return config
}

// refusedError says that the server did not accept the account.
type refusedError struct {
	account string
	err     error
}

func (e *refusedError) Error() string { return fmt.Sprintf("%s was refused: %v", e.account, e.err) }

func (e *refusedError) Unwrap() error { return e.err }

func logIn(conn *ldap.Conn, account, password string) error {
	if account == "" {
		return nil
	}
	err := conn.Bind(account, password)
	var said *ldap.Error
	if errors.As(err, &said) && said.ResultCode < ldap.ErrorNetwork && !busy(said) {
		return &refusedError{account, err}
	}
	return err
}

// busy reports whether a server is not able to say anything now, of the account or
// otherwise.
func busy(said *ldap.Error) bool {
	return said.ResultCode == ldap.LDAPResultBusy || said.ResultCode == ldap.LDAPResultUnavailable
}

// wire bounds what go-ldap leaves unbounded: how long writing may take, and how much
// may be read.
type wire struct {
	net.Conn
	timeout time.Duration
	left    atomic.Int64 // bytes that may be read
}

func newWire(conn net.Conn, timeout time.Duration) *wire {
	w := &wire{Conn: conn, timeout: timeout}
	w.left.Store(maxReply)
	return w
}

// Read fails if the server sends without end.
func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if w.left.Add(-int64(n)) < 0 {
		return 0, fmt.Errorf("the server sent more than %d MiB unasked", maxReply>>20)
	}
	return n, err
}

// Write allows the server a reply.
func (w *wire) Write(p []byte) (int, error) {
	w.left.Store(maxReply)
	if err := w.Conn.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil {
		return 0, err
	}
	return w.Conn.Write(p)
}
