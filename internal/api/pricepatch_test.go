package api_test

import (
	"bytes"
	"net/http"
	"testing"

	"feedmill/internal/api"
	"feedmill/internal/partner"
)

// TestPricesThatAreNone says of a price that cannot be taken which one it is and
// why, and changes nothing.
func TestPricesThatAreNone(t *testing.T) {
	t.Parallel()
	w := setup(t, "sqlite", api.Options{})
	key := w.key(w.mine, partner.KeyScopes)
	const product = `[{"id":1,"name":"A","vat":"23","currency":"PLN","category":"A","unit":"szt.","price":"10","sizes":[{"code":"A-1"}]}]`
	if a := w.do(request{method: "POST", path: "/products", key: key, body: product}); a.status != http.StatusOK {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	before := w.do(request{method: "GET", path: "/products/1", key: key}).body
	for _, c := range []struct{ price, want string }{
		{`"price": {"net": "1e3"}`, `the price: `},
		{`"price": {"gross": "-5"}`, `the price: `},
		{`"wholesale": {"net": "1.234"}`, `the wholesale price: `},
		{`"price": {"net": "10", "gross": "99"}`, `do not agree`},
	} {
		a := w.do(request{method: "PATCH", path: "/products", key: key, body: `{"patches": [{"code": "A-1", ` + c.price + `}]}`})
		if a.status != http.StatusUnprocessableEntity || !bytes.Contains(a.body, []byte(c.want)) || !bytes.Contains(a.body, []byte(`"pointer":"/patches/0"`)) {
			t.Errorf("%s: got %d %s, want %q", c.price, a.status, a.body, c.want)
		}
	}
	if after := w.do(request{method: "GET", path: "/products/1", key: key}).body; !bytes.Equal(after, before) {
		t.Errorf("the product has changed: %s", after)
	}
}
