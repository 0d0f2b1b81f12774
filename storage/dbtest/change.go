package dbtest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// events gives a merchant's log, and checks that it has no gap.
func (e *env) events(t *testing.T, m partner.MerchantID, after int64) []partner.Event {
	t.Helper()
	list := must[[]partner.Event](t, "events")(e.Events(e.ctx, m, after, 1_000_000))
	for i := range list {
		if list[i].Number != after+1+int64(i) {
			t.Fatalf("event %d stands at place %d after %d", list[i].Number, i+1, after)
		}
	}
	return list
}

func (e *env) sequence(t *testing.T) int64 {
	t.Helper()
	return must[int64](t, "sequence")(e.Sequence(e.ctx))
}

func testEvents(t *testing.T, e *env) {
	m, o := e.account(t)
	other := e.merchant(t)
	e.load(t, m.ID, partner.MergeReplace, products(1, 3, "a"))
	e.load(t, other.ID, partner.MergeReplace, products(1, 2, "a"))
	queued := must[[]partner.Change](t, "changes")(e.Changes(e.ctx, m.ID, 100))
	if n := e.sequence(t); n != 6 {
		t.Errorf("numbered %d changes, want 6", n)
	}
	if n := e.sequence(t); n != 0 {
		t.Errorf("numbered %d changes of none", n)
	}
	list := e.events(t, m.ID, 0)
	if len(list) != 4 || list[0].Scope != string(o.ID) || list[0].Cause != "offer.create" || list[3].Product != 3 || list[3].Cause != "import" {
		t.Fatalf("events: %+v", list)
	}
	for i, c := range queued {
		if !reflect.DeepEqual(list[i].Change, c) {
			t.Errorf("event %d is %+v, what was queued %+v", list[i].Number, list[i].Change, c)
		}
	}
	if foreign := e.events(t, other.ID, 0); len(foreign) != 2 || foreign[0].Product != 1 {
		t.Errorf("the other merchant's events: %+v", foreign)
	}
	e.load(t, m.ID, partner.MergeUpsert, products(2, 1, "b"))
	e.sequence(t)
	if more := e.events(t, m.ID, 4); len(more) != 1 || more[0].Product != 2 {
		t.Errorf("after event 4: %+v", more)
	}
	if page := must[[]partner.Event](t, "events")(e.Events(e.ctx, m.ID, 1, 2)); len(page) != 2 || page[1].Number != 3 {
		t.Errorf("two after event 1: %+v", page)
	}
}

// testEventsRolledBack cuts changes off at every point: what is not committed
// leaves no event, and none is numbered for it.
func testEventsRolledBack(t *testing.T, e *env) {
	m := e.merchant(t)
	e.load(t, m.ID, partner.MergeReplace, products(1, 5, "a"))
	e.sequence(t)
	id := partner.NewImportID()
	must[int64](t, "stage")(e.StageProducts(e.ctx, m.ID, id, seqOf(products(1, 5, "b"))))
	for n := int64(1); ; n++ {
		ctx := expireAfter(e.ctx, n)
		_, err := e.Merge(ctx, actor, m.ID, id, partner.MergeReplace, nil)
		ctx.cancel()
		e.sequence(t)
		list := e.events(t, m.ID, 5)
		if err == nil {
			if len(list) != 5 {
				t.Errorf("%d events of a whole merge, want 5", len(list))
			}
			break
		}
		if len(list) != 0 {
			t.Fatalf("a merge cut at %d left %+v", n, list)
		}
	}
	// The sequencer is cut too: nothing is lost and nothing is numbered twice.
	e.load(t, m.ID, partner.MergeReplace, products(1, 5, "c"))
	for n := int64(1); ; n++ {
		ctx := expireAfter(e.ctx, n)
		_, err := e.Sequence(ctx)
		ctx.cancel()
		queued := len(must[[]partner.Change](t, "changes")(e.Changes(e.ctx, m.ID, 100)))
		if list := e.events(t, m.ID, 10); len(list)+queued != 5 || len(list) != 0 && len(list) != 5 {
			t.Fatalf("a sequencer cut at %d left %d queued and %d numbered", n, queued, len(list))
		}
		if err == nil {
			break
		}
	}
}

