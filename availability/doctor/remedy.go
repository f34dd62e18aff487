package doctor

import (
	"strings"

	"fbgate/availability"
)

// remedy says what to do about a hop that failed: where the hop, the access method or
// the credential tells more than the Reason does, by that.
func remedy(hop Hop, m Member) string {
	code, detail := hop.Reason.Code, hop.Reason.Detail
	switch {
	case hop.Name == Route && code == availability.RequestRejected:
		return "Ask without it: what a client gets there does not depend on who asks."
	case strings.Contains(detail, "trusted_hosts"):
		return "List that host in trusted_hosts, if it is the organization's and may see its credential; otherwise correct the URL."
	case hop.Name == Authentication, hop.Name == Autodiscover && code == availability.Unauthorized:
		if text := m.remedy(hop.Reason); text != "" {
			return text
		}
	case strings.Contains(detail, "Imperson"):
		return "Give the account the right to impersonate there: New-ManagementRoleAssignment -Role ApplicationImpersonation -User ACCOUNT."
	case code == availability.NoPermission && m.Method == "InternalProxy":
		return "Let the proxy ask there: its organization relationship or availability address space with that organization, or Set-AvailabilityConfig -OrgWideAccount in that one."
	case code == availability.NoPermission:
		return `Let the account see it there: Set-AvailabilityConfig -OrgWideAccount for all mailboxes, or the calendar's Default permission (Set-MailboxFolderPermission ADDRESS:\Calendar -User Default -AccessRights AvailabilityOnly).`
	case code == availability.Misconfigured && m.Method == "InternalProxy":
		return "Correct how the proxy reaches the next organization: Set-OrganizationRelationship -TargetSharingEpr, or Add-AvailabilityAddressSpace -ForestName -AccessMethod -Credentials."
	case code == availability.Misconfigured:
		return "Name the organization that holds the mailbox now, in domains or then; or correct how this server reaches it: Set-OrganizationRelationship -TargetSharingEpr, Add-AvailabilityAddressSpace."
	case code == availability.WrongEndpoint && m.Method == "PublicFolder":
		return "Correct public_folder_url: it has to be the root of the public folders, usually http://HOST/public/, on a server that holds a replica of the free/busy."
	case code == availability.WrongEndpoint && m.Method == "InternalProxy":
		return "Correct proxy_url: it has to be the URL of EWS itself, usually https://HOST/EWS/Exchange.asmx."
	case code == availability.WrongEndpoint && m.URL == "":
		return "Correct the ExternalUrl that Autodiscover gives (there: Set-WebServicesVirtualDirectory -ExternalUrl), or name the URL in target_sharing_epr."
	case code == availability.WrongEndpoint && hop.Name == Call:
		return "Correct target_sharing_epr: it has to be the URL of EWS itself, usually https://HOST/EWS/Exchange.asmx."
	case code == availability.WindowTooLong:
		return "Lower max_window: Exchange 2007 answers for 42 days at most unless maximumQueryIntervalDays in the web.config of its EWS says otherwise."
	}
	return hop.Reason.Remedy()
}

// remedy says what to do about an account that was not accepted; empty if the
// reason's own remedy says it.
func (m Member) remedy(r *availability.Reason) string {
	rests := strings.Contains(r.Detail, "it is not tried again before")
	switch {
	case rests:
		return strings.TrimSuffix(m.unauthorized(), ".") + ". So as not to lock it, it was not shown here now; it is as soon as its secret changes."
	case strings.Contains(r.Detail, "forms-based authentication"):
		return "Name the URL of a server or virtual directory without forms-based authentication: a program cannot fill in its page."
	case wantsItLate(r):
		return "Let IIS ask for the certificate at once (netsh http update sslcert … clientcertnegotiation=enable), as it cannot be shown later."
	case r.Code == availability.Unauthorized && m.Credential == "", r.Code == availability.TLS && m.Credential == "":
		return "Name an account in credential: the server answers nobody without one."
	case r.Code == availability.Unauthorized, r.Code == availability.TLS && m.Credential == "certificate":
		return m.unauthorized()
	case r.Code == availability.CredentialFailed:
		return ""
	}
	return unproven[m.Credential]
}

// unauthorized says what to do about an account that was refused, by its credential.
func (m Member) unauthorized() string {
	offers := func(option string) string {
		if m.Method == "PublicFolder" {
			return "that the server offers this kind of log-in (there, in the Exchange System Manager: Authentication Methods of the virtual directory Public)"
		}
		return "that the server offers this kind of log-in (there: Get-WebServicesVirtualDirectory, Set-WebServicesVirtualDirectory -" + option + " $true)"
	}
	switch m.Credential {
	case "basic":
		return "Check name and password of the account, whether it is locked, and " + offers("BasicAuthentication") + "."
	case "ntlm":
		return "Check name and password of the account, whether it is locked, and " + offers("WindowsAuthentication") +
			"; if Extended Protection is set to Require, nothing in between may end TLS."
	case "kerberos":
		return "Check the password or keytab of the account, that spn is the name of the server's own account (setspn -Q), and " + offers("WindowsAuthentication") + "."
	case "oauth2":
		return "Check client_id, whether its secret or certificate has expired, that scope or resource is that of the server, and " + offers("OAuthAuthentication") + "."
	}
	return "Check that the server trusts the CA of the certificate, that an account there is mapped to it, and that it has not expired."
}

// unproven says what to do where nothing could be shown to the server.
var unproven = map[string]string{
	"ntlm":     "Check what stands between here and the server: NTLM needs one connection from end to end, which a load balancer or proxy may not keep.",
	"kerberos": "Check that a KDC of the realm runs and can be reached from here: kdc or krb5_config says which, and its port is usually 88.",
	"oauth2":   "Check token_url, and that what hands out tokens there runs and can be reached from here.",
}
