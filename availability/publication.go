package availability

import "time"

// Publication is free/busy that somebody has published, in place of a server that can
// be asked.
type Publication struct {
	// Mailbox is whose it is: an SMTP address, or a legacyExchangeDN.
	Mailbox Mailbox
	// Schedule is what was published. Its Known is the time it speaks about.
	Schedule Schedule
	// By is who published it, for operators.
	By string
	// At is when, as of the clock here.
	At time.Time
	// Expires is until when it is served.
	Expires time.Time
}
