package config

import (
	"net/url"
	"slices"
	"strings"
)

// credentialKeys are those that depend on the type.
var credentialKeys = func() (keys []string) {
	for _, k := range kinds {
		keys = slices.Concat(keys, k.needs, k.takes, k.secrets)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}()

// examples are what to write for a key that is missing.
var examples = map[string]string{
	"username":         `'FABRIKAM\svc-freebusy'`,
	"token_url":        "https://login.microsoftonline.com/TENANT/oauth2/v2.0/token",
	"client_id":        "00000000-0000-0000-0000-000000000000",
	"certificate_file": "fbgate.crt",
	"key_file":         "fbgate.key",
}

// credential wants the keys of the credential's type, exactly one place of its
// secret, and nothing else.
func (v *validator) credential(c Credential, path string) {
	k, ok := kinds[c.Type]
	if !ok || v.origin.has(path+".password") {
		return
	}
	has := func(key string) bool { return v.origin.has(path + "." + key) }
	for _, key := range k.needs {
		if !has(key) {
			v.fault(path+"."+key, "missing", "write for example "+key+": "+examples[key])
		}
	}
	for _, key := range credentialKeys {
		if has(key) && !slices.Contains(slices.Concat(k.needs, k.takes, k.secrets), key) {
			v.fault(path+"."+key, "a credential of type "+c.Type+" has no "+key, "remove it, or correct type")
		}
	}
	v.oneSecret(k, path)
	if c.Type == "oauth2" {
		v.oauth2(c, path)
	}
}

// oneSecret wants exactly one place to read the secret from.
func (v *validator) oneSecret(k kind, path string) {
	var named []string
	for _, key := range k.secrets {
		if v.origin.has(path + "." + key) {
			named = append(named, key)
		}
	}
	switch {
	case len(k.secrets) > 0 && len(named) == 0:
		v.fault(path, "no password is named", "write "+list(k.secrets))
	case len(named) > 1:
		v.fault(path+"."+named[1], "the password is named twice", "write only one of "+strings.Join(named, " and "))
	}
}

func (v *validator) oauth2(c Credential, path string) {
	if c.Scope == "" && c.Resource == "" && !v.origin.has(path+".scope") && !v.origin.has(path+".resource") {
		v.fault(path, "nothing is named that the token is for", "write scope for Microsoft Entra, resource for AD FS")
	}
	if c.CertificateFile != "" && c.KeyFile == "" && !v.origin.has(path+".key_file") {
		v.fault(path+".key_file", "missing", "write the file of the certificate's private key")
	}
	if u, err := url.Parse(c.TokenURL); err == nil && u.Scheme == "http" && !IsLoopback(u.Hostname()) {
		v.fault(path+".token_url", "plain http shows secrets and tokens to the network", "write https://")
	}
}

func (v *validator) directory(d *Directory) {
	l := d.LDAP
	if l == nil {
		if !v.origin.has("directory.file") && !v.origin.has("directory.ldap") {
			v.fault("directory", "nothing is named to look into", "write file or ldap")
		}
		return
	}
	v.ldap(l, "directory.ldap")
}

func (v *validator) ldap(l *LDAP, path string) {
	u, err := url.Parse(l.URL)
	if err == nil && u.Scheme == "ldap" && !l.StartTLS && !IsLoopback(u.Hostname()) {
		v.fault(path+".url", "plain ldap shows the password to the network", "write ldaps://, or start_tls: true")
	}
	if err == nil && u.Scheme == "ldaps" && l.StartTLS {
		v.fault(path+".start_tls", "ldaps is secure from the start", "remove start_tls, or write ldap://")
	}
	bind, file, env := v.origin.has(path+".bind_dn"), v.origin.has(path+".password_file"), v.origin.has(path+".password_env")
	switch {
	case v.origin.has(path + ".password"):
	case file && env:
		v.fault(path+".password_env", "the password is named twice", "write only one of password_file and password_env")
	case bind && !file && !env:
		v.fault(path, "no password is named", "write password_file or password_env")
	case !bind && (file || env):
		v.fault(path, "a password is named, but no account", "write bind_dn")
	}
}
