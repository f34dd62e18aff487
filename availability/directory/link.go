package directory

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// link keeps one connection to the server. go-ldap carries any number of searches on
// it at the same time.
type link struct {
	config LDAPConfig
	url    *url.URL

	mu       sync.Mutex
	conn     *ldap.Conn
	dialing  *dialing
	rests    *restingError
	refused  [sha256.Size]byte // the password that was refused last
	refusals int               // of it, in a row
}

// dialing is a connection being made. conn and err are set before done is closed.
type dialing struct {
	done chan struct{}
	conn *ldap.Conn
	err  error
}

// search asks the server. A connection kept from earlier may have been closed by the
// other side, as Active Directory does after 15 minutes: then another one is tried,
// once.
func (l *link) search(ctx context.Context, request *ldap.SearchRequest) ([]*ldap.Entry, error) {
	for again := true; ; again = false {
		conn, kept, err := l.connect(ctx)
		if err != nil {
			return nil, err
		}
		entries, err := searchOn(ctx, conn, request)
		if !broken(err) {
			return entries, err
		}
		l.drop(conn)
		if !kept || !again || ctx.Err() != nil {
			return nil, err
		}
	}
}

// searchOn asks on one connection for all there is.
func searchOn(ctx context.Context, conn *ldap.Conn, request *ldap.SearchRequest) ([]*ldap.Entry, error) {
	result, err := searchPage(ctx, conn, request)
	if err != nil {
		return nil, err
	}
	return result.Entries, nil
}

// searchPage asks on one connection. go-ldap knows no context here; its own timeout
// ends what is left behind. Its SearchAsync does, but takes a broken connection for the
// end of the results.
func searchPage(ctx context.Context, conn *ldap.Conn, request *ldap.SearchRequest) (*ldap.SearchResult, error) {
	type outcome struct {
		result *ldap.SearchResult
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		result, err := conn.Search(request)
		done <- outcome{result, err}
	}()
	select {
	case o := <-done:
		return o.result, o.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// broken reports whether err says that the connection is of no use any more.
func broken(err error) bool {
	if err == nil {
		return false
	}
	var said *ldap.Error
	return !errors.As(err, &said) || said.ResultCode >= ldap.ErrorNetwork
}

// connect returns a connection, and whether it was kept from earlier.
func (l *link) connect(ctx context.Context) (conn *ldap.Conn, kept bool, err error) {
	l.mu.Lock()
	if l.conn != nil && !l.conn.IsClosing() {
		defer l.mu.Unlock()
		return l.conn, true, nil
	}
	if l.dialing == nil {
		l.dialing = &dialing{done: make(chan struct{})}
		go l.dial(context.WithoutCancel(ctx), l.dialing)
	}
	d := l.dialing
	l.mu.Unlock()
	select {
	case <-d.done:
		return d.conn, false, d.err
	case <-ctx.Done():
		return nil, false, context.Cause(ctx)
	}
}

// dial makes a connection for all who wait, unless it is too early for that.
func (l *link) dial(ctx context.Context, d *dialing) {
	ctx, cancel := context.WithTimeout(ctx, l.config.Timeout)
	defer cancel()
	begun := time.Now()
	password, err := l.password()
	secret := sha256.Sum256([]byte(password))
	if err == nil {
		err = l.mayDial(secret)
	}
	if err == nil {
		d.conn, err = l.config.dial(ctx, l.url, l.config.BindDN, password)
		if err != nil {
			err = l.rest(err, time.Since(begun), secret)
		}
	}
	d.err = err
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dialing = nil
	if err == nil {
		l.conn, l.rests, l.refusals = d.conn, nil, 0
	}
	close(d.done)
}

// password returns that of the account.
func (l *link) password() (string, error) {
	if l.config.BindDN == "" {
		return "", nil
	}
	password, err := l.config.Password()
	switch {
	case err != nil:
		return "", fmt.Errorf("the password of %s could not be read: %w", l.config.BindDN, err)
	case password == "":
		// RFC 4513 5.1.2: the server would take it for somebody who does not log in.
		return "", fmt.Errorf("the password of %s is empty", l.config.BindDN)
	}
	return password, nil
}

// drop gives up a connection.
func (l *link) drop(conn *ldap.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == conn {
		l.conn = nil
	}
	go conn.Close() // which may wait for a write under way
}

func (l *link) close() {
	l.mu.Lock()
	conn := l.conn
	l.conn = nil
	l.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
}
