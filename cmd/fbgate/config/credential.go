package config

import (
	"fmt"
	"os"
)

// Credential is an account at an organization. Which keys it takes depends on its
// type; its secret comes from exactly one place.
type Credential struct {
	// Type is how the account proves itself: by Basic or NTLM with a password, by
	// Kerberos with a password or a keytab, by OAuth 2 as an application with a
	// client secret or a certificate, or by a TLS client certificate.
	Type string `yaml:"type" default:"basic" oneof:"basic ntlm kerberos oauth2 certificate" unoffered:"negotiate digest wssecurity"`
	// Username is the account, as DOMAIN\user, as user@domain, or bare; for
	// kerberos as user@REALM. Write it in single quotes, where a backslash is
	// itself.
	Username string `yaml:"username" form:"username" example:"'FABRIKAM\\svc-freebusy'"`
	// PasswordFile is the file that holds the password, or the client secret of
	// oauth2, on one line.
	PasswordFile string `yaml:"password_file" form:"file" example:"fabrikam.password"`
	// PasswordEnv is the environment variable that holds it instead.
	PasswordEnv string `yaml:"password_env" form:"environment" example:"FABRIKAM_PASSWORD"`
	// KeytabFile is the keytab of a kerberos account, instead of a password.
	KeytabFile string `yaml:"keytab_file" form:"file" example:"fabrikam.keytab"`
	// SPN is the service principal name of the servers, for kerberos; by default
	// HTTP/ and the host of the URL.
	SPN string `yaml:"spn" form:"line" example:"HTTP/mail.fabrikam.com"`
	// KDC is the list of key distribution centers, for kerberos; by default what
	// krb5_config says.
	KDC []string `yaml:"kdc" single:"true" form:"kdc" example:"[dc1.fabrikam.com:88]"`
	// Krb5Config is the configuration of Kerberos on this machine.
	Krb5Config string `yaml:"krb5_config" form:"file" default:"/etc/krb5.conf"`
	// TokenURL is where oauth2 gets its tokens.
	TokenURL string `yaml:"token_url" form:"token" example:"https://login.microsoftonline.com/TENANT/oauth2/v2.0/token"`
	// ClientID is the application's, for oauth2.
	ClientID string `yaml:"client_id" form:"line" example:"00000000-0000-0000-0000-000000000000"`
	// Scope is what oauth2 asks a token for, where the server of tokens is
	// Microsoft Entra.
	Scope string `yaml:"scope" form:"line" example:"https://outlook.office365.com/.default"`
	// Resource is the same where it is AD FS.
	Resource string `yaml:"resource" form:"line" example:"https://mail.fabrikam.com/"`
	// CertificateFile is the PEM file of the certificate, for certificate, or for
	// oauth2 instead of a client secret.
	CertificateFile string `yaml:"certificate_file" form:"file" example:"fbgate.crt"`
	// KeyFile is the PEM file of its private key.
	KeyFile string `yaml:"key_file" form:"file" example:"fbgate.key"`

	_ struct{} `yaml:"password" also:"pass passwd pwd pw passphrase secret client_secret kennwort" refuse:"a password does not belong into this file" instead:"write it into a file of its own and name that in password_file"`
}

// kind says which keys a credential of a type has, beside type.
type kind struct {
	needs   []string
	takes   []string
	secrets []string // exactly one of them
}

var (
	anyPassword = []string{"password_file", "password_env"}
	kinds       = map[string]kind{
		"basic":    {needs: []string{"username"}, secrets: anyPassword},
		"ntlm":     {needs: []string{"username"}, secrets: anyPassword},
		"kerberos": {needs: []string{"username"}, takes: []string{"spn", "kdc", "krb5_config"}, secrets: append([]string{"keytab_file"}, anyPassword...)},
		"oauth2": {
			needs: []string{"token_url", "client_id"}, takes: []string{"scope", "resource", "key_file"},
			secrets: append([]string{"certificate_file"}, anyPassword...),
		},
		"certificate": {needs: []string{"certificate_file", "key_file"}},
	}
)

// Password reads the credential's password or client secret. It is read anew each
// time, so that it can be changed without a restart.
func (c *Credential) Password() (string, error) { return secret(c.PasswordFile, c.PasswordEnv) }

// Keytab reads the keytab.
func (c *Credential) Keytab() (string, error) { return readFile(c.KeytabFile) }

// Certificate reads the certificate in PEM.
func (c *Credential) Certificate() (string, error) { return readFile(c.CertificateFile) }

// Key reads the certificate's private key in PEM.
func (c *Credential) Key() (string, error) { return readFile(c.KeyFile) }

func secret(file, variable string) (string, error) {
	if variable == "" {
		return ReadSecret(file)
	}
	password := os.Getenv(variable)
	if password == "" {
		return "", fmt.Errorf("the environment variable %s is empty or not set", variable)
	}
	return password, nil
}
