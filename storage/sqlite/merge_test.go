package sqlite_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"feedmill/feed"
	"feedmill/internal/partner"
	"feedmill/storage/sqlite"
)

// TestStepsOfMerge checks that a merge in many small steps does what one in few
// does: plan, products, codes and queue; and that products are found by the codes
// that they were given last, and by no others.
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
		given := map[feed.ProductID][]string{}
		for range rapid.IntRange(1, 4).Draw(rt, "imports") {
			list := stagedProducts(rt)
			mode := rapid.SampledFrom([]partner.MergeMode{partner.MergeReplace, partner.MergeUpsert}).Draw(rt, "mode")
			var removed []feed.ProductID
			if mode == partner.MergeUpsert {
				removed = rapid.SliceOfN(rapid.Map(rapid.Int64Range(1, 30), func(n int64) feed.ProductID { return feed.ProductID(n) }), 0, 8).Draw(rt, "removed")
			}
			var outcomes [2]outcome
			for i, db := range dbs {
				outcomes[i] = mergeOutcome(rt, t, db, merchant, list, mode, removed)
			}
			if !reflect.DeepEqual(outcomes[0], outcomes[1]) {
				rt.Fatalf("in few steps:\n%+v\nin many:\n%+v", outcomes[0], outcomes[1])
			}
			if !outcomes[0].Failed {
				if mode == partner.MergeReplace {
					clear(given)
				}
				for _, id := range removed {
					delete(given, id)
				}
				for _, p := range list {
					given[p.ID] = p.Codes
				}
			}
			if got, want := outcomes[0].Codes, byCode(given); !reflect.DeepEqual(got, want) {
				rt.Fatalf("products by code: got %v, want %v", got, want)
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

// outcome is all that an import leaves behind.
type outcome struct {
	Planned, Merged string
	Failed          bool
	Products        map[feed.ProductID]string
	Codes           map[string][]feed.ProductID
	Queue           []partner.Change
}

// byCode gives the products of each code, in order.
func byCode(given map[feed.ProductID][]string) map[string][]feed.ProductID {
	found := map[string][]feed.ProductID{}
	for id, codes := range given {
		for _, code := range codes {
			if code != "" && !slices.Contains(found[code], id) {
				found[code] = append(found[code], id)
			}
		}
	}
	for _, ids := range found {
		slices.Sort(ids)
	}
	return found
}

// mergeOutcome imports, and looks at what that did.
func mergeOutcome(rt rapid.TB, t *testing.T, db *sqlite.DB, merchant partner.MerchantID, list []partner.StagedProduct, mode partner.MergeMode, removed []feed.ProductID) outcome {
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
		o.Failed = err != nil
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
		found, err := db.ProductsByCode(ctx, merchant, code)
		if err != nil {
			rt.Fatal(err)
		}
		if len(found) > 0 {
			o.Codes[code] = found
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

// TestMergeOfSameCodes checks that what changes of a product but its codes leaves
// the index of codes alone, which is larger than all that changes in a usual import.
func TestMergeOfSameCodes(t *testing.T) {
	t.Parallel()
	db := setup(t, sqlite.Options{})
	merchant := partner.NewMerchantID()
	if _, err := db.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: merchant, Name: "m"}); err != nil {
		t.Fatal(err)
	}
	product := func(id feed.ProductID, doc string, codes ...string) partner.StagedProduct {
		return partner.StagedProduct{ID: id, Doc: []byte(doc), Codes: codes, Digest: sha256.Sum256([]byte(doc))}
	}
	touched := func() (log []string) {
		rows, err := db.Writer().QueryContext(t.Context(), "SELECT what FROM temp.touched ORDER BY what")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var what string
			if err := rows.Scan(&what); err != nil {
				t.Fatal(err)
			}
			log = append(log, what)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return log
	}
	if _, err := db.PutProducts(t.Context(), partner.Actor{}, merchant, []partner.StagedProduct{
		product(1, "one", "a", "b"), product(2, "two", "c", "d"), product(3, "three", "e")}, nil); err != nil {
		t.Fatal(err)
	}
	for _, watch := range []string{
		"CREATE TEMP TABLE touched (what TEXT)",
		"CREATE TEMP TRIGGER comes AFTER INSERT ON main.product_code BEGIN INSERT INTO touched VALUES ('+' || new.code); END",
		"CREATE TEMP TRIGGER goes AFTER DELETE ON main.product_code BEGIN INSERT INTO touched VALUES ('-' || old.code); END"} {
		if _, err := db.Writer().ExecContext(t.Context(), watch); err != nil {
			t.Fatal(err)
		}
	}
	outcome := mergeOutcome(t, t, db, merchant, []partner.StagedProduct{product(1, "one, cheaper", "b", "a"), product(2, "two, with another code", "c", "f"), product(4, "four", "g")}, partner.MergeReplace, nil)
	if got, want := touched(), []string{"+f", "+g", "-d", "-e"}; !slices.Equal(got, want) {
		t.Errorf("a merge touched %v, want %v (%+v)", got, want, outcome)
	}
	if _, err := db.Writer().ExecContext(t.Context(), "DELETE FROM temp.touched"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.PutProducts(t.Context(), partner.Actor{}, merchant, []partner.StagedProduct{product(1, "one, dearer", "a", "b"), product(2, "two, without codes")}, []feed.ProductID{4}); err != nil {
		t.Fatal(err)
	}
	if got, want := touched(), []string{"-c", "-f", "-g"}; !slices.Equal(got, want) {
		t.Errorf("putting products touched %v, want %v", got, want)
	}
}

// TestCalledOffMerge checks that a merge that was called off while it began
// leaves nothing that stands in the way of the next.
func TestCalledOffMerge(t *testing.T) {
	t.Parallel()
	db := setup(t, sqlite.Options{})
	m := partner.NewMerchantID()
	if _, err := db.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: m, Name: "m"}); err != nil {
		t.Fatal(err)
	}
	id := partner.NewImportID()
	staged := func(yield func(partner.StagedProduct, error) bool) {
		yield(partner.StagedProduct{ID: 1, Doc: []byte("{}")}, nil)
	}
	if _, err := db.StageProducts(t.Context(), m, id, staged); err != nil {
		t.Fatal(err)
	}
	for i := range 3000 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%600)*time.Microsecond)
		_, err := db.PlanMerge(ctx, m, id, partner.MergeReplace, nil)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("called off after %d µs: %v", i%600, err)
		}
	}
	if _, err := db.Merge(t.Context(), partner.Actor{}, m, id, partner.MergeReplace, nil); err != nil {
		t.Error(err)
	}
}

