package publish_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"

	"pgregory.net/rapid"
)

// Whatever happens to the catalog and the clock, a full file and the changes
// after it give the next full file, node by node; labels ascend as text, light
// is complete, and a run without changes publishes nothing.
func TestFullPlusChangesIsNextFull(t *testing.T) {
	t.Parallel()
	spools := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		spool := filepath.Join(spools, fmt.Sprint(n))
		if err := os.Mkdir(spool, 0o755); err != nil {
			t.Fatal(err)
		}
		s := newShop(spool)
		s.settings.MaxLoss = 100
		for id := range rapid.IntRange(1, 12).Draw(t, "products") {
			s.set(feed.ProductID(id+1), 100, 5, "a")
		}
		s.mustRun(t)
		gen := s.generation(feed.KindFull)
		base, _ := nodes(s.bytes(gen.File(feed.KindFull)))
		baseNumber := gen.Number
		var labels []string
		for range rapid.IntRange(1, 6).Draw(t, "runs") {
			for range rapid.IntRange(0, 4).Draw(t, "edits") {
				id := feed.ProductID(rapid.IntRange(1, 16).Draw(t, "id"))
				if rapid.IntRange(0, 3).Draw(t, "remove") == 0 && len(s.products) > 1 {
					s.remove(id)
				} else {
					s.set(id, rapid.Int64Range(1, 3).Draw(t, "price"), rapid.Int64Range(0, 2).Draw(t, "stock"), rapid.SampledFrom([]string{"a", "b & <c>"}).Draw(t, "name"))
				}
			}
			if len(s.products) == 0 {
				s.set(1, 1, 1, "a")
			}
			s.now = s.now.Add(time.Duration(rapid.Int64Range(-7200, 7200).Draw(t, "seconds")) * time.Second)
			s.mustRun(t)
			again := s.mustRun(t)
			for _, f := range again.Feeds {
				if f.Published {
					t.Fatalf("%v is published again though nothing has changed", f.Feed)
				}
			}
		}
		gen = s.generation(feed.KindFull)
		var changes []string
		for _, f := range slices.Backward(gen.Files) {
			if f.Kind != feed.KindFullChange {
				continue
			}
			labels = append(labels, f.Label)
			if f.Generation > baseNumber {
				changes = append(changes, s.bytes(&f))
			}
		}
		if !slices.IsSorted(labels) || len(slices.Compact(slices.Clone(labels))) != len(labels) {
			t.Fatalf("labels %v do not strictly ascend", labels)
		}
		// What a full file made now would hold.
		s.settings.Force = true
		s.mustRun(t)
		forced := s.generation(feed.KindFull)
		want, order := nodes(s.bytes(forced.File(feed.KindFull)))
		if got := apply(base, changes); !maps.Equal(got, want) {
			t.Fatalf("full + changes = %q, want %q", got, want)
		}
		if twice := apply(apply(base, changes), changes); !maps.Equal(twice, want) {
			t.Fatalf("applied twice: %q, want %q", twice, want)
		}
		ids := slices.Sorted(maps.Keys(s.products))
		if len(order) != len(ids) || !slices.IsSortedFunc(order, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) }) {
			t.Fatalf("full lists %v, want %v in order", order, ids)
		}
		light := s.generation(feed.KindLight)
		inLight, _ := nodes(s.bytes(light.File(feed.KindLight)))
		for _, id := range ids {
			if inLight[fmt.Sprint(id)] == "" {
				t.Fatalf("light lacks product %d", id)
			}
		}
	})
}

func TestFirstRunMakesEveryFile(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	s.profiles[0].CSV = true
	s.settings.Gzip = true
	s.set(7, 100, 1, "x")
	s.mustRun(t)
	full, light := s.generation(feed.KindFull), s.generation(feed.KindLight)
	for _, k := range append(feed.DictionaryKinds(), feed.KindFull, feed.KindFullCSV) {
		if full.File(k) == nil {
			t.Errorf("no %v", k)
		}
	}
	if light.File(feed.KindLight) == nil || light.File(feed.KindLightCSV) == nil {
		t.Error("no light, or no light.csv")
	}
	for _, g := range []publish.Generation{full, light} {
		for _, f := range g.Files {
			data := s.blobs[f.Plain.Key]
			if f.Plain.Size != int64(len(data)) || f.Plain.MD5 != md5.Sum(data) || f.Plain.SHA256 != sha256.Sum256(data) {
				t.Errorf("%v: size or hash is not of its bytes", f.Kind)
			}
			if f.Gzip.IsZero() {
				continue
			}
			zr, err := gzip.NewReader(bytes.NewReader(s.blobs[f.Gzip.Key]))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(zr); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%v: the compressed twin unpacks to something else (%v)", f.Kind, err)
			}
		}
	}
	if f := full.File(feed.KindFull); f.Gzip.IsZero() || f.Products != 1 {
		t.Errorf("full: gzip %v, %d products", f.Gzip, f.Products)
	}
}

