// Package config reads fbgate.yaml. It is strict: whatever it does not know is
// a fault, and every fault of the file is reported at once, each with its
// place, what was found there and what to write instead.
//
// The structs are the one description of the file. A field's tags give the key
// (yaml), its default, its range or its words (oneof), and the form of its
// text; the field's comment is its meaning. docs/configuration.md is generated
// from both.
package config

import "log/slog"

// Config is the whole file, with every default filled in.
type Config struct {
	// Listen is the address where old clients ask; port 0 takes a free one.
	Listen string `yaml:"listen" default:"127.0.0.1:8080" form:"address"`
	// TLS is a second address where old clients ask, by https.
	TLS *TLS `yaml:"tls"`
	// TrustedProxies is the list of networks of the proxies in front of fbgate, whose
	// word is taken for who asks, in X-Forwarded-For, -Proto and -Host.
	TrustedProxies []string `yaml:"trusted_proxies" form:"network" example:"[127.0.0.1, 10.0.0.0/24]"`
	// Login is who may ask. Without it everybody may who reaches the address, and that
	// can be this very machine only.
	Login *Login `yaml:"login"`
	// AccessRules is who may see whom: the first entry that fits both decides. Who fits
	// none sees nothing; without entries everybody sees all.
	AccessRules []AccessRule `yaml:"access_rules"`
	// AnswerTimeout is how long a client waits at most. What arrives later
	// still fills the cache.
	AnswerTimeout Duration `yaml:"answer_timeout" default:"10s" range:"1s..5m"`
	// WorkingElsewhere is how the status of that name is drawn for clients of
	// Exchange 2003, which have no colour for it.
	WorkingElsewhere string `yaml:"working_elsewhere" default:"free" oneof:"free tentative busy oof"`
	// WatchConfig takes this file anew when it changes, as SIGHUP does. A file that is
	// gone is a reload that fails.
	WatchConfig bool `yaml:"watch_config" default:"false"`
	// ShutdownDelay is how long requests are still taken after SIGTERM, while /readyz says
	// 503 already, so that a load balancer can send clients elsewhere before the listeners
	// are closed.
	ShutdownDelay Duration `yaml:"shutdown_delay" default:"0s" range:"0s..5m"`
	// Log is what is logged, and how.
	Log Log `yaml:"log"`
	// Admin is the operators' own listener: what is remembered, and health.
	Admin Admin `yaml:"admin"`
	// Cache is how long answers are remembered.
	Cache Cache `yaml:"cache"`
	// Limits is what one client may ask for.
	Limits Limits `yaml:"limits"`
	// InternetFreeBusy is Outlook's Internet Free/Busy URLs, /freebusy/NAME@SERVER.vfb.
	InternetFreeBusy InternetFreeBusy `yaml:"internet_free_busy"`
	// Folder is the public folder SCHEDULE+ FREE BUSY.
	Folder Folder `yaml:"folder"`
	// Publishing lets clients write free/busy. Without it nobody may.
	Publishing *Publishing `yaml:"publishing"`
	// Passthrough hands what is not for free/busy on to the server that has always
	// answered it. Without it fbgate refuses such requests.
	Passthrough *Passthrough `yaml:"passthrough"`
	// Publish writes the free/busy of organizations into the public folders of an
	// Exchange 2000 to 2007, for Outlook, which reads them there itself.
	Publish *Publish `yaml:"publish"`
	// Directory says who is who. Without it addresses are taken as they are, and
	// nothing is known of a legacyExchangeDN.
	Directory *Directory `yaml:"directory"`
	// Organizations is the list of those who hold mailboxes, at least one.
	Organizations []Organization `yaml:"organizations" required:"true" instead:"write at least one, with name, domains and target_sharing_epr"`

	origin *origin
}

// Log says what is logged, and how.
type Log struct {
	// Format is text for people or json for machines, one line an event.
	Format string `yaml:"format" default:"text" oneof:"text json"`
	// Level is the least important kind of event that is logged.
	Level slog.Level `yaml:"level" default:"info" oneof:"debug info warn error"`
	// RedactAddresses shows people's addresses in the log, and in the lookups that
	// operators see, as m-1a2b3c4d@contoso.com: the same one the same way until the
	// process ends, and nobody can tell whose it is.
	RedactAddresses bool `yaml:"redact_addresses"`
}

