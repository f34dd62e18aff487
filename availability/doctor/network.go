package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
)

// patience is how long one hop of the network may take.
const patience = 10 * time.Second

// reach takes the hops to the server: names, connection, and who is there.
func (m Member) reach(ctx context.Context, target string, step func(Hop) bool) bool {
	u, err := url.Parse(target)
	if err != nil {
		return step(Hop{Name: DNS, Reason: availability.Because(availability.WrongEndpoint, "%.200q is not a URL", target)})
	}
	host, secure, via := address(u), u.Scheme == "https", ""
	if proxy := m.proxy(u); proxy != nil {
		// What lies behind a proxy only the call itself shows.
		host, secure, via = address(proxy), false, " of the proxy "+proxy.Host
	}
	addresses, ok := resolve(ctx, host, via, step)
	if !ok {
		return false
	}
	connection, ok := dial(ctx, addresses, host, via, step)
	if !ok {
		return false
	}
	defer connection.Close()
	return !secure || m.shake(ctx, connection, u.Hostname(), step)
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

// address is host and port of a URL.
func address(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443"}[u.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

func resolve(ctx context.Context, address, via string, step func(Hop) bool) (addresses []string, ok bool) {
	host, _, _ := net.SplitHostPort(address)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	begun := time.Now()
	addresses, err := net.DefaultResolver.LookupHost(ctx, host)
	hop := Hop{Name: DNS, Found: host + via + " is " + strings.Join(addresses[:min(len(addresses), 4)], ", "), Took: time.Since(begun)}
	if err != nil {
		hop.Reason = &availability.Reason{Code: availability.Unreachable, Detail: err.Error(), Scope: availability.OfServer}
		hop.Remedy = "Correct the host in the URL, or how this machine resolves names: " + host + via + " has no address."
	}
	return addresses, step(hop)
}

func dial(ctx context.Context, addresses []string, address, via string, step func(Hop) bool) (net.Conn, bool) {
	_, port, _ := net.SplitHostPort(address)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	begun := time.Now()
	var connection net.Conn
	var failures []error
	for _, ip := range addresses {
		var err error
		if connection, err = (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(ip, port)); err == nil {
			break
		}
		failures = append(failures, err)
	}
	hop := Hop{Name: TCP, Took: time.Since(begun)}
	if connection == nil {
		err := errors.Join(failures...)
		hop.Reason = &availability.Reason{Code: upstream.Classify(err), Detail: err.Error(), Scope: availability.OfServer}
		hop.Remedy = "Start the server, or open port " + port + " from this machine to it: nothing accepts a connection" + via + "."
	} else {
		hop.Found = "connected to " + connection.RemoteAddr().String() + via
	}
	if !step(hop) {
		if connection != nil {
			connection.Close()
		}
		return nil, false
	}
	return connection, true
}

// shake makes the connection secure and tells who is at its other end.
func (m Member) shake(ctx context.Context, connection net.Conn, host string, step func(Hop) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var shown *x509.Certificate
	config := m.TLS.Clone()
	config.ServerName = host
	verify := config.RootCAs
	config.InsecureSkipVerify = true // verified below, where the certificate can be told of
	config.VerifyConnection = func(state tls.ConnectionState) error {
		shown = state.PeerCertificates[0]
		intermediates := x509.NewCertPool()
		for _, c := range state.PeerCertificates[1:] {
			intermediates.AddCert(c)
		}
		_, err := shown.Verify(x509.VerifyOptions{DNSName: host, Roots: verify, Intermediates: intermediates})
		return err
	}
	begun := time.Now()
	client := tls.Client(connection, config)
	err := client.HandshakeContext(ctx)
	hop := Hop{Name: TLS, Took: time.Since(begun)}
	if err == nil {
		hop.Found = tls.VersionName(client.ConnectionState().Version) + ", " + describe(shown)
		return step(hop)
	}
	hop.Reason = &availability.Reason{Code: availability.TLS, Detail: err.Error(), Scope: availability.OfServer}
	if upstream.Classify(err) == availability.Timeout {
		hop.Reason.Code = availability.Timeout
	}
	if shown != nil {
		hop.Reason.Detail += "; it shows " + describe(shown)
		hop.Remedy = certificateRemedy(err, shown, host)
	}
	return step(hop)
}

// describe names a certificate: for whom, by whom, and for how long yet.
func describe(c *x509.Certificate) string {
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = []string{c.Subject.CommonName}
	}
	more := ""
	if len(names) > 5 {
		names, more = names[:5], " and more"
	}
	days := int(time.Until(c.NotAfter).Hours() / 24)
	state := fmt.Sprintf("%d days left", days)
	if time.Now().After(c.NotAfter) {
		state = "expired on " + c.NotAfter.UTC().Format(time.DateOnly)
	}
	return fmt.Sprintf("a certificate for %.300s%s by %.100s, %s", strings.Join(names, ", "), more, issuer(c), state)
}

func issuer(c *x509.Certificate) string {
	if slices.Equal(c.RawIssuer, c.RawSubject) {
		return "itself"
	}
	return c.Issuer.String()
}

// certificateRemedy says what to do about a certificate that was refused.
func certificateRemedy(err error, c *x509.Certificate, host string) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	switch {
	case time.Now().After(c.NotAfter):
		return "Renew the certificate there (New-ExchangeCertificate, then Enable-ExchangeCertificate -Services IIS)."
	case time.Now().Before(c.NotBefore):
		return "Correct the clock of this machine or of that one: the certificate is valid only from " + c.NotBefore.UTC().Format(time.RFC3339) + " on."
	case errors.As(err, &name):
		return "Ask by a name the certificate has, or give the server one for " + host + " (there: Set-WebServicesVirtualDirectory -ExternalUrl, Enable-ExchangeCertificate)."
	case errors.As(err, &authority):
		return "Name the CA that issued it in the organization's ca_file, or have a certificate of a public CA there."
	}
	return ""
}
