package exchangetest

import "fmt"

// scope says whom an error code befalls.
type scope uint8

const (
	either scope = iota
	oneMailbox
	wholeCall
)

// code is an error code of EWS and what goes with it.
type code struct {
	name  string
	scope scope
	// number is the ExceptionCode, 0 where no capture shows it.
	number int
	text   string
}

// codeTable are the error codes this operation is known to fail with, of
// ResponseCode in Microsoft's reference, [MS-OXWAVLS] and captures. The texts
// are shaped like the real ones where clients are known to read them.
var codeTable = []code{
	{"ErrorMailRecipientNotFound", oneMailbox, 5009, "Unable to resolve the e-mail address to an Active Directory object."},
	{"ErrorInvalidSmtpAddress", oneMailbox, 5035, "The e-mail address is not a valid SMTP address."},
	{"ErrorNoFreeBusyAccess", oneMailbox, 5037, "The caller may not see free/busy data of this mailbox."},
	{"ErrorInvalidOrganizationRelationshipForFreeBusy", oneMailbox, 0, "The organization relationship does not allow free/busy."},
	{"ErrorAddressSpaceNotFound", oneMailbox, 0, "There is no availability address space for the domain of the mailbox."},
	{"ErrorAvailabilityConfigNotFound", oneMailbox, 0, "Configuration information for the forest or domain could not be found in Active Directory."},
	{"ErrorProxyRequestProcessingFailed", oneMailbox, 0, "Proxy web request failed. , inner exception: System.Web.Services.Protocols.SoapException: An internal server error occurred. The operation failed."},
	{"ErrorServiceDiscoveryFailed", oneMailbox, 0, "No availability service was found for the mailbox."},
	{"ErrorAutoDiscoverFailed", oneMailbox, 0, "Autodiscover failed for the e-mail address of the mailbox."},
	{"ErrorInvalidCrossForestCredentials", oneMailbox, 0, "The credentials for the other forest are not valid."},
	{"ErrorLogonAsNetworkServiceFailed", oneMailbox, 0, "The server could not log on as the network service."},
	{"ErrorInvalidNetworkServiceContext", oneMailbox, 0, "The network service context is not valid."},
	{"ErrorInvalidAuthorizationContext", oneMailbox, 0, "No authorization context could be made for the caller."},
	{"ErrorNoApplicableProxyCASServersAvailable", oneMailbox, 0, "No Client Access server in the other site is available."},
	{"ErrorProxyServiceDiscoveryFailed", oneMailbox, 0, "No Client Access server was found to proxy to."},
	{"ErrorProxyGroupSidLimitExceeded", oneMailbox, 0, "The caller belongs to more groups than can be passed on."},
	{"ErrorMailboxLogonFailed", oneMailbox, 0, "The server could not log on to the mailbox."},
	{"ErrorMailboxStoreUnavailable", oneMailbox, 0, "The mailbox database is temporarily unavailable."},
	{"ErrorMailboxMoveInProgress", oneMailbox, 0, "The mailbox is being moved."},
	{"ErrorMailboxFailover", oneMailbox, 0, "The mailbox database is moving to another server."},
	{"ErrorConnectionFailed", oneMailbox, 0, "The connection to the mailbox server failed."},
	{"ErrorADUnavailable", oneMailbox, 0, "Active Directory is unavailable."},
	{"ErrorADOperation", oneMailbox, 0, "An Active Directory operation failed."},
	{"ErrorFreeBusyGenerationFailed", oneMailbox, 0, "The free/busy information could not be generated."},
	{"ErrorPublicFolderRequestProcessingFailed", oneMailbox, 0, "The free/busy information could not be read from the public folder."},
	{"ErrorPublicFolderServerNotFound", oneMailbox, 0, "No server holds the public folder with the free/busy information."},
	{"ErrorLegacyMailboxFreeBusyViewTypeNotMerged", oneMailbox, 0, "Of this mailbox there is only merged free/busy."},
	{"ErrorInvalidSchemaVersionForMailboxVersion", oneMailbox, 0, "The server of the mailbox does not know the version of the request."},
	{"ErrorResultSetTooBig", oneMailbox, 0, resultSetTooBig(1000, 5009)},
	{"ErrorFreeBusyDLLimitReached", oneMailbox, 0, "The distribution list has more members than are expanded."},
	{"ErrorTimeoutExpired", oneMailbox, 0, "Request could not be processed in time. Timeout occurred during 'Waiting-For-Request-Completion'."},
	{"ErrorWin32InteropError", oneMailbox, 0, "A call of the operating system failed."},

	{"ErrorUserWithoutFederatedProxyAddress", either, 0, "The requester has no proxy address in a federated domain."},
	{"ErrorOrganizationNotFederated", either, 0, "The organization is not federated."},
	{"ErrorInvalidFederatedOrganizationId", either, 0, "The federated organization identifier is disabled or has no account namespace."},
	{"ErrorProxyRequestNotAllowed", either, 0, "The proxy request is not allowed."},
	{"ErrorTimeZone", either, 0, "The time zone is not valid."},
	{"ErrorCalendarInvalidTimeZone", either, 0, "The time zone of the calendar is not valid."},
	{"ErrorInternalServerError", either, 0, "An internal server error occurred. The operation failed."},
	{"ErrorInternalServerTransientError", either, 0, "An internal server error occurred. Try again later."},

	{"ErrorTimeIntervalTooBig", wholeCall, 0, "The window is longer than the server allows."},
	{"ErrorInvalidTimeInterval", wholeCall, 0, "The window does not end after it starts."},
	{"ErrorInvalidMergedFreeBusyInterval", wholeCall, 0, "The interval has to be 5 to 1440 minutes."},
	{"ErrorInvalidFreeBusyViewType", wholeCall, 0, "The view is none that can be asked for."},
	{"ErrorMailboxDataArrayTooBig", wholeCall, 0, "The request names more mailboxes than the server allows."},
	{"ErrorMailboxDataArrayEmpty", wholeCall, 0, "The request names no mailbox."},
	// Of no schema, but said to exist: an alias of ErrorMailboxDataArrayTooBig.
	{"ErrorIdentityArrayTooBig", wholeCall, 0, "The request names more mailboxes than the server allows."},
	{"ErrorServerBusy", wholeCall, 0, "The server is too busy for this request. Try again later."},
	{"ErrorExceededConnectionCount", wholeCall, 0, "The account has more connections open than it may."},
	{"ErrorSchemaValidation", wholeCall, 0, "The request does not satisfy the schema."},
	{"ErrorInvalidRequest", wholeCall, 0, "The request is not valid."},
	{"ErrorInvalidServerVersion", wholeCall, 0, "The server does not know the version of the request."},
	{"ErrorMissingArgument", wholeCall, 0, "An argument is missing in the request."},
	{"ErrorAccessDenied", wholeCall, 0, "Access is denied."},
	{"ErrorImpersonateUserDenied", wholeCall, 0, "The account may not impersonate the user."},
	{"ErrorImpersonationDenied", wholeCall, 0, "The account may not impersonate anybody."},
	{"ErrorImpersonationFailed", wholeCall, 0, "Impersonation failed."},
	{"ErrorNonExistentMailbox", wholeCall, 0, "The account has no mailbox."},
}

// codes are the same by name.
var codes = func() map[string]code {
	byName := make(map[string]code, len(codeTable))
	for _, c := range codeTable {
		byName[c.name] = c
	}
	return byName
}()

// resultSetTooBig is the text of ErrorResultSetTooBig, from which the number of
// entries can be read.
func resultSetTooBig(allowed, actual int) string {
	return fmt.Sprintf("The result set contains too many calendar entries. The allowed size = %d; the actual size = %d.", allowed, actual)
}
