package ews

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"fbgate/availability"
)

// fault is a SOAP fault: the whole call failed.
type fault struct {
	Code    string `xml:"faultcode"`
	Text    string `xml:"faultstring"`
	Detail  string `xml:"detail>ResponseCode"`
	Message string `xml:"detail>Message"`
	// Errors of availability itself name their code here.
	ErrorCode string `xml:"detail>ErrorCode"`
	Values    []struct {
		Name  string `xml:"Name,attr"`
		Value string `xml:",chardata"`
	} `xml:"detail>MessageXml>Value"`
}

func (f *fault) reason() *availability.Reason {
	_, local, prefixed := strings.Cut(strings.TrimSpace(f.Code), ":")
	if !prefixed {
		local = f.Code
	}
	code := local
	for _, better := range []string{f.Detail, f.ErrorCode} {
		if name := strings.TrimSpace(better); strings.HasPrefix(name, "Error") {
			code = name
			break
		}
	}
	text := f.Message
	if text == "" {
		text = f.Text
	}
	reason := reasonFor(code, "", text)
	reason.RetryAfter = f.backOff()
	reason.Scope = availability.OfCall
	if ofServer[code] {
		reason.Scope = availability.OfServer
	}
	return reason
}

// backOff returns how long the server wants to be left alone, at most a day.
func (f *fault) backOff() time.Duration {
	for _, v := range f.Values {
		if v.Name == "BackOffMilliseconds" {
			ms, err := strconv.ParseInt(strings.TrimSpace(v.Value), 10, 64)
			if err == nil && ms > 0 {
				return time.Duration(min(ms, 24*60*60*1000)) * time.Millisecond
			}
		}
	}
	return 0
}

func (m responseMessage) reason() *availability.Reason {
	return reasonFor(strings.TrimSpace(m.Code), strings.TrimSpace(m.ExceptionCode), m.Text)
}

// exceptionCodes are the numbers captures show, for replies without a name.
var exceptionCodes = map[string]string{
	"5009": "ErrorMailRecipientNotFound",
	"5035": "ErrorInvalidSmtpAddress",
	"5037": "ErrorNoFreeBusyAccess",
}

// responseCodes says what EWS's response codes mean for a mailbox. Codes that are
// not listed are an UpstreamFailure.
var responseCodes = map[string]availability.Code{
	"ErrorMailRecipientNotFound": availability.UnknownMailbox,
	"ErrorNonExistentMailbox":    availability.UnknownMailbox,
	"ErrorInvalidSmtpAddress":    availability.InvalidAddress,

	"ErrorNoFreeBusyAccess":                           availability.NoPermission,
	"ErrorInvalidOrganizationRelationshipForFreeBusy": availability.NoPermission,
	"ErrorAccessDenied":                               availability.NoPermission,
	"ErrorImpersonateUserDenied":                      availability.NoPermission,
	"ErrorImpersonationDenied":                        availability.NoPermission,
	"ErrorImpersonationFailed":                        availability.NoPermission,
	"ErrorUserWithoutFederatedProxyAddress":           availability.Misconfigured,
	"ErrorOrganizationNotFederated":                   availability.Misconfigured,
	"ErrorInvalidFederatedOrganizationId":             availability.Misconfigured,
	"ErrorAddressSpaceNotFound":                       availability.Misconfigured,
	"ErrorAvailabilityConfigNotFound":                 availability.Misconfigured,
	"ErrorProxyRequestNotAllowed":                     availability.Misconfigured,
	"ErrorServiceDiscoveryFailed":                     availability.Misconfigured,
	"ErrorAutoDiscoverFailed":                         availability.Misconfigured,
	"ErrorInvalidCrossForestCredentials":              availability.Misconfigured,
	"ErrorLogonAsNetworkServiceFailed":                availability.Misconfigured,
	"ErrorInvalidNetworkServiceContext":               availability.Misconfigured,
	"ErrorInvalidAuthorizationContext":                availability.Misconfigured,
	"ErrorNoApplicableProxyCASServersAvailable":       availability.Misconfigured,
	"ErrorProxyServiceDiscoveryFailed":                availability.Misconfigured,
	"ErrorProxyGroupSidLimitExceeded":                 availability.Misconfigured,
	"ErrorPublicFolderServerNotFound":                 availability.Misconfigured,
	"ErrorWin32InteropError":                          availability.Misconfigured,
	"ErrorInvalidSchemaVersionForMailboxVersion":      availability.RequestRejected,
	"ErrorInvalidServerVersion":                       availability.RequestRejected,
	"ErrorSchemaValidation":                           availability.RequestRejected,
	"ErrorInvalidRequest":                             availability.RequestRejected,
	"ErrorMissingArgument":                            availability.RequestRejected,
	"ErrorInvalidTimeInterval":                        availability.RequestRejected,
	"ErrorInvalidMergedFreeBusyInterval":              availability.RequestRejected,
	"ErrorInvalidFreeBusyViewType":                    availability.RequestRejected,
	"ErrorTimeZone":                                   availability.RequestRejected,
	"ErrorCalendarInvalidTimeZone":                    availability.RequestRejected,
	"ErrorMailboxDataArrayTooBig":                     availability.RequestRejected,
	"ErrorMailboxDataArrayEmpty":                      availability.RequestRejected,
	"ErrorIdentityArrayTooBig":                        availability.RequestRejected, // an alias in old texts
	"ErrorIdentityArrayEmpty":                         availability.RequestRejected,
	"ErrorTimeIntervalTooBig":                         availability.WindowTooLong,
	"ErrorResultSetTooBig":                            availability.TooManyEntries,
	"ErrorFreeBusyDLLimitReached":                     availability.ListTooLarge,
	"ErrorTimeoutExpired":                             availability.Timeout,
	"ErrorServerBusy":                                 availability.Throttled,
	"ErrorExceededConnectionCount":                    availability.Throttled,
}

