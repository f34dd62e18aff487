package credential

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
)

// channelBinding returns the value of MsvAvChannelBindings for a connection, the
// MD5 of a gss_channel_bindings_struct (RFC 2744) that holds nothing but the
// tls-server-end-point of RFC 5929; nil if there is no TLS or nothing is defined for
// its certificate.
//
// With it, a server with Extended Protection sees whether the client's TLS ends at
// its own certificate. The value is proven in tests to be in the signed part of the
// AUTHENTICATE message, and compared with a computation of its own; neither it nor
// the service's name has been tried against an IIS that demands them. Where TLS ends
// at a load balancer with another certificate, Extended Protection refuses by design.
func channelBinding(state *tls.ConnectionState) []byte {
	if state == nil || len(state.PeerCertificates) == 0 {
		return nil
	}
	hash := endPointHash(state.PeerCertificates[0])
	if hash == nil {
		return nil
	}
	data := append([]byte("tls-server-end-point:"), hash...)
	// Four fields of 0: neither side has an address.
	bindings := binary.LittleEndian.AppendUint32(make([]byte, 16), uint32(len(data)))
	sum := md5.Sum(append(bindings, data...))
	return sum[:]
}

// endPointHash hashes a certificate as RFC 5929, section 4.1 has it: by the function
// of its signature, but never by MD5 or SHA-1. For a signature without such a
// function, as Ed25519, nothing is defined.
func endPointHash(certificate *x509.Certificate) []byte {
	switch certificate.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.ECDSAWithSHA1, x509.DSAWithSHA1,
		x509.SHA256WithRSA, x509.SHA256WithRSAPSS, x509.ECDSAWithSHA256, x509.DSAWithSHA256:
		sum := sha256.Sum256(certificate.Raw)
		return sum[:]
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		sum := sha512.Sum384(certificate.Raw)
		return sum[:]
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		sum := sha512.Sum512(certificate.Raw)
		return sum[:]
	}
	return nil
}
