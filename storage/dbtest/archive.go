package dbtest

import (
	"context"
	"reflect"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// archive is what was published before, and counts over time.
type archive interface {
	FeedGenerations(ctx context.Context, f publish.FeedRef, before int64, limit int) ([]publish.Generation, error)
	GenerationAt(ctx context.Context, merchant partner.MerchantID, number int64) (publish.Generation, error)
	ChangeHours(ctx context.Context, merchant partner.MerchantID, from time.Time) ([]partner.HourCount, error)
	DownloadSums(ctx context.Context, merchant partner.MerchantID, from time.Time) ([]partner.DownloadSum, error)
}

func testArchive(t *testing.T, e *env) {
	a, is := e.DB.(archive)
	if !is {
		t.Fatal("the records keep no history")
	}
	m, o := e.account(t)
	other := e.merchant(t)
	ref := publish.FeedRef{Merchant: string(m.ID), Kind: feed.KindFull, Key: "k1"}
	if list, err := a.FeedGenerations(e.ctx, ref, 0, 10); err != nil || len(list) != 0 {
		t.Errorf("generations of a new feed: got %v, %v", list, err)
	}
	var made []publish.Generation
	var base *publish.Generation
	for range 4 {
		g := e.publish(t, m.ID, "k1", feed.KindFull, base)
		made, base = append(made, g), &g
	}
	e.publish(t, m.ID, "k2", feed.KindFull, nil)
	e.publish(t, other.ID, "k1", feed.KindFull, nil)
	list, err := a.FeedGenerations(e.ctx, ref, 0, 10)
	ok(t, "generations", err)
	if len(list) != 4 {
		t.Fatalf("got %d generations, want 4", len(list))
	}
	for i := range list {
		if want := made[3-i]; !reflect.DeepEqual(list[i], want) {
			t.Errorf("generation %d of the list: got %+v, want %+v", i, list[i], want)
		}
	}
	list, err = a.FeedGenerations(e.ctx, ref, made[3].Number, 2)
	ok(t, "older generations", err)
	if len(list) != 2 || list[0].Number != made[2].Number || list[1].Number != made[1].Number {
		t.Errorf("older generations: got %+v", list)
	}
	if g, err := a.GenerationAt(e.ctx, m.ID, made[0].Number); err != nil || !reflect.DeepEqual(g, made[0]) {
		t.Errorf("the first: got %+v, %v, want %+v", g, err, made[0])
	}
	if _, err := a.GenerationAt(e.ctx, m.ID, made[3].Number+100); feed.KindOf(err) != feed.KindNotFound {
		t.Errorf("an unknown number: got %v", err)
	}

	// Changes count in the hour in which they were numbered.
	before := e.clock.Now()
	e.load(t, m.ID, partner.MergeUpsert, []partner.StagedProduct{staged(1, "a"), staged(2, "b")})
	_, err = e.Sequence(e.ctx)
	ok(t, "number changes", err)
	hours, err := a.ChangeHours(e.ctx, m.ID, before.Add(-time.Hour))
	ok(t, "changes by hour", err)
	var sum int64
	for _, h := range hours {
		sum += h.Count
		if h.Hour != h.Hour.UTC().Truncate(time.Hour) {
			t.Errorf("%v is no hour", h.Hour)
		}
	}
	if sum < 2 {
		t.Errorf("got %d changes in %v, want 2 at least", sum, hours)
	}
	if hours, err := a.ChangeHours(e.ctx, other.ID, time.Unix(0, 0)); err != nil || len(hours) != 0 {
		t.Errorf("another merchant's changes: got %v, %v", hours, err)
	}

	// Downloads of all offers.
	l, _ := partner.NewLink(m.ID, o.ID, "shop", e.clock.Now(), time.Time{})
	ok(t, "link", e.CreateLink(e.ctx, partner.Actor{Name: "test"}, l))
	ok(t, "record", e.RecordDownloads(e.ctx, []partner.Download{download(l, feed.KindFull, 1, e.clock.Now()), download(l, feed.KindLight, 1, e.clock.Now())}))
	sums, err := a.DownloadSums(e.ctx, m.ID, e.clock.Now().Add(-24*time.Hour))
	ok(t, "sums", err)
	one, err := e.DownloadDays(e.ctx, m.ID, o.ID, e.clock.Now().Add(-24*time.Hour))
	ok(t, "days of the offer", err)
	want := partner.DownloadSum{Offer: o.ID}
	for _, day := range one {
		want.Requests, want.Broken, want.Bytes = want.Requests+day.Requests, want.Broken+day.Broken, want.Bytes+day.Bytes
	}
	if len(one) != 2 || want.Requests != 2 || want.Bytes == 0 || !reflect.DeepEqual(sums, []partner.DownloadSum{want}) {
		t.Errorf("got %+v, want %+v", sums, want)
	}
	if sums, err := a.DownloadSums(e.ctx, m.ID, e.clock.Now().Add(48*time.Hour)); err != nil || len(sums) != 0 {
		t.Errorf("downloads of days to come: got %v, %v", sums, err)
	}
	if sums, err := a.DownloadSums(e.ctx, other.ID, time.Unix(0, 0)); err != nil || len(sums) != 0 {
		t.Errorf("another merchant's downloads: got %v, %v", sums, err)
	}
}