// Admin is the operators' own listener.
type Admin struct {
	// Listen is the address where operators ask. Beyond loopback, token_file or
	// operators is mandatory.
	Listen string `yaml:"listen" default:"127.0.0.1:8081" form:"address"`
	// TokenFile is the file that holds the token operators have to present, unless
	// they sign in as operators says. Without either nobody has to, which is allowed on
	// loopback only.
	TokenFile string `yaml:"token_file" form:"file" example:"admin.token"`
	// Operators is the list of those who may sign in with the name and password by
	// which login knows them: names, addresses, or groups they are in, which are named
	// as those of access_rules. By plain http from other machines passwords are taken
	// as login says.
	Operators []string `yaml:"operators" single:"true" form:"people" example:"[fbgate-admins]"`
}

// Cache says how long answers are remembered.
type Cache struct {
	// TTL is how long a schedule is served without asking again.
	TTL Duration `yaml:"ttl" default:"15m" range:"1s..24h"`
	// PassingFailureTTL is how long a failure that may be over in seconds is
	// remembered, such as a server that cannot be reached.
	PassingFailureTTL Duration `yaml:"passing_failure_ttl" default:"30s" range:"1s..1h"`
	// LastingFailureTTL is how long a failure is remembered that stays until
	// somebody changes something, such as an unknown mailbox.
	LastingFailureTTL Duration `yaml:"lasting_failure_ttl" default:"5m" range:"1s..24h"`
	// Stale is how long after ttl a schedule may still be served while its organization
	// cannot be asked; 0 is not at all.
	Stale Duration `yaml:"stale" default:"1h" range:"0s..24h"`
	// StaleAfter is how long a client waits for a fresh answer while there is such a
	// schedule.
	StaleAfter Duration `yaml:"stale_after" default:"2s" range:"0s..5m"`
	// SnapshotFile is the file that keeps what is remembered while fbgate is restarted.
	SnapshotFile string `yaml:"snapshot_file" form:"file" example:"/var/lib/fbgate/cache.snapshot"`
	// MaxBytes is about how much memory all that is remembered may take. auto is half
	// of GOMEMLIMIT, or 512MiB if that is not set.
	MaxBytes Budget `yaml:"max_bytes" default:"auto" oneof:"auto" range:"1MiB..1024GiB"`
	// MaxMailboxes is how many mailboxes of each organization are remembered at
	// once.
	MaxMailboxes int `yaml:"max_mailboxes" default:"100000" range:"1..10000000"`
	// LookupTimeout is how long one lookup may take in all, even after the
	// client that started it has gone. Where an organization's timeout is
	// longer, that counts.
	LookupTimeout Duration `yaml:"lookup_timeout" default:"25s" range:"1s..10m"`
}

// Limits is what one client may ask for.
type Limits struct {
	// Attendees is how many mailboxes one request may name.
	Attendees int `yaml:"attendees" default:"500" range:"1..10000"`
	// Window is the longest time one request may ask about.
	Window Duration `yaml:"window" default:"400d" range:"1d..3660d"`
	// Digits is how many free/busy digits one answer may hold, all attendees
	// together.
	Digits int `yaml:"digits" default:"5000000" range:"1000..100000000"`
	// MailboxesPerMinute is how many mailboxes one client, and one account, may ask
	// about in a minute; 0 is any number.
	MailboxesPerMinute int `yaml:"mailboxes_per_minute" default:"30000" range:"0..10000000"`
	// UnknownAddresses is how many addresses that their organizations do not know one
	// client, and one account, may ask about in ten minutes; 0 is any number. It keeps
	// people from trying out who exists.
	UnknownAddresses int `yaml:"unknown_addresses" default:"300" range:"0..1000000"`
	// ExemptNetworks is the list of networks for which neither holds.
	ExemptNetworks []string `yaml:"exempt_networks" single:"true" form:"clients" example:"[10.0.0.5]"`
	// URLBytes is the longest URL, query included.
	URLBytes Size `yaml:"url_bytes" default:"64KiB" range:"1KiB..1MiB"`
	// HeaderBytes is how large the headers of one request may be; a request is
	// refused when they and its URL are longer than this and url_bytes together.
	HeaderBytes Size `yaml:"header_bytes" default:"32KiB" range:"4KiB..1MiB"`
	// HeaderTimeout is how long a client may take to send its headers.
	HeaderTimeout Duration `yaml:"header_timeout" default:"10s" range:"1s..5m"`
	// IdleTimeout is how long a connection is kept open between requests.
	IdleTimeout Duration `yaml:"idle_timeout" default:"2m" range:"1s..1h"`
	// Connections is how many connections there may be at once, to listen, to
	// tls.listen and to admin.listen each. Further ones are refused.
	Connections int `yaml:"connections" default:"1000" range:"1..1000000"`
	// ConnectionsPerClient is how many of them may be of one client, which is an IPv4
	// address or an IPv6 network of 64 bits. It does not hold for this machine and
	// trusted_proxies.
	ConnectionsPerClient int `yaml:"connections_per_client" default:"200" range:"1..1000000"`
}
