package dbtest

import (
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/partner"
)

// testAuditChain follows the chain through acts of several merchants at once.
func testAuditChain(t *testing.T, e *env) {
	m, o := e.account(t)
	other := e.merchant(t)
	if r := must[partner.AuditReport](t, "verify")(e.VerifyAudit(e.ctx, m.ID)); r.Broken != nil || r.Lines != 4 || r.Unchained != 0 {
		t.Fatalf("a new chain: %+v, broken %+v", r, r.Broken)
	}
	noted := must[partner.AuditHead](t, "head")(e.AuditHead(e.ctx, m.ID))
	done := make(chan error, 6)
	for i := range 6 {
		go func() {
			merchant := []partner.MerchantID{m.ID, other.ID}[i%2]
			_, err := e.CreatePartner(e.ctx, actor, partner.Partner{ID: partner.NewID(), Merchant: merchant, Name: "P", Notes: "\u00e9\U0001F600"})
			done <- err
		}()
	}
	for range 6 {
		ok(t, "partner", <-done)
	}
	e.link(t, o)
	r := must[partner.AuditReport](t, "verify")(e.VerifyAudit(e.ctx, m.ID, noted))
	head := must[partner.AuditHead](t, "head")(e.AuditHead(e.ctx, m.ID))
	if r.Broken != nil || r.Lines != 8 || r.Head != head || head.Lines != 8 || head.Hash == noted.Hash {
		t.Errorf("after more acts: %+v, broken %+v, head %v", r, r.Broken, head)
	}
	wrong := noted
	wrong.Hash[3] ^= 1
	if r := must[partner.AuditReport](t, "verify")(e.VerifyAudit(e.ctx, m.ID, wrong)); r.Broken == nil || r.Broken.Number == 0 {
		t.Errorf("a head that was noted otherwise holds: %+v", r)
	}
	late := partner.AuditHead{Lines: 99, Hash: noted.Hash}
	if r := must[partner.AuditReport](t, "verify")(e.VerifyAudit(e.ctx, m.ID, late)); r.Broken == nil {
		t.Errorf("a head beyond the end holds: %+v", r)
	}
	if r := must[partner.AuditReport](t, "verify")(e.VerifyAudit(e.ctx, partner.NewMerchantID())); r.Broken != nil || r.Lines != 0 {
		t.Errorf("an empty audit: %+v", r)
	}
	// Acts on what lies elsewhere are chained as all others.
	ok(t, "note", e.NoteAct(e.ctx, actor, other.ID, "job.cancel", "job 7", partner.Facts{"state": "waiting", "attempt": 1}, partner.Facts{"state": "cancelled", "attempt": 1}))
	lines := must[[]partner.AuditEntry](t, "audit")(e.Audit(e.ctx, other.ID, 0, 100))
	if l := lines[len(lines)-1]; l.Actor != actor || l.Action != "job.cancel" || l.Object != "job 7" || l.Before != `{"state":"waiting"}` || l.After != `{"state":"cancelled"}` || l.Place != int64(len(lines)) {
		t.Errorf("a noted act: %+v", l)
	}
	if r := must[partner.AuditReport](t, "verify")(e.VerifyAudit(e.ctx, other.ID)); r.Broken != nil || r.Lines != int64(len(lines)) {
		t.Errorf("after a noted act: %+v, broken %+v", r, r.Broken)
	}
	if err := e.NoteAct(e.ctx, actor, partner.NewMerchantID(), "job.cancel", "job 7", nil, nil); err == nil {
		t.Error("an act was noted for a merchant whom nobody has")
	}
	// A refused act leaves no line and no gap.
	_, err := e.SetPartnerFeed(e.ctx, actor, m.ID, o.Partner, false, 7)
	wantKind(t, "stale", err, feed.KindConflict)
	e.clock.advance(time.Second)
	must[partner.Partner](t, "off")(e.SetPartnerFeed(e.ctx, actor, m.ID, o.Partner, false, 1))
	if r := must[partner.AuditReport](t, "verify")(e.VerifyAudit(e.ctx, m.ID, noted, head)); r.Broken != nil || r.Lines != 9 {
		t.Errorf("after a refused act: %+v, broken %+v", r, r.Broken)
	}
}

