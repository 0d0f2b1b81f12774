package work

import (
	"testing"
	"time"
)

// The merchant's hour comes once a day of his, on each day of two years, and
// never goes back, wherever he is.
func TestHourComesOnceADay(t *testing.T) {
	t.Parallel()
	from := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, minutes := range []int{-14 * 60, -5 * 60, 60, 5*60 + 45, 14 * 60} {
		zone := time.FixedZone("", minutes*60)
		for _, at := range []time.Duration{0, 2*time.Hour + 30*time.Minute, 24*time.Hour - time.Minute} {
			last := lastHour(from.Add(-time.Minute), zone, at)
			for now := from; now.Before(from.AddDate(2, 0, 0)); now = now.Add(hourGrain) {
				hour := lastHour(now, zone, at)
				if hour.After(now) || now.Sub(hour) >= 24*time.Hour {
					t.Fatalf("%d minutes east, %s: at %s the last one was at %s", minutes, at, now, hour)
				}
				if step := hour.Sub(last); step != 0 && step != 24*time.Hour {
					t.Fatalf("%d minutes east, %s: %s comes after %s", minutes, at, hour, last)
				}
				if local := hour.In(zone); local.Sub(time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, zone)) != at {
					t.Fatalf("%d minutes east, %s: got %s", minutes, at, local)
				}
				last = hour
			}
		}
	}
}
