package config

import "crypto/x509"

// InternetFreeBusy is Outlook's Internet Free/Busy: a file for each mailbox, at
// /freebusy/NAME@SERVER.vfb and other such URLs.
type InternetFreeBusy struct {
	// Patterns is the list of further paths, or paths and queries, at which clients
	// look, with %NAME% and %SERVER% as in Outlook's setting.
	Patterns []string `yaml:"patterns" single:"true" form:"line" example:"/calendar/%NAME%.vfb"`
	// DefaultDomain is the mail domain where a URL has only a name.
	DefaultDomain string `yaml:"default_domain" form:"host" example:"contoso.com"`
	// MonthsBefore is how many whole months before the present one are told of, if
	// the URL does not say.
	MonthsBefore int `yaml:"months_before" default:"1" range:"0..6"`
	// MonthsAfter is how many after it.
	MonthsAfter int `yaml:"months_after" default:"2" range:"1..6"`
}

// Folder is the public folder SCHEDULE+ FREE BUSY, over WebDAV.
type Folder struct {
	// MonthsBefore is how many whole months before the present one a message holds.
	MonthsBefore int `yaml:"months_before" default:"1" range:"0..12"`
	// MonthsAfter is how many after it.
	MonthsAfter int `yaml:"months_after" default:"2" range:"1..12"`
}

// Publishing lets clients write free/busy: into the folder, and Internet Free/Busy
// files. What they wrote is served in place of what an organization would say.
type Publishing struct {
	// Store is the file that keeps what is written.
	Store string `yaml:"store" required:"true" form:"file" example:"/var/lib/fbgate/published.db"`
	// Keep is how long it is served unless it is written anew; never longer than the
	// time it speaks about.
	Keep Duration `yaml:"keep" default:"15d" range:"1h..400d"`
	// Publishers is the list of accounts that may write, by Basic authentication.
	Publishers []PublisherAccount `yaml:"publishers" required:"true" instead:"write at least one, with username and password_file"`
}

// PublisherAccount is an account of fbgate's own that may write free/busy.
type PublisherAccount struct {
	// Username is its name.
	Username string `yaml:"username" required:"true" form:"username" example:"zimbra"`
	// PasswordFile is the file that holds its password, on one line.
	PasswordFile string `yaml:"password_file" form:"file" example:"zimbra.password"`
	// PasswordEnv is the environment variable that holds it instead.
	PasswordEnv string `yaml:"password_env" form:"environment" example:"ZIMBRA_PASSWORD"`

	_ struct{} `yaml:"password" also:"pass passwd pwd pw passphrase secret kennwort" refuse:"a password does not belong into this file" instead:"write it into a file of its own and name that in password_file"`
}

// Password reads the account's password.
func (p *PublisherAccount) Password() (string, error) { return secret(p.PasswordFile, p.PasswordEnv) }

// TLS is where clients ask by https. Certificate and key are read again when they
// change.
type TLS struct {
	// Listen is the address; port 0 takes a free one.
	Listen string `yaml:"listen" required:"true" form:"address" example:"0.0.0.0:443"`
	// CertificateFile is the PEM file of the certificate and those of the CAs between
	// it and the root.
	CertificateFile string `yaml:"certificate_file" required:"true" form:"file" example:"mail.contoso.com.pem"`
	// KeyFile is the PEM file of its key; it may be the same file.
	KeyFile string `yaml:"key_file" required:"true" form:"file" example:"mail.contoso.com.key"`
	// MinTLS is the oldest version of TLS clients may speak. Windows XP and Server
	// 2003 know no better than 1.0; below 1.2 the cipher suites of that time are
	// taken, too.
	MinTLS string `yaml:"min_tls" default:"1.2" oneof:"1.0 1.1 1.2 1.3"`
	// LoginMethods is how clients may log in here, instead of login.methods.
	LoginMethods []string `yaml:"login_methods" single:"true" oneof:"basic forms negotiate certificate header passthrough" unoffered:"ntlm digest oauth2 kerberos"`
	// LoginNetworks is the list of networks in which nobody has to log in here, instead
	// of login.networks.
	LoginNetworks []string `yaml:"login_networks" form:"clients" example:"[10.0.0.0/8]"`
}

// Passthrough is the server behind fbgate, where fbgate has taken over its name.
type Passthrough struct {
	// URL is the server: http or https, host and port, and no path.
	URL string `yaml:"url" required:"true" form:"server" example:"http://192.0.2.10"`
	// Paths is the list of folders that are handed on, in any case: /public without
	// it, everything with /.
	Paths []string `yaml:"paths" form:"folder" example:"[/public, /exchange, /exchweb]"`
	// ScheduleFolder hands the folder SCHEDULE+ FREE BUSY on, too. With false,
	// fbgate itself is that folder.
	ScheduleFolder bool `yaml:"schedule_folder" default:"true"`
	// CAFile is a PEM file of the CAs that may issue the server's certificate,
	// instead of those this machine trusts.
	CAFile string `yaml:"ca_file" form:"file" example:"contoso-ca.pem"`
	// MinTLS is the oldest version of TLS the server may speak.
	MinTLS string `yaml:"min_tls" default:"1.2" oneof:"1.0 1.1 1.2 1.3"`
	// Connections is how many connections to the server there are at most, one for
	// each client's.
	Connections int `yaml:"connections" default:"1000" range:"1..100000"`
	// HeaderTimeout is how long the server may take to begin an answer.
	HeaderTimeout Duration `yaml:"header_timeout" default:"2m" range:"1s..1h"`
	// IdleTimeout is how long nothing may move in a body, or on a connection between
	// two requests.
	IdleTimeout Duration `yaml:"idle_timeout" default:"5m" range:"1s..24h"`
	// Forward tells the server who asks, in X-Forwarded-For and X-Forwarded-Proto.
	Forward bool `yaml:"forward" default:"false"`
	// FrontEndHTTPS adds Front-End-Https: On to what came by https, so that Outlook Web
	// Access writes its links with https.
	FrontEndHTTPS bool `yaml:"front_end_https" default:"false"`
}

// CAs reads the server's CAs, nil for those this machine trusts.
func (p *Passthrough) CAs() (*x509.CertPool, error) { return readCAs(p.CAFile) }

// Publish says whose free/busy is written where. The directory has to name a
// legacyExchangeDN of each mailbox.
type Publish struct {
	// Organizations is the list of those whose mailboxes are published.
	Organizations []string `yaml:"organizations" required:"true" form:"name" example:"[fabrikam]"`
	// To is the organization in whose public folders; its access_method is
	// PublicFolder, and its account has to be an editor of the folder.
	To string `yaml:"to" required:"true" form:"name" example:"contoso2003"`
	// State is the file that remembers what was written.
	State string `yaml:"state" required:"true" form:"file" example:"/var/lib/fbgate/publish.db"`
	// Every is the time from the start of one round to the next.
	Every Duration `yaml:"every" default:"15m" range:"1m..24h"`
	// Months is how many months are published, the present one included.
	Months int `yaml:"months" default:"3" range:"1..12"`
	// MonthsBefore is how many before it.
	MonthsBefore int `yaml:"months_before" default:"0" range:"0..12"`
	// Concurrency is how many calls are made at once.
	Concurrency int `yaml:"concurrency" default:"4" range:"1..32"`
	// Keep is how long an item stays that cannot be confirmed.
	Keep Duration `yaml:"keep" default:"24h" range:"1h..30d"`
}