// TestSweepOfUnknownFiles removes files of imports that the records do not know.
func TestSweepOfUnknownFiles(t *testing.T) {
	t.Parallel()
	db := setup(t, sqlite.Options{})
	m := partner.NewMerchantID()
	if _, err := db.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: m, Name: "m"}); err != nil {
		t.Fatal(err)
	}
	known, old, fresh := partner.NewImportID(), partner.NewImportID(), partner.NewImportID()
	staged := func(yield func(partner.StagedProduct, error) bool) {
		yield(partner.StagedProduct{ID: 1, Doc: []byte("{}")}, nil)
	}
	if _, err := db.StageProducts(t.Context(), m, known, staged); err != nil {
		t.Fatal(err)
	}
	other := strings.TrimSuffix(db.StagingPath("x"), "x") + "notes.txt"
	for _, path := range []string{db.StagingPath(old), db.StagingPath(fresh), other} {
		if err := os.WriteFile(path, []byte("what a killed process has left"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	day := time.Now().Add(-24 * time.Hour)
	for _, path := range []string{db.StagingPath(known), db.StagingPath(old), other} {
		if err := os.Chtimes(path, time.Time{}, day.Add(-time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := db.SweepImports(t.Context(), day); n != 1 || err != nil {
		t.Errorf("swept %d, %v, want 1", n, err)
	}
	for path, want := range map[string]bool{db.StagingPath(known): true, db.StagingPath(old): false, db.StagingPath(fresh): true, other: true} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: %v, want it there: %v", path, err, want)
		}
	}
	if _, err := db.Merge(t.Context(), partner.Actor{}, m, known, partner.MergeReplace, nil); err != nil {
		t.Error(err)
	}
}
