package dbtest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// products makes n products from an id on, whose documents tell the revision.
func products(from, n int, revision string) []partner.StagedProduct {
	list := make([]partner.StagedProduct, n)
	for i := range list {
		id := feed.ProductID(from + i)
		doc := fmt.Appendf(nil, "product %d in revision %s", id, revision)
		list[i] = partner.StagedProduct{ID: id, Codes: []string{fmt.Sprintf("code-%d", id), "shared", "shared"}, Doc: doc, Digest: sha256.Sum256(doc)}
	}
	return list
}

func seqOf(list []partner.StagedProduct) iter.Seq2[partner.StagedProduct, error] {
	return func(yield func(partner.StagedProduct, error) bool) {
		for _, p := range list {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// load stages and merges.
func (e *env) load(t *testing.T, m partner.MerchantID, mode partner.MergeMode, list []partner.StagedProduct, removed ...feed.ProductID) partner.MergePlan {
	t.Helper()
	id := partner.NewImportID()
	if n := must[int64](t, "stage")(e.StageProducts(e.ctx, m, id, seqOf(list))); n != int64(len(list)) {
		t.Fatalf("staged %d of %d products", n, len(list))
	}
	return must[partner.MergePlan](t, "merge")(e.Merge(e.ctx, actor, m, id, mode, removed))
}

// catalog gives the documents by id, and checks that they come in order.
func (e *env) catalog(t *testing.T, m partner.MerchantID) map[feed.ProductID]string {
	t.Helper()
	s := must[Snapshot](t, "snapshot")(e.Snapshot(e.ctx, m))
	defer s.Close()
	return contents(t, e.ctx, s)
}

func contents(t *testing.T, ctx context.Context, s Snapshot) map[feed.ProductID]string {
	t.Helper()
	got := map[feed.ProductID]string{}
	last := feed.ProductID(0)
	for p, err := range s.Products(ctx) {
		ok(t, "products", err)
		if p.ID <= last {
			t.Fatalf("product %d follows product %d", p.ID, last)
		}
		last = p.ID
		got[p.ID] = string(p.Doc)
	}
	return got
}

func want(lists ...[]partner.StagedProduct) map[feed.ProductID]string {
	m := map[feed.ProductID]string{}
	for _, list := range lists {
		for _, p := range list {
			m[p.ID] = string(p.Doc)
		}
	}
	return m
}

func testStage(t *testing.T, e *env) {
	m := e.merchant(t)
	id := partner.NewImportID()
	many := products(1, 4500, "a") // more than a batch
	must[int64](t, "stage")(e.StageProducts(e.ctx, m.ID, id, seqOf(many[:4000])))
	must[int64](t, "stage more")(e.StageProducts(e.ctx, m.ID, id, seqOf(many[4000:])))
	later := products(7, 1, "b") // the later of two stays
	must[int64](t, "stage again")(e.StageProducts(e.ctx, m.ID, id, seqOf(later)))
	if got := e.catalog(t, m.ID); len(got) != 0 {
		t.Fatalf("staging alone put %d products into the catalog", len(got))
	}
	plan := must[partner.MergePlan](t, "merge")(e.Merge(e.ctx, actor, m.ID, id, partner.MergeUpsert, nil))
	if plan.Added != 4500 || plan.Changed+plan.Removed+plan.Unchanged != 0 || !slices.Equal(plan.AddedExamples, []feed.ProductID{1, 2, 3, 4, 5}) {
		t.Errorf("plan = %+v", plan)
	}
	if got := e.catalog(t, m.ID); !maps.Equal(got, want(many, later)) {
		t.Errorf("the catalog is not what was staged: %d products", len(got))
	}
	if doc := must[[]byte](t, "product")(e.Product(e.ctx, m.ID, 7)); string(doc) != string(later[0].Doc) {
		t.Errorf("product 7 = %q", doc)
	}
	if ids := must[[]feed.ProductID](t, "code")(e.ProductsByCode(e.ctx, m.ID, "code-7")); !slices.Equal(ids, []feed.ProductID{7}) {
		t.Errorf("products with code-7 = %v", ids)
	}
	if ids := must[[]feed.ProductID](t, "code")(e.ProductsByCode(e.ctx, m.ID, "shared")); len(ids) != 4500 || !slices.IsSorted(ids) {
		t.Errorf("%d products share a code, want 4500 in order", len(ids))
	}
	_, err := e.StageProducts(e.ctx, m.ID, "../etc", seqOf(nil))
	wantKind(t, "import without a right id", err, feed.KindInvalid)
}

// testPlanIsMerge asks that a plan changes nothing and says what the merge does.
func testPlanIsMerge(t *testing.T, e *env) {
	m := e.merchant(t)
	first := products(1, 20, "a")
	e.load(t, m.ID, partner.MergeReplace, first)
	before := e.catalog(t, m.ID)
	queued := len(must[[]partner.Change](t, "changes")(e.Changes(e.ctx, m.ID, 1000)))

	id := partner.NewImportID()
	next := slices.Concat(products(3, 5, "b"), products(8, 10, "a"), products(100, 4, "a"))
	must[int64](t, "stage")(e.StageProducts(e.ctx, m.ID, id, seqOf(next)))
	for _, c := range []struct {
		mode    partner.MergeMode
		removed []feed.ProductID
		want    partner.MergePlan
	}{
		{partner.MergeUpsert, nil, partner.MergePlan{Added: 4, Changed: 5, Unchanged: 10,
			AddedExamples: []feed.ProductID{100, 101, 102, 103}, ChangedExamples: []feed.ProductID{3, 4, 5, 6, 7}}},
		{partner.MergeUpsert, []feed.ProductID{1, 1, 999}, partner.MergePlan{Added: 4, Changed: 5, Removed: 1, Unchanged: 10,
			AddedExamples: []feed.ProductID{100, 101, 102, 103}, ChangedExamples: []feed.ProductID{3, 4, 5, 6, 7}, RemovedExamples: []feed.ProductID{1}}},
		{partner.MergeReplace, nil, partner.MergePlan{Added: 4, Changed: 5, Removed: 5, Unchanged: 10,
			AddedExamples: []feed.ProductID{100, 101, 102, 103}, ChangedExamples: []feed.ProductID{3, 4, 5, 6, 7}, RemovedExamples: []feed.ProductID{1, 2, 18, 19, 20}}},
	} {
		got := must[partner.MergePlan](t, "plan")(e.PlanMerge(e.ctx, m.ID, id, c.mode, c.removed))
		got.Clashes = nil // they have a test of their own
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("plan of mode %d without %v = %+v, want %+v", c.mode, c.removed, got, c.want)
		}
		if !maps.Equal(before, e.catalog(t, m.ID)) {
			t.Fatal("a plan changed the catalog")
		}
	}
	if n := len(must[[]partner.Change](t, "changes")(e.Changes(e.ctx, m.ID, 1000))); n != queued {
		t.Errorf("plans queued %d changes", n-queued)
	}
	plan := must[partner.MergePlan](t, "plan")(e.PlanMerge(e.ctx, m.ID, id, partner.MergeReplace, nil))
	if did := must[partner.MergePlan](t, "merge")(e.Merge(e.ctx, actor, m.ID, id, partner.MergeReplace, nil)); !reflect.DeepEqual(did, plan) {
		t.Errorf("the merge did %+v, the plan was %+v", did, plan)
	}
	if got := e.catalog(t, m.ID); !maps.Equal(got, want(next)) {
		t.Errorf("after replacing: %v", got)
	}
}

// testClashes asks which codes come to be those of several products: only codes that a
// product did not have before, and only beside products that the import does not name.
func testClashes(t *testing.T, e *env) {
	m := e.merchant(t)
	if other := e.merchant(t); other.ID != m.ID {
		e.load(t, other.ID, partner.MergeReplace, []partner.StagedProduct{staged(90, "another merchant's", "b", "new")})
	}
	e.load(t, m.ID, partner.MergeReplace, []partner.StagedProduct{staged(1, "one", "a"), staged(2, "two", "b"), staged(3, "three", "b"), staged(4, "four", "d", "e"), staged(5, "five", "f")})
	next := []partner.StagedProduct{
		staged(1, "one!", "a", "d"),    // comes to have 4's
		staged(2, "two!", "b"),         // shared it before
		staged(5, "five!", "g"),        // gives its own away
		staged(7, "seven", "f", "new"), // which a new product has
		staged(8, "eight", "b", "e", "e", ""),
	}
	id := partner.NewImportID()
	must[int64](t, "stage")(e.StageProducts(e.ctx, m.ID, id, seqOf(next)))
	want := []string{"b 8 eight, 3 three", "d 1 one!, 4 four", "e 8 eight, 4 four"}
	told := func(plan partner.MergePlan) (list []string) {
		for _, c := range plan.Clashes {
			list = append(list, fmt.Sprintf("%s %d %s, %d %s", c.Code, c.Product, c.Doc, c.Other, c.OtherDoc))
		}
		slices.Sort(list)
		return list
	}
	if got := told(must[partner.MergePlan](t, "plan")(e.PlanMerge(e.ctx, m.ID, id, partner.MergeUpsert, nil))); !slices.Equal(got, want) {
		t.Errorf("planned: got %q, want %q", got, want)
	}
	if got := told(must[partner.MergePlan](t, "plan")(e.PlanMerge(e.ctx, m.ID, id, partner.MergeReplace, nil))); got != nil {
		t.Errorf("nothing stays beside a replacement: got %q", got)
	}
	if got := told(must[partner.MergePlan](t, "merge")(e.Merge(e.ctx, actor, m.ID, id, partner.MergeUpsert, nil))); !slices.Equal(got, want) {
		t.Errorf("merged: got %q, want %q", got, want)
	}
	if got := told(e.load(t, m.ID, partner.MergeUpsert, []partner.StagedProduct{staged(8, "eight!", "b", "e")})); got != nil {
		t.Errorf("nothing new: got %q", got)
	}
	// A code of half the catalog is looked at in a few products, and all are bounded.
	many := func(from, n int) []partner.StagedProduct {
		list := products(from, n, "a")
		for i := range list {
			list[i].Codes = []string{"shared"}
		}
		return list
	}
	e.load(t, m.ID, partner.MergeUpsert, many(1000, 600))
	plan := e.load(t, m.ID, partner.MergeUpsert, many(5000, 100))
	if n := len(plan.Clashes); n != partner.MaxClashes {
		t.Errorf("%d clashes, want %d", n, partner.MaxClashes)
	}
	plan = e.load(t, m.ID, partner.MergeUpsert, many(6000, 1))
	if n := len(plan.Clashes); n != 16 {
		t.Errorf("%d clashes of one product, want 16", n)
	}
	holders := must[[]partner.CodeHolder](t, "holders")(e.CodeHolders(e.ctx, m.ID, []string{"nobody's", "e", "shared", "b"}, 2))
	if want := []partner.CodeHolder{{Code: "b", Product: 2}, {Code: "b", Product: 3}, {Code: "e", Product: 4}, {Code: "e", Product: 8}, {Code: "shared", Product: 1000}, {Code: "shared", Product: 1001}}; !slices.Equal(holders, want) {
		t.Errorf("holders: got %v, want %v", holders, want)
	}
}

func testMergeModes(t *testing.T, e *env) {
	m := e.merchant(t)
	e.load(t, m.ID, partner.MergeReplace, products(1, 10, "a"))
	changed := products(2, 2, "b")
	changed[0].Codes = []string{"only this", ""}
	plan := e.load(t, m.ID, partner.MergeUpsert, changed, 5, 6, 77)
	if plan.Added != 0 || plan.Changed != 2 || plan.Removed != 2 || plan.Unchanged != 0 {
		t.Errorf("plan = %+v", plan)
	}
	rest := want(products(1, 10, "a"), changed)
	delete(rest, 5)
	delete(rest, 6)
	if got := e.catalog(t, m.ID); !maps.Equal(got, rest) {
		t.Errorf("after an upsert: %v", got)
	}
	for code, ids := range map[string][]feed.ProductID{"code-2": nil, "only this": {2}, "": nil, "code-3": {3}, "code-5": nil, "shared": {1, 3, 4, 7, 8, 9, 10}} {
		if got := must[[]feed.ProductID](t, "code")(e.ProductsByCode(e.ctx, m.ID, code)); !slices.Equal(got, ids) {
			t.Errorf("products with code %q = %v, want %v", code, got, ids)
		}
	}
	// The same again is no change at all.
	if plan := e.load(t, m.ID, partner.MergeUpsert, changed); plan.Changed != 0 || plan.Unchanged != 2 {
		t.Errorf("plan of the same again = %+v", plan)
	}
	id := partner.NewImportID()
	must[int64](t, "stage")(e.StageProducts(e.ctx, m.ID, id, seqOf(changed)))
	_, err := e.Merge(e.ctx, actor, m.ID, id, partner.MergeUpsert, []feed.ProductID{3})
	wantKind(t, "given and removed", err, feed.KindInvalid)
	_, err = e.Merge(e.ctx, actor, m.ID, id, partner.MergeReplace, []feed.ProductID{9})
	wantKind(t, "replacement with a list", err, feed.KindInvalid)
	must[partner.MergePlan](t, "merge")(e.Merge(e.ctx, actor, m.ID, id, partner.MergeUpsert, nil))
	_, err = e.Merge(e.ctx, actor, m.ID, id, partner.MergeUpsert, nil)
	if err == nil {
		t.Error("an import was merged twice")
	}
	if plan := e.load(t, m.ID, partner.MergeReplace, nil); plan.Removed != 8 {
		t.Errorf("replacing by nothing: %+v", plan)
	}
}

// expiring is a context that ends when it has been asked n times: a crash at a
// moment that differs from try to try and is the same in each run.
type expiring struct {
	context.Context
	left   atomic.Int64
	cancel context.CancelFunc
}

func expireAfter(ctx context.Context, n int64) *expiring {
	ctx, cancel := context.WithCancel(ctx)
	e := &expiring{Context: ctx, cancel: cancel}
	e.left.Store(n)
	return e
}

func (e *expiring) tick() {
	if e.left.Add(-1) <= 0 {
		e.cancel()
	}
}

func (e *expiring) Done() <-chan struct{} { e.tick(); return e.Context.Done() }
func (e *expiring) Err() error            { e.tick(); return e.Context.Err() }

func testMergeIsAtomic(t *testing.T, e *env) {
	m := e.merchant(t)
	old := products(1, 300, "a")
	e.load(t, m.ID, partner.MergeReplace, old)
	must[int64](t, "sequence")(e.Sequence(e.ctx))
	lines := len(must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m.ID, 0, 1000)))
	id := partner.NewImportID()
	next := products(200, 300, "b")
	must[int64](t, "stage")(e.StageProducts(e.ctx, m.ID, id, seqOf(next)))
	failed := 0
	for n := int64(1); ; n++ {
		ctx := expireAfter(e.ctx, n)
		_, err := e.Merge(ctx, actor, m.ID, id, partner.MergeReplace, nil)
		ctx.cancel()
		queued := must[[]partner.Change](t, "changes")(e.Changes(e.ctx, m.ID, 1000))
		written := len(must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m.ID, 0, 1000))) - lines
		if err == nil {
			if !maps.Equal(e.catalog(t, m.ID), want(next)) || len(queued) != 499 || written != 1 {
				t.Errorf("after a whole merge: %d products, %d changes, %d lines", len(e.catalog(t, m.ID)), len(queued), written)
			}
			break
		}
		failed++
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("merge cut at %d: %v", n, err)
		}
		if !maps.Equal(e.catalog(t, m.ID), want(old)) || len(queued) != 0 || written != 0 {
			t.Fatalf("merge cut at %d left %d products, %d changes, %d lines", n, len(e.catalog(t, m.ID)), len(queued), written)
		}
	}
	if failed == 0 {
		t.Error("no merge was cut")
	}
}

