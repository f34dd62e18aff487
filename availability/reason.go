package availability

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Code names a kind of failure. Codes are stable: scripts and alerts rely on
// them.
type Code string

// The codes. docs/operations.md has a table of them with these comments and the
// remedies below; go test ./availability -update writes it.
const (
	// The attendee's address is not user@domain.
	InvalidAddress Code = "invalid-address"
	// No organization in the configuration has the domain of the address, or the
	// attendee was named by a legacyExchangeDN that no directory knows.
	NoRoute Code = "no-route"
	// The directory, which says where a mailbox is, could not be asked.
	DirectoryFailed Code = "directory"
	// The organization's free_busy_access_level is none.
	Withheld Code = "withheld"
	// A rule of access_rules keeps it from whoever asked, or none of them allows it. To
	// them it looks like an address nobody has.
	NotAllowed Code = "not-allowed"
	// Whoever asked has asked about too many mailboxes in a short time, or about too many
	// that do not exist.
	RateLimited Code = "rate-limited"
	// The question has come round to an fbgate that asked it.
	Loop Code = "loop"
	// Autodiscover did not say where the organization's EWS is.
	NotDiscovered Code = "autodiscover"
	// The organization says that it has no such mailbox.
	UnknownMailbox Code = "unknown-mailbox"
	// The organization does not let the asking account see this free/busy.
	NoPermission Code = "no-permission"
	// The server did not accept the account: HTTP 401, or 440.
	Unauthorized Code = "unauthorized"
	// The server refuses to serve this account or this program: HTTP 403.
	Forbidden Code = "forbidden"
	// The URL is not that of EWS, or of public folders: HTTP 400, 404, 405, 410 or
	// 415, or a redirect that must not be followed.
	WrongEndpoint Code = "wrong-endpoint"
	// No connection came about, or it broke before there was a reply.
	Unreachable Code = "unreachable"
	// No reply came in time.
	Timeout Code = "timeout"
	// The server asked to be left alone for a while.
	Throttled Code = "throttled"
	// No secure connection came about: a certificate that is not trusted, has
	// expired or has another name, or a server whose TLS is older than min_tls.
	TLS Code = "tls"
	// What came is no reply to the question: a web page, a reply cut short or too
	// long, or one with too few or too many answers.
	BadResponse Code = "bad-response"
	// The server takes no question about so long a time, and not about its parts.
	WindowTooLong Code = "window-too-long"
	// The calendar has more entries in that time than the server lists, and too
	// many in the parts of it that were asked about instead.
	TooManyEntries Code = "too-many-entries"
	// The address is a distribution list with more members than are expanded.
	ListTooLarge Code = "list-too-large"
	// The server answered, but without free/busy of all or part of the time.
	NoInformation Code = "no-data"
	// The server reported a failure of its own.
	UpstreamFailure Code = "upstream-failure"
	// The server should have asked another one and is not set up for that.
	Misconfigured Code = "upstream-misconfigured"
	// The server took the question for a wrong one.
	RequestRejected Code = "request-rejected"
	// The account's password, key or certificate could not be read when it was
	// needed, or must not be shown to the host in question.
	CredentialFailed Code = "credential"
	// fbgate has more lookups under way for the organization than it takes on.
	Overloaded Code = "overloaded"
	// fbgate made a mistake.
	Internal Code = "internal"
)

// lifetime says how long a failure can be expected to last.
type lifetime uint8

const (
	passing lifetime = iota // it may be over in seconds
	lasting                 // until somebody changes something
)

