package credential

import (
	"errors"
	"strings"
	"time"

	"fbgate/availability"

	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
	"github.com/jcmturner/gokrb5/v8/messages"
)

// loginFailure says why a user did not get in.
func loginFailure(user string, err error) *availability.Reason {
	refusal, code := refusalOf(err)
	switch {
	case code == errorcode.KDC_ERR_NAME_EXP, code == errorcode.KDC_ERR_C_PRINCIPAL_UNKNOWN, code == errorcode.KDC_ERR_POLICY,
		code == errorcode.KDC_ERR_CLIENT_REVOKED, code == errorcode.KDC_ERR_CLIENT_NOTYET, code == errorcode.KDC_ERR_KEY_EXPIRED,
		code == errorcode.KDC_ERR_PREAUTH_FAILED, code == errorcode.KRB_AP_ERR_BAD_INTEGRITY:
		return failed(availability.Unauthorized, "the KDC refuses %s: %s", user, refusal)
	case code == errorcode.KDC_ERR_S_PRINCIPAL_UNKNOWN, code == errorcode.KDC_ERR_WRONG_REALM:
		return failed(availability.CredentialFailed, "the KDC that was asked about %s is not one of that realm: %s", user, refusal)
	case code == errorcode.KDC_ERR_ETYPE_NOSUPP, errors.Is(err, errWeak):
		return failed(availability.CredentialFailed, "%s has no AES key at the KDC: allow AES for the account (msDS-SupportedEncryptionTypes), then set its password anew", user)
	case errors.Is(err, errSecret):
		// An account that does not demand pre-authentication: the KDC has seen no proof.
		return failed(availability.Unauthorized, "the password or keytab of %s does not open what the KDC sent for it", user)
	}
	return exchangeFailure("log in as "+user, err)
}

// ticketFailure says why there is no ticket for a service.
func ticketFailure(realm, spn string, err error) *availability.Reason {
	refusal, code := refusalOf(err)
	switch code {
	case errorcode.KDC_ERR_S_PRINCIPAL_UNKNOWN:
		return failed(availability.CredentialFailed, "the KDC of %[1]s knows no service %[2]s: setspn -Q %[2]s there tells whether an account has that name, setspn -L ACCOUNT which names the server's account has; %[3]s", realm, spn, refusal)
	case errorcode.KDC_ERR_PRINCIPAL_NOT_UNIQUE:
		return failed(availability.CredentialFailed, "several accounts in %s have the service name %s: setspn -X lists them; %s", realm, spn, refusal)
	case errorcode.KDC_ERR_ETYPE_NOSUPP:
		return failed(availability.CredentialFailed, "the account of the service %s has no AES key: allow AES for it (msDS-SupportedEncryptionTypes), then set its password anew; %s", spn, refusal)
	case errorcode.KDC_ERR_CLIENT_REVOKED, errorcode.KDC_ERR_C_PRINCIPAL_UNKNOWN:
		return failed(availability.Unauthorized, "the KDC of %s gives the account no ticket for %s: %s", realm, spn, refusal)
	}
	return exchangeFailure("get a ticket for "+spn, err)
}

// refusalOf returns what a KDC answered instead, with its code of RFC 4120, 7.5.9;
// 0 if there is none in err.
func refusalOf(err error) (text string, code int32) {
	var refusal messages.KRBError
	if !errors.As(err, &refusal) {
		return "", 0
	}
	return errorcode.Lookup(refusal.ErrorCode), refusal.ErrorCode
}

// exchangeFailure says what both exchanges fail for.
func exchangeFailure(what string, err error) *availability.Reason {
	var (
		refusal messages.KRBError
		silence unreachable
	)
	switch {
	case errors.As(err, &refusal) && refusal.ErrorCode == errorcode.KRB_AP_ERR_SKEW:
		return failed(availability.CredentialFailed, "%s: the KDC takes no clocks that differ this much: its own shows %s, ours %s",
			what, refusal.STime.UTC().Format(time.RFC3339), time.Now().UTC().Format(time.RFC3339))
	case strings.Contains(err.Error(), "clock skew"): // the library, of what the KDC sent
		return failed(availability.CredentialFailed, "%s: the clocks of this machine and of the KDC differ by more than five minutes", what)
	case errors.As(err, &silence), refusal.ErrorCode == errorcode.KDC_ERR_SVC_UNAVAILABLE:
		reason := failed(availability.Unreachable, "%s: %.400q", what, err.Error())
		reason.Again = true
		return reason
	default:
		return failed(availability.CredentialFailed, "%s: %.400q", what, err.Error())
	}
}
