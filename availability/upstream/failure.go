package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	"fbgate/availability"
)

// transportReason says why no response came, or not all of it.
func transportReason(ctx context.Context, err error) *availability.Reason {
	var reason *availability.Reason
	if errors.As(err, &reason) || ctx.Err() != nil && errors.As(context.Cause(ctx), &reason) {
		return reason
	}
	code := Classify(err)
	return &availability.Reason{
		Code: code, Detail: fmt.Sprintf("%.600s", err), // it quotes what the server sent
		Scope: availability.OfServer, Again: code == availability.Unreachable,
	}
}

// Classify returns TLS, Timeout or Unreachable for an error of a connection.
func Classify(err error) availability.Code {
	var (
		network     net.Error
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		hostname    x509.HostnameError
		invalid     x509.CertificateInvalidError
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.As(err, &network) && network.Timeout():
		return availability.Timeout
	case errors.As(err, &certificate), errors.As(err, &authority), errors.As(err, &hostname), errors.As(err, &invalid):
		return availability.TLS
	case strings.Contains(err.Error(), "tls: "), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return availability.TLS // crypto/tls has no type for most of its errors
	default:
		return availability.Unreachable
	}
}
