package dbtest

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// link makes a live link of an offer.
func (e *env) link(t *testing.T, o partner.Offer) partner.Link {
	t.Helper()
	l, _ := partner.NewLink(o.Merchant, o.ID, "l", e.clock.Now(), time.Time{})
	ok(t, "link", e.CreateLink(e.ctx, actor, l))
	return l
}

// download makes a complete download of a file.
func download(l partner.Link, kind feed.Kind, generation int64, at time.Time) partner.Download {
	return partner.Download{Merchant: l.Merchant, Link: l.ID, Offer: l.Offer, Kind: kind, Generation: generation, Bytes: 1000,
		Address: netip.MustParseAddr("192.0.2.7"), Client: "importer/1.0", Started: at, Took: 1500 * time.Microsecond}
}

func testDownloads(t *testing.T, e *env) {
	m, o := e.account(t)
	_, foreign := e.account(t)
	l, strange := e.link(t, o), e.link(t, foreign)
	at := time.Date(2026, 11, 21, 23, 59, 59, 0, time.UTC)
	list := []partner.Download{
		download(l, feed.KindGateway, 0, at),
		download(l, feed.KindFull, 3, at.Add(time.Second)), // the next day
		download(l, feed.KindFull, 3, at.Add(2*time.Second)),
		download(l, feed.KindFullChange, 4, at.Add(3*time.Second)),
		download(strange, feed.KindLight, 9, at),
	}
	list[1].Outcome, list[1].Bytes = partner.OutcomeBroken, 10
	list[2].Address, list[2].Client = netip.MustParseAddr("2001:db8:1:2::7"), strings.Repeat("é", 100)+"\n"
	list[3].Label, list[3].Outcome, list[3].Bytes = "2026-11-21T19-30-00", partner.OutcomeUnchanged, 0
	refused := download(l, feed.KindLight, 0, at.Add(4*time.Second))
	refused.Outcome, refused.Refusal, refused.Bytes, refused.More = partner.OutcomeRefused, partner.RefusedPartnerFeedOff, 0, 40 // stands for 41
	list = append(list, refused)
	before := must[partner.Version](t, "version")(e.AccessVersion(e.ctx))
	ok(t, "record", e.RecordDownloads(e.ctx, list))
	ok(t, "record nothing", e.RecordDownloads(e.ctx, nil))
	ok(t, "record what names nobody", e.RecordDownloads(e.ctx, []partner.Download{{}}))
	if after := must[partner.Version](t, "version")(e.AccessVersion(e.ctx)); after != before {
		t.Error("downloads make file servers read the accounts anew")
	}

	got := must[[]partner.LedgerEntry](t, "downloads")(e.Downloads(e.ctx, m.ID, partner.LedgerFilter{}, 100))
	if len(got) != 5 {
		t.Fatalf("%d downloads, want 5", len(got))
	}
	own := []int{5, 3, 2, 1, 0} // of list, the newest first
	for i, d := range got {
		want := list[own[i]].Clean()
		want.More = 0 // is counted alone
		if !reflect.DeepEqual(d.Download, want) {
			t.Errorf("download %d: got %+v, want %+v", i, d.Download, want)
		}
		if i > 0 && d.Number >= got[i-1].Number {
			t.Errorf("download %d has number %d after %d", i, d.Number, got[i-1].Number)
		}
	}
	if a := got[4].Address.String(); a != "192.0.2.0" {
		t.Errorf("the address is kept as %s", a)
	}
	if a, c := got[2].Address.String(), got[2].Client; a != "2001:db8:1::" || len([]rune(c)) != partner.MaxClient {
		t.Errorf("kept are %s and %q", a, c)
	}
	page := must[[]partner.LedgerEntry](t, "page")(e.Downloads(e.ctx, m.ID, partner.LedgerFilter{Offer: o.ID, Before: got[1].Number}, 2))
	if !reflect.DeepEqual(page, got[2:4]) {
		t.Errorf("page = %+v, want %+v", page, got[2:4])
	}
	if by := must[[]partner.LedgerEntry](t, "by link")(e.Downloads(e.ctx, m.ID, partner.LedgerFilter{Link: l.ID}, 3)); !reflect.DeepEqual(by, got[:3]) {
		t.Errorf("by link = %+v", by)
	}

	days := must[[]partner.DownloadDay](t, "days")(e.DownloadDays(e.ctx, m.ID, o.ID, at))
	want := []partner.DownloadDay{
		{Offer: o.ID, Day: partner.DayTime(partner.DayOf(at)), Kind: feed.KindGateway, Requests: 1, Complete: 1, Bytes: 1000},
		{Offer: o.ID, Day: partner.DayTime(partner.DayOf(at) + 1), Kind: feed.KindFull, Requests: 2, Complete: 1, Broken: 1, Bytes: 1010},
		{Offer: o.ID, Day: partner.DayTime(partner.DayOf(at) + 1), Kind: feed.KindFullChange, Requests: 1, Unchanged: 1},
		{Offer: o.ID, Day: partner.DayTime(partner.DayOf(at) + 1), Kind: feed.KindLight, Requests: 41, Refused: 41},
	}
	if !reflect.DeepEqual(days, want) {
		t.Errorf("days = %+v, want %+v", days, want)
	}
	ok(t, "record more", e.RecordDownloads(e.ctx, list[:1]))
	if days = must[[]partner.DownloadDay](t, "days")(e.DownloadDays(e.ctx, m.ID, o.ID, at)); days[0].Requests != 2 || days[0].Bytes != 2000 {
		t.Errorf("counted on: %+v", days[0])
	}
	uses := must[[]partner.LinkDay](t, "link days")(e.LinkDays(e.ctx, m.ID, l.ID, at))
	if len(uses) != 2 || uses[0].Requests != 2 || uses[0].Addresses != 1 || uses[1].Requests != 44 || uses[1].Addresses != 2 || uses[1].Clients != 2 {
		t.Errorf("link days = %+v", uses)
	}
	if used := must[partner.Link](t, "link")(e.Link(e.ctx, m.ID, l.ID)).LastUsed; !used.Equal(refused.Started) {
		t.Errorf("last used at %v, want %v", used, refused.Started)
	}

	// What is gone is no error, and its downloads are still told of.
	ok(t, "revoke", e.RevokeLink(e.ctx, actor, m.ID, l.ID))
	ok(t, "delete", e.DeleteOffer(e.ctx, actor, m.ID, o.ID, 1))
	ok(t, "record after the end", e.RecordDownloads(e.ctx, list[:1]))
	if got := must[[]partner.LedgerEntry](t, "downloads")(e.Downloads(e.ctx, m.ID, partner.LedgerFilter{Offer: o.ID}, 100)); len(got) != 7 {
		t.Errorf("%d downloads of a deleted offer, want 7", len(got))
	}
}

