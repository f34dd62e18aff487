package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
)

// handshake is one of TLS and what became known by it.
type handshake struct {
	host  string
	roots *x509.CertPool
	// present returns the client's certificate. It may be nil.
	present func(*tls.CertificateRequestInfo) (*tls.Certificate, error)

	shown  []*x509.Certificate // by the server, its own first
	chain  []*x509.Certificate // from the server's own to the CA, if it is trusted
	wanted bool                // the server wants to see a certificate, too
	unable error               // why it cannot be shown although there should be one
}

// shake makes the connection secure and tells who is at its other end.
func (m Member) shake(ctx context.Context, connection net.Conn, host string, step func(Hop) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	h := handshake{host: host, roots: m.TLS.RootCAs, present: m.TLS.GetClientCertificate}
	client := tls.Client(connection, h.config(m.TLS))
	begun := time.Now()
	err := client.HandshakeContext(ctx)
	hop := Hop{Name: TLS, Took: time.Since(begun)}
	refusal := err
	if err == nil {
		refusal = h.afterthought(client, hop.Took)
	} else if !h.refused(err) {
		hop.Reason = h.reason(err)
		hop.Remedy = h.remedy(err)
		return step(hop)
	}
	hop.Found = describe(h.chain)
	if err == nil {
		hop.Found = tls.VersionName(client.ConnectionState().Version) + ", " + hop.Found
	}
	if !step(hop) {
		return false
	}
	switch {
	case h.unable != nil:
		return step(Hop{Name: Authentication, Reason: availability.ReasonFor(h.unable)})
	case refusal != nil:
		return step(Hop{Name: Authentication, Reason: &availability.Reason{
			Code: availability.Unauthorized, Detail: "the server asked for a certificate and then ended the connection: " + refusal.Error(), Scope: availability.OfServer,
		}})
	}
	return true
}

// afterthought waits for what a server has against the client's certificate. With TLS
// 1.3 it looks at that when the client is done already, and what it says then may be
// lost if a request is on its way. It takes a round trip, and so a part of the time the
// handshake took.
func (h *handshake) afterthought(client *tls.Conn, took time.Duration) error {
	if !h.wanted || client.ConnectionState().Version < tls.VersionTLS13 {
		return nil
	}
	if err := client.SetReadDeadline(time.Now().Add(2*took + 200*time.Millisecond)); err != nil {
		return err
	}
	_, err := client.Read(make([]byte, 1))
	if network := net.Error(nil); errors.As(err, &network) && network.Timeout() {
		return nil // it waits for a request
	}
	return err
}

// config is base, with the server's certificate verified by h, where it can be told
// of, and with the client's own not spoiling what can be learned of the server's.
func (h *handshake) config(base *tls.Config) *tls.Config {
	c := base.Clone()
	c.ServerName = h.host
	c.InsecureSkipVerify = true // by crypto/tls; verify does the same
	c.VerifyConnection = h.verify
	c.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		h.wanted = true
		if h.present == nil {
			return new(tls.Certificate), nil
		}
		certificate, err := h.present(info)
		if err != nil {
			h.unable = err
			return new(tls.Certificate), nil
		}
		return certificate, nil
	}
	return c
}

func (h *handshake) verify(state tls.ConnectionState) error {
	h.shown = state.PeerCertificates
	intermediates := x509.NewCertPool()
	for _, c := range h.shown[1:] {
		intermediates.AddCert(c)
	}
	chains, err := h.shown[0].Verify(x509.VerifyOptions{DNSName: h.host, Roots: h.roots, Intermediates: intermediates})
	if err == nil {
		h.chain = chains[0]
	}
	return err
}

// refused reports whether the server, itself the right one, ended the handshake after
// it had asked for the client's certificate.
func (h *handshake) refused(err error) bool {
	var alert *net.OpError
	return h.wanted && h.chain != nil && errors.As(err, &alert) && alert.Op == "remote error"
}

// reason says why there is no secure connection.
func (h *handshake) reason(err error) *availability.Reason {
	reason := &availability.Reason{Code: availability.TLS, Detail: err.Error(), Scope: availability.OfServer}
	if upstream.Classify(err) == availability.Timeout {
		reason.Code, reason.Detail = availability.Timeout, "no handshake of TLS within "+patience.String()
	}
	if len(h.shown) > 0 {
		reason.Detail += "; the server shows " + describe(h.shown)
	}
	return reason
}
