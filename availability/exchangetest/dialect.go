package exchangetest

import (
	"fmt"
	"time"

	"fbgate/availability"
)

// Dialect is a server version and how it differs from the others on the wire.
type Dialect uint8

// The dialects. Between them they show the three forms of event times, both
// numberings of merged digits, and both ways to write an envelope.
const (
	// Exchange2007SP1 writes event times without offset, in the time zone of
	// the request, and answers for at most 62 days.
	Exchange2007SP1 Dialect = iota
	// Exchange2010 writes event times at the offset -05:00, whatever zone the
	// request named.
	Exchange2010
	// Exchange2013 writes event times in UTC, with a Z.
	Exchange2013
	// Exchange2019 writes event times with the offset of the request's zone,
	// which for UTC is +00:00, and an array of events even if there are none.
	Exchange2019
)

// Dialects returns all of them, the oldest first.
func Dialects() []Dialect {
	return []Dialect{Exchange2007SP1, Exchange2010, Exchange2013, Exchange2019}
}

// String returns the product's name.
func (d Dialect) String() string {
	if int(d) < len(dialects) {
		return dialects[d].product
	}
	return fmt.Sprintf("Dialect(%d)", uint8(d))
}

// schemaVersions are the values of RequestServerVersion in the order in which
// servers learned them. A server knows a prefix of them.
var schemaVersions = []string{
	"Exchange2007", "Exchange2007_SP1",
	"Exchange2010", "Exchange2010_SP1", "Exchange2010_SP2",
	"Exchange2013", "Exchange2013_SP1",
	"Exchange2016", "V2015_10_05", "V2016_01_06", "V2016_04_13", "V2016_07_13", "V2016_10_10",
	"V2017_01_07", "V2017_04_14", "V2017_07_11",
}

const day = 24 * time.Hour

// traits are the particulars of a dialect.
type traits struct {
	product string
	// version is what ServerVersionInfo says: major, minor, major build, minor
	// build.
	version [4]int
	// newest is the newest of schemaVersions the server knows.
	newest string
	// maxWindow is the longest window: [MS-OXWAVLS] says "42 or 62 days" and
	// leaves open which version has which; 62 is said of 2007 SP1.
	maxWindow time.Duration
	// clock writes the time of an event.
	clock func(z zone, t time.Time) string
	// digits are the merged digits by status: 4 was no data until Exchange 2013
	// gave it to WorkingElsewhere and moved no data to 5, in the order of
	// [MS-OXWSCDATA] LegacyFreeBusyType.
	digits [availability.Statuses]byte
	// wcf is set for servers whose envelopes are written by WCF, with the
	// prefixes s: and h:, not by ASP.NET, with soap:.
	wcf bool
	// emptyArray is set if CalendarEventArray is sent without events too.
	emptyArray bool
	// emptyDays is set if the days of WorkingPeriod may be empty, as 15.1.1531
	// wrote them.
	emptyDays bool
	// messageXML is the namespace of MessageXml in SOAP faults, as Microsoft's
	// own client expects it.
	messageXML string
	// errorDetail is how many of ExceptionServerName and ResponseSource follow
	// type and code of a mailbox's error.
	errorDetail int
}

var (
	oldDigits = [availability.Statuses]byte{
		availability.Free: '0', availability.Tentative: '1', availability.Busy: '2', availability.OOF: '3',
		availability.NoData: '4',
		// Exchange 2007 and 2010 have no such status: the appointment is free.
		availability.WorkingElsewhere: '0',
	}
	newDigits = [availability.Statuses]byte{
		availability.Free: '0', availability.Tentative: '1', availability.Busy: '2', availability.OOF: '3',
		availability.WorkingElsewhere: '4', availability.NoData: '5',
	}
)

var dialects = [...]traits{
	Exchange2007SP1: {
		product: "Exchange 2007 SP1", version: [4]int{8, 1, 240, 5}, newest: "Exchange2007_SP1",
		maxWindow: 62 * day, clock: localTime, digits: oldDigits, messageXML: nsTypes,
	},
	Exchange2010: {
		product: "Exchange 2010", version: [4]int{14, 3, 123, 3}, newest: "Exchange2010_SP2",
		maxWindow: 42 * day, clock: fixedOffset, digits: oldDigits, wcf: true, messageXML: nsErrors, errorDetail: 1,
	},
	Exchange2013: {
		product: "Exchange 2013", version: [4]int{15, 0, 1497, 2}, newest: "Exchange2013_SP1",
		maxWindow: 42 * day, clock: zulu, digits: newDigits, wcf: true, emptyDays: true, messageXML: nsErrors, errorDetail: 2,
	},
	Exchange2019: {
		product: "Exchange 2019", version: [4]int{15, 2, 1118, 7}, newest: "V2017_07_11",
		maxWindow: 42 * day, clock: zoneOffset, digits: newDigits, wcf: true, emptyArray: true, emptyDays: true,
		messageXML: nsErrors, errorDetail: 2,
	},
}

// knows reports whether the server speaks the given RequestServerVersion.
func (t *traits) knows(version string) bool {
	for _, v := range schemaVersions {
		if v == version {
			return true
		}
		if v == t.newest {
			return false
		}
	}
	return false
}

// busyType returns how the server names a status.
func (t *traits) busyType(s availability.Status) string {
	if s == availability.WorkingElsewhere && t.digits == oldDigits {
		return availability.Free.String()
	}
	return s.String()
}

const (
	wallTime    = "2006-01-02T15:04:05"
	withOffset  = wallTime + "-07:00"
	withZOffset = wallTime + "Z07:00"
)

func localTime(z zone, t time.Time) string { return z.wall(t).Format(wallTime) }

func fixedOffset(_ zone, t time.Time) string {
	return t.In(time.FixedZone("", -5*60*60)).Format(withOffset)
}

func zulu(_ zone, t time.Time) string { return t.UTC().Format(withZOffset) }

func zoneOffset(z zone, t time.Time) string {
	return t.In(time.FixedZone("", -int(z.bias(t)/time.Second))).Format(withOffset)
}
