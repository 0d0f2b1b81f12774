package manage_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// TestUpsertLines writes lines that name entries of the dictionaries by name: what
// is there is meant, what is new is added, and a mistake changes nothing.
func TestUpsertLines(t *testing.T) {
	t.Parallel()
	w := setup(t)
	version, err := w.UpsertDictionaries(w.ctx, w.owner, []byte(`{"record": "category", "id": "21", "name": "Kubki"}`+"\n"), 0)
	check(t, err)
	if version != 1 {
		t.Errorf("version %d, want 1", version)
	}
	line := `{"id": 7, "name": "A", "category": "Kubki", "vat": 23, "price": 12.30, "code": "A-1", "gtin": "5901234123457", "stock": 5}` + "\n"
	r, err := w.UpsertLines(w.ctx, w.owner, []byte(line), false)
	check(t, err)
	if r.Added != 1 || r.Queue == 0 {
		t.Errorf("result %+v", r)
	}
	p, err := w.Product(w.ctx, w.owner, 7)
	check(t, err)
	if p.Category.ID != "21" {
		t.Errorf("category %q, want the one that is there", p.Category.ID)
	}
	for _, code := range []string{"A-1", "5901234123457"} {
		if list, err := w.SearchProducts(w.ctx, w.owner, code, 0, 0); err != nil || len(list.Products) != 1 {
			t.Errorf("code %s: %v, %v", code, list, err)
		}
	}
	_, version, err = w.Dictionaries(w.ctx, w.owner)
	check(t, err)
	if r, err := w.UpsertLines(w.ctx, w.owner, []byte(line), false); err != nil || r.Unchanged != 1 {
		t.Errorf("again: %+v, %v", r, err)
	}
	if _, again, err := w.Dictionaries(w.ctx, w.owner); err != nil || again != version {
		t.Errorf("dictionaries of version %d, %v after the same lines, want %d", again, err, version)
	}
	_, err = w.UpsertLines(w.ctx, w.owner, []byte(line+`{"id": 8, "nam": "x"}`+"\n"), false)
	var lines *manage.LinesError
	if !errors.As(err, &lines) || feed.KindOf(err) != feed.KindInvalid || lines.Problems[0].Line != 2 {
		t.Errorf("a bad second line: %v", err)
	}
	if number, ok, err := w.ChangeNumber(w.ctx, w.owner, r.Queue, time.Minute); err != nil || !ok || number == 0 {
		t.Errorf("number %d, %v, %v", number, ok, err)
	}
	_, err = w.PatchProducts(w.ctx, w.owner, []manage.ProductPatch{{ID: 7, Texts: manage.PriceTexts{List: &manage.PriceText{Net: "10", Gross: "12.30"}, SRP: &manage.PriceText{Net: "20"}}}})
	check(t, err)
	p, err = w.Product(w.ctx, w.owner, 7)
	check(t, err)
	if got := p.Prices.SRP.Gross.Text(p.Currency); got != "24.60" {
		t.Errorf("suggested price %s gross, want 24.60", got)
	}
	_, err = w.PatchProducts(w.ctx, w.owner, []manage.ProductPatch{{ID: 7, Texts: manage.PriceTexts{List: &manage.PriceText{Net: "10", Gross: "12.35"}}}})
	wantKind(t, "sides that do not agree", err, feed.KindInvalid)
}

// TestBoundKeys has a key that is bound to networks be valid from them alone.
func TestBoundKeys(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, secret, err := w.CreateBoundKey(w.ctx, w.owner, "bound", partner.ScopePublish, "203.0.113.0/24", time.Time{})
	check(t, err)
	for from, want := range map[string]bool{"203.0.113.9": true, "::ffff:203.0.113.9": true, "203.0.114.9": false, "2001:db8::1": false, "": false} {
		a, _ := netip.ParseAddr(from)
		_, err := w.AuthenticateFrom(w.ctx, secret.Reveal(), a)
		if (err == nil) != want {
			t.Errorf("from %q: %v, want it valid: %v", from, err, want)
		}
	}
	_, err = w.Authenticate(w.ctx, secret.Reveal())
	wantKind(t, "from nowhere", err, feed.KindForbidden)
	_, _, err = w.CreateBoundKey(w.ctx, w.owner, "bad", partner.ScopePublish, "203.0.113.1/24", time.Time{})
	wantKind(t, "a network with bits behind it", err, feed.KindInvalid)
}