// goneRow matches the light.csv record of the product that has gone.
var goneRow = regexp.MustCompile(`(?m)^2,23\.0,PLN,1\.23,1\.00,.*2-uniw.*,0\r?$`)

// A product that has gone stays in light with quantity 0 until its time is up,
// and comes back with its stock.
func TestGoneProductIsSoldOutInLight(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	s.settings.Validity = 365 * 24 * time.Hour
	s.profiles[0].CSV = true
	s.set(1, 100, 5, "stays")
	s.set(2, 100, 6, "goes")
	s.mustRun(t)
	quantity := func(id string) string {
		g := s.generation(feed.KindLight)
		byID, _ := nodes(s.bytes(g.File(feed.KindLight)))
		m := regexp.MustCompile(` quantity="([^"]*)"`).FindStringSubmatch(byID[id])
		if m == nil {
			return "absent"
		}
		return m[1]
	}
	if q := quantity("2"); q != "6" {
		t.Fatalf("quantity %s before, want 6", q)
	}
	gone := s.products[2]
	s.remove(2)
	s.mustRun(t)
	for range 3 {
		if q := quantity("2"); q != "0" {
			t.Fatalf("quantity %s after the product has gone, want 0", q)
		}
		g := s.generation(feed.KindLight)
		if csv := s.bytes(g.File(feed.KindLightCSV)); !goneRow.MatchString(csv) {
			t.Fatalf("light.csv lacks the product that has gone, with quantity 0:\n%s", csv)
		}
		s.now = s.now.Add(4 * 24 * time.Hour)
		s.set(1, s.now.Unix()%1000, 5, "stays")
		s.mustRun(t)
	}
	s.now = s.now.Add(3 * 24 * time.Hour)
	s.mustRun(t)
	if q := quantity("2"); q != "absent" {
		t.Fatalf("quantity %s after 15 days, want none", q)
	}
	s.put(gone)
	s.mustRun(t)
	if q := quantity("2"); q != "6" {
		t.Fatalf("quantity %s after it came back, want 6", q)
	}
}

func TestLossIsHeld(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	for id := range 100 {
		s.set(feed.ProductID(id+1), 100, 1, "x")
	}
	s.mustRun(t)
	before := s.generation(feed.KindFull)
	for id := range 21 {
		s.remove(feed.ProductID(id + 1))
	}
	for _, f := range s.mustRun(t).Feeds {
		if f.Held == nil || f.Held.Removed != 21 || f.Held.Before != 100 || f.Published {
			t.Fatalf("losing 21 of 100 products: %+v", f)
		}
	}
	if now := s.generation(feed.KindFull); now.Number != before.Number {
		t.Fatal("a held generation is current")
	}
	s.settings.MaxLoss = 100
	s.mustRun(t)
}

func TestDamagedStateStartsNewEpoch(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	for id := range 40 {
		s.set(feed.ProductID(id+1), 100, 1, "x")
	}
	s.mustRun(t)
	s.set(3, 200, 1, "y")
	s.now = s.now.Add(time.Minute)
	s.mustRun(t)
	before := s.generation(feed.KindFull)
	if len(before.Files) < 2 || before.File(feed.KindFullChange) == nil {
		t.Fatal("no change file to lose")
	}
	state := s.blobs[before.State.Key]
	state[len(state)/2] ^= 0xff
	// Whoever looks there finds it out, and so does who compares the whole.
	s.set(4, 200, 1, "y")
	s.mustRun(t)
	after := s.generation(feed.KindFull)
	if after.Epoch != before.Epoch+1 || after.Base != before.Number || after.File(feed.KindFullChange) != nil {
		t.Fatalf("epoch %d, base %d, change %v; want epoch %d, base %d and no change file", after.Epoch, after.Base, after.File(feed.KindFullChange), before.Epoch+1, before.Number)
	}
	if byID, _ := nodes(s.bytes(after.File(feed.KindFull))); len(byID) != 40 {
		t.Fatalf("the new full file has %d products, want 40", len(byID))
	}
}

