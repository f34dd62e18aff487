package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fbgate/cmd/fbgate/config"
)

const withFiles = `admin: {token_file: admin.token}
organizations:
  - name: fabrikam
    domains: [fabrikam.com]
    target_sharing_epr: https://mail.fabrikam.com/EWS/Exchange.asmx
    ca_file: ca.pem
    credential: {username: svc, password_file: fabrikam.password}
  - name: contoso
    domains: [contoso.com]
    target_sharing_epr: https://mail.contoso.com/EWS/Exchange.asmx
    credential: {username: svc, password_env: FBGATE_TEST_PASSWORD}
`

// certificate is a PEM file that holds one.
const certificate = `-----BEGIN CERTIFICATE-----
MIIBXjCCAQWgAwIBAgIBATAKBggqhkjOPQQDAjAWMRQwEgYDVQQDEwtmYWJyaWth
-----END CERTIFICATE-----
`

// load writes the configuration and the files it names, and reads it.
func load(t *testing.T, contents map[string]string) (*config.Config, string) {
	t.Helper()
	folder := t.TempDir()
	contents["fbgate.yaml"] = withFiles
	for name, text := range contents {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load(filepath.Join(folder, "fbgate.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return c, folder
}

func TestSecretsAreRead(t *testing.T) {
	t.Setenv("FBGATE_TEST_PASSWORD", "from the environment")
	c, _ := load(t, map[string]string{"fabrikam.password": "\ufeff pa ss\r\n", "admin.token": "token"})
	for want, read := range map[string]func() (string, error){
		" pa ss":               c.Organizations[0].Credential[0].Password,
		"from the environment": c.Organizations[1].Credential[0].Password,
		"token":                c.Admin.Token,
	} {
		if got, err := read(); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
}

func TestNothingToRead(t *testing.T) {
	token, err := config.Admin{}.Token()
	if token != "" || err != nil {
		t.Errorf("got token %q, %v; want none", token, err)
	}
	pool, err := new(config.Organization).CAs()
	if pool != nil || err != nil {
		t.Errorf("got CAs %v, %v; want none", pool, err)
	}
	if err := new(config.Config).CheckFiles(); err != nil {
		t.Errorf("got %v, want that there is nothing to check", err)
	}
}

func TestCheckFiles(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"missing": {},
		"empty":   {"admin.token": "\n", "fabrikam.password": "", "ca.pem": ""},
		"utf16":   {"admin.token": "\xff\xfea\x00\n\x00", "fabrikam.password": "\xfe\xff\x00a\x00\r\x00\n", "ca.pem": certificate},
		"short":   {"admin.token": "hunter2\n", "fabrikam.password": "secret", "ca.pem": certificate},
		"bad":     {"admin.token": "a\nb\n", "fabrikam.password": "a\x00", "ca.pem": certificate},
	} {
		t.Run(name, func(t *testing.T) {
			c, folder := load(t, files)
			err := c.CheckFiles()
			if err == nil {
				t.Fatal("got no fault")
			}
			got := strings.ReplaceAll(filepath.ToSlash(err.Error()), filepath.ToSlash(folder), "FOLDER")
			golden(t, "testdata/files/"+name+".golden", got+"\n")
		})
	}
}

// Faults of files come with all others, in the order of the lines, what others have found
// in them included.
func TestLoadWithFiles(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "fbgate.yaml")
	for name, text := range map[string]string{
		"fbgate.yaml": "login: {methods: [basic, kerberos], htpasswd_file: users}\nanswer_timout: 10\nadmin: {token_file: nowhere}\n" +
			"directory: {file: .}\ncache: {ttl: 15}\npublishing: {stor: x, publishers: [{username: a, password_file: passwords}]}\n",
		"users": "joe:hunter2\n", "passwords": "a\nb\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.LoadWithFiles(file, func(c *config.Config, fault func(string, error)) {
		fault("login.htpasswd_file", errors.New(c.Login.HtpasswdFile+": line 1: plain\nFOLDER/users: line 2: MD5"))
		_, missing := os.Open(filepath.Join(folder, "nowhere")) // which is a fault already
		fault("admin.token_file", missing)
		fault("directory.file", nil)
	})
	if c != nil || err == nil {
		t.Fatalf("got %v, %v; want faults alone", c, err)
	}
	golden(t, "testdata/files/with_others.golden", strings.ReplaceAll(filepath.ToSlash(err.Error()), filepath.ToSlash(folder), "FOLDER")+"\n")
	if _, err := config.LoadWithFiles(filepath.Join(folder, "none.yaml"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that the file does not exist", err)
	}
}

func TestCheckFilesOfConfigWithoutFile(t *testing.T) {
	c := config.Config{Admin: config.Admin{TokenFile: filepath.Join(t.TempDir(), "token")}}
	err := c.CheckFiles()
	if err == nil || !strings.HasPrefix(err.Error(), "admin.token_file: open ") {
		t.Errorf("got %v, want a fault without a place", err)
	}
}

// login reads files of its own.
func TestCheckFilesOfLogin(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "cookie.key"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := config.Config{Login: &config.Login{
		HtpasswdFile: "users", GroupFile: "groups", KeytabFile: "keytab", ClientCAFile: "ca.pem", CookieKeyFile: filepath.Join(folder, "cookie.key"),
		LDAP: &config.LDAP{PasswordEnv: "FBGATE_TEST_NOT_SET"},
	}}
	err := c.CheckFiles()
	for _, want := range []string{"login.htpasswd_file: ", "login.group_file: ", "login.keytab_file: ", "login.client_ca_file: ", "cookie.key has 5 bytes", "login.ldap.password_env: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s among it", err, want)
		}
	}
}
