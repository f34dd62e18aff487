// Package kdctest runs a real Kerberos KDC, that of MIT, for tests, and puts a
// server's side of Negotiate in front of a handler.
//
// The Debian packages krb5-kdc and krb5-admin-server have what it needs.
package kdctest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Realm is the realm of every KDC.
const Realm = "KDC.TEST"

// KDC is a running KDC with a database of its own. It listens on 127.0.0.1, by TCP
// and UDP, and ends with the test.
type KDC struct {
	Addr   string // host:port
	Config string // path of a krb5.conf that names it

	t       testing.TB
	dir     string
	process *exec.Cmd
}

// Start starts a KDC for the time of a test, which is skipped where there is none.
// Flags are those of krb5kdc, such as "-T", "3600" for a clock an hour ahead.
func Start(t testing.TB, flags ...string) *KDC {
	t.Helper()
	for _, name := range []string{"krb5kdc", "kdb5_util", "kadmin.local"} {
		if find(name) == "" {
			t.Skipf("%s is not installed", name)
		}
	}
	k := &KDC{t: t, dir: t.TempDir(), Addr: freeAddr(t)}
	k.Config = filepath.Join(k.dir, "krb5.conf")
	k.write("krb5.conf", "[libdefaults]\n default_realm = %[1]s\n dns_lookup_kdc = false\n[realms]\n %[1]s = {\n  kdc = %[2]s\n }\n[logging]\n kdc = FILE:%[3]s/kdc.log\n", Realm, k.Addr, k.dir)
	k.write("kdc.conf", "[kdcdefaults]\n kdc_listen = %[1]s\n kdc_tcp_listen = %[1]s\n[realms]\n %[2]s = {\n  database_name = %[3]s/principal\n  key_stash_file = %[3]s/stash\n  acl_file = %[3]s/acl\n  max_life = 10h\n  supported_enctypes = aes256-cts:normal aes128-cts:normal\n }\n", k.Addr, Realm, k.dir)
	k.run("kdb5_util", "create", "-s", "-r", Realm, "-P", "master")
	k.process = k.command("krb5kdc", append([]string{"-n", "-r", Realm}, flags...)...)
	if err := k.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Stop)
	k.awaitStart()
	return k
}

// Stop ends the KDC. It may be called more than once.
func (k *KDC) Stop() {
	if k.process == nil {
		return
	}
	_ = k.process.Process.Kill()
	_ = k.process.Wait() // that it was killed
	k.process = nil
}

// AddUser adds a user who has to pre-authenticate, as in Active Directory. Options
// are those of kadmin's addprinc, such as "-expire", "yesterday".
func (k *KDC) AddUser(name, password string, options ...string) {
	k.t.Helper()
	k.admin(append(append([]string{"addprinc", "+requires_preauth"}, options...), "-pw", password, name)...)
}

// SetPassword changes a user's password.
func (k *KDC) SetPassword(name, password string) {
	k.t.Helper()
	k.admin("cpw", "-pw", password, name)
}

// AddService adds a service, such as HTTP/mail.kdc.test, and returns its keytab.
func (k *KDC) AddService(spn string) []byte {
	k.t.Helper()
	k.admin("addprinc", "-randkey", spn)
	return k.keytab(spn)
}

// NewKey gives a service a new key, and returns the keytab with that alone.
func (k *KDC) NewKey(spn string) []byte {
	k.t.Helper()
	k.admin("cpw", "-randkey", spn)
	return k.keytab(spn)
}

// UserKeytab returns a keytab with the keys of a user's password.
func (k *KDC) UserKeytab(name string) []byte {
	k.t.Helper()
	return k.keytab(name)
}

// LogIns returns how many times the KDC has let a user log in.
func (k *KDC) LogIns(name string) int { return k.logged("AS_REQ .*ISSUE: .* " + name + "@") }

// Refusals returns how many wrong passwords of a user the KDC has seen.
func (k *KDC) Refusals(name string) int { return k.logged("AS_REQ .*PREAUTH_FAILED: " + name + "@") }

// Tickets returns how many tickets for a service it has given out.
func (k *KDC) Tickets(spn string) int { return k.logged("TGS_REQ .*ISSUE: .* for " + spn + "@") }

func (k *KDC) logged(pattern string) int {
	k.t.Helper()
	log, err := os.ReadFile(filepath.Join(k.dir, "kdc.log"))
	if err != nil {
		k.t.Fatal(err)
	}
	return len(regexp.MustCompile("(?m)"+pattern).FindAll(log, -1))
}

func (k *KDC) keytab(principal string) []byte {
	k.t.Helper()
	path := filepath.Join(k.dir, "keytab")
	k.admin("ktadd", "-norandkey", "-k", path, principal)
	content, err := os.ReadFile(path)
	if err != nil {
		k.t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		k.t.Fatal(err)
	}
	return content
}

// admin gives an order to kadmin.local, whose exit status does not tell whether it
// was carried out.
func (k *KDC) admin(order ...string) {
	k.t.Helper()
	for i, word := range order {
		order[i] = `"` + strings.ReplaceAll(word, `"`, `""`) + `"`
	}
	output := k.run("kadmin.local", "-r", Realm, "-q", strings.Join(order, " "))
	for _, complaint := range []string{"while", "Usage:", "usage:", "No such", "Invalid"} {
		if strings.Contains(output, complaint) {
			k.t.Fatalf("kadmin.local: %s", output)
		}
	}
}

func (k *KDC) run(name string, arguments ...string) (output string) {
	k.t.Helper()
	bytes, err := k.command(name, arguments...).CombinedOutput()
	if err != nil {
		k.t.Fatalf("%s: %v\n%s", name, err, bytes)
	}
	return string(bytes)
}

func (k *KDC) command(name string, arguments ...string) *exec.Cmd {
	c := exec.Command(find(name), arguments...)
	c.Env = append(os.Environ(), "KRB5_CONFIG="+k.Config, "KRB5_KDC_PROFILE="+filepath.Join(k.dir, "kdc.conf"), "LC_ALL=C")
	return c
}

func (k *KDC) write(name, format string, args ...any) {
	k.t.Helper()
	if err := os.WriteFile(filepath.Join(k.dir, name), fmt.Appendf(nil, format, args...), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

// awaitStart waits until the KDC takes connections.
func (k *KDC) awaitStart() {
	k.t.Helper()
	for range 200 {
		if c, err := net.Dial("tcp", k.Addr); err == nil {
			c.Close()
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(k.dir, "kdc.log"))
	k.t.Fatalf("krb5kdc does not listen on %s:\n%s", k.Addr, log)
}

// find returns the path of a program, also where only root's PATH leads.
func find(name string) string {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin", "/usr/lib/mit/sbin", "/usr/local/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

func freeAddr(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
