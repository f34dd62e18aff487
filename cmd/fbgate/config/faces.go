package config

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
