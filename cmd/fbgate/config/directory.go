package config

// Directory says who is who: whose mailbox a legacyExchangeDN or a secondary address
// is, in which organization it lies, and who is in a distribution list. Both file
// and ldap may be there; the file comes first.
type Directory struct {
	// File is a CSV or LDIF file of recipients, by its extension. It is read again
	// when it changes.
	File string `yaml:"file" form:"file" example:"recipients.csv"`
	// LDAP is Active Directory or another server to search.
	LDAP *LDAP `yaml:"ldap"`
	// MaxListMembers is how many members of a distribution list are asked about;
	// of one with more nothing is told.
	MaxListMembers int `yaml:"max_list_members" default:"100" range:"1..1000"`
}

// LDAP is a server that holds Exchange's attributes.
type LDAP struct {
	// URL is the server. It is ldaps, or ldap with start_tls, unless the server is
	// on this very machine.
	URL string `yaml:"url" required:"true" form:"ldap" example:"ldaps://dc1.contoso.com"`
	// StartTLS makes an ldap connection secure before anything is said on it.
	StartTLS bool `yaml:"start_tls" default:"false"`
	// BaseDN is where to search.
	BaseDN string `yaml:"base_dn" required:"true" form:"line" example:"DC=contoso,DC=com"`
	// BindDN is the account to search with; Active Directory takes user@domain
	// too. Without it, fbgate does not log in.
	BindDN string `yaml:"bind_dn" form:"line" example:"CN=svc-fbgate,OU=Services,DC=contoso,DC=com"`
	// PasswordFile is the file that holds its password, on one line.
	PasswordFile string `yaml:"password_file" form:"file" example:"ldap.password"`
	// PasswordEnv is the environment variable that holds it instead.
	PasswordEnv string `yaml:"password_env" form:"environment" example:"LDAP_PASSWORD"`
	// CAFile is a PEM file of the CAs that may issue the server's certificate,
	// instead of those this machine trusts.
	CAFile string `yaml:"ca_file" form:"file" example:"contoso-ca.pem"`
	// Timeout is how long one search may take.
	Timeout Duration `yaml:"timeout" default:"5s" range:"1s..1m"`
	// TTL is how long what was found is remembered; what was not found is for a
	// minute.
	TTL Duration `yaml:"ttl" default:"15m" range:"1s..24h"`

	_ struct{} `yaml:"password" also:"pass passwd pwd pw passphrase secret kennwort" refuse:"a password does not belong into this file" instead:"write it into a file of its own and name that in password_file"`
}

// Password reads the account's password.
func (l *LDAP) Password() (string, error) { return secret(l.PasswordFile, l.PasswordEnv) }
