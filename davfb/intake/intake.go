// Package intake decides which connections a listener takes: so many in all, and so many
// of one client, so that none can keep the others out. Those beyond are told so and closed,
// rather than left in the kernel's queue, where they wait without a word.
package intake

import (
	"cmp"
	"log/slog"
	"net"
	"net/netip"
	"sync"
)

// Config says how many connections are taken at once. Zero limits do not limit.
type Config struct {
	// Connections is how many there are in all.
	Connections int
	// PerClient is how many of them are of one client: an IPv4 address, or an IPv6
	// network of 64 bits, of which anybody has all addresses.
	PerClient int
	// Exempt are networks PerClient does not hold for, such as those of proxies, behind
	// which many clients are. Loopback is always exempt.
	Exempt []netip.Prefix
	// Silent closes what is not taken without the answer of HTTP that says why. It is for
	// listeners below TLS, where that would be noise.
	Silent bool
	Log    *slog.Logger // default slog.Default()
}

// Listener is a listener whose connections are counted until they are closed.
type Listener struct {
	net.Listener
	config   Config
	refusing chan struct{} // holds one for each connection that is being told
	report   report

	mu      sync.Mutex
	open    int
	clients map[netip.Addr]int // open connections, of those PerClient holds for
}

var _ net.Listener = (*Listener)(nil)

// New returns a Listener of l.
func New(l net.Listener, c Config) *Listener {
	c.Log = cmp.Or(c.Log, slog.Default())
	return &Listener{
		Listener: l,
		config:   c,
		refusing: make(chan struct{}, mostRefusing),
		report:   report{log: c.Log.With("listen", l.Addr().String())},
		clients:  make(map[netip.Addr]int),
	}
}

// Accept waits for the next connection that is taken.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		client := l.client(c.RemoteAddr())
		why := l.admit(client)
		if why == nil {
			return &conn{Conn: c, listener: l, client: client}, nil
		}
		l.refuse(c, why)
	}
}

// Open returns how many connections are open.
func (l *Listener) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// Refused returns how many connections have not been taken so far.
func (l *Listener) Refused() uint64 { return l.report.total.Load() }

// Close closes the listener; connections stay open.
func (l *Listener) Close() error {
	l.report.end()
	return l.Listener.Close()
}

// admit counts a connection, or says why it is not taken.
func (l *Listener) admit(client netip.Addr) *refusal {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.config.Connections > 0 && l.open >= l.config.Connections:
		return full
	case client.IsValid() && l.clients[client] >= l.config.PerClient:
		return tooMany
	}
	l.open++
	if client.IsValid() {
		l.clients[client]++
	}
	return nil
}

func (l *Listener) release(client netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if !client.IsValid() {
		return
	}
	if l.clients[client]--; l.clients[client] == 0 {
		delete(l.clients, client)
	}
}

// client returns the address that stands for a client's, and an invalid one if PerClient
// does not hold for it.
func (l *Listener) client(remote net.Addr) netip.Addr {
	peer, err := netip.ParseAddrPort(remote.String())
	if err != nil || l.config.PerClient <= 0 {
		return netip.Addr{}
	}
	address := peer.Addr().Unmap().WithZone("")
	if address.IsLoopback() {
		return netip.Addr{}
	}
	for _, network := range l.config.Exempt {
		if network.Contains(address) {
			return netip.Addr{}
		}
	}
	if address.Is6() {
		return netip.PrefixFrom(address, 64).Masked().Addr()
	}
	return address
}

// conn is a connection that was taken.
type conn struct {
	net.Conn
	listener *Listener
	client   netip.Addr
	once     sync.Once
}

// Close closes the connection, which makes room for another.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.listener.release(c.client) })
	return err
}

// CloseWrite ends what is sent. With it net/http lets a client read why it is refused
// before it closes the connection.
func (c *conn) CloseWrite() error { return closeWrite(c.Conn) }

func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