// Where the state is gone other files may be too, as in a store that was put back to
// what it was a day before: dictionaries that cannot be read are made anew, others keep
// their files.
func TestNewEpochListsNoDictionaryThatIsGone(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	for id := range 40 {
		s.set(feed.ProductID(id+1), 100, 1, "x")
	}
	s.mustRun(t)
	before := s.generation(feed.KindFull)
	delete(s.blobs, before.State.Key)
	delete(s.blobs, before.File(feed.KindProducers).Plain.Key)
	s.blobs[before.File(feed.KindSizes).Plain.Key][9] ^= 0xff
	s.set(3, 200, 1, "y")
	s.now = s.now.Add(time.Minute)
	s.mustRun(t)
	after := s.generation(feed.KindFull)
	if after.Epoch != before.Epoch+1 {
		t.Fatalf("epoch %d, want %d", after.Epoch, before.Epoch+1)
	}
	for _, k := range feed.DictionaryKinds() {
		was, is := before.File(k), after.File(k)
		lost := k == feed.KindProducers || k == feed.KindSizes
		if was == nil || is == nil || (was.Plain.Key != is.Plain.Key) != lost {
			t.Errorf("%s: file %+v after %+v, want a new one: %v", k, is, was, lost)
			continue
		}
		if data, ok := s.blobs[is.Plain.Key]; !ok || sha256.Sum256(data) != is.Plain.SHA256 {
			t.Errorf("%s: what is listed cannot be read", k)
		}
	}
}

// What is asked to make every file anew lists no change file that cannot be read:
// nothing else replaces that.
func TestDamagedChangeFileGoesWithEveryFileMadeAnew(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(s *shop, key string){
		"missing": func(s *shop, key string) { delete(s.blobs, key) },
		"changed": func(s *shop, key string) { s.blobs[key][9] ^= 0xff },
		"whole":   nil,
	} {
		s := newShop(t.TempDir())
		for id := range 40 {
			s.set(feed.ProductID(id+1), 100, 1, "x")
		}
		s.mustRun(t)
		s.set(3, 200, 1, "y")
		s.now = s.now.Add(time.Minute)
		s.mustRun(t)
		before := s.generation(feed.KindFull)
		want := before.Epoch
		if damage != nil {
			want++
			damage(s, before.File(feed.KindFullChange).Plain.Key)
		}
		s.settings.Force = true
		s.now = s.now.Add(time.Minute)
		s.mustRun(t)
		after := s.generation(feed.KindFull)
		if after.Epoch != want || (after.File(feed.KindFullChange) == nil) != (damage != nil) {
			t.Errorf("%s: epoch %d and change file %v, want epoch %d", name, after.Epoch, after.File(feed.KindFullChange), want)
		}
	}
}

func TestFailedStoreLeavesEverything(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	s.set(1, 100, 1, "x")
	s.mustRun(t)
	before := maps.Clone(s.current)
	s.set(1, 200, 1, "x")
	s.putErr = errors.New("disk is full")
	if _, err := s.run(); !errors.Is(err, s.putErr) {
		t.Fatalf("run gives %v, want %v", err, s.putErr)
	}
	if left, err := os.ReadDir(s.spool); err != nil || len(left) > 0 {
		t.Fatalf("the spool folder holds %v, %v", left, err)
	}
	for ref, g := range before {
		if s.current[ref].Number != g.Number {
			t.Fatalf("%v has moved", ref)
		}
	}
}

// Profiles that differ in discount share one full feed; each has its light.
func TestProfilesShareFull(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	s.set(1, 1000, 1, "x")
	ten, err := feed.ParseDiscount("10")
	if err != nil {
		t.Fatal(err)
	}
	other := s.profiles[0]
	other.Discounts.Overall = ten
	s.profiles = append(s.profiles, other, s.profiles[0])
	r := s.mustRun(t)
	kinds := map[feed.Kind]int{}
	for _, f := range r.Feeds {
		kinds[f.Feed.Kind]++
	}
	if kinds[feed.KindFull] != 1 || kinds[feed.KindLight] != 2 {
		t.Fatalf("feeds %v, want one full and two light", kinds)
	}
}

