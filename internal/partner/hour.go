package partner

import "time"

// HourCount is how often something has happened in one hour.
type HourCount struct {
	// Hour is its beginning, in UTC.
	Hour  time.Time
	Count int64
}
