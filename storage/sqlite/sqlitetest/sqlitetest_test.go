package sqlitetest_test

import (
	"path/filepath"
	"testing"

	"feedmill/feed"
	"feedmill/internal/partner"
	"feedmill/storage/sqlite"
	"feedmill/storage/sqlite/sqlitetest"
)

// A file that was opened before is opened again with what it holds.
func TestOpenAt(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "feedmill.db")
	m := partner.Merchant{ID: partner.NewMerchantID(), Name: "Shop", Currency: feed.MustCurrency("PLN"), Language: feed.MustLanguage("pol")}
	if _, err := sqlitetest.OpenAt(t, path, sqlite.Options{}).CreateMerchant(t.Context(), partner.Actor{Name: "setup"}, m); err != nil {
		t.Fatal(err)
	}
	list, err := sqlitetest.OpenAt(t, path, sqlite.Options{}).Merchants(t.Context())
	if err != nil || len(list) != 1 || list[0].ID != m.ID {
		t.Errorf("got %v, %v, want merchant %s", list, err, m.ID)
	}
	if list, err := sqlitetest.Open(t, sqlite.Options{}).Merchants(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("got %v, %v, want no merchant in a new file", list, err)
	}
}
