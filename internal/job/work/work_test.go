package work_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/job"
	"feedmill/internal/job/work"
	"feedmill/internal/partner"
	"feedmill/storage"
)

// What has changed is published once, and what changes during the run again.
func TestChanges(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.merge(30, "1")
	list := h.wantDue("changes", "[{M false changes}]")
	h.during = func() { h.during = nil; h.merge(30, "2") }
	check(t, h.do(list[0]))
	first := h.current(feed.KindFull).Number
	list = h.wantDue("changes", "[{M false changes}]")
	check(t, h.do(list[0]))
	if second := h.current(feed.KindFull); second.Number == first || second.File(feed.KindFullChange) == nil {
		t.Errorf("the change that came during a run led to generation %d after %d", second.Number, first)
	}
	h.wantDue("changes", "[]")
	// An error leaves the changes where they are.
	h.merge(30, "3")
	h.during = func() { h.during = nil; panic("in the middle") }
	if err := h.do(list[0]); err == nil || job.IsPermanent(err) {
		t.Errorf("a run that panics: got %v", err)
	}
	h.wantDue("changes", "[{M false changes}]")
}

// A run that holds something back is done: it is no failure, and not repeated by
// itself. Released, what it holds is published.
func TestHeld(t *testing.T) {
	t.Parallel()
	h := published(t, 100)
	before := h.current(feed.KindFull)
	h.merge(10, "1")
	list := h.wantDue("changes", "[{M false changes}]")
	check(t, h.do(list[0]))
	if now := h.current(feed.KindFull); !h.held || now.Number != before.Number {
		t.Errorf("a loss of 90 of 100 products: held %v, current %d, before %d", h.held, now.Number, before.Number)
	}
	h.wantDue("changes", "[]")
	held, err := h.db.HeldGenerations(t.Context(), h.merchant)
	if check(t, err); len(held) != 2 {
		t.Fatalf("held: %+v, want full and light", held)
	}
	if _, err := h.db.ReleaseHeld(t.Context(), owner, h.merchant, held[0].Run); err != nil {
		t.Fatal(err)
	}
	if now := h.current(feed.KindFull); now.Products != 10 {
		t.Errorf("after the release: %d products, want 10", now.Products)
	}
	h.readable()
	check(t, h.do(work.Publish{Merchant: h.merchant}))
	if h.missed != 0 {
		t.Errorf("%d changes were missed", h.missed)
	}
}

// Before half of the validity has passed a run renews it.
func TestRenewals(t *testing.T) {
	t.Parallel()
	h := published(t, 30)
	before := h.current(feed.KindLight)
	h.wantDue("renewals", "[]")
	h.pass(3 * 24 * time.Hour)
	h.wantDue("renewals", "[]")
	h.pass(13 * time.Hour)
	list := h.wantDue("renewals", "[{M false renewal}]")
	h.pass(time.Hour)
	h.wantDue("renewals", "[]") // it has been asked for
	h.pass(6 * time.Hour)
	h.wantDue("renewals", "[{M false renewal}]") // and came to nothing
	check(t, h.do(list[0]))
	if after := h.current(feed.KindLight); !after.Expires.After(before.Expires) {
		t.Errorf("the offer expires at %s after %s", after.Expires, before.Expires)
	}
	h.pass(12 * time.Hour)
	h.wantDue("renewals", "[]")
}

// Feeds that offers have left are not renewed, and not asked for either.
func TestFeedsThatNobodyUses(t *testing.T) {
	t.Parallel()
	h := published(t, 30)
	h.wantDue("renewals", "[]")
	h.offer.Profile.Languages = append(h.offer.Profile.Languages, feed.MustLanguage("eng"))
	moved, err := h.db.UpdateOffer(t.Context(), owner, h.offer)
	check(t, err)
	h.offer = moved
	check(t, h.do(work.Publish{Merchant: h.merchant}))
	h.pass(4 * 24 * time.Hour)
	list := h.wantDue("renewals", "[{M false renewal}]")
	check(t, h.do(list[0]))
	for range 3 {
		h.pass(7 * time.Hour)
		h.wantDue("renewals", "[]")
	}
}

