package ews_test

import (
	"testing"
	"time"

	"fbgate/availability"
	at "fbgate/availability/availabilitytest"
	"fbgate/availability/ews"
	"fbgate/availability/exchangetest"
	"fbgate/availability/upstream"
)

// meanings are the codes expected of the pretend Exchange's faults, but for those
// that mean what is most frequent: upstream-misconfigured for a mailbox,
// request-rejected for a call.
var meanings = map[string]availability.Code{
	"ErrorMailRecipientNotFound":                      availability.UnknownMailbox,
	"ErrorInvalidSmtpAddress":                         availability.InvalidAddress,
	"ErrorNoFreeBusyAccess":                           availability.NoPermission,
	"ErrorInvalidOrganizationRelationshipForFreeBusy": availability.NoPermission,
	"ErrorProxyRequestProcessingFailed":               availability.UpstreamFailure,
	"ErrorMailboxLogonFailed":                         availability.UpstreamFailure,
	"ErrorMailboxStoreUnavailable":                    availability.UpstreamFailure,
	"ErrorMailboxMoveInProgress":                      availability.UpstreamFailure,
	"ErrorMailboxFailover":                            availability.UpstreamFailure,
	"ErrorConnectionFailed":                           availability.UpstreamFailure,
	"ErrorADUnavailable":                              availability.UpstreamFailure,
	"ErrorADOperation":                                availability.UpstreamFailure,
	"ErrorFreeBusyGenerationFailed":                   availability.UpstreamFailure,
	"ErrorPublicFolderRequestProcessingFailed":        availability.UpstreamFailure,
	"ErrorLegacyMailboxFreeBusyViewTypeNotMerged":     availability.UpstreamFailure,
	"ErrorInvalidSchemaVersionForMailboxVersion":      availability.RequestRejected,
	"ErrorResultSetTooBig":                            availability.TooManyEntries,
	"ErrorFreeBusyDLLimitReached":                     availability.ListTooLarge,
	"ErrorTimeoutExpired":                             availability.Timeout,
	"ErrorUserWithoutFederatedProxyAddress":           availability.Misconfigured,
	"ErrorOrganizationNotFederated":                   availability.Misconfigured,
	"ErrorInvalidFederatedOrganizationId":             availability.Misconfigured,
	"ErrorProxyRequestNotAllowed":                     availability.Misconfigured,
	"ErrorTimeZone":                                   availability.RequestRejected,
	"ErrorCalendarInvalidTimeZone":                    availability.RequestRejected,
	"ErrorInternalServerError":                        availability.UpstreamFailure,
	"ErrorInternalServerTransientError":               availability.UpstreamFailure,
	"ErrorTimeIntervalTooBig":                         availability.WindowTooLong,
	"ErrorServerBusy":                                 availability.Throttled,
	"ErrorExceededConnectionCount":                    availability.Throttled,
	"ErrorAccessDenied":                               availability.NoPermission,
	"ErrorImpersonateUserDenied":                      availability.NoPermission,
	"ErrorImpersonationDenied":                        availability.NoPermission,
	"ErrorImpersonationFailed":                        availability.NoPermission,
	"ErrorNonExistentMailbox":                         availability.UnknownMailbox,
	"success-without-data":                            availability.NoInformation,
	"proxy-failed-503":                                availability.UpstreamFailure,
	"proxy-failed-timeout":                            availability.UpstreamFailure,
	"busy-with-back-off":                              availability.Throttled,
	"busy-with-short-back-off":                        availability.Throttled,
	"unheard-of-code":                                 availability.UpstreamFailure,
	"status-429-retry-after":                          availability.Throttled,
	"status-503-retry-after":                          availability.Throttled,
	"redirect":                                        availability.Unauthorized,
	"redirect-308":                                    availability.WrongEndpoint,
	"status-400":                                      availability.WrongEndpoint,
	"status-401":                                      availability.Unauthorized,
	"status-403":                                      availability.Forbidden,
	"status-404":                                      availability.WrongEndpoint,
	"status-405":                                      availability.WrongEndpoint,
	"status-429":                                      availability.Throttled,
	"status-440":                                      availability.Unauthorized,
	"status-500":                                      availability.UpstreamFailure,
	"status-502":                                      availability.UpstreamFailure,
	"status-503":                                      availability.UpstreamFailure,
	"status-504":                                      availability.Timeout,
	"hang":                                            availability.Timeout,
	"reset":                                           availability.Unreachable,
	"truncate":                                        availability.BadResponse,
	"short-body":                                      availability.BadResponse,
	"empty":                                           availability.BadResponse,
	"html":                                            availability.BadResponse,
	"not-xml":                                         availability.BadResponse,
	"other-xml":                                       availability.BadResponse,
	"wrong-charset":                                   availability.BadResponse,
	"deep-nesting":                                    availability.BadResponse,
	"oversized":                                       availability.BadResponse,
	"entity-bomb":                                     availability.BadResponse,
	"false-gzip":                                      availability.BadResponse,
	"cut-gzip":                                        availability.BadResponse,
	"too-few":                                         availability.BadResponse,
	"too-many":                                        availability.BadResponse,
}

