package admin

import (
	"net/http"
	"slices"
	"time"

	"fbgate/availability"
	"fbgate/availability/meter"
)

// organization is one as operators see it.
type organization struct {
	Name         string       `json:"name"`
	AccessMethod string       `json:"access_method"`
	Domains      []string     `json:"domains"`
	State        State        `json:"state"` // of its servers the best
	Servers      []serverView `json:"servers"`
	Remembered   int          `json:"remembered"` // mailboxes
	Bytes        int64        `json:"bytes"`      // they take, about
	Evicted      uint64       `json:"evicted"`    // mailboxes forgotten to make room
	Totals       totals       `json:"totals"`     // since the start
	Hour         []minute     `json:"hour"`       // the oldest first
}

type serverView struct {
	Name            string     `json:"name"`
	Host            string     `json:"host"`
	State           State      `json:"state"`
	Until           *time.Time `json:"until"`
	Reason          *reason    `json:"reason"`
	LastGood        *time.Time `json:"last_good"`
	CertificateEnds *time.Time `json:"certificate_ends"`
	TokenEnds       *time.Time `json:"token_ends"`
}

type totals struct {
	Calls    uint64                       `json:"calls"`
	Took     float64                      `json:"took_ms"` // all calls together
	P95      *float64                     `json:"p95_ms"`  // about; null if it is more than a minute
	Failed   map[availability.Code]uint64 `json:"failed"`
	Looked   looked                       `json:"looked"`
	Untold   map[availability.Code]uint64 `json:"untold"`
	LastGood *time.Time                   `json:"last_good"`
	LastBad  *time.Time                   `json:"last_bad"`
	Why      *reason                      `json:"why"`
}

type looked struct {
	Remembered uint64 `json:"remembered"`
	Asked      uint64 `json:"asked"`
	Shared     uint64 `json:"shared"`
	Stale      uint64 `json:"stale"`
	Overloaded uint64 `json:"overloaded"`
}

type minute struct {
	Start      time.Time `json:"start"`
	Calls      uint64    `json:"calls"`
	Failed     uint64    `json:"failed"`
	Took       float64   `json:"took_ms"`
	Looked     uint64    `json:"looked"`
	Remembered uint64    `json:"remembered"`
}

// listOrganizations answers GET /organizations.
func (a *admin) listOrganizations(w http.ResponseWriter, r *http.Request) error {
	if _, err := parameters(r); err != nil {
		return err
	}
	if a.Organizations == nil {
		return fault{http.StatusNotFound, "it is not known here how organizations fare"}
	}
	page := struct {
		Organizations []organization `json:"organizations"`
	}{[]organization{}}
	for _, o := range a.Organizations() {
		page.Organizations = append(page.Organizations, newOrganization(&o))
	}
	writeJSON(w, http.StatusOK, page)
	return nil
}

func newOrganization(o *Organization) organization {
	one := organization{
		Name: o.Name, AccessMethod: o.AccessMethod, Domains: append([]string{}, o.Domains...), State: o.State(),
		Servers: []serverView{}, Remembered: o.Remembered, Bytes: o.Bytes, Evicted: o.Evicted, Totals: newTotals(&o.Totals), Hour: []minute{},
	}
	for _, s := range o.Servers {
		one.Servers = append(one.Servers, serverView{
			s.Name, s.Host, s.State, unlessZero(s.Until), newReason(s.Reason), unlessZero(s.LastGood), unlessZero(s.CertificateEnds), unlessZero(s.TokenEnds),
		})
	}
	for _, m := range o.Hour {
		one.Hour = append(one.Hour, minute{m.Start.UTC(), m.Calls, m.Failed, milliseconds(m.Took), m.Looked, m.Remembered})
	}
	return one
}

// State is the best of its servers: as long as one serves, mailboxes are answered. One
// without servers serves, too.
func (o *Organization) State() State {
	for _, state := range States {
		if slices.ContainsFunc(o.Servers, func(s Server) bool { return s.State == state }) {
			return state
		}
	}
	return Serving
}

func newTotals(t *meter.Totals) totals {
	return totals{
		Calls: t.Calls, Took: milliseconds(t.Took.Sum), P95: atMost(t.Took.Quantile(0.95)),
		Failed: counts(t.Failed), Untold: counts(t.Untold),
		Looked:   looked{t.Looked.Remembered, t.Looked.Asked, t.Looked.Shared, t.Looked.Stale, t.Looked.Overloaded},
		LastGood: unlessZero(t.LastGood), LastBad: unlessZero(t.LastBad), Why: newReason(t.Why),
	}
}

// atMost is null if not even the last bound is enough.
func atMost(bound time.Duration, above bool) *float64 {
	if above {
		return nil
	}
	ms := milliseconds(bound)
	return &ms
}

// counts is never null.
func counts(c map[availability.Code]uint64) map[availability.Code]uint64 {
	if c == nil {
		return map[availability.Code]uint64{}
	}
	return c
}