// testMergeQueue asks that every change leaves its row.
func testMergeQueue(t *testing.T, e *env) {
	m, o := e.account(t)
	changes := func() []partner.Change {
		return must[[]partner.Change](t, "changes")(e.Changes(e.ctx, m.ID, 100_000))
	}
	if list := changes(); len(list) != 1 || list[0].Scope != string(o.ID) || list[0].Product != 0 {
		t.Fatalf("after making an offer: %+v", list)
	}
	e.load(t, m.ID, partner.MergeReplace, products(1, 3, "a"))
	if n := must[int64](t, "sequence")(e.Sequence(e.ctx)); n != 4 || len(changes()) != 0 {
		t.Fatalf("numbered %d changes of 4, %d are left", n, len(changes()))
	}
	e.load(t, m.ID, partner.MergeReplace, slices.Concat(products(1, 1, "b"), products(3, 1, "a")))
	list := changes()
	if len(list) != 2 || list[0].Product != 1 || list[1].Product != 2 || list[0].Cause != "import" || list[0].Time.IsZero() {
		t.Fatalf("changed 1 and removed 2: %+v", list)
	}
	must[int64](t, "sequence")(e.Sequence(e.ctx))
	e.load(t, m.ID, partner.MergeReplace, slices.Concat(products(1, 1, "b"), products(3, 1, "a")))
	if list := changes(); len(list) != 0 {
		t.Errorf("an import without changes queued %+v", list)
	}
	must[partner.Partner](t, "switch")(e.SetPartnerFeed(e.ctx, actor, m.ID, o.Partner, false, 1))
	must[partner.Offer](t, "switch")(e.SetOfferFeed(e.ctx, actor, m.ID, o.ID, false, 1))
	must[partner.Merchant](t, "switch")(e.SetSharing(e.ctx, actor, m.ID, false, 1))
	must[int64](t, "dictionaries")(e.SetDictionaries(e.ctx, actor, m.ID, []byte("d"), 0))
	var scopes []string
	for _, c := range changes() {
		scopes = append(scopes, c.Scope)
	}
	if !slices.Equal(scopes, []string{string(o.Partner), string(o.ID), "merchant", "dictionaries"}) {
		t.Errorf("scopes = %v", scopes)
	}
	// So many products that a row each is no hint any more: more than a fifth.
	must[int64](t, "sequence")(e.Sequence(e.ctx))
	e.load(t, m.ID, partner.MergeUpsert, products(1, 6_000, "c"))
	if list := changes(); len(list) != 1 || list[0].Scope != "catalog" {
		t.Errorf("a large import queued %d rows", len(list))
	}
	must[int64](t, "sequence")(e.Sequence(e.ctx))
	e.load(t, m.ID, partner.MergeUpsert, products(1, 1_100, "d"))
	if list := changes(); len(list) != 1_100 {
		t.Errorf("an import of less than a fifth queued %d rows, want one for each product", len(list))
	}
}