func meaning(f exchangetest.Fault) availability.Code {
	if code, ok := meanings[f.Name]; ok {
		return code
	}
	if f.PerMailbox() {
		return availability.Misconfigured
	}
	return availability.RequestRejected
}

func bounded(c *ews.Config) { c.Client.MaxBytes = 1 << 20 }

// impatient is s with a timeout for servers that never answer.
func impatient(s *ews.Source) *ews.Source {
	c := s.Config
	c.Client = &upstream.Client{Timeout: 100 * time.Millisecond}
	return ews.New(c)
}

// One mailbox fails, in every way a mailbox can: it has exactly that reason and no
// information, and the others are what they were.
func TestFaultOfOneMailbox(t *testing.T) {
	for _, d := range exchangetest.Dialects() {
		x, s := exchange(t, d, bounded)
		before := lookup(s, window(0, 24*hour), mailboxes...)
		for _, f := range exchangetest.Faults() {
			if !f.PerMailbox() {
				continue
			}
			x.FailMailbox("joe@fabrikam.com", f)
			after := lookup(s, window(0, 24*hour), mailboxes...)
			for i, a := range after {
				at.CheckAnswer(t, a, mailboxes[i], window(0, 24*hour))
				if i != 1 && (a.Reason != nil || !a.Schedule.Equal(before[i].Schedule)) {
					t.Errorf("%v, %s: %s was %v, is %v", d, f.Name, a.Mailbox, before[i].Schedule, a)
				}
			}
			if r := after[1].Reason; r == nil || r.Code != meaning(f) || !after[1].Schedule.Equal(availability.Schedule{}) {
				t.Errorf("%v, %s: %v (%v), want %s", d, f.Name, r, after[1].Schedule, meaning(f))
			}
		}
	}
}

// The call fails, in every way there is: all its mailboxes have that one reason
// and no information, it reaches beyond the mailbox, and the next call works.
func TestFaultOfACall(t *testing.T) {
	x, s := exchange(t, exchangetest.Exchange2013, bounded)
	before := lookup(s, window(0, 24*hour), mailboxes...)
	for _, f := range exchangetest.Faults() {
		if !f.PerCall() {
			continue
		}
		x.FailCalls(1, f)
		asker := s
		if f.Transport == exchangetest.Hang {
			asker = impatient(s)
		}
		for i, a := range lookup(asker, window(0, 24*hour), mailboxes...) {
			at.CheckAnswer(t, a, mailboxes[i], window(0, 24*hour))
			if a.Reason == nil || a.Reason.Code != meaning(f) || !a.Schedule.Equal(availability.Schedule{}) {
				t.Errorf("%s: %s has %v (%v), want %s", f.Name, a.Mailbox, a.Reason, a.Schedule, meaning(f))
			} else if a.Reason.Scope == availability.OfMailbox && !f.PerMailbox() {
				t.Errorf("%s: %v is said to be of one mailbox", f.Name, a.Reason)
			}
		}
		x.FailCalls(0, exchangetest.Fault{})
		for i, a := range lookup(s, window(0, 24*hour), mailboxes...) {
			if a.Reason != nil || !a.Schedule.Equal(before[i].Schedule) {
				t.Errorf("after %s %s is not well again: %v", f.Name, a.Mailbox, a)
			}
		}
	}
}

func TestBackOffIsHandedOn(t *testing.T) {
	for _, d := range exchangetest.Dialects() { // which differ in the namespace of a fault's details
		x, s := exchange(t, d, bounded)
		for _, f := range []exchangetest.Fault{{Code: "ErrorServerBusy", BackOff: 90 * time.Second}, {Status: 503, RetryAfter: 90 * time.Second}} {
			x.FailCalls(1, f)
			if r := lookup(s, window(0, 24*hour), "mary@fabrikam.com")[0].Reason; r == nil || r.RetryAfter != 90*time.Second {
				t.Errorf("%v, %+v: %+v", d, f, r)
			}
		}
	}
}
