package config

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
)

// maxSecret is the largest password file that is read, maxCA the largest file
// of certificates, in bytes.
const (
	maxSecret = 64 << 10
	maxCA     = 4 << 20
)

// Password reads the credential's password. It is read anew each time, so that
// it can be changed without a restart.
func (c *Credential) Password() (string, error) {
	if c.PasswordEnv == "" {
		return readSecret(c.PasswordFile)
	}
	password := os.Getenv(c.PasswordEnv)
	if password == "" {
		return "", fmt.Errorf("the environment variable %s is empty or not set", c.PasswordEnv)
	}
	return password, nil
}

// Token reads the token operators have to present, "" if they need none.
func (a Admin) Token() (string, error) {
	if a.TokenFile == "" {
		return "", nil
	}
	return readSecret(a.TokenFile)
}

// CAs reads the organization's CAs, nil for those this machine trusts.
func (o *Organization) CAs() (*x509.CertPool, error) {
	if o.CAFile == "" {
		return nil, nil
	}
	pem, err := readUpTo(o.CAFile, maxCA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in PEM is in " + o.CAFile)
	}
	return pool, nil
}

// fillSecret is what to do about a password file.
const fillSecret = "write the secret there, on one line, readable for fbgate"

// CheckFiles reads every file and variable the configuration names and reports
// as [Faults] all that cannot be used.
func (c *Config) CheckFiles() error {
	var faults Faults
	check := func(path string, err error, instead string) {
		if err != nil {
			faults = append(faults, c.origin.fault(path, err.Error(), instead))
		}
	}
	_, err := c.Admin.Token()
	check("admin.token_file", err, fillSecret)
	for i := range c.Organizations {
		o, path := &c.Organizations[i], fmt.Sprintf("organizations[%d]", i)
		_, err := o.CAs()
		check(path+".ca_file", err, "write the certificates there, readable for fbgate")
		if o.Credential == nil {
			continue
		}
		key, instead := ".credential.password_file", fillSecret
		if o.Credential.PasswordEnv != "" {
			key, instead = ".credential.password_env", "set it where fbgate is started"
		}
		_, err = o.Credential.Password()
		check(path+key, err, instead)
	}
	return faults.sorted()
}

// resolve makes relative paths start from a folder.
func (c *Config) resolve(folder string) {
	for path := range c.paths() {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(folder, *path)
		}
	}
}

// paths are the files the configuration names.
func (c *Config) paths() iter.Seq[*string] {
	return func(yield func(*string) bool) {
		if !yield(&c.Admin.TokenFile) {
			return
		}
		for i := range c.Organizations {
			o := &c.Organizations[i]
			if !yield(&o.CAFile) || o.Credential != nil && !yield(&o.Credential.PasswordFile) {
				return
			}
		}
	}
}

// readSecret returns the one line of a file. Editors put a byte order mark
// before it and a line break behind.
func readSecret(path string) (string, error) {
	data, err := readUpTo(path, maxSecret)
	if err != nil {
		return "", err
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return "", errors.New(path + " is UTF-16; save it as UTF-8")
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	switch {
	case len(data) == 0:
		return "", errors.New(path + " is empty")
	case bytes.ContainsAny(data, "\r\n"):
		return "", errors.New(path + " has more than one line")
	case bytes.IndexByte(data, 0) >= 0:
		return "", errors.New(path + " is not saved as UTF-8")
	}
	return string(data), nil
}

func readUpTo(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %v", path, Size(limit))
	}
	return data, err
}
