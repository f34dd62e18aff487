package main

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// stream is one direction of a connection in memory. Unlike that of net.Pipe it takes what
// is written before anybody reads it, as a socket does: both ends of a TLS handshake may
// write at the same time.
type stream struct {
	mu      sync.Mutex
	changed *sync.Cond
	data    []byte
	ended   error // what a reader gets at the end
	broken  bool  // nobody reads any more
	read    deadline
	write   deadline
}

// streamRoom is how much is taken before it is read, in bytes.
const streamRoom = 64 << 10

// deadline is a moment from which on one side does not wait.
type deadline struct {
	timer *time.Timer
	over  bool
}

func newStream() *stream {
	s := new(stream)
	s.changed = sync.NewCond(&s.mu)
	return s
}

func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.read.over:
			return 0, os.ErrDeadlineExceeded
		case len(s.data) > 0:
			n := copy(p, s.data)
			s.data = s.data[n:]
			s.changed.Broadcast()
			return n, nil
		case s.ended != nil:
			return 0, s.ended
		}
		s.changed.Wait()
	}
}

func (s *stream) Write(p []byte) (written int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.broken || s.ended != nil:
			return written, &net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}
		case s.write.over:
			return written, os.ErrDeadlineExceeded
		case len(p) == 0:
			return written, nil
		case len(s.data) < streamRoom:
			n := min(len(p), streamRoom-len(s.data))
			s.data = append(s.data, p[:n]...)
			written, p = written+n, p[n:]
			s.changed.Broadcast()
			continue
		}
		s.changed.Wait()
	}
}

// end lets the reader come to an end: after what was written, or at once if it is a reset.
func (s *stream) end(with error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		s.ended = with
	}
	if with != io.EOF {
		s.data = nil
	}
	s.changed.Broadcast()
}

// abandon lets the writer know that nobody reads.
func (s *stream) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken, s.data = true, nil
	if s.ended == nil {
		s.ended = net.ErrClosed
	}
	s.changed.Broadcast()
}

func (s *stream) set(d *deadline, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
	d.timer, d.over = nil, !t.IsZero() && !time.Now().Before(t)
	if !t.IsZero() && !d.over {
		var timer *time.Timer
		timer = time.AfterFunc(time.Until(t), func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if d.timer == timer {
				d.over = true
				s.changed.Broadcast()
			}
		})
		d.timer = timer
	}
	s.changed.Broadcast()
}

// cord is one end of a connection in memory.
type cord struct {
	in, out *stream
	name    string
}

var _ net.Conn = (*cord)(nil)

// newCord returns both ends.
func newCord(name string) (near, far *cord) {
	a, b := newStream(), newStream()
	return &cord{a, b, name}, &cord{b, a, name}
}

// Read implements net.Conn.
func (c *cord) Read(p []byte) (int, error) { return c.in.Read(p) }

// Write implements net.Conn.
func (c *cord) Write(p []byte) (int, error) { return c.out.Write(p) }

// Close implements net.Conn.
func (c *cord) Close() error {
	c.out.end(io.EOF)
	c.in.abandon()
	return c.SetDeadline(time.Time{})
}

// reset ends the connection as a RST does.
func (c *cord) reset() {
	c.out.end(&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)})
	c.in.abandon()
}

// LocalAddr implements net.Conn.
func (c *cord) LocalAddr() net.Addr { return &net.UnixAddr{Name: c.name, Net: "memory"} }

// RemoteAddr implements net.Conn.
func (c *cord) RemoteAddr() net.Addr { return c.LocalAddr() }

// SetDeadline implements net.Conn.
func (c *cord) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn.
func (c *cord) SetReadDeadline(t time.Time) error {
	c.in.set(&c.in.read, t)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *cord) SetWriteDeadline(t time.Time) error {
	c.out.set(&c.out.write, t)
	return nil
}
