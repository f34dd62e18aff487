package face

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"fbgate/availability"
	"fbgate/availability/journal"
)

// Lookups is where faces write down what clients have asked, for operators. A nil one
// keeps nothing.
type Lookups struct {
	Journal *journal.Journal
	// Redactor hides addresses; nil does not.
	Redactor *Redactor
}

// Asked is a question of a client and what became of it.
type Asked struct {
	// Event is its name in the log, and how it was asked: "free/busy".
	Event string
	// Query is what the Source was asked, and Answers what it said.
	Query   availability.Query
	Answers []availability.Answer
	// Begun is when the question came, Asking when it had been read, Answered when
	// the answers were there, and Drawn when they had been written.
	Begun, Asking, Answered, Drawn time.Time
	// Left says that the client was gone when the answers were there: what is unknown
	// then is no failure.
	Left bool
	// Lookups is where it is written down.
	Lookups *Lookups
}

// longRequest is how long a request target may be, in bytes, for what is kept to be parts
// of it. Of longer ones the parts are copied, so that not the whole is kept for one of them.
const longRequest = 2 << 10

// longestName bounds what is kept of an address, in bytes. That of a mailbox is shorter.
const longestName = 512

func (l *Lookups) note(r *http.Request, a *Asked) {
	if l == nil || l.Journal == nil {
		return
	}
	who := a.Query.Requester
	told := make([]journal.Told, min(len(a.Answers), journal.MostTold))
	for i := range told {
		told[i] = tell(&a.Answers[i], a.Answered)
		if l.Redactor != nil {
			l.hide(&told[i], who)
		} else if len(r.RequestURI)+len(r.URL.RawQuery) > longRequest {
			m := told[i].Mailbox
			told[i].Mailbox = availability.Mailbox(strings.Clone(string(m[:min(len(m), longestName)])))
		}
	}
	var upstream time.Duration
	for i := range a.Answers {
		upstream = max(upstream, a.Answers[i].Waited)
	}
	took := a.Answered.Sub(a.Asking)
	l.Journal.Add(journal.Lookup{
		ID: a.Query.RequestID, At: a.Begun, Face: a.Event,
		Client: r.RemoteAddr, Requester: l.Redactor.Name(cmp.Or(who.Name, string(who.Mailbox))),
		Window: a.Query.Window, Interval: a.Query.Interval,
		Parse: a.Asking.Sub(a.Begun), Answer: took, Upstream: min(upstream, took), Render: max(0, a.Drawn.Sub(a.Answered)),
		Told: told, Mailboxes: len(a.Answers), Left: a.Left,
	})
}

// hide redacts what names people. The Reason may be that of other answers, too.
func (l *Lookups) hide(t *journal.Told, who availability.Requester) {
	mailbox := string(t.Mailbox)
	t.Mailbox, t.Source = availability.Mailbox(l.Redactor.Name(mailbox)), l.Redactor.Text(t.Source)
	if t.Reason != nil {
		hidden := *t.Reason
		hidden.Detail = l.Redactor.Text(t.Reason.Detail, mailbox, who.Name, string(who.Mailbox))
		t.Reason = &hidden
	}
}

func tell(a *availability.Answer, now time.Time) journal.Told {
	t := journal.Told{
		Mailbox: a.Mailbox, Organization: a.Organization, Source: a.Source,
		Cached: a.Cached, Stale: a.Stale, Reason: a.Reason,
	}
	if a.Reason != nil {
		t.Organization = cmp.Or(a.Organization, a.Reason.Organization)
	}
	if a.Cached {
		t.Age = a.Age(now)
	}
	return t
}