var codes = map[Code]struct {
	lifetime lifetime
	remedy   string
}{
	InvalidAddress:   {lasting, "Correct the attendee's address: it has to be one user@domain, optionally after SMTP:; several go into one u each."},
	NoRoute:          {lasting, "Add the mailbox's domain to the domains of the organization that holds it, or a legacyExchangeDN to the directory."},
	DirectoryFailed:  {passing, "Check directory: the file has to be readable and the LDAP server reachable, and its account right."},
	Withheld:         {lasting, "Raise the organization's free_busy_access_level if its free/busy may be given out."},
	NotAllowed:       {lasting, "Add a rule to access_rules that allows it, above the one that does not: the first rule that fits decides, and if none fits nothing is shown."},
	RateLimited:      {passing, "Find out who asks so much, in the log; if they may, name their network in limits.exempt_networks, or raise limits.mailboxes_per_minute or limits.unknown_addresses."},
	Loop:             {passing, "Two gateways take each other for the holder of this domain: correct domains, or then, in one of them."},
	NotDiscovered:    {passing, "Name the URL in target_sharing_epr (there: the ExternalUrl of Get-WebServicesVirtualDirectory), or publish Autodiscover without pre-authentication."},
	UnknownMailbox:   {lasting, "Check that the address exists there (Get-Recipient); Exchange also says this when no organization relationship or availability address space allows the question."},
	NoPermission:     {lasting, "Allow it there: Set-OrganizationRelationship -FreeBusyAccessEnabled $true -FreeBusyAccessLevel AvailabilityOnly, or the calendar's Default permission (Set-MailboxFolderPermission -AccessRights AvailabilityOnly)."},
	Unauthorized:     {passing, "Check the organization's credential: that it has one, its name and secret, that the account is neither locked nor expired, and that the server offers this kind of log-in."},
	Forbidden:        {lasting, "Let fbgate's User-Agent and account use EWS there (Set-OrganizationConfig -EwsApplicationAccessPolicy, -EwsAllowList), and check that the address is reached by https."},
	WrongEndpoint:    {lasting, "Correct the organization's URL: it has to be that of EWS itself, usually https://HOST/EWS/Exchange.asmx, or of public folders, https://HOST/public/. A host to which public folders refer, or Autodiscover, belongs into trusted_hosts."},
	Unreachable:      {passing, "Check that the server runs, that its name resolves and its port is open from here, and that a proxy named in HTTPS_PROXY lets fbgate through."},
	Timeout:          {passing, "Find out why the server is slow. If it has to be: a client waits for answer_timeout, a lookup goes on for cache.lookup_timeout, and one call takes the organization's timeout at most."},
	Throttled:        {passing, "Wait, or give the account a throttling policy of its own (New-ThrottlingPolicy -EWSMaxConcurrency)."},
	TLS:              {lasting, "Renew or correct the server's certificate, or name the CA that issued it in the organization's ca_file; the port has to be that of https, and the server has to offer TLS 1.2 or what min_tls allows."},
	BadResponse:      {passing, "Ask the organization's URL with a browser: what answers there is not Exchange, or a proxy in between changes it."},
	WindowTooLong:    {lasting, "Lower the organization's max_window to what its server allows, usually 42 days."},
	TooManyEntries:   {lasting, "Nothing to be done here: the calendar holds more entries than the server will list, even for a short time."},
	ListTooLarge:     {lasting, "Invite the members instead, or raise directory.max_list_members: the distribution list is larger than what is expanded."},
	NoInformation:    {lasting, "Check there why the server has no free/busy of this time: an unpublished mailbox, or a time outside what is published."},
	UpstreamFailure:  {passing, "Look into that server's event log; if it goes on, restart its availability service."},
	Misconfigured:    {lasting, "That server could not ask the next one: check its availability address space, organization relationship and federation trust."},
	RequestRejected:  {lasting, "Check request_server_version and the limits of the organization; if they are right, report it as a fault of fbgate."},
	CredentialFailed: {passing, "Give fbgate what the credential names: its files have to be readable for it and its variables set. Hosts that may see it are those of the organization's URLs and trusted_hosts."},
	Overloaded:       {passing, "Find out who asks so much, in the log; if they may, make the organization's server answer faster or raise its concurrency."},
	Internal:         {passing, "Report it with the log lines of this request: fbgate itself is at fault."},
}

// Reason says why nothing, or not all, is known of a mailbox. It is an error, so
// that code below a Source can return it as one.
type Reason struct {
	Code Code
	// Detail is the evidence: what was asked of whom and what came. It is for
	// operators only, as it may name hosts.
	Detail string
	// Organization is whose mailbox it is where the answer must not name one, as that
	// is told to whoever asked. It is for operators only, and mostly empty.
	Organization string
	// RetryAfter is how long the other side asked to be left alone, 0 if it did
	// not.
	RetryAfter time.Duration
	// Scope is how far the failure reaches.
	Scope Scope
	// Unasked is set if nobody was asked for this, as the servers rest or want to be left
	// alone: it is what an earlier call came to.
	Unasked bool
	// Again is set if asking the same once more, at once, may well succeed.
	Again bool
}

// Scope says how far a failure reaches beyond the mailbox it is told of.
type Scope uint8

// The scopes.
const (
	// OfMailbox: other mailboxes may be better off.
	OfMailbox Scope = iota
	// OfCall: a call about several mailboxes failed as one, though its server
	// works; about fewer of them it may succeed.
	OfCall
	// OfServer: no call to this server by this account would have succeeded.
	OfServer
)

// Codes returns all codes there are, sorted.
func Codes() []Code { return slices.Sorted(maps.Keys(codes)) }

// Because returns a Reason with a formatted detail.
func Because(code Code, format string, args ...any) *Reason {
	return &Reason{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// ReasonFor returns the Reason in err's chain, or the one err stands for.
func ReasonFor(err error) *Reason {
	var reason *Reason
	switch {
	case errors.As(err, &reason):
		return reason
	case errors.Is(err, context.DeadlineExceeded):
		return &Reason{Code: Timeout, Detail: err.Error()}
	default:
		return &Reason{Code: Internal, Detail: err.Error()}
	}
}

// Error returns code and detail.
func (r *Reason) Error() string {
	if r.Detail == "" {
		return string(r.Code)
	}
	return string(r.Code) + ": " + r.Detail
}

// Remedy returns one sentence that says what an administrator should do.
func (r *Reason) Remedy() string { return codes[r.Code].remedy }

// Lasting reports whether the failure stays until somebody changes something,
// so that asking again soon is of no use.
func (r *Reason) Lasting() bool { return codes[r.Code].lifetime == lasting }

// AboutMailbox reports whether the failure tells something about the mailbox, so that
// what was known of it before no longer counts. A failure that may be over soon, or
// that is the server's, does not.
func (r *Reason) AboutMailbox() bool {
	switch r.Code {
	case UnknownMailbox, NoPermission, Withheld, NoInformation:
		return true
	}
	return r.Lasting() && r.Scope != OfServer
}
