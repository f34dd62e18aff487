package availability

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Code names a kind of failure. Codes are stable: scripts and alerts rely on
// them.
type Code string

// The codes, each with what an administrator should do, are listed in
// docs/operations.md.
const (
	InvalidAddress   Code = "invalid-address"
	NoRoute          Code = "no-route"
	UnknownMailbox   Code = "unknown-mailbox"
	NoPermission     Code = "no-permission"
	Unauthorized     Code = "unauthorized"
	Forbidden        Code = "forbidden"
	WrongEndpoint    Code = "wrong-endpoint"
	Unreachable      Code = "unreachable"
	Timeout          Code = "timeout"
	Throttled        Code = "throttled"
	TLS              Code = "tls"
	BadResponse      Code = "bad-response"
	WindowTooLong    Code = "window-too-long"
	TooManyEntries   Code = "too-many-entries"
	ListTooLarge     Code = "list-too-large"
	NoInformation    Code = "no-data"
	UpstreamFailure  Code = "upstream-failure"
	Misconfigured    Code = "upstream-misconfigured"
	RequestRejected  Code = "request-rejected"
	CredentialFailed Code = "credential"
	Internal         Code = "internal"
)

// lifetime says how long a failure can be expected to last.
type lifetime uint8

const (
	passing lifetime = iota // it may be over in seconds
	lasting                 // until somebody changes something
	local                   // decided here at no cost
)

var codes = map[Code]struct {
	lifetime lifetime
	remedy   string
}{
	InvalidAddress:   {lasting, "Correct the attendee's address: it has to be user@domain, optionally after SMTP:."},
	NoRoute:          {local, "Add the mailbox's domain to the domains of the organization that holds it."},
	UnknownMailbox:   {lasting, "Check that the address exists there (Get-Recipient); Exchange also says this when no organization relationship or availability address space allows the question."},
	NoPermission:     {lasting, "Allow it there: Set-OrganizationRelationship -FreeBusyAccessEnabled $true -FreeBusyAccessLevel AvailabilityOnly, or the calendar's Default permission (Set-MailboxFolderPermission -AccessRights AvailabilityOnly)."},
	Unauthorized:     {lasting, "Check user name and password file of the organization's credential, and that the account is neither locked nor expired and the virtual directory offers this kind of log-in."},
	Forbidden:        {lasting, "Let fbgate's User-Agent and account use EWS there (Set-OrganizationConfig -EwsApplicationAccessPolicy, -EwsAllowList), and check that the address is reached by https."},
	WrongEndpoint:    {lasting, "Correct target_sharing_epr: it has to be the URL of EWS itself, usually https://HOST/EWS/Exchange.asmx."},
	Unreachable:      {passing, "Check that the server runs and that its name resolves and its port is open from here."},
	Timeout:          {passing, "Find out why the server is slow, or raise the organization's timeout."},
	Throttled:        {passing, "Wait, or give the account a throttling policy of its own (New-ThrottlingPolicy -EWSMaxConcurrency)."},
	TLS:              {lasting, "Renew or correct the server's certificate, or name the CA that issued it in the organization's ca_file."},
	BadResponse:      {passing, "Ask target_sharing_epr with a browser: what answers there is not EWS, or a proxy in between changes it."},
	WindowTooLong:    {lasting, "Lower the organization's max_window to what its server allows, usually 42 days."},
	TooManyEntries:   {lasting, "Nothing to be done here: the calendar holds more entries than the server will list, even for a short time."},
	ListTooLarge:     {lasting, "Invite the members instead: the distribution list is larger than the server will expand."},
	NoInformation:    {lasting, "Check there why the server has no free/busy of this time: an unpublished mailbox, or a time outside what is published."},
	UpstreamFailure:  {passing, "Look into that server's event log; if it goes on, restart its availability service."},
	Misconfigured:    {lasting, "That server could not ask the next one: check its availability address space, organization relationship and federation trust."},
	RequestRejected:  {lasting, "Check request_server_version and the limits of the organization; if they are right, report it as a fault of fbgate."},
	CredentialFailed: {passing, "Make the file named in the organization's credential readable for fbgate."},
	Internal:         {passing, "Report it with the log lines of this request: fbgate itself is at fault."},
}

// Reason says why nothing, or not all, is known of a mailbox. It is an error, so
// that code below a Source can return it as one.
type Reason struct {
	Code Code
	// Detail is the evidence: what was asked of whom and what came. It is for
	// operators only, as it may name hosts.
	Detail string
	// RetryAfter is how long the other side asked to be left alone, 0 if it did
	// not.
	RetryAfter time.Duration
}

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

// Local reports whether fbgate decided without asking anybody, so that there is
// nothing to be saved by remembering it.
func (r *Reason) Local() bool { return codes[r.Code].lifetime == local }
