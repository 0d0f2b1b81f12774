package catalog_test

import (
	"strings"
	"testing"

	"feedmill/feed"
)

// Columns as other programs call them are told by our name, however unlike it is.
func TestColumnsOfOtherPrograms(t *testing.T) {
	t.Parallel()
	for column, want := range map[string]string{"EAN": "gtin", "Barcode": "gtin", "SKU": "code", "Title": "name", "Brand": "producer", "Qty": "stock",
		"Image URL": "image", "RRP": "srp", "price_netto": "price_net", "Tax rate": "vat"} {
		o := readText(t, polish(), "c.csv", "id,"+column+"\n")
		if hint := feed.HintOf(o.err); !strings.HasPrefix(hint, "did you mean "+want+"?") {
			t.Errorf("column %s: got %v (%s)", column, o.err, hint)
		}
	}
}
