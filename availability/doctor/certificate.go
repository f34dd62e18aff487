package doctor

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/upstream"
)

// soon is how many days before its end a certificate is warned of.
const soon = 30

// describe tells of certificates, a server's own first: for whom, by whom, and for how
// long yet, of the one that ends first.
func describe(chain []*x509.Certificate) string {
	text := "a certificate for " + subjects(chain[0])
	for _, c := range chain[:min(len(chain), 4)] {
		if by := fmt.Sprintf(", by %.100s", issuer(c)); !strings.HasSuffix(text, by) {
			text += by
		}
	}
	first := slices.MinFunc(chain, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
	text += ", " + left(first)
	if first != chain[0] {
		text += fmt.Sprintf(" of %.100s", name(first))
	}
	return text
}

// subjects are the names a certificate is for.
func subjects(c *x509.Certificate) string {
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return name(c) + ", without a name that counts,"
	}
	more := ""
	if len(names) > 5 {
		names, more = names[:5], " and more"
	}
	return fmt.Sprintf("%.300s%s", strings.Join(names, ", "), more)
}

func name(c *x509.Certificate) string { return cmp.Or(c.Subject.CommonName, c.Subject.String()) }

func issuer(c *x509.Certificate) string {
	if slices.Equal(c.RawIssuer, c.RawSubject) {
		return name(c)
	}
	return cmp.Or(c.Issuer.CommonName, c.Issuer.String())
}

// left says how long a certificate is valid yet.
func left(c *x509.Certificate) string {
	now := time.Now()
	days := int(c.NotAfter.Sub(now).Hours() / 24)
	switch {
	case now.After(c.NotAfter):
		return "expired on " + c.NotAfter.UTC().Format(time.DateOnly)
	case now.Before(c.NotBefore):
		return "valid only from " + c.NotBefore.UTC().Format(time.RFC3339) + " on"
	case days == 1:
		return "only 1 day left: renew it"
	case days < soon:
		return fmt.Sprintf("only %d days left: renew it", days)
	}
	return fmt.Sprintf("%d days left", days)
}

// remedy says what to do about a handshake that failed, empty if the reason's own
// remedy says it.
func (h *handshake) remedy(err error) string {
	var (
		invalid   x509.CertificateInvalidError
		authority x509.UnknownAuthorityError
		wrong     x509.HostnameError
		noTLS     tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && time.Now().Before(invalid.Cert.NotBefore):
		return "Correct the clock of this machine or of that one: the certificate is " + left(invalid.Cert) + "."
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fmt.Sprintf("Renew the certificate of %.100s there (New-ExchangeCertificate, then Enable-ExchangeCertificate -Services IIS).", name(invalid.Cert))
	case errors.As(err, &wrong):
		return "Ask by a name the certificate has, or give the server one for " + h.host + " (New-ExchangeCertificate -DomainName, Enable-ExchangeCertificate -Services IIS)."
	case errors.As(err, &authority):
		return "Name the CA that issued it in the organization's ca_file, or have a certificate of a public CA there; if the CA is known here, have the server send its intermediate certificates, too."
	case upstream.Classify(err) == availability.Timeout:
		return "Check that the port in the URL is that of https, and that nothing in between takes connections and then holds back what is sent: the server says nothing."
	case errors.As(err, &noTLS):
		return "Correct the port in the URL: what answers there does not speak TLS, but plain http, say."
	case strings.Contains(err.Error(), "protocol version"):
		return "Let the server speak TLS 1.2, or lower the organization's min_tls to what it speaks."
	}
	return ""
}
