package credential

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// assertionLifetime is what Microsoft recommends at most.
	assertionLifetime = 10 * time.Minute
)

// joseHeader is the header of a signed assertion (RFC 7515, 4.1). Microsoft finds the
// certificate by its thumbprint; AD FS and older Entra endpoints know x5t alone.
type joseHeader struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ"`
	SHA1      string `json:"x5t"`
	SHA256    string `json:"x5t#S256"`
}

// claims are what an assertion says (RFC 7523, 3).
type claims struct {
	Audience  string `json:"aud"`
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	ID        string `json:"jti"`
	IssuedAt  int64  `json:"iat"`
	NotBefore int64  `json:"nbf"`
	Expires   int64  `json:"exp"`
}

// assertion returns a JWT by which a client proves to a token endpoint that it has
// the key of the certificate; pem holds both.
func assertion(pem, clientID, audience string) (string, error) {
	pair, err := parsePair(pem)
	if err != nil {
		return "", err
	}
	if err := inDate(pair); err != nil {
		return "", err
	}
	key, ok := pair.PrivateKey.(*rsa.PrivateKey)
	if !ok {
		return "", errors.New("the key is not an RSA key")
	}
	short, long := sha1.Sum(pair.Leaf.Raw), sha256.Sum256(pair.Leaf.Raw)
	now := time.Now()
	signing := encode(joseHeader{"RS256", "JWT", encoding.EncodeToString(short[:]), encoding.EncodeToString(long[:])}) + "." +
		encode(claims{
			Audience: audience, Issuer: clientID, Subject: clientID, ID: rand.Text(),
			IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: now.Add(assertionLifetime).Unix(),
		})
	digest := sha256.Sum256([]byte(signing))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		return "", err
	}
	return signing + "." + encoding.EncodeToString(signature), nil
}

var encoding = base64.RawURLEncoding

// encode returns a part of a JWT. Structs of strings and numbers always have JSON.
func encode(part any) string {
	text, _ := json.Marshal(part)
	return encoding.EncodeToString(text)
}
