package directory

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
)

const (
	// maxElements is how many elements of BER a server may send without being asked
	// anything more. Each takes 200 bytes and more in memory, however short it is: 64 MiB
	// of the shortest would take 7 GiB. Those of a directory have some 30 bytes on
	// average, so that maxReply is reached first.
	maxElements = 2 << 20
	// maxNesting is how deep elements may be nested, of which go-asn1-ber copies the
	// content once for each level. A search's results have 6 levels.
	maxNesting = 16
)

// elements is a connection that hands on the messages of a server as long as reading them
// costs no more than it may. It sees them as they are after TLS.
type elements struct {
	net.Conn
	count atomic.Int64 // since something was asked
	open  []int64      // bytes to come of each element that holds the next one
	skip  int64        // bytes of content to pass over

	// Of the header that is being read: its bytes so far, how many more its length has,
	// and what it says.
	header, more int
	constructed  bool
	length       int64
}

// Read fails if the server sends what is too costly, or not what RFC 4511, 5.1, has.
func (e *elements) Read(p []byte) (int, error) {
	n, err := e.Conn.Read(p)
	if broken := e.follow(p[:n]); broken != nil {
		return 0, broken
	}
	return n, err
}

// Write allows the server a reply.
func (e *elements) Write(p []byte) (int, error) {
	e.count.Store(0)
	return e.Conn.Write(p)
}

// follow goes past some bytes.
func (e *elements) follow(p []byte) error {
	for len(p) > 0 {
		if n := min(e.skip, int64(len(p))); n > 0 {
			e.skip, p = e.skip-n, p[n:]
			continue
		}
		if err := e.take(p[0]); err != nil {
			return err
		}
		p = p[1:]
	}
	return nil
}

// take reads a byte of a header: a tag, a length, or how many bytes the length has and
// then those.
func (e *elements) take(c byte) error {
	e.header++
	switch {
	case e.header == 1:
		if c&0x1f == 0x1f {
			return errors.New("the server sent a tag that LDAP does not have")
		}
		e.constructed, e.length = c&0x20 != 0, 0
		return nil
	case e.header > 2:
		e.length = e.length<<8 | int64(c)
		e.more--
	case c < 0x80:
		e.length = int64(c)
	case c > 0x80 && c <= 0x84:
		e.more = int(c & 0x7f)
	default:
		return errors.New("the server sent a length that LDAP does not have")
	}
	if e.more > 0 {
		return nil
	}
	return e.begin()
}

// begin goes on to the content of an element whose header is complete.
func (e *elements) begin() error {
	header := int64(e.header)
	e.header = 0
	if e.count.Add(1) > maxElements {
		return fmt.Errorf("the server sent more than %d elements unasked", maxElements)
	}
	if last := len(e.open) - 1; last >= 0 {
		if e.open[last] -= header + e.length; e.open[last] < 0 {
			return errors.New("the server sent an element that is longer than what holds it")
		}
	}
	switch {
	case !e.constructed:
		e.skip = e.length
	case len(e.open) == maxNesting:
		return fmt.Errorf("the server sent elements nested deeper than %d", maxNesting)
	default:
		e.open = append(e.open, e.length)
	}
	for len(e.open) > 0 && e.open[len(e.open)-1] == 0 {
		e.open = e.open[:len(e.open)-1]
	}
	return nil
}