func testStageErrors(t *testing.T, e *env) {
	m := e.merchant(t)
	e.load(t, m.ID, partner.MergeReplace, products(1, 3, "a"))
	broken := errors.New("line 17 is broken")
	id := partner.NewImportID()
	n, err := e.StageProducts(e.ctx, m.ID, id, func(yield func(partner.StagedProduct, error) bool) {
		for _, p := range products(10, 5, "b") {
			if !yield(p, nil) {
				return
			}
		}
		yield(partner.StagedProduct{}, broken)
	})
	if !errors.Is(err, broken) || n != 5 {
		t.Errorf("staged %d, %v, want 5 and the reader's own error", n, err)
	}
	ok(t, "discard", e.DiscardImport(e.ctx, m.ID, id))
	ok(t, "discard twice", e.DiscardImport(e.ctx, m.ID, id))
	_, err = e.Merge(e.ctx, actor, m.ID, id, partner.MergeReplace, nil)
	wantKind(t, "discarded import", err, feed.KindNotFound)
	_, err = e.PlanMerge(e.ctx, m.ID, partner.NewImportID(), partner.MergeReplace, nil)
	wantKind(t, "unknown import", err, feed.KindNotFound)
	for _, bad := range []feed.ProductID{0, -1, feed.MaxProductID + 1} {
		_, err = e.StageProducts(e.ctx, m.ID, partner.NewImportID(), seqOf([]partner.StagedProduct{{ID: bad, Doc: []byte("x")}}))
		wantKind(t, fmt.Sprint("product ", bad), err, feed.KindInvalid)
	}
	if _, err = e.StageProducts(e.ctx, partner.NewMerchantID(), partner.NewImportID(), seqOf(products(1, 1, "a"))); err == nil {
		t.Error("products of a merchant that does not exist were staged")
	}
	if got := e.catalog(t, m.ID); !maps.Equal(got, want(products(1, 3, "a"))) {
		t.Errorf("failed imports changed the catalog: %v", got)
	}
}