func testEventNumbers(t *testing.T, e *env) {
	m, o := e.account(t)
	other := e.merchant(t)
	ctx, receipt := partner.WithReceipt(e.ctx)
	must[partner.Partner](t, "switch")(e.SetPartnerFeed(ctx, actor, m.ID, o.Partner, false, 1))
	if receipt.Queue == 0 {
		t.Fatal("a change that is queued has no number in the queue")
	}
	if _, found, err := e.EventNumber(e.ctx, m.ID, receipt.Queue, 0); found || err != nil {
		t.Errorf("before it is numbered, without waiting: %v, %v", found, err)
	}
	n, found, err := e.EventNumber(e.ctx, m.ID, receipt.Queue, time.Minute)
	if err != nil || !found || n != 2 {
		t.Errorf("the second change of the merchant has number %d, %v, %v", n, found, err)
	}
	if _, found, err := e.EventNumber(e.ctx, other.ID, receipt.Queue, 0); found || err != nil {
		t.Errorf("another merchant's: %v, %v", found, err)
	}
	if _, found, err := e.EventNumber(e.ctx, m.ID, receipt.Queue+1000, time.Millisecond); found || err != nil {
		t.Errorf("a change that was never made: %v, %v", found, err)
	}
	// The last row of a merge is what its receipt names.
	id := partner.NewImportID()
	must[int64](t, "stage")(e.StageProducts(e.ctx, m.ID, id, seqOf(products(1, 7, "a"))))
	ctx, receipt = partner.WithReceipt(e.ctx)
	must[partner.MergePlan](t, "merge")(e.Merge(ctx, actor, m.ID, id, partner.MergeReplace, nil))
	if n, found, err = e.EventNumber(e.ctx, m.ID, receipt.Queue, time.Minute); err != nil || !found || n != 9 {
		t.Errorf("the merge ends at number %d, %v, %v, want 9", n, found, err)
	}
	// A change that can alter no feed has none, and a receipt is of one change.
	ctx, receipt = partner.WithReceipt(e.ctx)
	must[partner.Merchant](t, "merchant")(e.CreateMerchant(ctx, actor, partner.Merchant{ID: partner.NewMerchantID(), Name: "n"}))
	if receipt.Queue != 0 {
		t.Errorf("a new merchant is change %d", receipt.Queue)
	}
}

// testEventsAtOnce has sixteen writers, two sequencers, and readers that go on
// after the last number they saw: nobody misses anything.
func testEventsAtOnce(t *testing.T, e *env) {
	const writers, changes = 16, 4
	m := e.merchant(t)
	e.sequence(t)
	ctx, stop := context.WithCancel(e.ctx)
	defer stop()
	var writing, rest sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range changes {
				id := partner.NewImportID()
				_, err := e.StageProducts(e.ctx, m.ID, id, seqOf(products(1+w*100, 3, fmt.Sprint(i))))
				if err == nil {
					_, err = e.Merge(e.ctx, actor, m.ID, id, partner.MergeUpsert, nil)
				}
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
					return
				}
			}
		})
	}
	for range 2 {
		rest.Go(func() {
			for ctx.Err() == nil {
				if _, err := e.Sequence(e.ctx); err != nil {
					t.Errorf("sequence: %v", err)
					return
				}
			}
		})
	}
	seen := make([][]partner.Event, 2)
	read := func(i int) bool {
		after := int64(0)
		if n := len(seen[i]); n > 0 {
			after = seen[i][n-1].Number
		}
		list, err := e.Events(e.ctx, m.ID, after, 50)
		if err != nil {
			t.Errorf("events: %v", err)
			return false
		}
		seen[i] = append(seen[i], list...)
		return len(list) > 0
	}
	for i := range seen {
		rest.Go(func() {
			for ctx.Err() == nil {
				read(i)
			}
		})
	}
	writing.Wait()
	stop()
	rest.Wait()
	e.sequence(t)
	for i := range seen {
		for read(i) {
		}
		count := map[feed.ProductID]int{}
		for k, ev := range seen[i] {
			if ev.Number != int64(k)+1 {
				t.Fatalf("reader %d saw event %d at place %d", i, ev.Number, k+1)
			}
			count[ev.Product]++
		}
		if len(seen[i]) != writers*changes*3 || len(count) != writers*3 {
			t.Errorf("reader %d saw %d events of %d products, want %d of %d", i, len(seen[i]), len(count), writers*changes*3, writers*3)
		}
		for id, n := range count {
			if n != changes {
				t.Errorf("reader %d saw %d of %d changes of product %d", i, n, changes, id)
			}
		}
	}
}

