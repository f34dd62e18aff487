// Package credential proves to an organization who asks. Each kind is an
// [http.RoundTripper] around another, since some have to see a whole connection.
//
// A credential is bound to one host: a request to any other passes without it,
// so that no redirect and no mistake carries a password away.
package credential

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"fbgate/availability"
)

// Secret returns a password. It is called for each request, so that a changed one
// is used without a restart.
type Secret func() (string, error)

// Basic adds RFC 7617 Basic authentication to requests for the scheme and host of
// endpoint, and sends all others as they are. Name and password go out as UTF-8.
func Basic(next http.RoundTripper, endpoint *url.URL, username string, password Secret) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Scheme != endpoint.Scheme || r.URL.Host != endpoint.Host {
			return next.RoundTrip(r)
		}
		secret, err := password()
		if err != nil {
			if r.Body != nil {
				r.Body.Close()
			}
			return nil, availability.Because(availability.CredentialFailed, "password of %s: %v", username, err)
		}
		r = r.Clone(r.Context())
		r.SetBasicAuth(username, secret)
		return next.RoundTrip(r)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// maxSecret bounds a password file, in bytes, against a path that names something
// else.
const maxSecret = 64 << 10

// File returns the secret in a file, without a line end after it, read again
// when the file changes. While it cannot be read the last one stays in use.
func File(path string) Secret {
	f := &secretFile{path: path}
	return f.read
}

type secretFile struct {
	path string

	mu      sync.Mutex
	secret  string
	changed time.Time
	size    int64
}

func (f *secretFile) read() (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	switch {
	case err == nil && f.secret != "" && info.ModTime().Equal(f.changed) && info.Size() == f.size:
		return f.secret, nil
	case err == nil && info.Size() > maxSecret:
		err = fmt.Errorf("%s is larger than %d bytes", f.path, maxSecret)
	case err == nil:
		var data []byte
		if data, err = os.ReadFile(f.path); err == nil {
			secret := string(bytes.TrimRight(data, "\r\n"))
			if secret != "" {
				f.secret, f.changed, f.size = secret, info.ModTime(), info.Size()
				return secret, nil
			}
			err = fmt.Errorf("%s is empty", f.path)
		}
	}
	if f.secret != "" {
		return f.secret, nil
	}
	return "", err
}

// Environment returns the secret in an environment variable.
func Environment(name string) Secret {
	return func() (string, error) {
		if secret := os.Getenv(name); secret != "" {
			return secret, nil
		}
		return "", fmt.Errorf("environment variable %s is empty", name)
	}
}