func testSweep(t *testing.T, e *env) {
	m := e.merchant(t)
	forgotten, running := partner.NewImportID(), partner.NewImportID()
	must[int64](t, "stage")(e.StageProducts(e.ctx, m.ID, forgotten, seqOf(products(1, 7000, "a"))))
	e.clock.advance(48 * time.Hour)
	must[int64](t, "stage")(e.StageProducts(e.ctx, m.ID, running, seqOf(products(1, 10, "b"))))
	if n := must[int](t, "sweep")(e.SweepImports(e.ctx, e.clock.Now().Add(-24*time.Hour))); n != 1 {
		t.Errorf("swept %d imports, want 1", n)
	}
	_, err := e.Merge(e.ctx, actor, m.ID, forgotten, partner.MergeUpsert, nil)
	wantKind(t, "swept import", err, feed.KindNotFound)
	if plan := must[partner.MergePlan](t, "merge")(e.Merge(e.ctx, actor, m.ID, running, partner.MergeUpsert, nil)); plan.Added != 10 {
		t.Errorf("the import that was running: %+v", plan)
	}
	if n := must[int](t, "sweep")(e.SweepImports(e.ctx, e.clock.Now().Add(time.Hour))); n != 0 {
		t.Errorf("swept %d imports, want none left", n)
	}
}