// hint asks a fresh snapshot.
func (e *env) hint(t *testing.T, m partner.MerchantID, after int64, limit int) (publish.Hint, int64) {
	t.Helper()
	e.sequence(t)
	s := must[Snapshot](t, "snapshot")(e.Snapshot(e.ctx, m))
	defer s.Close()
	return must[publish.Hint](t, "changes")(s.Changes(e.ctx, after, limit)), must[int64](t, "head")(s.Head(e.ctx))
}

func testHints(t *testing.T, e *env) {
	m := e.merchant(t)
	if h, head := e.hint(t, m.ID, 0, 0); h.All || len(h.Products) != 0 || head != 0 {
		t.Errorf("before any change: %+v up to %d", h, head)
	}
	e.load(t, m.ID, partner.MergeReplace, products(1, 10, "a"))
	all := []feed.ProductID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	h, head := e.hint(t, m.ID, 0, 0)
	if h.All || !slices.Equal(h.Products, all) || head != 10 {
		t.Fatalf("after ten products: %+v up to %d", h, head)
	}
	// Each product once, in order; removed ones too.
	e.load(t, m.ID, partner.MergeUpsert, products(7, 2, "b"), 3)
	e.load(t, m.ID, partner.MergeUpsert, products(7, 1, "c"))
	if h, head = e.hint(t, m.ID, 10, 0); h.All || !slices.Equal(h.Products, []feed.ProductID{3, 7, 8}) || head != 14 {
		t.Errorf("after three changes of four: %+v up to %d", h, head)
	}
	if h, _ := e.hint(t, m.ID, 10, 3); h.All || len(h.Products) != 3 {
		t.Errorf("as many as the limit: %+v", h)
	}
	if h, _ := e.hint(t, m.ID, 10, 2); !h.All || len(h.Products) != 0 {
		t.Errorf("more than the limit: %+v", h)
	}
	if h, _ := e.hint(t, m.ID, head, 0); h.All || len(h.Products) != 0 {
		t.Errorf("after the last: %+v", h)
	}
	if h, _ := e.hint(t, m.ID, head+1, 0); !h.All {
		t.Errorf("after one that is not there yet: %+v", h)
	}
	s := must[Snapshot](t, "snapshot")(e.Snapshot(e.ctx, m.ID))
	defer s.Close()
	got := map[feed.ProductID]string{}
	for p, err := range s.ProductsByID(e.ctx, []feed.ProductID{2, 3, 7, 8, 99, 1 << 40}) {
		ok(t, "products by id", err)
		got[p.ID] = string(p.Doc)
	}
	if want := want(products(2, 1, "a"), products(7, 1, "c"), products(8, 1, "b")); !reflect.DeepEqual(got, want) {
		t.Errorf("products 2, 7 and 8: %v, want %v", got, want)
	}
	for range s.ProductsByID(e.ctx, []feed.ProductID{1, 2}) {
		break // a reader who leaves early spoils nothing
	}
	for range s.ProductsByID(e.ctx, nil) {
		t.Error("no ids, and a product")
	}
	// More ids than are asked for at a time.
	e.load(t, m.ID, partner.MergeReplace, products(1, 2500, "z"))
	s2 := must[Snapshot](t, "snapshot")(e.Snapshot(e.ctx, m.ID))
	defer s2.Close()
	var ids []feed.ProductID
	for id := feed.ProductID(1); id <= 2500; id++ {
		ids = append(ids, id)
	}
	last, n := feed.ProductID(0), 0
	for p, err := range s2.ProductsByID(e.ctx, ids) {
		ok(t, "products by id", err)
		if p.ID <= last {
			t.Fatalf("product %d follows product %d", p.ID, last)
		}
		last, n = p.ID, n+1
	}
	if n != 2500 {
		t.Errorf("%d products of 2500", n)
	}
}

// testHintScopes asks which changes mean that one has to look everywhere.
func testHintScopes(t *testing.T, e *env) {
	m, o := e.account(t)
	ignore := func(_ any, err error) error { return err }
	e.load(t, m.ID, partner.MergeReplace, products(1, 3, "a"))
	_, from := e.hint(t, m.ID, 0, 0)
	for _, c := range []struct {
		name string
		do   func() error
		all  bool
	}{
		{"partner", func() error { return ignore(e.SetPartnerFeed(e.ctx, actor, m.ID, o.Partner, false, 1)) }, false},
		{"offer", func() error { return ignore(e.SetOfferFeed(e.ctx, actor, m.ID, o.ID, false, 1)) }, false},
		{"merchant", func() error { return ignore(e.SetSharing(e.ctx, actor, m.ID, false, 1)) }, true},
		{"dictionaries", func() error { return ignore(e.SetDictionaries(e.ctx, actor, m.ID, []byte("d"), 0)) }, true},
		{"catalog", func() error { e.load(t, m.ID, partner.MergeUpsert, products(1, 2000, "b")); return nil }, true},
	} {
		ok(t, c.name, c.do())
		h, head := e.hint(t, m.ID, from, 0)
		if head <= from || h.All != c.all || len(h.Products) != 0 {
			t.Errorf("%s: hint %+v up to %d after %d, want everywhere: %v", c.name, h, head, from, c.all)
		}
		from = head
	}
}

