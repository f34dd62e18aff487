package autodiscover

import (
	"bytes"
	"net/http"
	"strings"

	"fbgate/availability"
	"fbgate/availability/upstream"
)

// preauthentication says what is probably the matter where something that is not
// Exchange wants a log-in: proxies at the border of a network can demand one before
// they let anybody through, which a program cannot know how to satisfy.
const preauthentication = "a proxy in front seems to want a log-in of its own (pre-authentication); publish /autodiscover without it"

// loginWanted returns why the account is refused, nil if it is not. Whether by
// Exchange is told by the evidence there is: Exchange 2013 and later put headers of
// their own into refusals, and all others are IIS, which says so. Nobody has to, so it
// is a likelihood.
func loginWanted(reply *upstream.Reply) *availability.Reason {
	refusal := reply.Refusal()
	if refusal == nil || refusal.Code != availability.Unauthorized {
		return nil
	}
	if !ofExchange(reply.Header) {
		refusal.Code = availability.NotDiscovered
		refusal.Detail += "; nothing in it is of Exchange: " + preauthentication + ", or check the account if there is no such proxy"
	}
	return refusal
}

// ofExchange reports whether a response has passed Exchange, or IIS on its behalf. A
// proxy made of http.sys alone names itself Microsoft-HTTPAPI.
func ofExchange(header http.Header) bool {
	for _, name := range []string{
		"X-FEServer", "X-BEServer", "X-CalculatedBETarget", "X-DiagInfo", "X-OWA-Version", "request-id",
		"X-SOAP-Enabled", "X-WSSecurity-Enabled", "X-OAuth-Enabled",
	} {
		if header.Get(name) != "" {
			return true
		}
	}
	return strings.HasPrefix(header.Get("Server"), "Microsoft-IIS/")
}

// page says what a web page that came with status 200 is.
func page(reply *upstream.Reply) *availability.Reason {
	body := bytes.ToLower(reply.Body)
	for _, field := range []string{`type="password"`, `type='password'`, `type=password`} {
		if bytes.Contains(body, []byte(field)) {
			return availability.Because(availability.BadResponse, "a log-in page: %s", preauthentication)
		}
	}
	return availability.Because(availability.BadResponse, "a web page, not Autodiscover")
}

// perhapsLogin is added where a redirect leads to what looks like a log-in page.
func perhapsLogin(location string) string {
	location = strings.ToLower(location)
	for _, sign := range []string{"login", "logon", "signin", "sign-in", "log-in", "adfs", "saml", "oauth", "/auth", "sso", "my.policy", "/vpn/"} {
		if strings.Contains(location, sign) {
			return ": " + preauthentication
		}
	}
	return ""
}
