package config_test

import (
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