// At the merchant's hour a full file takes in the change files beside it.
func TestFullFiles(t *testing.T) {
	t.Parallel()
	h := published(t, 30)
	h.now = time.Date(2026, 11, 22, 2, 5, 0, 0, time.UTC) // 03:05 where the merchant is
	h.wantDue("full_files", "[]")                         // nothing has changed since
	h.now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	h.merge(30, "2")
	check(t, h.do(work.Publish{Merchant: h.merchant}))
	if g := h.current(feed.KindFull); g.File(feed.KindFullChange) == nil {
		t.Fatal("there is no change file")
	}
	list := h.wantDue("full_files", "[{M true hour}]") // the full file is older than 03:00
	check(t, h.do(list[0]))
	h.wantDue("full_files", "[]")
	h.pass(time.Hour)
	h.merge(30, "3")
	check(t, h.do(work.Publish{Merchant: h.merchant}))
	h.wantDue("full_files", "[]") // its hour is tomorrow
	h.now = time.Date(2026, 11, 23, 1, 59, 59, 0, time.UTC)
	h.wantDue("full_files", "[]")
	h.now = time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	list = h.wantDue("full_files", "[{M true hour}]")
	check(t, h.do(list[0]))
	g := h.current(feed.KindFull)
	if full := g.File(feed.KindFull); full.Generation != g.Number {
		t.Errorf("the full file is of generation %d, the current one is %d", full.Generation, g.Number)
	}
	h.wantDue("full_files", "[]")
	if fmt.Sprint(h.full) != "[false false true false true]" {
		t.Errorf("runs that make everything anew: %v", h.full)
	}
}

// A full file whose own time is ahead of the clock is as old as the records say.
func TestFullFilesAheadOfTheClock(t *testing.T) {
	t.Parallel()
	h := published(t, 30)
	change := func(text string) {
		t.Helper()
		h.merge(30, text)
		check(t, h.do(work.Publish{Merchant: h.merchant}))
	}
	h.pass(40 * 24 * time.Hour)
	change("2") // full
	change("3")
	h.now = h.now.Add(-40 * 24 * time.Hour) // it was wrong
	for i := range 3 {
		check(t, h.do(h.wantDue("full_files", "[{M true hour}]")[0]))
		h.pass(time.Hour)
		change(fmt.Sprint("a day and ", i))
		h.wantDue("full_files", "[]") // its hour is tomorrow
		h.pass(23 * time.Hour)
	}
	// What was asked for in vain by the clock as it was before is asked for again.
	h.wantDue("full_files", "[{M true hour}]")
	h.wantDue("full_files", "[]")
	h.now = h.now.Add(-time.Hour)
	h.wantDue("full_files", "[{M true hour}]")
}