func testDictionaries(t *testing.T, e *env) {
	m := e.merchant(t)
	if v := must[int64](t, "set")(e.SetDictionaries(e.ctx, actor, m.ID, []byte("one"), 0)); v != 1 {
		t.Errorf("version = %d, want 1", v)
	}
	if v := must[int64](t, "same")(e.SetDictionaries(e.ctx, actor, m.ID, []byte("one"), 1)); v != 1 {
		t.Errorf("version of the same document = %d, want 1", v)
	}
	if v := must[int64](t, "other")(e.SetDictionaries(e.ctx, actor, m.ID, []byte("two"), 1)); v != 2 {
		t.Errorf("version = %d, want 2", v)
	}
	for _, v := range []int64{0, 1, 3} {
		_, err := e.SetDictionaries(e.ctx, actor, m.ID, []byte("three"), v)
		wantKind(t, "stale version", err, feed.KindConflict)
	}
	if doc := must[partner.Document](t, "get")(e.Dictionaries(e.ctx, m.ID)); string(doc.Doc) != "two" || doc.Version != 2 {
		t.Errorf("got %q, version %d", doc.Doc, doc.Version)
	}
	if v := must[int64](t, "empty")(e.SetDictionaries(e.ctx, actor, m.ID, nil, 2)); v != 3 {
		t.Errorf("version = %d, want 3", v)
	}
}

