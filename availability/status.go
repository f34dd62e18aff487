package availability

// Status says what a mailbox is doing at one moment.
//
// Statuses ascend by how strongly they claim a moment, and the zero value is
// NoData, so that whatever is forgotten reads as "no information".
type Status uint8

// The statuses of [MS-OXWAVLS] LegacyFreeBusyType.
const (
	NoData Status = iota
	Free
	WorkingElsewhere // since Exchange 2013
	Tentative
	Busy
	OOF
)

// Statuses is how many statuses there are; a Status is always smaller.
const Statuses = int(OOF) + 1

var statusNames = [Statuses]string{"NoData", "Free", "WorkingElsewhere", "Tentative", "Busy", "OOF"}

// String returns the name Exchange Web Services uses.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return "invalid"
}

// Cover returns the status that stands for two moments, or two mailboxes, drawn
// as one: the stronger claim. Not knowing hides Free and WorkingElsewhere,
// which many clients draw as free, but hides no appointment: half an hour of
// which one part is unknown and the other busy is busy.
//
// Cover is commutative, associative and idempotent, and Free is its neutral
// element.
func Cover(a, b Status) Status {
	strongest := max(a, b)
	if min(a, b) == NoData && strongest < Tentative {
		return NoData
	}
	return strongest
}
