package oauthtest

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// verify checks a client's assertion by RFC 7515 and RFC 7523, without a library of
// the field: signature, thumbprints, claims, and that it comes once.
func (s *Server) verify(assertion, audience string) error {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return fmt.Errorf("a JWT has 3 parts, not %d", len(parts))
	}
	var header map[string]string
	var claims struct {
		Aud, Iss, Sub, Jti string
		Iat, Nbf, Exp      int64
	}
	if err := errors.Join(decode(parts[0], &header), decode(parts[1], &claims)); err != nil {
		return err
	}
	short, long := sha1.Sum(s.Certificate.Raw), sha256.Sum256(s.Certificate.Raw)
	want := map[string]string{
		"alg": "RS256", "typ": "JWT",
		"x5t":      base64.RawURLEncoding.EncodeToString(short[:]),
		"x5t#S256": base64.RawURLEncoding.EncodeToString(long[:]),
	}
	for name, value := range want {
		if header[name] != value {
			return fmt.Errorf("%s is %q", name, header[name])
		}
	}
	signature, err := base64.RawURLEncoding.Strict().DecodeString(parts[2])
	if err != nil {
		return err
	}
	public, ok := s.Certificate.PublicKey.(*rsa.PublicKey)
	if !ok {
		return errors.New("the certificate is not RSA")
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature); err != nil {
		return err
	}
	now := time.Now().Unix()
	switch {
	case claims.Aud != audience:
		return fmt.Errorf("aud is %q, not %q", claims.Aud, audience)
	case claims.Iss != s.clientID || claims.Sub != s.clientID:
		return fmt.Errorf("iss and sub are %q and %q", claims.Iss, claims.Sub)
	case claims.Exp-claims.Nbf > 600 || claims.Iat != claims.Nbf:
		return errors.New("it holds for more than ten minutes")
	case now < claims.Nbf || now >= claims.Exp:
		return errors.New("it is not within its valid time range")
	case len(claims.Jti) < 16 || s.seen[claims.Jti]:
		return errors.New("jti is short, or was used before")
	}
	s.seen[claims.Jti] = true
	return nil
}

func decode(part string, into any) error {
	text, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
