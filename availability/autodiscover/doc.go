// Package autodiscover finds the Exchange Web Services of an organization, as
// Outlook does: from a mailbox's address alone, by asking well-known hosts of its
// domain.
//
// Whoever is asked sees the organization's account. So only hosts of the mailbox's
// domain are asked, and those somebody has listed; wherever else a server, a
// redirect or the DNS may point, the search names the host and does not go there. The
// first server that refuses the account ends the search, for a directory may lock an
// account after few refusals.
package autodiscover
