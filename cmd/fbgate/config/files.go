package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxSecret is the largest password file that is read, maxCA the largest file
// of certificates, in bytes.
const (
	maxSecret = 64 << 10
	// minCookieKey is how long a key has to be, in bytes.
	minCookieKey = 32
	// minToken is how long the operators' token has to be, in bytes.
	minToken = 16
	maxCA    = 4 << 20
)

// Token reads the token operators have to present, "" if they need none.
func (a Admin) Token() (string, error) {
	if a.TokenFile == "" {
		return "", nil
	}
	return ReadSecret(a.TokenFile)
}

// CAs reads the organization's CAs, nil for those this machine trusts.
func (o *Organization) CAs() (*x509.CertPool, error) { return readCAs(o.CAFile) }

// CAs reads the server's CAs, nil for those this machine trusts.
func (l *LDAP) CAs() (*x509.CertPool, error) { return readCAs(l.CAFile) }

func readCAs(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := readUpTo(path, maxCA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in PEM is in " + path)
	}
	return pool, nil
}

// What to do about a file that cannot be used.
const (
	fillSecret = "write the secret there, on one line, readable for fbgate"
	fillCAs    = "write the certificates there, readable for fbgate"
)

// CheckFiles reads every file and variable the configuration names and reports
// as [Faults] all that cannot be used.
func (c *Config) CheckFiles() error { return c.filesFaults(nil).sorted() }

// filesFaults are those of files and variables, and what more finds, as [LoadWithFiles]
// has it.
func (c *Config) filesFaults(more func(*Config, func(key string, err error))) Faults {
	k := &checker{origin: c.origin}
	if c.Admin.TokenFile != "" {
		token, err := c.Admin.Token()
		if err == nil && len(token) < minToken {
			err = fmt.Errorf("the token in %s has %d characters and could be guessed", c.Admin.TokenFile, len(token))
		}
		k.check("admin.token_file", err, "write at least 16 random characters there, on one line: openssl rand -hex 32")
	}
	if d := c.Directory; d != nil {
		k.directory(d)
	}
	if p := c.Publish; p != nil {
		k.folderOf("publish.state", p.State)
	}
	if p := c.Publishing; p != nil {
		k.folderOf("publishing.store", p.Store)
		for i, account := range p.Publishers {
			k.password(fmt.Sprintf("publishing.publishers[%d]", i), account.PasswordFile, account.PasswordEnv)
		}
	}
	if t := c.TLS; t != nil {
		k.pair("tls", t.CertificateFile, t.KeyFile)
	}
	if l := c.Login; l != nil {
		k.login(l)
	}
	k.folderOf("cache.snapshot_file", c.Cache.SnapshotFile)
	if p := c.Passthrough; p != nil {
		_, err := p.CAs()
		k.check("passthrough.ca_file", err, fillCAs)
	}
	for i := range c.Organizations {
		o, path := &c.Organizations[i], fmt.Sprintf("organizations[%d]", i)
		_, err := o.CAs()
		k.check(path+".ca_file", err, fillCAs)
		for j := range o.Credential {
			k.credential(&o.Credential[j], c.origin.entry(path+".credential", j))
		}
	}
	if more != nil {
		more(c, k.content)
	}
	return k.faults
}

// checker tries the files the configuration names.
type checker struct {
	origin *origin
	faults Faults
}

func (k *checker) check(path string, err error, instead string) {
	if err != nil {
		k.faults = append(k.faults, k.origin.fault(path, err.Error(), instead))
	}
}

// content reports what is wrong with the content of a file, a fault for each line of the
// error. That the file cannot be opened is reported already.
func (k *checker) content(path string, err error) {
	if err == nil || errors.As(err, new(*fs.PathError)) {
		return
	}
	for i, line := range strings.Split(err.Error(), "\n") {
		f := k.origin.fault(path, line, "")
		if i > 0 {
			f.Excerpt = "" // the same again
		}
		k.faults = append(k.faults, f)
	}
}

func (k *checker) credential(c *Credential, path string) {
	k.password(path, c.PasswordFile, c.PasswordEnv)
	k.read(path+".keytab_file", c.KeytabFile)
	k.pair(path, c.CertificateFile, c.KeyFile)
}

// folderOf tries the folder of a file that fbgate makes.
func (k *checker) folderOf(path, file string) {
	if file == "" {
		return
	}
	folder := filepath.Dir(file)
	info, err := os.Stat(folder)
	if err == nil && !info.IsDir() {
		err = errors.New(folder + " is no folder")
	}
	k.check(path, err, "make the folder, writable for fbgate")
}

