package upstream

import (
	"strings"

	"fbgate/availability"
)

// shortestSecret is the shortest that is looked for in texts: a shorter one may stand
// there by chance.
const shortestSecret = 4

// Clean returns reason without the account's secrets: servers repeat what they were
// sent, and what they say is logged and shown.
func (c *Client) Clean(reason *availability.Reason) *availability.Reason {
	if reason == nil || c.Secrets == nil {
		return reason
	}
	detail := reason.Detail
	for _, secret := range c.Secrets() {
		if len(secret) >= shortestSecret {
			detail = strings.ReplaceAll(detail, secret, "***")
		}
	}
	if detail == reason.Detail {
		return reason
	}
	clean := *reason
	clean.Detail = detail
	return &clean
}