// testLinkAlarm uses a link from more and more networks.
func testLinkAlarm(t *testing.T, e *env) {
	m, o := e.account(t)
	m.Alarm = partner.LinkAlarm{Addresses: 3}
	m = must[partner.Merchant](t, "merchant")(e.UpdateMerchant(e.ctx, actor, m))
	l := e.link(t, o)
	now := e.clock.Now()
	from := func(n int, at time.Time) []partner.Download {
		var list []partner.Download
		for i := range n {
			d := download(l, feed.KindLight, 1, at)
			d.Address = netip.MustParseAddr(fmt.Sprintf("10.0.%d.%d", i, i)) // each a network of its own
			list = append(list, d, d)
		}
		return list
	}
	alarms := func() (n int) {
		for _, line := range must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m.ID, 0, 1000)) {
			if line.Action == "link.alarm" && line.Object == string(l.ID) && line.Actor == partner.AlarmActor() {
				n++
			}
		}
		return n
	}
	ok(t, "record", e.RecordDownloads(e.ctx, from(3, now)))
	if got := must[partner.Link](t, "link")(e.Link(e.ctx, m.ID, l.ID)); !got.AlarmAt.IsZero() || alarms() != 0 {
		t.Errorf("an alarm at the threshold: %+v", got)
	}
	ok(t, "record", e.RecordDownloads(e.ctx, from(5, now)))
	ok(t, "record", e.RecordDownloads(e.ctx, from(9, now)))
	got := must[partner.Link](t, "link")(e.Link(e.ctx, m.ID, l.ID))
	if got.AlarmAt.IsZero() || !got.SuspendedAt.IsZero() || alarms() != 1 {
		t.Errorf("above the threshold, %d alarms: %+v", alarms(), got)
	}
	if day := must[[]partner.LinkDay](t, "days")(e.LinkDays(e.ctx, m.ID, l.ID, now))[0]; day.Addresses != 9 || day.AlarmAt.IsZero() {
		t.Errorf("day = %+v", day)
	}
	ok(t, "resume", e.ResumeLink(e.ctx, actor, m.ID, l.ID))
	if got := must[partner.Link](t, "link")(e.Link(e.ctx, m.ID, l.ID)); !got.AlarmAt.IsZero() {
		t.Errorf("looked at: %+v", got)
	}
	// The next day, with a merchant who wants such links stopped.
	m.Alarm.Suspend = true
	m = must[partner.Merchant](t, "merchant")(e.UpdateMerchant(e.ctx, actor, m))
	told := 0
	defer e.Subscribe(func() { told++ })()
	ok(t, "record", e.RecordDownloads(e.ctx, from(4, now.Add(24*time.Hour))))
	if got := must[partner.Link](t, "link")(e.Link(e.ctx, m.ID, l.ID)); got.SuspendedAt.IsZero() || alarms() != 2 || told != 1 {
		t.Errorf("stopped by an alarm, %d alarms, told %d times: %+v", alarms(), told, got)
	}
	if line := e.lastAudit(t, m.ID, 1)[0]; line.Action != "link.suspend" || line.Actor != partner.AlarmActor() {
		t.Errorf("audited as %+v", line)
	}
}

