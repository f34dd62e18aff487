package page

import (
	"fmt"
	"time"

	"fbgate/availability"
)

// whence is where what was told of a mailbox came from: in a word, as a class, and in a
// sentence.
type whence struct{ Word, Class, Text string }

// newWhence says whether an organization was asked, which is "" if none was or, about the
// members of a list, several were. What is remembered is so old.
func newWhence(organization string, cached, stale bool, old time.Duration, reason *availability.Reason) whence {
	if organization == availability.Published {
		return whence{"published", "plain", "Nobody was asked: it was published here."}
	}
	who, asked := organization, organization+" was asked."
	if organization == "" {
		who, asked = "several organizations", "Several organizations were asked."
	}
	said := fmt.Sprintf("This is what %s had said %s before", who, age(old))
	if reason != nil {
		said = fmt.Sprintf("This is what it had come to with %s %s before", who, age(old))
	}
	switch {
	case reason != nil && reason.Code == availability.Withheld: // whether it is remembered or not
	case stale:
		return whence{"stale", "warn", said + ", and nothing fresh could be had: it is stale."}
	case cached:
		return whence{"remembered", "plain", said + ", and that was remembered."}
	case reason == nil:
		return whence{"asked", "plain", asked}
	}
	if text := unasked(organization, reason); text != "" {
		return whence{"not asked", "plain", text}
	}
	if text := unsure(who, reason.Code); text != "" {
		return whence{"no answer", "plain", text}
	}
	return whence{"asked", "plain", asked}
}

// unasked says why nobody was asked, and nothing if somebody was or may have been.
func unasked(organization string, reason *availability.Reason) string {
	nobody := organization == ""
	if nobody {
		organization = "An organization"
	}
	switch reason.Code {
	case availability.NotAllowed:
		return organization + " was not asked: access_rules keep it from whoever asked."
	case availability.RateLimited:
		return "Nobody was asked: whoever wanted to know had asked for too much."
	case availability.Overloaded:
		return organization + " was not asked: too many questions for it were under way."
	case availability.Withheld:
		return organization + " was not asked: its free_busy_access_level is none."
	case availability.NoRoute:
		return "Nobody was asked: the mailbox has no organization here."
	case availability.DirectoryFailed:
		return "No organization was asked: the directory, which says whose the mailbox is, failed."
	case availability.CredentialFailed:
		return organization + " could not be asked: there was nothing to log in with."
	case availability.NotDiscovered:
		return organization + " could not be asked: Autodiscover did not say where."
	}
	switch {
	case reason.Unasked:
		return organization + " was not asked: it rests after what an earlier call came to, or wants to be left alone."
	case nobody && reason.Code == availability.InvalidAddress:
		return "Nobody was asked: this is no address of a mailbox."
	case nobody && (reason.Code == availability.ListTooLarge || reason.Code == availability.Loop):
		return "No organization was asked."
	}
	return ""
}

// unsure says what is known of a call that may not have reached a server.
func unsure(organization string, code availability.Code) string {
	switch code {
	case availability.Unreachable, availability.TLS:
		return "fbgate tried to ask " + organization + ", without a connection that lasted."
	case availability.Timeout:
		return "No answer of " + organization + " came in time."
	case availability.Internal:
		return "fbgate failed; " + organization + " may have been asked."
	}
	return ""
}
