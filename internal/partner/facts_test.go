package partner_test

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// Every field of an account is told to the audit, but for what names it and
// what is secret: a field that is added and forgotten fails here.
func TestFactsTellEveryField(t *testing.T) {
	t.Parallel()
	silent := map[string]string{
		"ID": "the line's object", "Merchant": "the line's merchant", "Version": "counted, not told", "SecretHash": "secret",
		"CreatedAt": "the line's time", "LastUsed": "no act", "AlarmAt": "told by a line of its own",
	}
	for _, object := range []any{&partner.Merchant{}, &partner.Shop{}, &partner.Partner{}, &partner.Offer{}, &partner.Link{}, &partner.Key{}} {
		before := partner.FactsOf(object)
		kind := reflect.TypeOf(object).Elem()
		for i := range kind.NumField() {
			field := kind.Field(i)
			fresh := reflect.New(kind)
			set(t, fresh.Elem().Field(i))
			old, now := partner.Changed(before, partner.FactsOf(fresh.Interface()))
			if _, quiet := silent[field.Name]; quiet {
				if len(now) != 0 {
					t.Errorf("%s.%s is told as %v", kind.Name(), field.Name, now)
				}
				continue
			}
			if len(old) == 0 && len(now) == 0 {
				t.Errorf("a change of %s.%s is not told", kind.Name(), field.Name)
			}
		}
	}
}

// set gives a field some other value than its zero one.
func set(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(1e9, 0)))
		return
	case feed.Language:
		v.Set(reflect.ValueOf(feed.MustLanguage("pol")))
		return
	case feed.Currency:
		v.Set(reflect.ValueOf(feed.MustCurrency("PLN")))
		return
	case feed.Percent:
		p, err := feed.ParsePercent("5")
		if err != nil {
			t.Fatal(err)
		}
		v.Set(reflect.ValueOf(p))
		return
	case feed.Profile:
		v.Set(reflect.ValueOf(feed.Profile{CSV: true}))
		return
	case partner.KindSet:
		v.Set(reflect.ValueOf(partner.KindsOf(feed.KindFull)))
		return
	case netip.Prefix:
		v.Set(reflect.ValueOf(netip.MustParsePrefix("10.0.0.0/8")))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(time.Hour))
		if v.Kind() == reflect.Int32 {
			v.SetInt(7)
		}
	case reflect.Uint8, reflect.Uint32:
		v.SetUint(1)
	case reflect.Array:
		v.Index(0).SetUint(1)
	case reflect.Slice:
		one := reflect.New(v.Type().Elem()).Elem()
		set(t, one)
		v.Set(reflect.Append(v, one))
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				set(t, v.Field(i))
				return
			}
		}
	default:
		t.Fatalf("do not know how to set a %s", v.Type())
	}
}

func TestConflict(t *testing.T) {
	t.Parallel()
	a := partner.Partner{Name: "A", Phone: "1", Tags: []string{"x"}}
	b := a
	b.Phone, b.Tags = "2", nil
	err := partner.Conflict("partner", "p-a", 1, 4, partner.FactsOf(&a), partner.FactsOf(&b))
	var c *partner.ConflictError
	if feed.KindOf(err) != feed.KindConflict || feed.HintOf(err) == "" || !errors.As(err, &c) {
		t.Fatalf("got %v", err)
	}
	want := []partner.Difference{{Name: "phone", Stands: `"1"`, Sent: `"2"`}, {Name: "tags", Stands: `["x"]`, Sent: "null"}}
	if !reflect.DeepEqual(c.Differences, want) {
		t.Errorf("differences = %+v, want %+v", c.Differences, want)
	}
	if text := err.Error(); !strings.Contains(text, `phone stands at "1", sent was "2"`) || !strings.Contains(text, "from version 1, it is at 4") {
		t.Errorf("it reads %q", text)
	}
}

