package records_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"feedmill/internal/partner"
	"feedmill/storage/records"
	"feedmill/storage/sqlite"
)

// A database has the methods of its records; code that has nothing to do with
// the rest of it can be given these alone.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "feedmill.db")
	if _, err := sqlite.Migrate(ctx, path, sqlite.Options{}); err != nil {
		panic(err)
	}
	db, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		panic(err)
	}
	defer db.Close()

	setup := partner.Actor{Name: "setup", Role: "program"}
	m, err := db.CreateMerchant(ctx, setup, partner.Merchant{ID: partner.NewMerchantID(), Name: "Bikes & Co"})
	if err != nil {
		panic(err)
	}
	if err := tellActs(ctx, db.DB, m.ID); err != nil {
		panic(err)
	}
	// Output: setup merchant.create
}

func tellActs(ctx context.Context, kept *records.DB, m partner.MerchantID) error {
	lines, err := kept.Audit(ctx, m, 0, 10)
	for _, line := range lines {
		fmt.Println(line.Actor.Name, line.Action)
	}
	return err
}