func testFreshness(t *testing.T, e *env) {
	m, o := e.account(t)
	l := e.link(t, o)
	one := func() partner.Freshness {
		t.Helper()
		list := must[[]partner.Freshness](t, "freshness")(e.Freshness(e.ctx, m.ID))
		if len(list) != 1 || list[0].Offer != o.ID || list[0].Partner != o.Partner {
			t.Fatalf("freshness = %+v", list)
		}
		return list[0]
	}
	if f := one(); f.BehindFull != 0 || f.BehindLight != 0 || !f.Seen.IsZero() || f.Stale || !f.Nothing || f.Held != "" {
		t.Errorf("before anything was published: %+v", f)
	}
	full := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, nil)
	if f := one(); !f.Nothing {
		t.Errorf("with a full file alone: %+v", f)
	}
	light := e.publish(t, m.ID, o.Profile.LightKey(), feed.KindLight, nil)
	if f := one(); f.BehindFull != 1 || f.BehindLight != 1 || f.BehindSince.IsZero() || f.Stale || f.Nothing {
		t.Errorf("published and never fetched: %+v", f)
	}
	for _, k := range []struct {
		key  string
		base *publish.Generation
	}{{o.Profile.FullKey(), &full}, {o.Profile.LightKey(), &light}} {
		e.hold(t, m.ID, k.key, k.base.Feed.Kind, k.base)
		held := must[[]publish.HeldRecord](t, "held")(e.HeldGenerations(e.ctx, m.ID))
		if f := one(); len(held) != 1 || f.Held != held[0].Run || f.Nothing {
			t.Errorf("held: %+v, want run %q and something to show", f, held[0].Run)
		}
		must[[]publish.HeldRecord](t, "discard")(e.DiscardHeld(e.ctx, actor, m.ID, held[0].Run))
	}
	e.hold(t, m.ID, "another's", feed.KindFull, nil)
	if f := one(); f.Held != "" {
		t.Errorf("held of another feed: %+v", f)
	}
	at := e.clock.Now()
	ok(t, "record", e.RecordDownloads(e.ctx, []partner.Download{download(l, feed.KindGateway, full.Number, at), download(l, feed.KindFull, full.File(feed.KindFull).Generation, at),
		download(l, feed.KindLight, light.File(feed.KindLight).Generation, at)}))
	f := one()
	if f.BehindFull != 0 || f.BehindLight != 0 || !f.BehindSince.IsZero() || !f.Seen.Equal(at) || !f.Full.At.Equal(at) || f.Light.Generation != light.Number || !f.Gateway.At.Equal(at) {
		t.Errorf("up to date: %+v", f)
	}
	next := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, &full)
	for range 2 {
		light = e.publish(t, m.ID, o.Profile.LightKey(), feed.KindLight, &light)
	}
	if f = one(); f.BehindFull != 1 || f.BehindLight != 2 || f.Stale {
		t.Errorf("behind: %+v", f)
	}
	var change *publish.File
	for i := range next.Files {
		if next.Files[i].Kind == feed.KindFullChange && next.Files[i].Generation == next.Number {
			change = &next.Files[i]
		}
	}
	d := download(l, feed.KindFullChange, change.Generation, e.clock.Now())
	d.Label = change.Label
	broken := download(l, feed.KindLight, light.Number, e.clock.Now())
	broken.Outcome = partner.OutcomeBroken
	ok(t, "record", e.RecordDownloads(e.ctx, []partner.Download{d, broken}))
	if f = one(); f.BehindFull != 0 || f.BehindLight != 2 || f.Change.Generation != next.Number {
		t.Errorf("with the change file, and half a light file: %+v", f)
	}
	e.clock.advance(25 * time.Hour)
	if f = one(); !f.Stale {
		t.Errorf("a day later: %+v", f)
	}
	must[partner.Partner](t, "off")(e.SetPartnerFeed(e.ctx, actor, m.ID, o.Partner, false, 1))
	if f = one(); f.Stale {
		t.Errorf("switched off: %+v", f)
	}
}

