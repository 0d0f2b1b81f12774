package manage_test

import (
	"context"
	"fmt"
	"time"

	"feedmill/internal/manage"
	"feedmill/internal/partner"
	"feedmill/storage/fsstore"
	"feedmill/storage/sqlite"
)

func ExampleNew() {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, "feedmill.db", sqlite.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	files, err := fsstore.Open("store", fsstore.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer files.Close()
	service := manage.New(db, func(ctx context.Context, m partner.MerchantID) (manage.Catalog, error) { return db.Snapshot(ctx, m) }, files, time.Now)

	who, err := service.Authenticate(ctx, "fmk_...")
	if err != nil {
		fmt.Println(err)
		return
	}
	off := false
	set, err := service.PlanPartners(ctx, who, manage.Selection{Tag: "retail"}, manage.PartnerChange{Feed: &off})
	if err != nil {
		fmt.Println(err)
		return
	}
	told, err := service.Preview(ctx, who, set)
	for _, o := range told.Offers {
		fmt.Println(o.PartnerName, "would lose", o.Lost, "products", err)
	}
	if _, err := service.Change(ctx, who, set); err != nil {
		fmt.Println(err)
	}
}
