package proptag

import (
	"math"
	"time"
)

// epoch is how many seconds 1601-01-01 00:00 UTC is before 1970.
const epoch = 11644473600

// Minutes returns how many whole minutes have passed from 1601-01-01 00:00 UTC to t, as
// the properties PidTagFreeBusyPublishStart and PidTagFreeBusyPublishEnd count. A time
// they cannot hold becomes the nearest they can.
func Minutes(t time.Time) int32 {
	seconds := t.Unix() + epoch
	minutes := seconds / 60
	if seconds%60 < 0 {
		minutes--
	}
	return int32(min(max(minutes, math.MinInt32), math.MaxInt32))
}

// FromMinutes returns the time, in UTC, that many minutes from 1601-01-01 00:00 UTC.
func FromMinutes(minutes int32) time.Time {
	return time.Unix(int64(minutes)*60-epoch, 0).UTC()
}
