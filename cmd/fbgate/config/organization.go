package config

// Organization is one holder of mailboxes and the way to ask it. Its keys are
// named as Exchange names them: New-AvailabilityAddressSpace -AccessMethod,
// New-OrganizationRelationship -TargetSharingEpr.
type Organization struct {
	// Name is what logs and the operators' listener call the organization; no
	// two have the same.
	Name string `yaml:"name" required:"true" form:"name" example:"fabrikam"`
	// Domains is the list of mail domains whose mailboxes are here: a domain,
	// "*." and a domain for all below it, or "*" for all that nobody else
	// has. The closest match wins.
	Domains []string `yaml:"domains" required:"true" form:"domain" example:"[fabrikam.com, \"*.fabrikam.com\"]"`
	// AccessMethod is how the organization is asked, by the word Exchange uses.
	AccessMethod string `yaml:"access_method" default:"OrgWideFB" oneof:"OrgWideFB" unoffered:"PerUserFB OrgWideFBToken OrgWideFBBasic InternalProxy PublicFolder"`
	// TargetSharingEPR is the URL of the organization's Exchange Web Services.
	// It is https, unless the server is on this very machine.
	TargetSharingEPR string `yaml:"target_sharing_epr" required:"true" form:"url" example:"https://mail.fabrikam.com/EWS/Exchange.asmx"`
	// InsecureHTTP allows target_sharing_epr to be plain http: passwords and
	// calendars cross the network unprotected.
	InsecureHTTP bool `yaml:"insecure_http" default:"false"`
	// Credential is the account fbgate asks with; without it, fbgate does not
	// log in.
	Credential *Credential `yaml:"credential"`
	// CAFile is a PEM file of the CAs that may issue the server's certificate,
	// instead of those this machine trusts.
	CAFile string `yaml:"ca_file" form:"file" example:"fabrikam-ca.pem"`
	// UserAgent is how fbgate names itself to the server; empty is fbgate/ and
	// its version.
	UserAgent string `yaml:"user_agent" form:"header" example:"fbgate/1.0 (contoso)"`
	// RequestedView is the view asked for. FreeBusyMerged tells least about
	// people and still has exact times; MergedOnly has digits only, and
	// DetailedMerged is for servers that give no times otherwise.
	RequestedView string `yaml:"requested_view" default:"FreeBusyMerged" oneof:"MergedOnly FreeBusyMerged DetailedMerged"`
	// RequestServerVersion is the schema version named in each call; every
	// server since Exchange 2007 SP1 knows the default.
	RequestServerVersion string `yaml:"request_server_version" default:"Exchange2007_SP1" oneof:"Exchange2007 Exchange2007_SP1 Exchange2009 Exchange2010 Exchange2010_SP1 Exchange2010_SP2 Exchange2012 Exchange2013 Exchange2013_SP1 Exchange2015 Exchange2016 V2015_10_05 V2016_01_06 V2016_04_13 V2016_07_13 V2016_10_10 V2017_01_07 V2017_04_14 V2017_07_11"`
	// MaxWindow is the longest time asked about in one call, in whole hours;
	// longer questions become several calls.
	MaxWindow Duration `yaml:"max_window" default:"42d" range:"1d..62d" step:"1h"`
	// MaxMailboxes is how many mailboxes are asked about in one call.
	MaxMailboxes int `yaml:"max_mailboxes" default:"100" range:"1..100"`
	// MergedFreeBusyInterval is the slot length asked for, in whole minutes.
	MergedFreeBusyInterval Duration `yaml:"merged_free_busy_interval" default:"15m" range:"5m..24h" step:"1m"`
	// Concurrency is how many calls to the organization run at once.
	Concurrency int `yaml:"concurrency" default:"5" range:"1..100"`
	// Timeout is how long one call may take.
	Timeout Duration `yaml:"timeout" default:"25s" range:"1s..5m"`
	// Digit4 is what the digit 4 means in MergedOnly answers of Exchange 2013
	// and later, where both readings occur.
	Digit4 string `yaml:"digit_4" default:"no-data" oneof:"no-data working-elsewhere"`
	// Prefetch is how much time after the whole weeks of a question is asked
	// about along with it, so that paging through a calendar asks nobody; off
	// asks what the client asked, in whole hours.
	Prefetch Prefetch `yaml:"prefetch" default:"14d" oneof:"off" range:"0s..42d"`
	// MaxResponseBytes is the largest answer read from the server.
	MaxResponseBytes Size `yaml:"max_response_bytes" default:"16MiB" range:"64KiB..256MiB"`
}

// Credential is an account at an organization. Its password comes from exactly
// one of the two places named.
type Credential struct {
	// Type is how the account proves itself.
	Type string `yaml:"type" default:"basic" oneof:"basic" unoffered:"ntlm negotiate kerberos digest oauth2 certificate"`
	// Username is the account, as DOMAIN\user, as user@domain, or bare. Write
	// it in single quotes, where a backslash is itself.
	Username string `yaml:"username" required:"true" form:"username" example:"'FABRIKAM\\svc-freebusy'"`
	// PasswordFile is the file that holds the password, on one line.
	PasswordFile string `yaml:"password_file" form:"file" example:"fabrikam.password"`
	// PasswordEnv is the environment variable that holds the password.
	PasswordEnv string `yaml:"password_env" form:"environment" example:"FABRIKAM_PASSWORD"`

	_ struct{} `yaml:"password" also:"pass passwd pwd pw passphrase secret kennwort" refuse:"a password does not belong into this file" instead:"write it into a file of its own and name that in password_file"`
}
