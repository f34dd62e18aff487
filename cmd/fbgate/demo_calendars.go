package main

import (
	"time"

	"fbgate/availability"
)

// person is a mailbox of a pretend organization.
type person struct {
	address  string
	calendar []availability.Span
	hidden   bool // from everybody
}

// demoAttendees are whom the printed request asks about: people of all three
// organizations, a shared mailbox, one nobody may see and one who does not exist.
var demoAttendees = []string{
	"mary@contoso.com", "nina@contoso.com", "frontdesk@contoso.com",
	"joe@fabrikam.com", "ann@emea.fabrikam.com", "boss@fabrikam.com", "nobody@fabrikam.com",
	"vera@northwind.com",
}

func contosoPeople() []person {
	return []person{
		{address: "mary@contoso.com", calendar: everyDay(
			meeting{9, 0, 30, availability.Busy}, meeting{11, 0, 60, availability.Busy},
			meeting{14, 30, 90, availability.Tentative}, meeting{16, 0, 45, availability.Busy})},
		{address: "nina@contoso.com", calendar: allDay(-2, 5, availability.OOF)},
		{address: "frontdesk@contoso.com", calendar: everyDay(
			meeting{8, 0, 120, availability.Busy}, meeting{11, 0, 60, availability.Busy},
			meeting{13, 0, 60, availability.Busy}, meeting{15, 0, 120, availability.Busy})},
		{address: "paul@contoso.com", calendar: everyDay(meeting{10, 0, 60, availability.Busy})},
	}
}

func fabrikamPeople() []person {
	return []person{
		{address: "joe@fabrikam.com", calendar: everyDay(
			meeting{8, 30, 30, availability.Tentative}, meeting{10, 15, 50, availability.Busy},
			meeting{12, 0, 60, availability.OOF}, meeting{15, 0, 60, availability.Busy})},
		{address: "ann@emea.fabrikam.com", calendar: everyDay(
			meeting{9, 0, 180, availability.WorkingElsewhere}, meeting{13, 30, 150, availability.Busy})},
		{address: "boss@fabrikam.com", calendar: everyDay(meeting{9, 0, 480, availability.Busy}), hidden: true},
	}
}

func northwindPeople() []person {
	return []person{
		{address: "vera@northwind.com", calendar: everyDay(
			meeting{9, 30, 60, availability.Tentative}, meeting{11, 0, 30, availability.Busy},
			meeting{14, 0, 180, availability.OOF})},
	}
}

// meeting is an appointment that recurs every day, in local time.
type meeting struct {
	hour, minute int
	minutes      int
	status       availability.Status
}

// The calendars reach from some weeks ago to some weeks ahead.
const demoDaysBack, demoDaysAhead = 30, 90

func everyDay(meetings ...meeting) []availability.Span {
	var calendar []availability.Span
	for day := -demoDaysBack; day < demoDaysAhead; day++ {
		midnight := localMidnight(day)
		for _, m := range meetings {
			start := time.Date(midnight.Year(), midnight.Month(), midnight.Day(), m.hour, m.minute, 0, 0, time.Local)
			calendar = append(calendar, availability.Span{
				Window: availability.Window{Start: start, End: start.Add(time.Duration(m.minutes) * time.Minute)},
				Status: m.status,
			})
		}
	}
	return calendar
}

// allDay is one appointment over whole days, counted from today.
func allDay(first, last int, status availability.Status) []availability.Span {
	return []availability.Span{{
		Window: availability.Window{Start: localMidnight(first), End: localMidnight(last)},
		Status: status,
	}}
}

// localMidnight returns the beginning of the day that many days from today.
func localMidnight(days int) time.Time {
	year, month, day := time.Now().Date()
	return time.Date(year, month, day+days, 0, 0, 0, 0, time.Local)
}