// testSnapshotSeesItsEvents takes snapshots while products change: whoever sees
// an event sees its product as it was then, or later.
func testSnapshotSeesItsEvents(t *testing.T, e *env) {
	const rounds, n = 30, 20
	m := e.merchant(t)
	e.load(t, m.ID, partner.MergeReplace, products(1, n, "000"))
	e.sequence(t)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		for i := range rounds {
			id := partner.NewImportID()
			_, err := e.StageProducts(e.ctx, m.ID, id, seqOf(products(1, n, fmt.Sprintf("%03d", i+1))))
			if err == nil {
				_, err = e.Merge(e.ctx, actor, m.ID, id, partner.MergeUpsert, nil)
			}
			if err == nil && i%2 == 0 {
				_, err = e.Sequence(e.ctx)
			}
			if err != nil {
				t.Errorf("writer: %v", err)
				return
			}
		}
	})
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		s := must[Snapshot](t, "snapshot")(e.Snapshot(e.ctx, m.ID))
		head := must[int64](t, "head")(s.Head(e.ctx))
		// Each merge makes n events: those up to head tell its revision.
		least := fmt.Sprintf("in revision %03d", (head-n)/n)
		for p, err := range s.Products(e.ctx) {
			ok(t, "products", err)
			doc := string(p.Doc)
			if got := doc[len(doc)-len(least):]; got < least {
				t.Fatalf("a snapshot that sees event %d has product %d %s, want at least %s", head, p.ID, got, least)
			}
		}
		ok(t, "close", s.Close())
	}
	wg.Wait()
}

func testTrimEvents(t *testing.T, e *env) {
	m, o := e.account(t)
	trim := func(want int64) {
		t.Helper()
		if n := must[int64](t, "trim")(e.TrimEvents(e.ctx, m.ID)); n != want {
			t.Errorf("trimmed %d events, want %d", n, want)
		}
	}
	const day = 24 * time.Hour
	trim(0)
	e.load(t, m.ID, partner.MergeReplace, products(1, 9, "a")) // with the offer: events 1 to 10
	e.sequence(t)
	full := e.next(t, m.ID, o.Profile.FullKey(), feed.KindFull, nil)
	full.Cursor = 6
	ok(t, "commit", e.commit(full))
	e.clock.advance(6 * day)
	trim(0) // too young
	e.load(t, m.ID, partner.MergeUpsert, products(1, 2, "b"))
	e.sequence(t)
	e.clock.advance(2 * day)
	trim(6) // what the feed has seen
	trim(0)
	if h, _ := e.hint(t, m.ID, 6, 0); h.All || len(h.Products) != 6 {
		t.Errorf("after event 6: %+v", h)
	}
	if h, _ := e.hint(t, m.ID, 5, 0); !h.All {
		t.Errorf("the log does not reach back to event 5: %+v", h)
	}
	e.clock.advance(23 * day)
	trim(4) // a month old, whoever has not seen them
	if list := must[[]partner.Event](t, "events")(e.Events(e.ctx, m.ID, 0, 100)); len(list) != 2 || list[0].Number != 11 {
		t.Errorf("left: %+v", list)
	}
	// A feed that nobody reads keeps nothing.
	must[partner.Offer](t, "offer")(e.Offer(e.ctx, m.ID, o.ID))
	ok(t, "delete offer", e.DeleteOffer(e.ctx, actor, m.ID, o.ID, 1))
	e.clock.advance(2 * day)
	trim(2)
	e.load(t, m.ID, partner.MergeUpsert, products(1, 1, "c"))
	e.sequence(t)
	if list := must[[]partner.Event](t, "events")(e.Events(e.ctx, m.ID, 0, 100)); list[len(list)-1].Product != 1 || list[len(list)-1].Number < 13 {
		t.Errorf("numbers after a trim: %+v", list)
	}
}

