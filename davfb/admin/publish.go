package admin

import (
	"net/http"
	"time"

	"fbgate/availability"
	"fbgate/availability/publisher"
)

// progress is how the publisher fares, as operators see it.
type progress struct {
	Organization string     `json:"organization"` // whose folder it is
	Running      bool       `json:"running"`
	Next         *time.Time `json:"next"`  // null while a round runs, and with a fault
	Fault        string     `json:"fault"` // why there are no rounds, empty if there are
	Round        *round     `json:"round"`
	Previous     *round     `json:"previous"`
	Failures     []failure  `json:"failures"` // the last ones
}

// round is one pass over all recipients.
type round struct {
	Began          time.Time                 `json:"began"`
	Ended          *time.Time                `json:"ended"` // null while it runs
	Start          time.Time                 `json:"start"` // of the months published
	End            time.Time                 `json:"end"`
	Total          int                       `json:"total"`
	Done           int                       `json:"done"`
	Written        int                       `json:"written"`
	Unchanged      int                       `json:"unchanged"`
	Partial        int                       `json:"partial"`
	Removed        int                       `json:"removed"`
	Failed         map[availability.Code]int `json:"failed"`
	FailedRemovals int                       `json:"failed_removals"`
	Stopped        *reason                   `json:"stopped"`    // null if it was not
	Recipients     *reason                   `json:"recipients"` // null if all are known
}

type failure struct {
	At       time.Time            `json:"at"`
	LegacyDN string               `json:"legacyExchangeDN"`
	Mailbox  availability.Mailbox `json:"mailbox"`
	Step     publisher.Step       `json:"step"`
	Reason   *reason              `json:"reason"`
}

// showPublisher answers GET /publish.
func (a *admin) showPublisher(w http.ResponseWriter, _ *http.Request) error {
	if a.Publisher == nil {
		return fault{http.StatusNotFound, "nothing is published: the configuration has no publish"}
	}
	s := a.Publisher.Status()
	p := progress{
		Organization: s.Organization, Running: s.Running, Next: unlessZero(s.Next),
		Round: a.newRound(s.Round), Previous: a.newRound(s.Previous), Failures: []failure{},
	}
	if s.Fault != nil {
		p.Fault = a.Redactor.Text(s.Fault.Error())
	}
	for _, f := range s.Failures {
		p.Failures = append(p.Failures, failure{
			f.At.UTC().Truncate(time.Second), a.Redactor.Name(f.LegacyDN), a.Hide(f.Mailbox), f.Step,
			newReason(a.hideReason(f.Reason, f.LegacyDN, string(f.Mailbox))),
		})
	}
	writeJSON(w, http.StatusOK, p)
	return nil
}

func (a *admin) newRound(r publisher.Round) *round {
	if r.Began.IsZero() {
		return nil
	}
	return &round{
		Began: *unlessZero(r.Began), Ended: unlessZero(r.Ended), Start: r.Window.Start.UTC(), End: r.Window.End.UTC(),
		Total: r.Total, Done: r.Done, Written: r.Written, Unchanged: r.Unchanged, Partial: r.Partial, Removed: r.Removed,
		Failed: r.Failed, FailedRemovals: r.FailedRemovals, Stopped: newReason(a.hideReason(r.Stopped)), Recipients: newReason(a.hideReason(r.Recipients)),
	}
}

func unlessZero(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}
