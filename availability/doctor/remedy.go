package doctor

import (
	"fmt"

	"fbgate/availability"
)

// account says who asked, of a call that proved it.
func (m Member) account() string {
	if m.Credential == "" {
		return "none is asked for"
	}
	return m.Credential + " was accepted"
}

// remedy says what to do about a hop that failed: where the hop or the access method
// tells more than the Reason does, by that.
func remedy(hop Hop, m Member) string {
	switch code := hop.Reason.Code; {
	case hop.Name == Authentication && code == availability.Unauthorized && m.Credential == "":
		return "Name an account in credential: the server answers nobody without one."
	case hop.Name == Authentication && code == availability.Unauthorized:
		return fmt.Sprintf("Check name and secret of the %s credential, whether the account is locked, and that the server offers this kind of log-in (there: Get-WebServicesVirtualDirectory, Set-WebServicesVirtualDirectory -BasicAuthentication or -WindowsAuthentication); Extended Protection set to Require refuses a TLS connection that a proxy ends.", m.Credential)
	case code == availability.NoPermission && m.Method == "InternalProxy":
		return "Let the proxy ask there: its organization relationship or availability address space with that organization, or Set-AvailabilityConfig -OrgWideAccount in that one."
	case code == availability.NoPermission:
		return "Let the account see it there: Set-AvailabilityConfig -OrgWideAccount for all mailboxes, or the calendar's Default permission (Set-MailboxFolderPermission ADDRESS:\\Calendar -User Default -AccessRights AvailabilityOnly)."
	case code == availability.Misconfigured && m.Method == "InternalProxy":
		return "Correct how the proxy reaches the next organization: Set-OrganizationRelationship -TargetSharingEpr, or Add-AvailabilityAddressSpace -ForestName -AccessMethod -Credentials."
	case code == availability.WrongEndpoint && m.URL == "":
		return "Correct the ExternalUrl that Autodiscover gives (there: Set-WebServicesVirtualDirectory -ExternalUrl), or name the URL in target_sharing_epr."
	case code == availability.WindowTooLong:
		return "Lower max_window: Exchange 2007 answers for 42 days at most unless its maximumQueryIntervalDays says otherwise."
	}
	return hop.Reason.Remedy()
}