// testUnnumbered asks snapshots for the changes that they show and that had no
// number when they were taken.
func testUnnumbered(t *testing.T, e *env) {
	m, o := e.account(t)
	other := e.merchant(t)
	e.load(t, m.ID, partner.MergeReplace, products(1, 9, "a"))
	e.sequence(t)
	late := func(what string, limit int, want publish.Hint) {
		t.Helper()
		s := must[Snapshot](t, "snapshot")(e.Snapshot(e.ctx, m.ID))
		if got := must[publish.Hint](t, "unnumbered")(s.Unnumbered(e.ctx, limit)); got.All != want.All || !slices.Equal(got.Products, want.Products) {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
		ok(t, "close", s.Close())
		ok(t, "close again", s.Close())
	}
	late("all have numbers", 0, publish.Hint{})
	e.load(t, other.ID, partner.MergeReplace, products(5, 2, "a"))
	late("another's change", 0, publish.Hint{})
	e.load(t, m.ID, partner.MergeUpsert, products(3, 1, "b"))
	e.load(t, m.ID, partner.MergeUpsert, products(2, 2, "c"))
	late("three changes of two products", 0, publish.Hint{Products: []feed.ProductID{2, 3}})
	late("as many as allowed", 2, publish.Hint{Products: []feed.ProductID{2, 3}})
	late("more than allowed", 1, publish.Hint{All: true})
	before := must[Snapshot](t, "snapshot")(e.Snapshot(e.ctx, m.ID))
	o.Profile = profileOf("USD")
	must[partner.Offer](t, "rules")(e.UpdateOffer(e.ctx, actor, o))
	late("an offer's rules are in no feed", 0, publish.Hint{Products: []feed.ProductID{2, 3}})
	m.Supplier.City = "Gdynia"
	must[partner.Merchant](t, "merchant")(e.UpdateMerchant(e.ctx, actor, m))
	late("the merchant's are in every one", 0, publish.Hint{All: true})
	e.sequence(t)
	late("all have numbers again", 0, publish.Hint{})
	// A snapshot goes on telling of its own moment.
	if got := must[publish.Hint](t, "unnumbered")(before.Unnumbered(e.ctx, 0)); got.All || !slices.Equal(got.Products, []feed.ProductID{2, 3}) {
		t.Errorf("a snapshot of before: got %+v", got)
	}
	if got := must[publish.Hint](t, "changes")(before.Changes(e.ctx, must[int64](t, "head")(before.Head(e.ctx))-1, 0)); got.All || len(got.Products) != 1 {
		t.Errorf("a snapshot of before hints at %+v", got)
	}
	ok(t, "close", before.Close())
}

func testUnsettled(t *testing.T, e *env) {
	m, other := e.merchant(t), e.merchant(t)
	unsettled := func(want ...partner.MerchantID) {
		t.Helper()
		got := must[[]partner.MerchantID](t, "unsettled")(e.Unsettled(e.ctx))
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("unsettled: %v, want %v", got, want)
		}
	}
	lag := func(want int64) {
		t.Helper()
		n, oldest, err := e.ChangeLag(e.ctx)
		if err != nil || n != want || oldest.IsZero() != (want == 0) {
			t.Errorf("lag: %d since %s, %v, want %d", n, oldest, err, want)
		}
	}
	unsettled()
	lag(0)
	e.load(t, m.ID, partner.MergeReplace, products(1, 3, "a"))
	unsettled(m.ID) // queued
	lag(3)
	e.sequence(t)
	unsettled(m.ID) // numbered
	lag(3)
	e.load(t, other.ID, partner.MergeReplace, products(1, 2, "a"))
	unsettled(m.ID, other.ID)
	lag(5)
	ok(t, "settle", e.SettleEvents(e.ctx, m.ID, 2))
	unsettled(m.ID, other.ID)
	lag(3)
	ok(t, "settle", e.SettleEvents(e.ctx, m.ID, 3))
	unsettled(other.ID)
	ok(t, "settle less", e.SettleEvents(e.ctx, m.ID, 1))
	ok(t, "settle what is not there", e.SettleEvents(e.ctx, m.ID, 100))
	unsettled(other.ID)
	e.load(t, m.ID, partner.MergeUpsert, products(1, 1, "b"))
	unsettled(m.ID, other.ID)
	if err := e.SettleEvents(e.ctx, "m-none", 1); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("settle nobody's: %v", err)
	}
}