func TestActionOf(t *testing.T) {
	t.Parallel()
	p := partner.Partner{FeedEnabled: true, Schedule: partner.Schedule{{At: time.Unix(1, 0)}}}
	for want, change := range map[string]func(*partner.Partner){
		"partner.feed.off":  func(p *partner.Partner) { p.FeedEnabled, p.Schedule = false, nil },
		"partner.schedule":  func(p *partner.Partner) { p.Schedule = nil },
		"partner.orders.on": func(p *partner.Partner) { p.OrdersEnabled = true },
		"partner.block":     func(p *partner.Partner) { p.State = partner.StateBlocked },
		"partner.tag":       func(p *partner.Partner) { p.Tags = []string{"x"} },
		"partner.update":    func(p *partner.Partner) { p.Name, p.FeedEnabled = "x", false },
	} {
		after := p
		change(&after)
		if got := partner.ActionOf(&p, &after); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	o := partner.Offer{}
	on := o
	on.FeedEnabled = true
	if got := partner.ActionOf(&o, &on); got != "offer.feed.on" {
		t.Errorf("got %q", got)
	}
}

func TestLedgerBatch(t *testing.T) {
	t.Parallel()
	l, _ := partner.NewLink(partner.NewMerchantID(), partner.NewOfferID(), "l", time.Unix(0, 0), time.Time{})
	at := time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC)
	d := partner.Download{Merchant: l.Merchant, Link: l.ID, Offer: l.Offer, Kind: feed.KindLight, Generation: 4, Bytes: 7, Started: at, Client: "c", Address: netip.MustParseAddr("192.0.2.9")}
	older, next := d, d
	older.Started, older.Generation = at.Add(-time.Hour), 3
	next.Started, next.Generation, next.Outcome = at.Add(2*time.Hour), 9, partner.OutcomeBroken
	b := partner.NewLedgerBatch([]partner.Download{d, older, next, {}, d})
	if len(b.Downloads) != 4 || len(b.Links) != 2 || len(b.Offers) != 2 || len(b.Uses) != 1 {
		t.Fatalf("batch = %+v", b)
	}
	if c := b.Offers[1].Count; c.Requests != 1 || c.Complete != 0 || c.Broken != 1 {
		t.Errorf("next day: %+v", c)
	}
	// Refusals that were put together count as many as they are.
	refused := d
	refused.Outcome, refused.More = partner.OutcomeRefused, 41
	if c := partner.NewLedgerBatch([]partner.Download{refused}); c.Links[0].Requests != 42 || c.Offers[0].Count.Requests != 42 || c.Offers[0].Count.Refused != 42 || len(c.Uses) != 0 {
		t.Errorf("42 refusals: %+v", c)
	}
	for name, change := range map[string]func(*partner.Download){
		"merchant": func(d *partner.Download) { d.Merchant = "" }, "link": func(d *partner.Download) { d.Link = "" }, "offer": func(d *partner.Download) { d.Offer = "" },
	} {
		bad := d
		change(&bad)
		if c := partner.NewLedgerBatch([]partner.Download{bad}); len(c.Downloads)+len(c.Links)+len(c.Offers)+len(c.Uses) != 0 {
			t.Errorf("without its %s: %+v", name, c)
		}
	}
	if use := b.Uses[0].Use; use.Generation != 4 || !use.At.Equal(at) {
		t.Errorf("the recipient has %+v", use)
	}
	if c := b.Offers[0].Count; c.Requests != 3 || c.Complete != 3 || c.Bytes != 21 || !c.Day.Equal(at.Truncate(24*time.Hour)) {
		t.Errorf("first day: %+v", c)
	}
	if x := b.Links[0]; x.Requests != 3 || len(x.Addresses) != 1 || x.Addresses[0] != "192.0.2.0" || len(x.Clients) != 1 || !x.Last.Equal(at) {
		t.Errorf("link's first day: %+v", x)
	}
	for _, day := range []int64{-1, 0, 1, 20000} {
		if got := partner.DayOf(partner.DayTime(day)); got != day {
			t.Errorf("day %d is read back as %d", day, got)
		}
	}
	if partner.DayOf(time.Unix(-1, 0)) != -1 {
		t.Error("a second before 1970 is on the wrong day")
	}
}

func TestJudgeFreshness(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	long, short := now.Add(-25*time.Hour), now.Add(-time.Hour)
	m := &partner.Merchant{}
	for name, c := range map[string]struct {
		seen, behind time.Time
		readable     bool
		want         bool
	}{
		"behind for long and away for long": {long, long, true, true},
		"behind for long, seen lately":      {short, long, true, false},
		"away for long, nothing new":        {long, time.Time{}, true, false},
		"away for long, new lately":         {long, short, true, false},
		"never here":                        {time.Time{}, long, true, false},
		"switched off":                      {long, long, false, false},
	} {
		f := partner.Freshness{Light: partner.FileUse{At: c.seen}, BehindSince: c.behind}
		if f.Judge(m, c.readable, now); f.Stale != c.want || !f.Seen.Equal(c.seen) {
			t.Errorf("%s: got %+v, want %v", name, f, c.want)
		}
	}
}