// testSnapshotDoesNotMove changes everything while a snapshot is open and
// half read.
func testSnapshotDoesNotMove(t *testing.T, e *env) {
	m, o := e.account(t)
	old := products(1, 500, "a")
	e.load(t, m.ID, partner.MergeReplace, old)
	must[int64](t, "dictionaries")(e.SetDictionaries(e.ctx, actor, m.ID, []byte("old"), 0))
	g := e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, nil)

	s := must[Snapshot](t, "snapshot")(e.Snapshot(e.ctx, m.ID))
	defer s.Close()
	n := 0
	for p, err := range s.Products(e.ctx) {
		ok(t, "products", err)
		if n++; n == 250 {
			e.load(t, m.ID, partner.MergeReplace, products(400, 500, "b"))
			must[int64](t, "dictionaries")(e.SetDictionaries(e.ctx, actor, m.ID, []byte("new"), 1))
			must[partner.Offer](t, "off")(e.SetOfferFeed(e.ctx, actor, m.ID, o.ID, false, 1))
			e.publish(t, m.ID, o.Profile.FullKey(), feed.KindFull, &g)
		}
		if n > 250 && string(p.Doc) != string(old[n-1].Doc) {
			t.Fatalf("product %d = %q after a merge", p.ID, p.Doc)
		}
	}
	if n != 500 || !maps.Equal(contents(t, e.ctx, s), want(old)) {
		t.Errorf("the snapshot shows %d products, want the 500 it began with", n)
	}
	if doc := must[[]byte](t, "product")(s.Product(e.ctx, 1)); string(doc) != string(old[0].Doc) {
		t.Errorf("product 1 = %q", doc)
	}
	if doc := must[[]byte](t, "product")(s.Product(e.ctx, 600)); doc != nil {
		t.Errorf("product 600 = %q", doc)
	}
	if doc := must[partner.Document](t, "dictionaries")(s.Dictionaries(e.ctx)); string(doc.Doc) != "old" {
		t.Errorf("dictionaries = %q", doc.Doc)
	}
	if list := must[[]partner.Offer](t, "offers")(s.Offers(e.ctx)); len(list) != 1 || !list[0].FeedEnabled {
		t.Errorf("offers = %+v", list)
	}
	if list := must[[]partner.Partner](t, "partners")(s.Partners(e.ctx)); len(list) != 1 {
		t.Errorf("partners = %+v", list)
	}
	if now, found, err := s.Current(e.ctx, feed.KindFull, o.Profile.FullKey()); err != nil || !found || now.Number != g.Number {
		t.Errorf("current = %d, %v, %v, want %d", now.Number, found, err, g.Number)
	}
	if now, _, err := e.Current(e.ctx, publish.FeedRef{Merchant: string(m.ID), Kind: feed.KindFull, Key: o.Profile.FullKey()}); err != nil || now.Number == g.Number {
		t.Errorf("outside of the snapshot: current = %d, %v", now.Number, err)
	}
	if _, err := e.Snapshot(e.ctx, partner.NewMerchantID()); feed.KindOf(err) != feed.KindNotFound {
		t.Errorf("snapshot of nobody: %v", err)
	}
}
