// Package slapdtest runs a real OpenLDAP server for tests, with the attributes
// Exchange gives Active Directory.
package slapdtest

import (
	"bytes"
	"crypto/x509"
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const (
	// Suffix is the server's base. Its entry exists, and so does that of BindDN.
	Suffix = "dc=contoso,dc=com"
	// BindDN is an account that may read everything. Nobody else may read anything.
	BindDN = "cn=fbgate," + Suffix
	// Password is BindDN's.
	Password = "a secret, of course"
)

//go:embed exchange.schema
var schema []byte

// Options are what a Server can do beyond the usual.
type Options struct {
	// TLS makes a certificate for 127.0.0.1 and the CA that issued it. URL is then
	// ldaps, and PlainURL offers StartTLS.
	TLS bool
}

// Server is an OpenLDAP server on 127.0.0.1 that ends with the test.
type Server struct {
	// URL is where it is: ldap://127.0.0.1:PORT, or ldaps with Options.TLS.
	URL string
	// PlainURL is ldap://127.0.0.1:PORT, with Options.TLS, too.
	PlainURL string
	// BindDN and Password are those of an account that may read.
	BindDN, Password string
	// CA holds the certificate authority with Options.TLS, else nil, and CAFile is
	// its certificate in PEM.
	CA     *x509.CertPool
	CAFile string

	t       testing.TB
	slapd   string
	dir     string
	process *exec.Cmd
	log     bytes.Buffer
}

// Start runs a server that holds the entries of ldif. They lie below Suffix and are of
// the object classes user, contact and group, which may have mail, proxyAddresses,
// targetAddress, legacyExchangeDN, displayName, and member or userPassword; a user may
// have sAMAccountName, userPrincipalName, uid, memberOf and userAccountControl, too. The
// test is skipped where there is no slapd.
func Start(t testing.TB, ldif string, o Options) *Server {
	t.Helper()
	s := &Server{t: t, dir: t.TempDir(), slapd: program(t, "slapd"), BindDN: BindDN, Password: Password}
	ports := freePorts(t)
	s.PlainURL = "ldap://" + ports[0]
	s.URL = s.PlainURL
	if o.TLS {
		s.URL = "ldaps://" + ports[1]
		s.CA, s.CAFile = certify(t, s.dir), s.path("ca.pem")
	}
	s.configure(o)
	s.load(ldif)
	s.Resume()
	t.Cleanup(s.Stop)
	return s
}

// program finds a server's program, which PATH need not name for everybody.
func program(t testing.TB, name string) string {
	t.Helper()
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name, "/usr/lib/openldap/" + name, "/usr/libexec/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	t.Skip(name + " is not installed (Debian: apt-get install slapd)")
	return ""
}

// freePorts returns two addresses at which nobody listens.
func freePorts(t testing.TB) (addresses [2]string) {
	t.Helper()
	for i := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // not before both are known
		addresses[i] = l.Addr().String()
	}
	return addresses
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *Server) write(name string, content []byte) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), content, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) configure(o Options) {
	s.t.Helper()
	if err := os.Mkdir(s.path("data"), 0o700); err != nil {
		s.t.Fatal(err)
	}
	s.write("exchange.schema", schema)
	schemas := firstDir("/etc/ldap/schema", "/etc/openldap/schema")
	var c bytes.Buffer
	for _, name := range []string{"core", "cosine", "inetorgperson"} {
		fmt.Fprintf(&c, "include %s/%s.schema\n", schemas, name)
	}
	fmt.Fprintf(&c, "include %s\n", s.path("exchange.schema"))
	if o.TLS {
		fmt.Fprintf(&c, "TLSCertificateFile %s\nTLSCertificateKeyFile %s\n", s.path("cert.pem"), s.path("key.pem"))
	}
	if modules := firstDir("/usr/lib/ldap", "/usr/lib/openldap", "/usr/lib64/openldap"); modules != "" {
		fmt.Fprintf(&c, "modulepath %s\nmoduleload back_mdb\n", modules)
	}
	fmt.Fprintf(&c, "database mdb\nsuffix %q\ndirectory %s\nmaxsize 67108864\n", Suffix, s.path("data"))
	fmt.Fprint(&c, "index objectClass,mail,proxyAddresses,legacyExchangeDN eq\n")
	// A whole listing, in pages, is allowed, as Active Directory allows it; more than 500
	// at once is not.
	fmt.Fprintf(&c, "limits dn.exact=%q size.prtotal=unlimited\n", BindDN)
	fmt.Fprintf(&c, "access to attrs=userPassword by anonymous auth by * none\naccess to * by dn.exact=%q read by anonymous auth by * none\n", BindDN)
	s.write("slapd.conf", c.Bytes())
}

func firstDir(dirs ...string) string {
	for _, dir := range dirs {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
	}
	return ""
}

// load fills the database.
func (s *Server) load(ldif string) {
	s.t.Helper()
	const own = "dn: " + Suffix + "\nobjectClass: domain\ndc: contoso\n\n" +
		"dn: " + BindDN + "\nobjectClass: user\ncn: fbgate\nuserPassword: " + Password + "\n\n"
	s.write("entries.ldif", []byte(own+ldif))
	// slapd does as slapadd if it is told so, and may be all there is.
	out, err := exec.Command(s.slapd, "-T", "add", "-q", "-f", s.path("slapd.conf"), "-l", s.path("entries.ldif")).CombinedOutput()
	if err != nil {
		s.t.Fatalf("loading slapd: %v\n%s", err, out)
	}
}

// Resume starts the server again after Stop, at the same address.
func (s *Server) Resume() {
	s.t.Helper()
	urls := s.URL
	if s.PlainURL != s.URL {
		urls += " " + s.PlainURL
	}
	s.process = exec.Command(s.slapd, "-d", "0", "-h", urls, "-f", s.path("slapd.conf"))
	s.process.Stdout, s.process.Stderr = &s.log, &s.log
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.PlainURL[len("ldap://"):])
		if err == nil {
			conn.Close()
			return
		}
		if time.Since(begun) > 20*time.Second {
			s.Stop()
			s.t.Fatalf("slapd does not answer: %v\n%s", err, s.log.String())
		}
	}
}

// Stop ends the server, which breaks its connections.
func (s *Server) Stop() {
	if s.process != nil {
		s.process.Process.Kill()
		s.process.Wait()
		s.process = nil
	}
}
