package admin

import "github.com/prometheus/client_golang/prometheus"

// families are all metrics of the gateway itself. docs/operations.md has a table of them;
// go test ./davfb/admin -update writes it.
var families []*prometheus.Desc

// family describes a metric, by what operators should know of it.
func family(name, help string, labels ...string) *prometheus.Desc {
	d := prometheus.NewDesc("fbgate_"+name, help, labels, nil)
	families = append(families, d)
	return d
}

var (
	descBuildInfo = family("build_info", "Always 1; the labels say which version runs.", "version", "goversion")

	descReloadSuccess = family("config_last_reload_success", "1 if the configuration was taken when it was last read, at the start or by a reload; 0 if it was refused, and the one before is in force.")
	descReloadTime    = family("config_last_reload_timestamp_seconds", "When the configuration was last read, whether it was taken or refused.")

	descRequests = family("requests_total", "Requests of clients that have ended, by what clients asked for and what became of it. "+
		"answered does not say that everything was known: see fbgate_mailboxes_total.", "face", "outcome")
	descMailboxes = family("mailboxes_total", "Mailboxes clients asked about: told, or the reason why nothing, or not all, could be told of them.", "reason")

	descCalls        = family("organization_calls_total", "Calls to an organization's servers that have ended: served, or the reason why they failed as a whole.", "organization", "outcome")
	descCallDuration = family("organization_call_duration_seconds", "How long calls to an organization's servers took, whatever became of them.", "organization")
	descLastSuccess  = family("organization_last_success_timestamp_seconds", "When a call to the organization last succeeded; missing if none has since the start.", "organization")
	descLookups      = family("organization_mailboxes_total", "Mailboxes of an organization that were asked about, by where the answer came from: remembered, asked, "+
		"shared (with another question under way), stale (remembered beyond its time, as there was nothing fresh) or overloaded (too many waited).", "organization", "origin")
	descUntold = family("organization_untold_total", "Mailboxes of an organization of which nothing, or not all, could be told, by the reason. "+
		"With then, another organization may have told of them all the same.", "organization", "reason")

	descServerAccounts    = family("server_accounts", "Accounts a server is asked with, by how it fares: serving, unasked (since the start), failing (the last question failed, the next one asks again), resting (it failed too often, or refused the account, and is left alone) or backing off (it asked to be left alone).", "organization", "server", "state")
	descServerRetry       = family("server_retry_seconds", "How long until a server is asked again that rests or backs off, with the account that has to wait longest; 0 if it is asked.", "organization", "server")
	descServerLastSuccess = family("server_last_success_timestamp_seconds", "When a server last answered; missing if it has not since the start, or since its organization was configured otherwise.", "organization", "server")
	descServerCertificate = family("server_certificate_end_timestamp_seconds", "When the first of the certificates ends that a server has shown within the last week; missing if it has shown none.", "organization", "server")
	descServerToken       = family("server_token_end_timestamp_seconds", "When the OAuth 2 token ends that a server is asked with; missing if there is none, or it is not known.", "organization", "server")

	descCacheEntries   = family("cache_entries", "Mailboxes that are remembered, also those that have expired within the last minute.", "organization")
	descCacheBytes     = family("cache_bytes", "About how much memory the mailboxes take that are remembered.", "organization")
	descCacheEvictions = family("cache_evictions_total", "Mailboxes forgotten before their time, to make room for others.", "organization")
	descCacheBudget    = family("cache_budget_bytes", "How much memory all caches may take together: cache.max_bytes.")

	descConnections        = family("connections", "Connections that are open, by listener.", "listener")
	descConnectionsRefused = family("connections_refused_total", "Connections that were not taken, as there were too many, in all or of one client.", "listener")

	descDenied  = family("access_denied_total", "Mailboxes kept from whoever asked about them by access_rules.")
	descLimited = family("access_limited_total", "Questions not answered as somebody asked too much: limits.mailboxes_per_minute.")
	descSlowed  = family("access_slowed_total", "Questions not answered as somebody had asked about too many unknown addresses: limits.unknown_addresses.")
	descReports = family("access_reports_total", "Warnings in the log about somebody who asks about many unknown addresses.")
)
