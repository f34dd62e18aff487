package credential

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"fbgate/availability"
	"fbgate/availability/upstream"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// failure says why there is no token.
func (o OAuth2) failure(err error, call *clientcredentials.Config) *availability.Reason {
	var (
		refusal *oauth2.RetrieveError
		failure *url.Error
	)
	switch {
	case errors.As(err, &refusal):
		return o.refusal(refusal, call)
	case errors.As(err, &failure):
		code := upstream.Classify(err)
		reason := failed(code, "get a token from %s: %.300v", host(o.TokenURL), failure.Err)
		reason.Again = code == availability.Unreachable
		return reason
	default:
		return failed(availability.CredentialFailed, "what %s sent is no token: %.200v", host(o.TokenURL), err)
	}
}

// refusal says what a token endpoint answered instead of a token.
func (o OAuth2) refusal(r *oauth2.RetrieveError, call *clientcredentials.Config) *availability.Reason {
	status, header := r.Response.StatusCode, r.Response.Header
	detail := fmt.Sprintf("HTTP %d from %s", status, host(o.TokenURL))
	if r.ErrorCode != "" {
		detail += fmt.Sprintf(": %.50q", hide(r.ErrorCode, call))
	}
	if r.ErrorDescription != "" {
		detail += fmt.Sprintf(" %.200q", hide(r.ErrorDescription, call))
	}
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && header.Get("Retry-After") != "":
		reason := failed(availability.Throttled, "%s", detail)
		reason.RetryAfter = upstream.RetryAfter(header)
		return reason
	case status >= 500:
		reason := failed(availability.UpstreamFailure, "%s", detail)
		reason.Again = true
		return reason
	case status >= 300 && status < 400:
		return failed(availability.CredentialFailed, "%s, a redirect to %.200q, which is not followed", detail, header.Get("Location"))
	case r.ErrorCode == "invalid_client", r.ErrorCode == "unauthorized_client",
		r.ErrorCode == "" && status == http.StatusUnauthorized,
		strings.HasPrefix(r.ErrorDescription, "AADSTS"): // Entra ID says everything so
		return failed(availability.Unauthorized, "%s", detail)
	default:
		return failed(availability.CredentialFailed, "%s", detail)
	}
}

// hide takes out of a text what an endpoint that repeats the question would tell.
func hide(text string, call *clientcredentials.Config) string {
	for _, secret := range []string{call.ClientSecret, call.EndpointParams.Get("client_assertion")} {
		if secret != "" {
			text = strings.NewReplacer(secret, "…", url.QueryEscape(secret), "…").Replace(text)
		}
	}
	return text
}
