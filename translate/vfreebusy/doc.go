// Package vfreebusy translates Schedules to and from VFREEBUSY components of iCalendar
// (RFC 5545 3.6.4): what Outlook's Internet Free/Busy publishes and looks up, and what
// Kolab, Zimbra, SugarCRM and others serve to it.
//
// A VFREEBUSY cannot say "unknown": what lies between its DTSTART and its DTEND and in
// none of its periods is free. So only a Schedule without gaps is written, which [Part]
// takes out of any other.
package vfreebusy

// MaxSize is the longest calendar [Read] takes, in bytes.
const MaxSize = 1 << 20

// MaxPeriods is how many periods [Read] takes, all lines and components together.
const MaxPeriods = 20_000

// maxComponents is how many VFREEBUSY components [Read] puts together. Files have one, or
// one for each of a few months.
const maxComponents = 50

// The values of FBTYPE (RFC 5545 3.2.9) in upper case.
const (
	typeFree        = "FREE"
	typeBusy        = "BUSY"
	typeTentative   = "BUSY-TENTATIVE"
	typeUnavailable = "BUSY-UNAVAILABLE"
)

// timeFormat is that of a UTC time, the only kind RFC 5545 allows in a VFREEBUSY.
const timeFormat = "20060102T150405Z"
