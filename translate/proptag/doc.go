// Package proptag translates Schedules to and from the form free/busy has in the public
// folder SCHEDULE+ FREE BUSY ([MS-OXOPFFB] 2.2.1.2): for each kind of appointment a list
// of months, and for each month a string of bytes with the minutes at which appointments
// start and end.
//
// The lists are MAPI properties: PidTagScheduleInfoMonthsMerged (0x684f1003) and
// PidTagScheduleInfoFreeBusyMerged (0x68501102) are one pair, and so on for tentative,
// busy and away (0x6851 to 0x6856). What is published is the time from
// PidTagFreeBusyPublishStart (0x68470003) to PidTagFreeBusyPublishEnd (0x68480003).
package proptag

import "fbgate/availability"

// Record is the free/busy of one mailbox as the folder holds it.
//
// A list that is nil is absent from the message, as Outlook leaves out kinds of which
// there are no appointments. Exchange's own regeneration, and [Encode], give each list
// all months of Range, those without appointments with no Events. Both mean the same.
type Record struct {
	// Range is the time that is published, in whole minutes: what no list speaks of is
	// free in it, and not known outside.
	Range availability.Window
	// Merged is busy and out of office together according to [MS-OXOPFFB]; some
	// writers add the tentative.
	Merged []Month
	// Tentative, Busy and Away hold one kind of appointment each.
	Tentative, Busy, Away []Month
}

// maxMonths is how many months can be published: PidTagFreeBusyCountMonths is 0 to 36.
const maxMonths = 36
