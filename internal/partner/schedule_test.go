package partner_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/internal/partner"
)

func ExampleSchedule_Feed() {
	friday := time.Date(2026, 11, 27, 18, 0, 0, 0, time.UTC)
	s, err := partner.NewSchedule(
		partner.SwitchPoint{At: friday, On: false},
		partner.SwitchPoint{At: friday.Add(60 * time.Hour), On: true},
	)
	fmt.Println(err)
	fmt.Println(s.Feed(true, friday.Add(-time.Second)), s.Feed(true, friday), s.Feed(true, friday.Add(60*time.Hour)))
	// Output:
	// <nil>
	// true false true
}

var start = time.Date(2026, 3, 29, 0, 0, 0, 0, time.UTC) // clocks change in Europe that night

func drawSchedule(r *rapid.T) partner.Schedule {
	var s partner.Schedule
	at := start
	for range rapid.IntRange(0, 8).Draw(r, "points") {
		at = at.Add(time.Duration(rapid.Int64Range(1, int64(3*time.Hour)).Draw(r, "gap"))).Truncate(time.Microsecond)
		if len(s) > 0 && !at.After(s[len(s)-1].At) {
			at = s[len(s)-1].At.Add(time.Microsecond)
		}
		s = append(s, partner.SwitchPoint{At: at, On: rapid.Bool().Draw(r, "on")})
	}
	return s
}

// Whoever writes down what has passed, and whenever: nobody sees a difference.
func TestScheduleSettlesUnseen(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s, base := drawSchedule(r), rapid.Bool().Draw(r, "base")
		moment := func(name string) time.Time {
			return start.Add(time.Duration(rapid.Int64Range(0, int64(30*time.Hour)).Draw(r, name)))
		}
		settled, later := moment("settled"), moment("later")
		if later.Before(settled) {
			settled, later = later, settled
		}
		now, rest := s.Settle(base, settled)
		if got, want := rest.Feed(now, later), s.Feed(base, later); got != want {
			r.Fatalf("settled at %v: %v at %v, unsettled %v", settled, got, later, want)
		}
		if rest.Due(settled) || now != s.Feed(base, settled) {
			r.Fatalf("settled it is still due")
		}
		if again, more := rest.Settle(now, settled); again != now || !reflect.DeepEqual(rest, more) {
			r.Fatalf("settling twice is not settling once")
		}
		// Between two points nothing moves, and Next names the next move.
		if next, ok := s.Next(base, settled); ok {
			if next.On == s.Feed(base, settled) || s.Feed(base, next.At) != next.On || s.Feed(base, next.At.Add(-time.Nanosecond)) == next.On {
				r.Fatalf("the next move of %v from %v is not %v", s, settled, next)
			}
			if later.Before(next.At) && s.Feed(base, later) != s.Feed(base, settled) {
				r.Fatalf("it moved before %v", next.At)
			}
		} else if s.Feed(base, later) != s.Feed(base, settled) {
			r.Fatalf("it moved although nothing was to come")
		}
		// Zones do not matter: a point is a point.
		if local := later.In(time.FixedZone("", 7200)); s.Feed(base, local) != s.Feed(base, later) {
			r.Fatal("another zone moves a switch")
		}
		text, err := partner.EncodeSchedule(s)
		if err != nil {
			r.Fatal(err)
		}
		back, err := partner.DecodeSchedule(text)
		if err != nil || len(back) != len(s) || len(s) > 0 && !reflect.DeepEqual(back, s) {
			r.Fatalf("%v comes back as %v, %v", s, back, err)
		}
	})
}

// Decide with schedules is Decide with the switches where the schedules put them.
func TestDecideWithSchedules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		now := start.Add(time.Duration(rapid.Int64Range(0, int64(30*time.Hour)).Draw(r, "now")))
		m := &partner.Merchant{ID: "m-a", SharingEnabled: rapid.Bool().Draw(r, "sharing")}
		p := &partner.Partner{ID: "p-a", Merchant: "m-a", FeedEnabled: rapid.Bool().Draw(r, "partner"), Schedule: drawSchedule(r)}
		o := &partner.Offer{ID: "o-a", Merchant: "m-a", Partner: "p-a", FeedEnabled: rapid.Bool().Draw(r, "offer"), Schedule: drawSchedule(r)}
		l := &partner.Link{Merchant: "m-a", Offer: "o-a", Scopes: partner.ScopeFeedRead}
		plainP, plainO := *p, *o
		plainP.FeedEnabled, plainP.Schedule = p.FeedOn(now), nil
		plainO.FeedEnabled, plainO.Schedule = o.FeedOn(now), nil
		got := partner.Decide(m, p, o, l, now)
		if want := partner.Decide(m, &plainP, &plainO, l, now); got != want {
			r.Fatalf("got %v, want %v", got, want)
		}
		if (got == partner.Allowed) != partner.Readable(m, p, o, now) {
			r.Fatalf("decided %v, readable %v", got, partner.Readable(m, p, o, now))
		}
		// By hand at now: in force at once, and what is to come stays.
		on := rapid.Bool().Draw(r, "by hand")
		before := p.Schedule
		p.SwitchFeed(on, now)
		if p.FeedOn(now) != on || p.Schedule.Due(now) {
			r.Fatalf("switched to %v it stands at %v", on, p.FeedOn(now))
		}
		if _, rest := before.Settle(false, now); !reflect.DeepEqual(rest, p.Schedule) {
			r.Fatalf("points to come were lost: %v of %v", p.Schedule, before)
		}
	})
}

func TestScheduleValidate(t *testing.T) {
	t.Parallel()
	long := make(partner.Schedule, partner.MaxSwitchPoints+1)
	for i := range long {
		long[i].At = start.Add(time.Duration(i) * time.Hour)
	}
	for _, s := range []partner.Schedule{{{}}, {{At: start}, {At: start}}, {{At: start.Add(1)}, {At: start}}, long} {
		if err := s.Validate(); feed.KindOf(err) != feed.KindInvalid {
			t.Errorf("%v: got %v", s, err)
		}
	}
	for _, text := range []string{"{", `[{"at":"x","on":true}]`, `[{"at":"2026-01-01T00:00:00Z","on":true,"more":1}]`, `[{"at":"2026-01-01T00:00:00Z"},{"at":"2025-01-01T00:00:00Z"}]`} {
		if _, err := partner.DecodeSchedule(text); feed.KindOf(err) != feed.KindInvalid {
			t.Errorf("DecodeSchedule(%q): got %v", text, err)
		}
	}
	if _, err := partner.NewSchedule(partner.SwitchPoint{At: start}, partner.SwitchPoint{At: start.Add(time.Nanosecond), On: true}); feed.KindOf(err) != feed.KindInvalid {
		t.Errorf("two points in one microsecond: got %v", err)
	}
}

func FuzzDecodeSchedule(f *testing.F) {
	f.Add(`[{"at":"2026-11-27T18:00:00Z","on":false},{"at":"2026-11-30T06:00:00Z","on":true}]`)
	f.Add(`[{"at":"2026-11-27T18:00:00+01:00","on":true}]`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := partner.DecodeSchedule(text)
		if err != nil {
			return
		}
		again, err := partner.EncodeSchedule(s)
		if err != nil {
			t.Fatal(err)
		}
		back, err := partner.DecodeSchedule(again)
		if err != nil || len(back) != len(s) {
			t.Fatalf("%q became %q: %v", text, again, err)
		}
	})
}
