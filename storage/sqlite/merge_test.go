package sqlite_test

import (
	"crypto/sha256"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/internal/partner"
	"feedmill/storage/sqlite"
)

// TestStepsOfMerge checks that a merge in many small steps does what one in few
// does: plan, products, codes and queue.
func TestStepsOfMerge(t *testing.T) {
	t.Parallel()
	dbs := []*sqlite.DB{setup(t, sqlite.Options{}), setup(t, sqlite.Options{})}
	rapid.Check(t, func(rt *rapid.T) {
		dbs[1].MergeSteps(rapid.IntRange(1, 5).Draw(rt, "compare"), rapid.IntRange(1, 60).Draw(rt, "codes"), rapid.IntRange(1, 4).Draw(rt, "write"))
		merchant := partner.NewMerchantID()
		for _, db := range dbs {
			if _, err := db.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: merchant, Name: "m"}); err != nil {
				rt.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 4).Draw(rt, "imports") {
			list := stagedProducts(rt)
			mode := rapid.SampledFrom([]partner.MergeMode{partner.MergeReplace, partner.MergeUpsert}).Draw(rt, "mode")
			var removed []feed.ProductID
			if mode == partner.MergeUpsert {
				removed = rapid.SliceOfN(rapid.Map(rapid.Int64Range(1, 30), func(n int64) feed.ProductID { return feed.ProductID(n) }), 0, 8).Draw(rt, "removed")
			}
			var outcomes [2]any
			for i, db := range dbs {
				outcomes[i] = mergeOutcome(rt, t, db, merchant, list, mode, removed)
			}
			if !reflect.DeepEqual(outcomes[0], outcomes[1]) {
				rt.Fatalf("in few steps:\n%+v\nin many:\n%+v", outcomes[0], outcomes[1])
			}
		}
	})
}

func stagedProducts(t *rapid.T) (list []partner.StagedProduct) {
	ids := rapid.SliceOfNDistinct(rapid.Int64Range(1, 30), 0, 20, rapid.ID[int64]).Draw(t, "ids")
	slices.Sort(ids)
	for _, id := range ids {
		p := partner.StagedProduct{ID: feed.ProductID(id), Doc: fmt.Appendf(nil, "%d in revision %d", id, rapid.IntRange(0, 2).Draw(t, "revision"))}
		p.Codes = rapid.SliceOfN(rapid.SampledFrom([]string{"", "a", "b", "cc", fmt.Sprintf("own-%d", id)}), 0, 4).Draw(t, "codes")
		p.Digest = sha256.Sum256(fmt.Appendf(slices.Clone(p.Doc), "%q", p.Codes))
		list = append(list, p)
	}
	return list
}

// mergeOutcome imports, and gives all that an import leaves behind.
func mergeOutcome(rt *rapid.T, t *testing.T, db *sqlite.DB, merchant partner.MerchantID, list []partner.StagedProduct, mode partner.MergeMode, removed []feed.ProductID) any {
	type outcome struct {
		Planned, Merged string
		Products        map[feed.ProductID]string
		Codes           map[string][]feed.ProductID
		Queue           []partner.Change
	}
	ctx, id := t.Context(), partner.NewImportID()
	if _, err := db.StageProducts(ctx, merchant, id, func(yield func(partner.StagedProduct, error) bool) {
		for _, p := range list {
			if !yield(p, nil) {
				return
			}
		}
	}); err != nil {
		rt.Fatal(err)
	}
	o := outcome{Products: map[feed.ProductID]string{}, Codes: map[string][]feed.ProductID{}}
	tell := func(plan partner.MergePlan, err error) string {
		return fmt.Sprintf("%+v, failed: %v", plan, err != nil)
	}
	o.Planned = tell(db.PlanMerge(ctx, merchant, id, mode, removed))
	o.Merged = tell(db.Merge(ctx, partner.Actor{}, merchant, id, mode, removed))
	if o.Planned != o.Merged {
		rt.Fatalf("planned %s\nmerged  %s", o.Planned, o.Merged)
	}
	snap, err := db.Snapshot(ctx, merchant)
	if err != nil {
		rt.Fatal(err)
	}
	defer snap.Close()
	for p, err := range snap.Products(ctx) {
		if err != nil {
			rt.Fatal(err)
		}
		o.Products[p.ID] = string(p.Doc)
	}
	codes := []string{"a", "b", "cc"}
	for n := range 30 {
		codes = append(codes, fmt.Sprintf("own-%d", n+1))
	}
	for _, code := range codes {
		if o.Codes[code], err = db.ProductsByCode(ctx, merchant, code); err != nil {
			rt.Fatal(err)
		}
	}
	if o.Queue, err = db.Changes(ctx, merchant, 1000); err != nil {
		rt.Fatal(err)
	}
	for i := range o.Queue {
		o.Queue[i].Seq, o.Queue[i].Time = 0, time.Time{}
	}
	return o
}