func TestExpiryIsRenewedWithoutChanges(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	s.set(1, 100, 1, "x")
	s.mustRun(t)
	before := s.generation(feed.KindLight)
	s.now = s.now.Add(4 * 24 * time.Hour)
	s.mustRun(t)
	full, light := s.generation(feed.KindFull), s.generation(feed.KindLight)
	if !light.Expires.After(before.Expires) || full.File(feed.KindFull).Generation != full.Number || full.File(feed.KindUnits).Generation != full.Number {
		t.Fatalf("after half of the validity light expires %v (before %v), full is of generation %d of %d", light.Expires, before.Expires, full.File(feed.KindFull).Generation, full.Number)
	}
	if full.File(feed.KindFullChange) != nil {
		t.Fatal("a change file without changes")
	}
}

func TestLargeChangeMakesNewFull(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	for id := range 10 {
		s.set(feed.ProductID(id+1), 100, 1, "x")
	}
	s.mustRun(t)
	s.set(1, 200, 1, "x")
	s.mustRun(t)
	if g := s.generation(feed.KindFull); g.File(feed.KindFull).Generation == g.Number {
		t.Fatal("one change in ten makes a new full file")
	}
	for id := range 3 {
		s.set(feed.ProductID(id+2), 300, 1, "x")
	}
	s.mustRun(t)
	g := s.generation(feed.KindFull)
	if g.File(feed.KindFull).Generation != g.Number || g.File(feed.KindFullChange).Generation != g.Number {
		t.Fatal("four changes in ten make no new full file, or no change file beside it")
	}
}

// What a profile leaves out is not named by what it shows.
func TestFullNamesOnlyWhatItShows(t *testing.T) {
	t.Parallel()
	s := newShop(t.TempDir())
	for id := range 4 {
		s.set(feed.ProductID(id+1), 100, 1, "x")
	}
	for id, group := range map[feed.ProductID]*feed.Group{1: {ID: "1", First: "1", FirstCode: "1-uniw"}, 2: {ID: "1", First: "1", FirstCode: "1-uniw"}, 3: {ID: "1"}} {
		p := s.products[id]
		p.Group = group
		p.Group.Parameter.Names = feed.Texts{{Lang: feed.MustLanguage("pol"), Value: "Kolor"}}
		p.Group.Value.Names = feed.Texts{{Lang: feed.MustLanguage("pol"), Value: "a"}}
		s.put(p)
	}
	set := s.products[4]
	set.Type, set.Bundled = feed.TypeBundle, &feed.Bundled{Components: []feed.Component{{ID: "1", Quantity: feed.Pieces(1)}, {ID: "2", Quantity: feed.Pieces(1)}}}
	s.put(set)
	without := s.profiles[0]
	without.Assortment.Exclude = []feed.Rule{{Field: feed.RuleProduct, Value: "1"}}
	s.profiles = append(s.profiles, without)
	s.mustRun(t)
	for ref, g := range s.current {
		if ref.Kind != feed.KindFull {
			continue
		}
		byID, _ := nodes(s.bytes(g.File(feed.KindFull)))
		switch len(byID) {
		case 4:
			if !regexp.MustCompile(`<group id="1" first_product_id="1".*code_iai="1-uniw"`).MatchString(byID["2"]) || !regexp.MustCompile(`type="bundle".*<bundled`).MatchString(byID["4"]) {
				t.Errorf("with everything shown: %v", byID)
			}
		case 3:
			for _, id := range []string{"2", "3"} {
				if !regexp.MustCompile(`<group id="1" first_product_id="2".*code_iai="2-uniw"`).MatchString(byID[id]) {
					t.Errorf("product %s is not led by the first that is shown: %s", id, byID[id])
				}
			}
			if regexp.MustCompile(`bundle`).MatchString(byID["4"]) {
				t.Errorf("a set without one of its components is told as a set: %s", byID["4"])
			}
		default:
			t.Errorf("%d products in full", len(byID))
		}
	}
	again := s.mustRun(t)
	for _, f := range again.Feeds {
		if f.Published {
			t.Errorf("%v is published again though nothing has changed", f.Feed)
		}
	}
}