// Runs are found anew from the records by every process.
func TestSchedulesNeedNoMemory(t *testing.T) {
	t.Parallel()
	h := published(t, 30)
	h.merge(30, "2")
	check(t, h.do(work.Publish{Merchant: h.merchant}))
	h.pass(4 * 24 * time.Hour)
	for range 2 {
		h.work = work.New(work.Options{Records: h.db, Now: func() time.Time { return h.now }})
		h.wantDue("renewals", "[{M false renewal}]")
		h.wantDue("full_files", "[{M true hour}]")
	}
	h.work = work.New(work.Options{Records: h.db, PublishEvery: -1})
	for _, s := range h.work.Schedules() {
		if s.Name != "sweeps" && s.Name != "leftovers" && s.Name != "orphans" {
			t.Errorf("where publishing is left to others there is a schedule %s", s.Name)
		}
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for _, c := range []struct{ earlier, later, want work.Publish }{
		{work.Publish{Cause: "changes"}, work.Publish{Full: true, Cause: "hour"}, work.Publish{Full: true, Cause: "hour"}},
		{work.Publish{Full: true, Cause: "hour"}, work.Publish{Cause: "changes"}, work.Publish{Full: true, Cause: "hour"}},
		{work.Publish{Cause: "changes"}, work.Publish{Cause: "renewal"}, work.Publish{Cause: "renewal"}},
	} {
		a, err := h.kinds.Encode(c.earlier)
		check(t, err)
		b, err := h.kinds.Encode(c.later)
		check(t, err)
		var got work.Publish
		check(t, json.Unmarshal(h.kinds.Join("publish", a, b), &got))
		if got != c.want {
			t.Errorf("%+v and %+v join to %+v, want %+v", c.earlier, c.later, got, c.want)
		}
	}
}

// A sweep deletes what nobody can read any more, late enough, and nothing else.
func TestSweep(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for i := range 4 {
		h.merge(30, fmt.Sprint(i))
		check(t, h.do(work.Publish{Merchant: h.merchant, Full: true}))
		h.pass(time.Hour)
		h.readable()
	}
	before := h.keys()
	sweep := func() int {
		t.Helper()
		list := h.due("sweeps")
		if len(list) != 1 {
			t.Fatalf("sweeps: got %v", list)
		}
		check(t, h.do(list[0]))
		h.readable()
		return len(h.keys())
	}
	h.pass(70 * time.Hour)
	if n := sweep(); n != len(before) {
		t.Errorf("%d of %d blobs are left before 72 hours have passed", n, len(before))
	}
	h.pass(10 * time.Hour)
	if n := sweep(); n != len(before) {
		t.Errorf("%d of %d blobs are left as soon as they are condemned", n, len(before))
	}
	h.pass(25 * time.Hour)
	left := sweep()
	if left >= len(before)/2 {
		t.Errorf("%d of %d blobs are left", left, len(before))
	}
	h.pass(25 * time.Hour)
	if n := sweep(); n != left {
		t.Errorf("%d blobs are left after %d", n, left)
	}
}

// A store that does not delete is asked again, and no record is lost over it.
func TestSweepIsRepeated(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for i := range 3 {
		h.merge(30, fmt.Sprint(i))
		check(t, h.do(work.Publish{Merchant: h.merchant, Full: true}))
		h.pass(time.Hour)
	}
	h.pass(80 * time.Hour)
	check(t, h.do(work.Sweep{Merchant: h.merchant}))
	h.pass(30 * time.Hour)
	before := len(h.keys())
	broken := &brokenStore{Store: h.store, fail: true}
	w := work.New(work.Options{Records: h.db, Garbage: h.db, History: h.db, Uploads: h.db, Imports: h.db, Store: broken, Now: func() time.Time { return h.now }})
	kinds, err := w.Kinds()
	check(t, err)
	args := json.RawMessage(`{"merchant":"` + string(h.merchant) + `"}`)
	if err := kinds.Do(t.Context(), "sweep", args); err == nil || !strings.Contains(err.Error(), "delete blob") {
		t.Errorf("a store that does not delete: got %v", err)
	}
	if broken.asked != 10 || len(h.keys()) != before {
		t.Errorf("a store that does not delete was asked %d times, %d of %d blobs are left", broken.asked, len(h.keys()), before)
	}
	broken.fail = false
	check(t, kinds.Do(t.Context(), "sweep", args))
	if left := len(h.keys()); left >= before {
		t.Errorf("%d of %d blobs are left", left, before)
	}
	h.readable()
}

// What a store has to keep for longer stays, and holds up nothing else: neither
// the blobs behind it, nor what the records may forget.
func TestSweepPassesWhatIsKept(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for i := range 4 {
		h.merge(30, fmt.Sprint(i))
		check(t, h.do(work.Publish{Merchant: h.merchant, Full: true}))
		h.pass(time.Hour)
	}
	h.pass(80 * time.Hour)
	check(t, h.do(work.Sweep{Merchant: h.merchant}))
	h.pass(8 * 24 * time.Hour)
	check(t, h.db.ObserveCondemned(t.Context(), h.merchant))
	due, err := h.db.DeletingBlobs(t.Context(), h.merchant, 24*time.Hour, 1000)
	check(t, err)
	const kept = 10
	if len(due) <= kept {
		t.Fatalf("%d blobs are due, want more than %d", len(due), kept)
	}
	locked := &brokenStore{Store: h.store, keep: map[string]bool{}}
	for _, b := range due[:kept] {
		locked.keep[b.Key] = true
	}
	events := func() int {
		t.Helper()
		list, err := h.db.Events(t.Context(), h.merchant, 0, 1000)
		check(t, err)
		return len(list)
	}
	if events() == 0 {
		t.Fatal("there are no events to be forgotten")
	}
	w := work.New(work.Options{Records: h.db, Garbage: h.db, History: h.db, Uploads: h.db, Imports: h.db, Store: locked, Now: func() time.Time { return h.now }})
	kinds, err := w.Kinds()
	check(t, err)
	if err := kinds.Do(t.Context(), "sweep", json.RawMessage(`{"merchant":"`+string(h.merchant)+`"}`)); err == nil || !strings.Contains(err.Error(), "delete blob "+due[0].Key) {
		t.Errorf("a store that keeps %s: got %v", due[0].Key, err)
	}
	left, err := h.db.DeletingBlobs(t.Context(), h.merchant, 24*time.Hour, 1000)
	check(t, err)
	if len(left) != kept {
		t.Errorf("%d of %d blobs are left, want the %d that the store keeps", len(left), len(due), kept)
	}
	if n := events(); n != 0 {
		t.Errorf("%d events are left after a week, want none", n)
	}
	h.readable()
}

// Many that the store keeps, more than one sweep asks for, stand in the way of the
// others for a while at most.
func TestSweepComesToWhatLiesBehind(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for i := range 6 {
		h.merge(30, fmt.Sprint(i))
		check(t, h.do(work.Publish{Merchant: h.merchant, Full: true}))
		h.pass(time.Hour)
	}
	h.pass(80 * time.Hour)
	check(t, h.do(work.Sweep{Merchant: h.merchant}))
	h.pass(30 * time.Hour)
	check(t, h.db.ObserveCondemned(t.Context(), h.merchant))
	due, err := h.db.DeletingBlobs(t.Context(), h.merchant, 24*time.Hour, 1000)
	check(t, err)
	const free = 4
	locked := &brokenStore{Store: h.store, keep: map[string]bool{}}
	for _, b := range slices.Concat(due[:len(due)/2-free/2], due[len(due)/2+free/2:]) {
		locked.keep[b.Key] = true
	}
	const limit = 5
	if len(locked.keep) < 4*limit {
		t.Fatalf("%d blobs are due, want many more than %d", len(due), limit)
	}
	w := work.New(work.Options{Records: h.db, Garbage: h.db, History: h.db, Uploads: h.db, Imports: h.db, Store: locked, Now: func() time.Time { return h.now }, SweepLimit: limit})
	kinds, err := w.Kinds()
	check(t, err)
	left := func() int {
		list, err := h.db.DeletingBlobs(t.Context(), h.merchant, 24*time.Hour, 1000)
		check(t, err)
		return len(list)
	}
	for range len(due) {
		h.pass(time.Minute)
		if err := kinds.Do(t.Context(), "sweep", json.RawMessage(`{"merchant":"`+string(h.merchant)+`"}`)); err == nil {
			t.Error("what the store keeps was not told")
		}
	}
	if n := left(); n != len(locked.keep) {
		t.Errorf("%d of %d blobs are left, want the %d that the store keeps", n, len(due), len(locked.keep))
	}
	// Once it lets go of them they go, the same way.
	clear(locked.keep)
	for range len(due) {
		check(t, kinds.Do(t.Context(), "sweep", json.RawMessage(`{"merchant":"`+string(h.merchant)+`"}`)))
	}
	if n := left(); n != 0 {
		t.Errorf("%d of %d blobs are left, want none", n, len(due))
	}
	h.readable()
}

// A store that says no to everything is asked for more than one that does not
// answer, and not for all that is due.
func TestSweepEndsWhereAllIsKept(t *testing.T) {
	t.Parallel()
	const due = 250
	for _, c := range []struct {
		err  error
		want int
	}{{storage.Permanent(errors.New("access denied")), 100}, {errors.New("nobody answers"), 10}} {
		h := setup(t)
		broken := &brokenStore{Store: h.store, fail: true, err: c.err}
		w := work.New(work.Options{Records: h.db, Garbage: manyDue{h.db, due}, History: h.db, Uploads: h.db, Imports: h.db, Store: broken, Now: func() time.Time { return h.now }})
		kinds, err := w.Kinds()
		check(t, err)
		err = kinds.Do(t.Context(), "sweep", json.RawMessage(`{"merchant":"`+string(h.merchant)+`"}`))
		if err == nil || strings.Count(err.Error(), "delete blob") != 10 {
			t.Errorf("a store that says %q: got %v, want ten told", c.err, err)
		}
		if broken.asked != c.want {
			t.Errorf("a store that says %q was asked %d times, want %d", c.err, broken.asked, c.want)
		}
	}
}

// manyDue has blobs to be deleted that nothing else knows.
type manyDue struct {
	work.Garbage
	n int
}

func (g manyDue) DeletingBlobs(context.Context, partner.MerchantID, time.Duration, int) ([]publish.Blob, error) {
	list := make([]publish.Blob, g.n)
	for i := range list {
		list[i].Key = fmt.Sprint("due-", i)
	}
	return list, nil
}

type brokenStore struct {
	storage.Store
	fail  bool
	err   error           // what it says; nil for a refusal like any other
	keep  map[string]bool // whatever else it does
	asked int
}

func (b *brokenStore) Delete(ctx context.Context, key string) error {
	b.asked++
	switch {
	case b.err != nil && b.fail:
		return b.err
	case b.fail:
		return errors.New("access denied")
	case b.keep[key]:
		return storage.Permanent(errors.New("access denied"))
	}
	return b.Store.Delete(ctx, key)
}

// A clock that jumps ahead makes nothing old at once.
func TestClockJump(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for i := range 3 {
		h.merge(30, fmt.Sprint(i))
		check(t, h.do(work.Publish{Merchant: h.merchant, Full: true}))
		h.pass(time.Hour)
	}
	before := len(h.keys())
	check(t, h.do(work.Sweep{Merchant: h.merchant}))
	h.now = h.now.Add(365 * 24 * time.Hour)
	h.elapsed += time.Hour
	for range 3 {
		if err := h.do(work.Sweep{Merchant: h.merchant}); err == nil || !job.IsPermanent(err) || !strings.Contains(err.Error(), "jumped") {
			t.Errorf("a sweep after a jump of the clock: got %v", err)
		}
		h.pass(15 * time.Minute)
	}
	h.pass(15 * time.Minute)
	check(t, h.do(work.Sweep{Merchant: h.merchant}))
	if n := len(h.keys()); n != before {
		t.Errorf("%d of %d blobs are left", n, before)
	}
	// A clock that is set back refuses nothing: nothing gets older.
	h.now = h.now.Add(-300 * 24 * time.Hour)
	check(t, h.do(work.Sweep{Merchant: h.merchant}))
}

// Leftovers of interrupted work are removed once they are a day old.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ctx := t.Context()
	id := partner.NewImportID()
	_, err := h.db.StageProducts(ctx, h.merchant, id, func(yield func(partner.StagedProduct, error) bool) {
		yield(partner.StagedProduct{ID: 1, Doc: []byte("x")}, nil)
	})
	check(t, err)
	uploads := &sweptStore{Store: h.store}
	var spool []time.Time
	w := work.New(work.Options{Records: h.db, Garbage: h.db, History: h.db, Uploads: h.db, Imports: h.db, Store: uploads, Now: func() time.Time { return h.now }, Elapsed: func() time.Duration { return h.elapsed },
		SweepSpool: func(now time.Time) error { spool = append(spool, now); return nil }})
	h.work = w
	h.kinds, err = w.Kinds()
	check(t, err)
	list := h.wantDue("leftovers", "[{}]")
	staged := func() bool {
		_, err := h.db.PlanMerge(ctx, h.merchant, id, partner.MergeUpsert, nil)
		return err == nil
	}
	check(t, h.do(list[0]))
	if !staged() {
		t.Error("an import under way was dropped")
	}
	h.pass(25 * time.Hour)
	check(t, h.do(list[0]))
	if staged() {
		t.Error("an import of yesterday is still there")
	}
	if uploads.older != 24*time.Hour || len(spool) != 2 || !spool[1].Equal(h.now) {
		t.Errorf("uploads older than %s and the spool at %v were swept", uploads.older, spool)
	}
}

type sweptStore struct {
	storage.Store
	older time.Duration
}

func (s *sweptStore) SweepUploads(_ context.Context, olderThan time.Duration) (int, error) {
	s.older = olderThan
	return 1, nil
}

func ExampleNew() {
	w := work.New(work.Options{
		PublishEvery: 30 * time.Second,
		Publish: func(_ context.Context, m partner.MerchantID, full bool) error {
			fmt.Println("publishing for", m, full)
			return nil
		},
	})
	for _, s := range w.Schedules() {
		fmt.Fprintln(os.Stdout, s.Name, s.Every)
	}
	// Output:
	// sweeps 1h0m0s
	// leftovers 24h0m0s
	// orphans 24h0m0s
	// changes 30s
	// renewals 1h0m0s
	// full_files 5m0s
}