// ofServer are the faults that any call by the same account would have met.
var ofServer = map[string]bool{
	"ErrorServerBusy":                            true,
	"ErrorExceededConnectionCount":               true,
	"ErrorAccessDenied":                          true,
	"ErrorImpersonateUserDenied":                 true,
	"ErrorImpersonationDenied":                   true,
	"ErrorImpersonationFailed":                   true,
	"ErrorInvalidServerVersion":                  true,
	"ErrorInvalidSchemaVersionForMailboxVersion": true,
}

// again are the codes of failures that may be over at once: a mailbox on its way to
// another database, a server that waited too long for another.
var again = map[string]bool{
	"ErrorMailboxLogonFailed":                  true,
	"ErrorMailboxStoreUnavailable":             true,
	"ErrorMailboxMoveInProgress":               true,
	"ErrorMailboxFailover":                     true,
	"ErrorConnectionFailed":                    true,
	"ErrorADUnavailable":                       true,
	"ErrorADOperation":                         true,
	"ErrorFreeBusyGenerationFailed":            true,
	"ErrorPublicFolderRequestProcessingFailed": true,
	"ErrorTimeoutExpired":                      true,
	"ErrorInternalServerError":                 true,
	"ErrorInternalServerTransientError":        true,
}

// reasonFor turns a response code and its text into a Reason. Only the code
// decides, but for the one that servers use for every failure of a further hop.
func reasonFor(code, exceptionCode, text string) *availability.Reason {
	if code == "" || code == "NoError" {
		code = exceptionCodes[exceptionCode]
	}
	meaning, listed := responseCodes[code]
	if !listed {
		meaning = availability.UpstreamFailure
	}
	mayPass := again[code]
	if code == "ErrorProxyRequestProcessingFailed" {
		meaning = furtherHop(text)
		mayPass = meaning == availability.UpstreamFailure
	}
	detail := shorten(code, 100)
	if code == "" {
		detail = "an error without a code"
	}
	if exceptionCode != "" {
		detail += " (" + shorten(exceptionCode, 20) + ")"
	}
	if text = shorten(text, 200); text != "" {
		detail += ": " + text
	}
	return &availability.Reason{Code: meaning, Detail: detail, Again: mayPass}
}

// furtherHop tells a partner that is set up wrongly from one that is down, by the
// HTTP status in the text, which .NET words in two ways: the code is the same for
// both.
func furtherHop(text string) availability.Code {
	for _, sign := range []string{"(401)", "(403)", "(404)", "status 401", "status 403", "status 404", "Object moved"} {
		if strings.Contains(text, sign) {
			return availability.Misconfigured
		}
	}
	return availability.UpstreamFailure
}

// shorten makes one short line of what a server wrote.
func shorten(s string, most int) string {
	s = strings.ToValidUTF8(strings.Join(strings.Fields(s), " "), "\ufffd")
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	return s
}
