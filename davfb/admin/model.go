package admin

import (
	"time"

	"fbgate/availability"
	"fbgate/availability/meter"
)

// Organization is one of the configuration, and how it fares.
type Organization struct {
	Name         string
	AccessMethod string
	Domains      []string
	Servers      []Server
	Totals       meter.Totals
	Hour         []meter.Minute // the last 60, the oldest first
	Remembered   int            // mailboxes
	Bytes        int64          // they take, about
	Evicted      uint64         // mailboxes forgotten so far to make room for others
}

// Server is one server of an organization, asked with one account.
type Server struct {
	Name  string // for people
	Host  string // and port, of its URL; "autodiscover" if that is not configured
	State State
	// Until is when it is asked again, if it is Resting or BackingOff, otherwise zero.
	Until time.Time
	// Reason is why it is one of these, or Failing, otherwise nil.
	Reason *availability.Reason
	// LastGood is when it served last, zero if never.
	LastGood time.Time
	// CertificateEnds and TokenEnds are until when the server's certificate, and the
	// token it is asked with, are good; zero if there is none or it is not known.
	CertificateEnds, TokenEnds time.Time
}

// State is whether a server is asked.
type State string

// The states.
const (
	Unasked    State = "unasked"     // since the start
	Serving    State = "serving"     // it answered last time
	Failing    State = "failing"     // it did not, and is asked again with the next question
	Resting    State = "resting"     // it failed too often, or refused the account, and is left alone for a while
	BackingOff State = "backing off" // it asked to be left alone
)

// States are all of them, the best first.
var States = []State{Serving, Unasked, Failing, BackingOff, Resting}

// Configuration is what is in force, and what a reload would change.
type Configuration struct {
	File   string
	Loaded time.Time
	// Changed are the lines the last reload took away ("-") and added ("+"); empty if there
	// was none since the start.
	Changed string
	// Text is what is in force, with every default and without secrets.
	Text string
	// Changes are the lines a reload would take away ("-") and add ("+"); empty if the
	// file says what is in force.
	Changes string
	// Restart are the keys that are otherwise in the file and that a reload leaves as they
	// are: they take a restart.
	Restart []string
	// Fault is why the file cannot be used as it is now, empty if it can.
	Fault string
}
