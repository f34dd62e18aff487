package exchangetest

import (
	"encoding/xml"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// particle is one element of an xs:sequence: what it is called, how often it
// may come, and what it may hold: either children or a value.
type particle struct {
	name           xml.Name
	optional, many bool
	children       []particle
	value          *simpleType
}

// simpleType is a type of character data.
type simpleType struct {
	name  string
	holds func(string) bool
}

func t(local string, value *simpleType) particle {
	return particle{name: xml.Name{Space: nsTypes, Local: local}, value: value}
}

func sequence(local string, children ...particle) particle {
	return particle{name: xml.Name{Space: nsTypes, Local: local}, children: children}
}

func optional(p particle) particle {
	p.optional = true
	return p
}

func many(p particle) particle {
	p.optional, p.many = true, true
	return p
}

func message(p particle) particle {
	p.name.Space = nsMessages
	return p
}

// userAvailabilityRequest is m:GetUserAvailabilityRequest of the published
// schema, messages.xsd and types.xsd. Everything is a sequence, so the order
// matters.
var userAvailabilityRequest = message(sequence("GetUserAvailabilityRequest",
	optional(sequence("TimeZone",
		t("Bias", xsInt),
		sequence("StandardTime", serializableTimeZoneTime...),
		sequence("DaylightTime", serializableTimeZoneTime...),
	)),
	message(sequence("MailboxDataArray",
		many(sequence("MailboxData",
			sequence("Email",
				optional(t("Name", xsString)),
				t("Address", xsString),
				optional(t("RoutingType", xsString)),
			),
			t("AttendeeType", oneOf("MeetingAttendeeType", "Organizer", "Required", "Optional", "Room", "Resource")),
			optional(t("ExcludeConflicts", xsBoolean)),
		)),
	)),
	optional(sequence("FreeBusyViewOptions",
		sequence("TimeWindow", duration...),
		optional(t("MergedFreeBusyIntervalInMinutes", xsInt)),
		optional(t("RequestedView", freeBusyViewType)),
	)),
	optional(sequence("SuggestionsViewOptions",
		optional(t("GoodThreshold", xsInt)),
		optional(t("MaximumResultsByDay", xsInt)),
		optional(t("MaximumNonWorkHourResultsByDay", xsInt)),
		optional(t("MeetingDurationInMinutes", xsInt)),
		optional(t("MinimumSuggestionQuality", oneOf("SuggestionQuality", "Excellent", "Good", "Fair", "Poor"))),
		sequence("DetailedSuggestionsWindow", duration...),
		optional(t("CurrentMeetingTime", xsDateTime)),
		optional(t("GlobalObjectId", xsString)),
	)),
))

var serializableTimeZoneTime = []particle{
	t("Bias", xsInt),
	t("Time", xsString),
	t("DayOrder", xsShort),
	t("Month", xsShort),
	t("DayOfWeek", oneOf("DayOfWeekType", "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
		"Day", "Weekday", "WeekendDay")),
	optional(t("Year", xsString)),
}

var duration = []particle{t("StartTime", xsDateTime), t("EndTime", xsDateTime)}

var (
	xsString  = &simpleType{"xs:string", func(string) bool { return true }}
	xsBoolean = oneOf("xs:boolean", "true", "false", "1", "0")
	xsInt     = integer("xs:int", 32)
	xsShort   = integer("xs:short", 16)

	xsDateTime = &simpleType{"xs:dateTime", func(s string) bool {
		_, _, err := parseDateTime(s)
		return err == nil
	}}
	// freeBusyViewType is an xs:list: several tokens are allowed, and none.
	freeBusyViewType = &simpleType{"FreeBusyViewType", func(s string) bool {
		return !slices.ContainsFunc(strings.Fields(s), func(token string) bool { _, known := views[token]; return !known })
	}}
)

func oneOf(name string, values ...string) *simpleType {
	return &simpleType{name, func(s string) bool { return slices.Contains(values, s) }}
}

func integer(name string, bits int) *simpleType {
	return &simpleType{name, func(s string) bool {
		_, err := strconv.ParseInt(s, 10, bits)
		return err == nil
	}}
}

// dateTimeForm is the lexical form of xs:dateTime. The layouts of package time
// would let hours of one digit pass.
var dateTimeForm = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$`)

// parseDateTime returns the time s names, and whether s says of which zone it
// is. If not, the time is dressed up as UTC.
func parseDateTime(s string) (when time.Time, zoned bool, err error) {
	form := dateTimeForm.FindStringSubmatch(s)
	if form == nil {
		return time.Time{}, false, fmt.Errorf("%q is no xs:dateTime", s)
	}
	layout := wallTime
	if zoned = form[2] != ""; zoned {
		layout = withZOffset
	}
	when, err = time.Parse(layout, s)
	return when, zoned, err
}

// validate checks e, whose name fits already, against p.
func (p particle) validate(e *element) error {
	for _, a := range e.attrs {
		if a.Name.Space != "xmlns" && a.Name != (xml.Name{Local: "xmlns"}) && a.Name.Space != nsXSI {
			return invalid(e, "the attribute %s is not declared", a.Name.Local)
		}
	}
	if p.value != nil {
		if len(e.children) > 0 {
			return invalid(e.children[0], "%s is a %s and holds no elements", e.name.Local, p.value.name)
		}
		if !p.value.holds(e.data) {
			return invalid(e, "%q is no %s", e.data, p.value.name)
		}
		return nil
	}
	if e.data != "" {
		return invalid(e, "%s holds elements only, not the text %q", e.name.Local, e.data)
	}
	return p.validateChildren(e)
}

func (p particle) validateChildren(e *element) error {
	rest := e.children
	var possible []xml.Name
	for _, next := range p.children {
		found := 0
		for len(rest) > 0 && rest[0].name == next.name && (found == 0 || next.many) {
			if err := next.validate(rest[0]); err != nil {
				return err
			}
			rest = rest[1:]
			found++
		}
		if found > 0 {
			possible = nil
		}
		if found == 0 || next.many {
			possible = append(possible, next.name)
		}
		if found == 0 && !next.optional {
			return unexpected(e, rest, possible)
		}
	}
	if len(rest) > 0 {
		return unexpected(e, rest, possible)
	}
	return nil
}

// unexpected says which element was found in e, if any is left, and which would
// have been right, with their namespaces: to mistake those is the usual fault.
func unexpected(e *element, rest []*element, possible []xml.Name) error {
	found, at := "its end", e
	if len(rest) > 0 {
		found, at = qualified(rest[0].name), rest[0]
	}
	expected := make([]string, len(possible))
	for i, name := range possible {
		expected[i] = qualified(name)
	}
	if len(expected) == 0 {
		expected = []string{"its end"}
	}
	return invalid(at, "in %s, %s was found where %s is expected", e.name.Local, found, strings.Join(expected, " or "))
}

func qualified(name xml.Name) string {
	return fmt.Sprintf("the element %s of the namespace %q", name.Local, name.Space)
}
