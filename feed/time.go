package feed

import "time"

// The two spellings of a point in time that IOF 3.0 uses: in attributes
// (section 2.4) and in the names of change files (section 6).
const (
	timeLayout  = "2006-01-02 15:04:05"
	labelLayout = "2006-01-02T15-04-05"
)

// AppendTime writes a time as IOF attributes want it: local, without zone.
func AppendTime(dst []byte, t time.Time) []byte { return t.AppendFormat(dst, timeLayout) }

// ParseTime reads what [AppendTime] writes, as UTC.
func ParseTime(s string) (time.Time, error) { return time.Parse(timeLayout, s) }

// Label gives the stamp of a change file for its time of generation.
func Label(t time.Time) string { return t.Format(labelLayout) }

// ParseLabel reads what [Label] writes, as UTC.
func ParseLabel(s string) (time.Time, error) { return time.Parse(labelLayout, s) }

// IsLabel says whether s is a stamp of a change file.
func IsLabel(s string) bool {
	t, err := ParseLabel(s)
	return err == nil && Label(t) == s
}

// NextTime gives the label time of the generation after one labelled last:
// now, cut to the second, but at least one second after last, so that labels
// strictly increase as text whatever the clock does.
func NextTime(last, now time.Time) time.Time {
	now = now.Truncate(time.Second)
	if next := last.Add(time.Second); now.Before(next) {
		return next
	}
	return now
}
