package config

// Organization is one holder of mailboxes and the way to ask it. Its keys are
// named as Exchange names them: Add-AvailabilityAddressSpace -AccessMethod,
// New-OrganizationRelationship -TargetSharingEpr.
type Organization struct {
	// Name is what logs and the operators' listener call the organization; no
	// two have the same.
	Name string `yaml:"name" required:"true" form:"name" example:"fabrikam"`
	// Domains is the list of mail domains whose mailboxes are here: a domain,
	// "*." and a domain for all below it, or "*" for all that nobody else
	// has. The closest match wins.
	Domains []string `yaml:"domains" required:"true" form:"domain" example:"[fabrikam.com, \"*.fabrikam.com\"]"`
	// AccessMethod is how the organization is asked, by the word Exchange uses:
	// OrgWideFB asks its EWS with one account, InternalProxy asks EWS of a server
	// of one's own that asks on by itself, and PublicFolder asks Exchange 2000 to
	// 2007 as old clients do.
	AccessMethod string `yaml:"access_method" default:"OrgWideFB" oneof:"OrgWideFB InternalProxy PublicFolder" unoffered:"PerUserFB OrgWideFBToken OrgWideFBBasic"`
	// TargetSharingEPR is the URL of the organization's Exchange Web Services, or
	// a list of several, which are used in turn. It is https, unless the server is
	// on this very machine. Without it, OrgWideFB finds the URL by Autodiscover.
	TargetSharingEPR []string `yaml:"target_sharing_epr" single:"true" form:"ews" example:"https://mail.fabrikam.com/EWS/Exchange.asmx"`
	// TargetAutodiscoverEPR is where Autodiscover begins, instead of at the
	// mailbox's domain.
	TargetAutodiscoverEPR string `yaml:"target_autodiscover_epr" form:"autodiscover" example:"https://autodiscover.fabrikam.com/autodiscover/autodiscover.svc"`
	// ProxyURL is the EWS of an own server, for InternalProxy; or a list.
	ProxyURL []string `yaml:"proxy_url" single:"true" form:"ews" example:"https://cas2010.contoso.com/EWS/Exchange.asmx"`
	// PublicFolderURL is the root of the public folders, for PublicFolder; or a
	// list.
	PublicFolderURL []string `yaml:"public_folder_url" single:"true" form:"publicfolder" example:"https://mail2003.contoso.com/public/"`
	// TrustedHosts is the list of hosts to which Autodiscover or a referral may
	// lead, and which may be shown the credential, beside those of the URLs here:
	// a host, or "*." and a domain for all below it.
	TrustedHosts []string `yaml:"trusted_hosts" form:"domain" example:"[autodiscover.hosting.example]"`
	// InsecureHTTP allows the organization's URLs to be plain http: passwords and
	// calendars cross the network unprotected.
	InsecureHTTP bool `yaml:"insecure_http" default:"false"`
	// Then is the name of another organization that is asked about mailboxes this
	// one does not know, because some have moved there.
	Then string `yaml:"then" form:"name" example:"cloud"`
	// FreeBusyAccessLevel is how much of the organization's free/busy leaves
	// fbgate. none is nothing; availability_only is times and their status, which
	// is all old clients can show; limited_details allows requested_view
	// DetailedMerged besides.
	FreeBusyAccessLevel string `yaml:"free_busy_access_level" default:"availability_only" oneof:"none availability_only limited_details"`
	// Credential is the account fbgate asks with, or a list of several, which are
	// used in turn; without it, fbgate does not log in.
	Credential []Credential `yaml:"credential" single:"true"`
	// Impersonate is the mailbox in whose name EWS is asked, which OAuth 2 needs:
	// the application itself has no rights to a calendar.
	Impersonate string `yaml:"impersonate" form:"mailbox" example:"freebusy@fabrikam.com"`
	// RequesterHeader is the name of a header that tells the server who asks, by mail
	// address, for another fbgate with rules of its own, or an organization that answers
	// by who asks. What it says is then remembered for each mail domain of those who ask.
	RequesterHeader string `yaml:"requester_header" form:"headername" example:"X-Remote-User"`
	// MinTLS is the oldest version of TLS the servers may speak. Exchange 2007
	// and 2010 may know no better than 1.0.
	MinTLS string `yaml:"min_tls" default:"1.2" oneof:"1.0 1.1 1.2 1.3"`
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
