package config

import "crypto/x509"

// Login says who may ask. Everything in it may be combined.
type Login struct {
	// Anonymous lets everybody ask who reaches the address, whether they log in or not.
	Anonymous bool `yaml:"anonymous" default:"false"`
	// Networks is the list of networks in which nobody has to log in.
	Networks []string `yaml:"networks" form:"clients" example:"[10.0.0.0/8]"`
	// Methods is how clients may log in, one or a list: basic; forms, the log-in page of
	// Outlook Web Access; negotiate, which is Kerberos, with which Internet Explorer logs
	// in silently; certificate, of TLS clients; header, by which a proxy in front tells
	// who has logged in there; passthrough, where the server behind decides.
	Methods []string `yaml:"methods" single:"true" oneof:"basic forms negotiate certificate header passthrough" unoffered:"ntlm digest oauth2 kerberos"`
	// HtpasswdFile is the file of names and passwords, made by htpasswd -B. It is read
	// again when it changes.
	HtpasswdFile string `yaml:"htpasswd_file" form:"file" example:"fbgate.htpasswd"`
	// GroupFile is the file of groups, each on a line: "sales: joe mary". They are names
	// in htpasswd_file; of others nothing is made, and fbgate check warns of them.
	GroupFile string `yaml:"group_file" form:"file" example:"fbgate.groups"`
	// LDAP is Active Directory or another server that knows names, passwords, groups
	// and addresses.
	LDAP *LDAP `yaml:"ldap"`
	// NetBIOSDomains is the list of Windows domains whose users are those in ldap and
	// htpasswd_file: CONTOSO\mary, as a front end, a certificate or the server behind
	// names her, is mary if CONTOSO is one, and otherwise somebody else. Who shows a
	// password may write any.
	NetBIOSDomains []string `yaml:"netbios_domains" single:"true" form:"name" example:"[CONTOSO]"`
	// DefaultDomain is the mail domain of bare names in htpasswd_file, and of Kerberos
	// users of the keytab's own realm of whom no address is known. Whoever else is in ldap
	// has the address that is there, or none.
	DefaultDomain string `yaml:"default_domain" form:"host" example:"contoso.com"`
	// InsecureHTTP allows passwords by plain http from other machines, where anybody on
	// the way can read them.
	InsecureHTTP bool `yaml:"insecure_http" default:"false"`
	// KeytabFile is the keytab of HTTP/NAME, for negotiate, where NAME is the one clients
	// ask by. It is read again when it changes.
	KeytabFile string `yaml:"keytab_file" form:"file" example:"http.keytab"`
	// Realms is the list of Kerberos realms whose users are let in beside those of the
	// keytab's own.
	Realms []string `yaml:"realms" single:"true" form:"line" example:"[EMEA.CONTOSO.COM]"`
	// ClientCAFile is the PEM file of the CAs whose client certificates are taken, for
	// certificate. They are asked for at tls.listen.
	ClientCAFile string `yaml:"client_ca_file" form:"file" example:"clients-ca.pem"`
	// Header is the name of the header that tells who has logged in, for header. It is
	// believed of trusted_proxies alone.
	Header string `yaml:"header" default:"X-Remote-User" form:"headername"`
	// CookieKeyFile is the file of the key of the cookies of forms, any 32 bytes or more.
	// Without it sessions end when fbgate does, and each of several instances has its
	// own.
	CookieKeyFile string `yaml:"cookie_key_file" form:"file" example:"cookie.key"`
	// PublicTimeout is how long a session of forms may rest on a public computer. It ends
	// 12 hours after the log-in, or this long after it if that is more.
	PublicTimeout Duration `yaml:"public_timeout" default:"15m" range:"1m..24h"`
	// PrivateTimeout is how long it may on a private one. It ends 24 hours after the log-in,
	// or this long after it if that is more.
	PrivateTimeout Duration `yaml:"private_timeout" default:"24h" range:"1m..7d"`
	// MaxFailures is how many wrong passwords an account may be tried with in ten
	// minutes; whoever is logged in stays so.
	MaxFailures int `yaml:"max_failures" default:"5" range:"1..1000"`
	// MaxClientFailures is how many one client may try in that time.
	MaxClientFailures int `yaml:"max_client_failures" default:"50" range:"1..100000"`

	_ struct{} `yaml:"password" also:"pass passwd pwd pw passphrase secret users kennwort" refuse:"names and passwords do not belong into this file" instead:"make a file of them with htpasswd -B and name that in htpasswd_file"`
}

// ClientCAs reads the CAs of client certificates, nil if there are none.
func (l *Login) ClientCAs() (*x509.CertPool, error) { return readCAs(l.ClientCAFile) }

// Keytab reads the keytab.
func (l *Login) Keytab() (string, error) { return readFile(l.KeytabFile) }

// CookieKey reads the key of cookies.
func (l *Login) CookieKey() (string, error) { return readFile(l.CookieKeyFile) }

// AccessRule says what some may see of some. Every list that is there has to fit; one
// that is not fits everybody.
type AccessRule struct {
	// Domains is the list of mail domains of those who ask, "*." and a domain for all
	// below it.
	Domains []string `yaml:"domains" single:"true" form:"domain" example:"[contoso.com]"`
	// Networks is the list of networks they ask from.
	Networks []string `yaml:"networks" single:"true" form:"clients" example:"[10.0.0.0/8]"`
	// Groups is the list of groups they may be in: of group_file, by name; of ldap, by
	// name or distinguished name; of Kerberos, by SID.
	Groups []string `yaml:"groups" single:"true" form:"line" example:"[sales]"`
	// Organizations is the list of those whose free/busy it is about, by name.
	Organizations []string `yaml:"organizations" single:"true" form:"name" example:"[fabrikam]"`
	// FreeBusyAccessLevel is how much they see: none is nothing, availability_only all
	// that there is for old clients.
	FreeBusyAccessLevel string `yaml:"free_busy_access_level" required:"true" oneof:"none availability_only" example:"availability_only"`
}