// read tries a file that is no line of text.
func (k *checker) read(path, file string) {
	if file != "" {
		_, err := readFile(file)
		k.check(path, err, "write it there, readable for fbgate")
	}
}

// opens tries to open a file whose content is somebody else's to judge.
func (k *checker) opens(path, file, instead string) {
	if file == "" {
		return
	}
	opened, err := os.Open(file)
	if err == nil {
		_, err = opened.Read(make([]byte, 1)) // a folder can be opened, too
		opened.Close()
	}
	if err != io.EOF {
		k.check(path, err, instead)
	}
}

// pair tries the certificate and key of a section.
func (k *checker) pair(section, certificate, key string) {
	k.read(section+".certificate_file", certificate)
	k.read(section+".key_file", key)
	if certificate != "" && key != "" {
		_, err := tls.LoadX509KeyPair(certificate, key)
		if !errors.As(err, new(*fs.PathError)) {
			k.check(section+".certificate_file", err, "write the certificate that belongs to key_file, both in PEM")
		}
	}
}

func (k *checker) directory(d *Directory) {
	k.opens("directory.file", d.File, "write the recipients there, readable for fbgate")
	if d.LDAP != nil {
		k.ldap(d.LDAP, "directory.ldap")
	}
}

func (k *checker) ldap(l *LDAP, path string) {
	_, err := l.CAs()
	k.check(path+".ca_file", err, fillCAs)
	k.password(path, l.PasswordFile, l.PasswordEnv)
}

func (k *checker) login(l *Login) {
	for key, file := range map[string]string{
		"htpasswd_file": l.HtpasswdFile, "group_file": l.GroupFile, "keytab_file": l.KeytabFile,
	} {
		k.opens("login."+key, file, "write it there, readable for fbgate")
	}
	_, err := l.ClientCAs()
	k.check("login.client_ca_file", err, fillCAs)
	if l.CookieKeyFile != "" {
		key, err := l.CookieKey()
		if err == nil && len(key) < minCookieKey {
			err = fmt.Errorf("%s has %d bytes", l.CookieKeyFile, len(key))
		}
		k.check("login.cookie_key_file", err, "write 32 random bytes or more there: head -c 32 /dev/urandom")
	}
	if l.LDAP != nil {
		k.ldap(l.LDAP, "login.ldap")
	}
}

// password tries the one place a section reads its password from, if it does.
func (k *checker) password(section, file, variable string) {
	_, err := secret(file, variable)
	switch {
	case variable != "":
		k.check(section+".password_env", err, "set it where fbgate is started")
	case file != "":
		k.check(section+".password_file", err, fillSecret)
	}
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
	paths := []*string{&c.Admin.TokenFile, &c.Cache.SnapshotFile}
	if l := c.Login; l != nil {
		paths = append(paths, &l.HtpasswdFile, &l.GroupFile, &l.KeytabFile, &l.ClientCAFile, &l.CookieKeyFile)
		if l.LDAP != nil {
			paths = append(paths, &l.LDAP.PasswordFile, &l.LDAP.CAFile)
		}
	}
	if d := c.Directory; d != nil {
		paths = append(paths, &d.File)
		if l := d.LDAP; l != nil {
			paths = append(paths, &l.PasswordFile, &l.CAFile)
		}
	}
	if t := c.TLS; t != nil {
		paths = append(paths, &t.CertificateFile, &t.KeyFile)
	}
	if p := c.Passthrough; p != nil {
		paths = append(paths, &p.CAFile)
	}
	if p := c.Publish; p != nil {
		paths = append(paths, &p.State)
	}
	if p := c.Publishing; p != nil {
		paths = append(paths, &p.Store)
		for i := range p.Publishers {
			paths = append(paths, &p.Publishers[i].PasswordFile)
		}
	}
	for i := range c.Organizations {
		o := &c.Organizations[i]
		paths = append(paths, &o.CAFile)
		for j := range o.Credential {
			k := &o.Credential[j]
			paths = append(paths, &k.PasswordFile, &k.KeytabFile, &k.Krb5Config, &k.CertificateFile, &k.KeyFile)
		}
	}
	return slices.Values(paths)
}

// ReadSecret returns the one line of a file that holds a password or token. Editors put a byte order mark
// before it and a line break behind.
func ReadSecret(path string) (string, error) {
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

// readFile returns the content of a file that is no line of text.
func readFile(path string) (string, error) {
	data, err := readUpTo(path, maxSecret)
	if err == nil && len(data) == 0 {
		err = errors.New(path + " is empty")
	}
	return string(data), err
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
