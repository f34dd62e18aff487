package admin

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"fbgate/availability"
)

// refreshCache answers POST /cache/refresh?mailbox=ADDRESS or ?organization=NAME.
func (a *admin) refreshCache(w http.ResponseWriter, r *http.Request) error {
	query, err := parameters(r, "mailbox", "organization")
	if err != nil {
		return err
	}
	mailbox, organization := query.Get("mailbox"), query.Get("organization")
	if (mailbox == "") == (organization == "") {
		return fault{http.StatusBadRequest, "give mailbox or organization"}
	}
	// It goes on when the operator has left.
	ctx, id, refreshed := context.WithoutCancel(r.Context()), "refresh-"+strings.ToLower(rand.Text()[:8]), 0
	if mailbox != "" {
		refreshed = a.Caches.RenewMailbox(ctx, id, availability.ParseMailbox(mailbox))
	} else {
		one, ok := a.Caches[organization]
		if !ok {
			return fault{http.StatusNotFound, fmt.Sprintf("there is no organization %.100q: there are %s", organization, strings.Join(slices.Sorted(maps.Keys(a.Caches)), ", "))}
		}
		refreshed = one.Renew(ctx, id)
	}
	a.Log.Info("cache refreshed", "client", r.RemoteAddr, "request_id", id, "mailbox", mailbox, "organization", organization, "refreshed", refreshed)
	writeJSON(w, http.StatusAccepted, map[string]int{"refreshed": refreshed})
	return nil
}