func testPruneLedger(t *testing.T, e *env) {
	m, o := e.account(t)
	l := e.link(t, o)
	old, late := e.clock.Now(), e.clock.Now().Add(20*24*time.Hour)
	ok(t, "record", e.RecordDownloads(e.ctx, []partner.Download{download(l, feed.KindFull, 1, old), download(l, feed.KindFull, 1, late)}))
	if n := must[int64](t, "prune")(e.PruneLedger(e.ctx, m.ID)); n != 0 {
		t.Errorf("%d downloads were removed before their time", n)
	}
	must[*partner.IdempotentAnswer](t, "begin")(e.BeginIdempotent(e.ctx, m.ID, "k", [32]byte{1}))
	e.clock.advance(partner.LedgerAge + 24*time.Hour)
	if n := must[int64](t, "prune")(e.PruneLedger(e.ctx, m.ID)); n != 1 {
		t.Errorf("%d downloads were removed, want 1", n)
	}
	left := must[[]partner.LedgerEntry](t, "downloads")(e.Downloads(e.ctx, m.ID, partner.LedgerFilter{}, 10))
	if len(left) != 1 || !left[0].Started.Equal(late) {
		t.Errorf("left are %+v", left)
	}
	if days := must[[]partner.LinkDay](t, "link days")(e.LinkDays(e.ctx, m.ID, l.ID, old)); len(days) != 1 {
		t.Errorf("link days left: %+v", days)
	}
	if days := must[[]partner.DownloadDay](t, "days")(e.DownloadDays(e.ctx, m.ID, o.ID, old)); len(days) != 2 {
		t.Errorf("days left: %+v", days)
	}
	e.clock.advance(partner.LedgerDayAge)
	must[int64](t, "prune")(e.PruneLedger(e.ctx, m.ID))
	if days := must[[]partner.DownloadDay](t, "days")(e.DownloadDays(e.ctx, m.ID, o.ID, old)); len(days) != 0 {
		t.Errorf("days left: %+v", days)
	}
}
