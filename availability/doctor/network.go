package doctor

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
)

// patience is how long one hop of the network may take.
const patience = 10 * time.Second

// reach takes the hops to the server: names, connection, and who is there. It reports
// whether the connection was found secure, and whether to go on.
func (m Member) reach(ctx context.Context, target string, step func(Hop) bool) (secured, ok bool) {
	u, err := url.Parse(target)
	if err != nil || u.Hostname() == "" {
		return false, step(Hop{Name: DNS, Reason: availability.Because(availability.WrongEndpoint, "%.200q is not a URL with a host", target)})
	}
	address, secure, via := addressOf(u), u.Scheme == "https", ""
	if proxy := m.proxy(u); proxy != nil {
		// What lies behind a proxy only the call itself shows.
		address, secure, via = addressOf(proxy), false, " of the proxy"
	}
	if !resolve(ctx, address, via, step) {
		return false, false
	}
	connection, ok := dial(ctx, address, via, step)
	if !ok {
		return false, false
	}
	defer connection.Close()
	return secure, !secure || m.shake(ctx, connection, u.Hostname(), step)
}

func (m Member) proxy(u *url.URL) *url.URL {
	if m.Proxy == nil {
		return nil
	}
	proxy, err := m.Proxy(&http.Request{URL: u})
	if err != nil {
		return nil // the call will say it
	}
	return proxy
}

// addressOf is host and port of a URL.
func addressOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// resolve is not a hop if the host is an IP address.
func resolve(ctx context.Context, address, via string, step func(Hop) bool) bool {
	host, _, _ := net.SplitHostPort(address)
	bare, _, _ := strings.Cut(host, "%")
	if net.ParseIP(bare) != nil {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	begun := time.Now()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	hop := Hop{Name: DNS, Found: host + via + " is " + strings.Join(addresses[:min(len(addresses), 4)], ", "), Took: time.Since(begun)}
	if err != nil {
		hop.Reason = unreachable(err)
		hop.Remedy = "Check how this machine resolves names: nobody could tell the address of " + host + via + "."
		if unknown := (*net.DNSError)(nil); errors.As(err, &unknown) && unknown.IsNotFound {
			hop.Remedy = "Correct the host in the URL, or enter it into the DNS this machine asks: " + host + via + " has no address."
		}
	}
	return step(hop)
}

// unreachable is the Reason of a connection that did not come about.
func unreachable(err error) *availability.Reason {
	return &availability.Reason{Code: upstream.Classify(err), Detail: err.Error(), Scope: availability.OfServer}
}

// dial connects as the call does: to one address of the host after the other.
func dial(ctx context.Context, address, via string, step func(Hop) bool) (net.Conn, bool) {
	begun := time.Now()
	connection, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", address)
	hop := Hop{Name: TCP, Took: time.Since(begun)}
	if err != nil {
		_, port, _ := net.SplitHostPort(address)
		hop.Reason = unreachable(err)
		hop.Remedy = "Start the server" + via + ", correct the URL, or open port " + port + " from this machine to it: nothing accepts a connection there."
		return nil, step(hop)
	}
	hop.Found = "connected to " + connection.RemoteAddr().String() + via
	if !step(hop) {
		connection.Close()
		return nil, false
	}
	return connection, true
}
