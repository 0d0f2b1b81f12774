package admin

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
)

// speaker writes words, numbers, money and times in one language and zone. It
// never changes and may be used by many requests at once.
type speaker struct {
	words *lexicon
	lang  string
	zone  *time.Location
	now   func() time.Time
}

// T gives a message. One list of arguments stands for all of them.
func (s *speaker) T(key string, args ...any) string {
	if len(args) == 1 {
		if list, ok := args[0].([]any); ok {
			args = list
		}
	}
	return s.words.say(s.lang, key, args...)
}

// word gives the message "family.value", and the value itself where there is none.
func (s *speaker) word(family string, value any) string {
	v := fmt.Sprint(value)
	if key := family + "." + v; s.words.has(key) {
		return s.T(key)
	}
	return v
}

// num writes a whole number.
func (s *speaker) num(v any) string {
	switch n := v.(type) {
	case int:
		return s.words.printers[s.lang].Sprintf("%d", n)
	case int32:
		return s.words.printers[s.lang].Sprintf("%d", n)
	case int64:
		return s.words.printers[s.lang].Sprintf("%d", n)
	case uint64:
		return s.words.printers[s.lang].Sprintf("%d", n)
	}
	return fmt.Sprint(v)
}

// comma is the sign before decimals.
func (s *speaker) comma() string {
	if s.lang == "en" {
		return "."
	}
	return ","
}

// decimal puts the language's sign into a number such as "12.50".
func (s *speaker) decimal(text string) string {
	whole, rest, ok := strings.Cut(text, ".")
	if n, err := strconv.ParseInt(whole, 10, 64); err == nil && !strings.HasPrefix(whole, "-0") {
		whole = s.num(n)
	}
	if !ok {
		return whole
	}
	return whole + s.comma() + rest
}

// money writes an amount in minor units of a currency.
func (s *speaker) money(a feed.Amount, c feed.Currency) string {
	exp := 2
	if !c.IsZero() {
		exp = c.Exponent()
	}
	text := s.decimal(minorUnits(a.Minor(), exp))
	if c.IsZero() {
		return text
	}
	return text + "\u00a0" + c.String()
}

// minorUnits writes 12345 with two decimals as "123.45".
func minorUnits(v int64, exp int) string {
	if exp == 0 {
		return strconv.FormatInt(v, 10)
	}
	sign, digits := "", strconv.FormatInt(v, 10)
	if v < 0 {
		sign, digits = "-", digits[1:]
	}
	if pad := exp + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	return sign + digits[:len(digits)-exp] + "." + digits[len(digits)-exp:]
}

// percent writes a percentage.
func (s *speaker) percent(p feed.Percent) string { return s.decimal(p.String()) + "\u00a0%" }

// share writes part of whole as a percentage with one decimal.
func (s *speaker) share(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	return s.decimal(strconv.FormatFloat(math.Round(float64(part)/float64(whole)*1000)/10, 'f', 1, 64)) + "\u00a0%"
}

// bytes writes a size.
func (s *speaker) bytes(n int64) string {
	if n < 1000 {
		return s.num(n) + "\u00a0B"
	}
	f, unit := float64(n), ""
	for _, unit = range []string{"kB", "MB", "GB", "TB", "PB"} {
		if f /= 1000; f < 999.5 {
			break
		}
	}
	prec := 0
	if f < 9.95 {
		prec = 1
	}
	return s.decimal(strconv.FormatFloat(f, 'f', prec, 64)) + "\u00a0" + unit
}

// month gives the short name of a month as it stands in a date.
func (s *speaker) month(m time.Month) string {
	return strings.Fields(s.T("date.months"))[m-1]
}

// day writes the date of a moment.
func (s *speaker) day(t time.Time) string { return s.dateIn(t, s.zone) }

// date writes a day that was counted in UTC and is named by its midnight, which
// lies in the day before wherever clocks are behind UTC.
func (s *speaker) date(midnight time.Time) string { return s.dateIn(midnight, time.UTC) }

func (s *speaker) dateIn(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return s.T("date.never")
	}
	t = t.In(zone)
	return s.T("date.day", strconv.Itoa(t.Day()), s.month(t.Month()), strconv.Itoa(t.Year()))
}

// moment writes date and time of day.
func (s *speaker) moment(t time.Time) string {
	if t.IsZero() {
		return s.T("date.never")
	}
	return s.day(t) + ", " + t.In(s.zone).Format("15:04")
}

// when writes a moment with its machine-readable form.
func (s *speaker) when(t time.Time) template.HTML {
	if t.IsZero() {
		return template.HTML(template.HTMLEscapeString(s.T("date.never")))
	}
	return s.timeTag(t, s.moment(t), s.ago(t))
}

// since writes how long ago a moment was, with the moment itself as the title.
func (s *speaker) since(t time.Time) template.HTML {
	if t.IsZero() {
		return template.HTML(template.HTMLEscapeString(s.T("date.never")))
	}
	return s.timeTag(t, s.ago(t), s.moment(t))
}

// timeTag puts texts that may hold anything into an element of time.
func (s *speaker) timeTag(t time.Time, text, title string) template.HTML {
	return template.HTML(`<time datetime="` + t.UTC().Format(time.RFC3339) + `" title="` + template.HTMLEscapeString(title) + `">` +
		template.HTMLEscapeString(text) + `</time>`)
}

// ago says how far a moment lies from now.
func (s *speaker) ago(t time.Time) string {
	d := s.now().Sub(t)
	if d < 0 {
		return s.distance("in", -d)
	}
	if d < time.Minute {
		return s.T("date.now")
	}
	return s.distance("ago", d)
}

// distance writes a length of time with the word that says which way it lies:
// many languages put what is counted into another case after it.
func (s *speaker) distance(way string, d time.Duration) string {
	if unit, n := unitOf(d); unit != "" {
		return s.T(way+"."+unit, n)
	}
	return s.T("date."+way, s.span(d))
}

// unitOf gives the largest unit of a length of time and how many there are, ""
// for one that is written with the sign of its unit.
func unitOf(d time.Duration) (unit string, n int) {
	switch {
	case d < 2*time.Minute:
		return "", 0
	case d < 2*time.Hour:
		return "minutes", int(d.Minutes())
	case d < 48*time.Hour:
		return "hours", int(d.Hours())
	}
	return "days", int(d.Hours() / 24)
}

// span writes a length of time in its largest unit.
func (s *speaker) span(d time.Duration) string {
	switch unit, n := unitOf(d); {
	case unit != "":
		return s.T("span."+unit, n)
	case d < time.Second:
		return s.num(d.Milliseconds()) + "\u00a0ms"
	case d < 10*time.Second:
		return s.decimal(strconv.FormatFloat(d.Seconds(), 'f', 1, 64)) + "\u00a0s"
	}
	return s.num(int64(d.Seconds())) + "\u00a0s"
}

// zoneName tells the zone that times are written in.
func (s *speaker) zoneName() string {
	if _, offset := time.Now().In(s.zone).Zone(); offset == 0 {
		return "UTC"
	}
	return "UTC" + time.Date(2026, 1, 1, 0, 0, 0, 0, s.zone).Format("-07:00")
}