// testDeskIsolation asks for one merchant's things in another's name.
func testDeskIsolation(t *testing.T, e *env) {
	a, o := e.account(t)
	b, other := e.account(t)
	l := e.link(t, o)
	k, _ := partner.NewKey(a.ID, "k", partner.ScopePublish, e.clock.Now(), time.Time{})
	ok(t, "key", e.CreateKey(e.ctx, actor, k))
	must[partner.PutResult](t, "put")(e.PutProducts(e.ctx, actor, a.ID, []partner.StagedProduct{staged(1, "a's", "code")}, nil))
	ok(t, "record", e.RecordDownloads(e.ctx, []partner.Download{download(l, feed.KindFull, 1, e.clock.Now())}))

	_, err := e.SetPartnerSchedule(e.ctx, actor, b.ID, o.Partner, nil, 1)
	wantKind(t, "foreign schedule", err, feed.KindNotFound)
	_, err = e.SetOfferSchedule(e.ctx, actor, b.ID, o.ID, nil, 1)
	wantKind(t, "foreign offer's schedule", err, feed.KindNotFound)
	p := must[partner.Partner](t, "partner")(e.Partner(e.ctx, a.ID, o.Partner))
	_, err = e.ChangeAll(e.ctx, actor, b.ID, partner.Changeset{Partners: []partner.Partner{p}})
	wantKind(t, "foreign partner", err, feed.KindNotFound)
	_, err = e.ChangeAll(e.ctx, actor, b.ID, partner.Changeset{Offers: []partner.Offer{o}})
	wantKind(t, "foreign offer", err, feed.KindNotFound)
	_, err = e.Link(e.ctx, b.ID, l.ID)
	wantKind(t, "foreign link", err, feed.KindNotFound)
	_, err = e.UpdateLink(e.ctx, actor, b.ID, l.ID, partner.LinkSettings{Name: "x"}, 1)
	wantKind(t, "foreign link's settings", err, feed.KindNotFound)
	wantKind(t, "foreign suspension", e.SuspendLink(e.ctx, actor, b.ID, l.ID), feed.KindNotFound)
	wantKind(t, "foreign resumption", e.ResumeLink(e.ctx, actor, b.ID, l.ID), feed.KindNotFound)
	wantKind(t, "foreign key", e.RevokeKey(e.ctx, actor, b.ID, k.ID), feed.KindNotFound)
	ok(t, "foreign key's use", e.UseKey(e.ctx, b.ID, k.ID, e.clock.Now()))
	if got := must[partner.Key](t, "key")(e.FindKey(e.ctx, k.ID)); !got.LastUsed.IsZero() {
		t.Error("a key was used in another merchant's name")
	}
	shop := partner.Shop{ID: o.Shop, Merchant: b.ID, Number: 5, Name: "x", Version: 1}
	_, err = e.UpdateShop(e.ctx, actor, shop)
	wantKind(t, "foreign shop", err, feed.KindNotFound)
	_, err = e.EditProducts(e.ctx, actor, b.ID, []feed.ProductID{1}, func(p partner.StoredProduct) (partner.StagedProduct, error) { return staged(1, "b's"), nil })
	wantKind(t, "foreign product", err, feed.KindNotFound)
	must[partner.PutResult](t, "foreign removal")(e.PutProducts(e.ctx, actor, b.ID, nil, []feed.ProductID{1}))
	if doc := must[[]byte](t, "product")(e.Product(e.ctx, a.ID, 1)); string(doc) != "a's" {
		t.Errorf("a's product is %q", doc)
	}
	must[int64](t, "foreign prune")(e.PruneLedger(e.ctx, b.ID))
	for name, n := range map[string]int{
		"links": len(must[[]partner.Link](t, "links")(e.Links(e.ctx, b.ID, ""))),
		"keys":  len(must[[]partner.Key](t, "keys")(e.Keys(e.ctx, b.ID))),
		"downloads": len(must[[]partner.LedgerEntry](t, "downloads")(e.Downloads(e.ctx, b.ID, partner.LedgerFilter{}, 10))) +
			len(must[[]partner.LedgerEntry](t, "downloads")(e.Downloads(e.ctx, b.ID, partner.LedgerFilter{Offer: o.ID}, 10))) +
			len(must[[]partner.LedgerEntry](t, "downloads")(e.Downloads(e.ctx, b.ID, partner.LedgerFilter{Link: l.ID}, 10))),
		"days":      len(must[[]partner.DownloadDay](t, "days")(e.DownloadDays(e.ctx, b.ID, o.ID, time.Unix(0, 0)))),
		"link days": len(must[[]partner.LinkDay](t, "link days")(e.LinkDays(e.ctx, b.ID, l.ID, time.Unix(0, 0)))),
		"products":  len(must[[]partner.StoredProduct](t, "page")(e.ProductPage(e.ctx, b.ID, 0, 10))) + len(must[[]feed.ProductID](t, "prefix")(e.ProductsByPrefix(e.ctx, b.ID, "", 10))),
	} {
		if n != 0 {
			t.Errorf("b sees %d of a's %s", n, name)
		}
	}
	for _, f := range must[[]partner.Freshness](t, "freshness")(e.Freshness(e.ctx, b.ID)) {
		if f.Offer != other.ID {
			t.Errorf("b is told of offer %s", f.Offer)
		}
	}
}
