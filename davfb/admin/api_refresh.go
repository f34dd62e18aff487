package admin

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"fbgate/availability"
)

// Refresh asks anew, in the background, about what is remembered of a mailbox, of an
// organization there is, or with neither of everything, and returns how many mailboxes
// that are, about. What is remembered is served meanwhile. Id names the question in the
// log.
func (c *Config) Refresh(m availability.Mailbox, organization string) (id string, n int) {
	id = "refresh-" + strings.ToLower(rand.Text()[:8])
	ctx := context.Background() // it goes on when the operator has left
	switch {
	case m != "":
		return id, c.Caches.RenewMailbox(ctx, id, m)
	case organization != "":
		return id, c.Caches[organization].Renew(ctx, id)
	}
	return id, c.Caches.Renew(ctx, id)
}

// refreshCache answers POST /cache/refresh, ?mailbox=ADDRESS or ?organization=NAME.
func (a *admin) refreshCache(w http.ResponseWriter, r *http.Request) error {
	mailbox, organization, err := a.scope(r, "refreshed")
	if err != nil {
		return err
	}
	id, refreshed := a.Refresh(mailbox, organization)
	a.Changes.Note(a.Log, Change{Who: Who(r), What: CacheRefreshed, Of: cmp.Or(string(a.Hide(mailbox)), organization, "everything"), Count: refreshed},
		"request_id", id, "mailbox", string(mailbox), "organization", organization, "refreshed", refreshed)
	writeJSON(w, http.StatusAccepted, map[string]int{"refreshed": refreshed})
	return nil
}

// scope is what a change of the cache is about: a mailbox, an organization there is, or
// with neither everything.
func (a *admin) scope(r *http.Request, done string) (mailbox availability.Mailbox, organization string, err error) {
	query, err := parameters(r, "mailbox", "organization")
	if err != nil {
		return "", "", err
	}
	mailbox, organization = availability.ParseMailbox(query.Get("mailbox")), query.Get("organization")
	switch {
	case len(query) > 1:
		return "", "", fault{http.StatusBadRequest, "give mailbox or organization, not both"}
	case query.Has("mailbox") && mailbox == "", query.Has("organization") && organization == "":
		return "", "", fault{http.StatusBadRequest, "mailbox and organization take a name; without either everything is " + done}
	case organization != "" && a.Caches[organization] == nil:
		return "", "", a.noOrganization(organization)
	}
	return mailbox, organization, nil
}

func (a *admin) noOrganization(name string) error {
	return fault{http.StatusNotFound, fmt.Sprintf("there is no organization %.100q: there are %s", name, strings.Join(slices.Sorted(maps.Keys(a.Caches)), ", "))}
}
