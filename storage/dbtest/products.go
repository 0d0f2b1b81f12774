package dbtest

import (
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"feedmill/feed"
	"feedmill/internal/partner"
)

func staged(id feed.ProductID, text string, codes ...string) partner.StagedProduct {
	return partner.StagedProduct{ID: id, Codes: codes, Doc: []byte(text), Digest: sha256.Sum256([]byte(text))}
}

func (e *env) codes(t *testing.T, m partner.MerchantID, code string) []feed.ProductID {
	t.Helper()
	return must[[]feed.ProductID](t, "code")(e.ProductsByCode(e.ctx, m, code))
}

func testPutProducts(t *testing.T, e *env) {
	m := e.merchant(t)
	must[int64](t, "number")(e.Sequence(e.ctx))
	r := must[partner.PutResult](t, "put")(e.PutProducts(e.ctx, actor, m.ID, []partner.StagedProduct{staged(1, "one", "a", "", "a", "b"), staged(2, "two", "b")}, nil))
	if r.Added != 2 || r.Changed+r.Removed+r.Unchanged != 0 || r.Queue == 0 {
		t.Errorf("first put: %+v", r)
	}
	if doc := must[[]byte](t, "product")(e.Product(e.ctx, m.ID, 1)); string(doc) != "one" {
		t.Errorf("product 1 = %q", doc)
	}
	if got := e.codes(t, m.ID, "b"); !slices.Equal(got, []feed.ProductID{1, 2}) {
		t.Errorf("code b is of %v", got)
	}
	changes := must[[]partner.Change](t, "changes")(e.Changes(e.ctx, m.ID, 100))
	if len(changes) != 2 || changes[1].Seq != r.Queue || changes[0].Cause != "api" || changes[0].Product+changes[1].Product != 3 {
		t.Errorf("changes = %+v, the result names %d", changes, r.Queue)
	}
	r = must[partner.PutResult](t, "again")(e.PutProducts(e.ctx, actor, m.ID, []partner.StagedProduct{staged(1, "one", "a", "b"), staged(2, "two!", "c")}, []feed.ProductID{9}))
	if r.Unchanged != 1 || r.Changed != 1 || r.Added+r.Removed != 0 {
		t.Errorf("second put: %+v", r)
	}
	if got := e.codes(t, m.ID, "b"); !slices.Equal(got, []feed.ProductID{1}) {
		t.Errorf("code b is of %v", got)
	}
	lines := len(must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m.ID, 0, 100)))
	r = must[partner.PutResult](t, "nothing")(e.PutProducts(e.ctx, actor, m.ID, []partner.StagedProduct{staged(1, "one", "a", "b")}, nil))
	if r.Unchanged != 1 || r.Queue != 0 || len(must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, m.ID, 0, 100))) != lines {
		t.Errorf("a put of what is there: %+v", r)
	}
	// All or nothing.
	_, err := e.PutProducts(e.ctx, actor, m.ID, []partner.StagedProduct{staged(3, "three"), staged(0, "none")}, nil)
	wantKind(t, "an id that is none", err, feed.KindInvalid)
	_, err = e.PutProducts(e.ctx, actor, m.ID, []partner.StagedProduct{staged(3, "three")}, []feed.ProductID{3})
	wantKind(t, "put and removed", err, feed.KindInvalid)
	_, err = e.Product(e.ctx, m.ID, 3)
	wantKind(t, "half a put", err, feed.KindNotFound)
	r = must[partner.PutResult](t, "remove")(e.PutProducts(e.ctx, actor, m.ID, nil, []feed.ProductID{1, 1, 7}))
	if r.Removed != 1 || len(e.codes(t, m.ID, "a")) != 0 {
		t.Errorf("removed: %+v", r)
	}
	_, err = e.PutProducts(e.ctx, actor, partner.NewMerchantID(), []partner.StagedProduct{staged(1, "x")}, nil)
	wantKind(t, "products of nobody", err, feed.KindNotFound)

	var many []partner.StagedProduct
	for id := feed.ProductID(100); id < 350; id++ {
		many = append(many, staged(id, "many", "x-1", "y"))
	}
	must[partner.PutResult](t, "many")(e.PutProducts(e.ctx, actor, m.ID, many, nil))
	var ids []feed.ProductID
	for after := feed.ProductID(0); ; {
		page := must[[]partner.StoredProduct](t, "page")(e.ProductPage(e.ctx, m.ID, after, 100))
		if len(page) == 0 {
			break
		}
		for _, p := range page {
			ids = append(ids, p.ID)
			after = p.ID
		}
	}
	if len(ids) != 251 || !slices.IsSorted(ids) {
		t.Errorf("pages have %d products", len(ids))
	}
	if got := must[[]feed.ProductID](t, "prefix")(e.ProductsByPrefix(e.ctx, m.ID, "x-", 3)); !slices.Equal(got, []feed.ProductID{100, 101, 102}) {
		t.Errorf("codes that begin with x-: %v", got)
	}
	if got := must[[]feed.ProductID](t, "prefix")(e.ProductsByPrefix(e.ctx, m.ID, "z", 3)); len(got) != 0 {
		t.Errorf("codes that begin with z: %v", got)
	}
}

func testEditProducts(t *testing.T, e *env) {
	m := e.merchant(t)
	must[partner.PutResult](t, "put")(e.PutProducts(e.ctx, actor, m.ID, []partner.StagedProduct{staged(1, "1", "a"), staged(2, "2", "b")}, nil))
	more := func(p partner.StoredProduct) (partner.StagedProduct, error) {
		return staged(p.ID, string(p.Doc)+"+", "new"), nil
	}
	r := must[partner.PutResult](t, "edit")(e.EditProducts(e.ctx, actor, m.ID, []feed.ProductID{1, 2}, more))
	if r.Changed != 2 || r.Queue == 0 {
		t.Errorf("edited: %+v", r)
	}
	if doc := must[[]byte](t, "product")(e.Product(e.ctx, m.ID, 2)); string(doc) != "2+" || len(e.codes(t, m.ID, "b")) != 0 || len(e.codes(t, m.ID, "new")) != 2 {
		t.Errorf("product 2 = %q", doc)
	}
	_, err := e.EditProducts(e.ctx, actor, m.ID, []feed.ProductID{1, 5}, more)
	wantKind(t, "a product that is not there", err, feed.KindNotFound)
	stop := errors.New("stop")
	_, err = e.EditProducts(e.ctx, actor, m.ID, []feed.ProductID{1, 2}, func(p partner.StoredProduct) (partner.StagedProduct, error) {
		if p.ID == 2 {
			return partner.StagedProduct{}, stop
		}
		return more(p)
	})
	if !errors.Is(err, stop) {
		t.Errorf("the editor's error came back as %v", err)
	}
	if doc := must[[]byte](t, "product")(e.Product(e.ctx, m.ID, 1)); string(doc) != "1+" {
		t.Errorf("half an edit was done: %q", doc)
	}
	// Edits of many at once: none of them is lost.
	done := make(chan error, 8)
	for range 8 {
		go func() {
			_, err := e.EditProducts(e.ctx, actor, m.ID, []feed.ProductID{2, 1}, more)
			done <- err
		}()
	}
	for range 8 {
		ok(t, "edit", <-done)
	}
	if doc := must[[]byte](t, "product")(e.Product(e.ctx, m.ID, 1)); string(doc) != "1+++++++++" {
		t.Errorf("after nine edits: %q", doc)
	}
}
