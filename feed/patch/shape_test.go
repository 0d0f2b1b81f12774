package patch_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"feedmill/feed"
	"feedmill/feed/patch"
)

func offerOf(products string) []byte {
	return []byte(`<offer xmlns:iof="http://www.iai-shop.com/developers/iof.phtml"><products>` + products + `</products></offer>`)
}

func ExampleCheckKinds() {
	full := patch.Bytes("full.xml", offerOf(`<product id="1"><description><name>Mug</name></description><price net="1"/></product>`))
	light := patch.Bytes("light.xml", offerOf(`<product id="1" vat="23.0"><price net="1"/></product>`))
	fmt.Println(patch.CheckKinds(context.Background(), full, light))
	// Output:
	// light.xml has prices and stock alone, as a light file, and full.xml has whole products
}

func TestCheckKinds(t *testing.T) {
	t.Parallel()
	docs := map[string]patch.Document{
		"full":       patch.Bytes("full", offerOf(`<product id="1"><iof:category id="1" name="x"/></product>`)),
		"sparse":     patch.Bytes("sparse", offerOf(`<product id="1"><price net="1"/></product><product id="2"><parameters/></product>`)),
		"light":      patch.Bytes("light", offerOf(`<product id="1"><sizes><size id="category" code="description"/></sizes></product>`)),
		"tombstones": patch.Bytes("tombstones", offerOf(`<product id="1" removed="yes"/>`)),
		"empty":      patch.Bytes("empty", offerOf("")),
	}
	for _, c := range []struct {
		a, b string
		ok   bool
	}{{"full", "light", false}, {"light", "sparse", false}, {"full", "sparse", true}, {"light", "light", true},
		{"full", "tombstones", true}, {"light", "tombstones", true}, {"light", "empty", true}, {"full", "empty", true}} {
		err := patch.CheckKinds(t.Context(), docs[c.a], docs[c.b])
		if (err == nil) != c.ok || err != nil && feed.KindOf(err) != feed.KindInvalid {
			t.Errorf("%s and %s: got %v, want them to go together: %v", c.a, c.b, err, c.ok)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := patch.CheckKinds(ctx, docs["full"], docs["light"]); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	if err := patch.CheckKinds(t.Context(), patch.Bytes("page", []byte("<html/>"))); feed.KindOf(err) != feed.KindInvalid {
		t.Errorf("a web page: got %v", err)
	}
}
