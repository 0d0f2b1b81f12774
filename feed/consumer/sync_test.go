package consumer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"feedmill/feed"

	"pgregory.net/rapid"
)

func sync1(t *testing.T, c *Consumer) Report {
	t.Helper()
	r, err := c.Sync(t.Context())
	if err != nil {
		t.Fatalf("sync: %v", err)
	}
	return r
}

// kinds gives the sorted names without the times of change files.
func kinds(list []string) string {
	out := slices.Clone(list)
	for i := range out {
		if strings.HasPrefix(out[i], "full_change") {
			out[i] = "change"
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestOnlyWhatIsNeeded(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		for _, zip := range []bool{false, true} {
			t.Run(fmt.Sprintf("plain=%v,gzip=%v", plain, zip), func(t *testing.T) {
				t.Parallel()
				s := newSupplier(t)
				s.plain, s.zip = plain, zip
				s.publish(products(50, "a"), true)
				c, dir := s.mirror(Options{})
				r := sync1(t, c)
				s.wantHeld(dir, s.sequence)
				if !r.First || !r.Full || !r.Changed || r.Products != 50 || r.Added != 50 || r.Dictionaries != 2 || r.Requests != 6 {
					t.Errorf("got %+v", r)
				}
				if got := kinds(s.names()); got != "categories.xml full.xml gateway.xml light.xml manifest.json sizes.xml" {
					t.Errorf("asked for %s", got)
				}
				// Nothing new: nothing asked for, nothing touched.
				before, err := os.Stat(filepath.Join(dir, fullName))
				if err != nil {
					t.Fatal(err)
				}
				if r = sync1(t, c); r.Changed || r.Full || r.Light || r.Products != 50 {
					t.Errorf("got %+v", r)
				}
				if got := kinds(s.names()); got != "gateway.xml manifest.json" {
					t.Errorf("asked for %s", got)
				}
				after, err := os.Stat(filepath.Join(dir, fullName))
				if err != nil || !os.SameFile(before, after) {
					t.Errorf("full.xml is another file, %v", err)
				}
				// Two changes are applied together.
				s.publish(s.now.with("3", "<a/>").with("7", ""), false)
				s.publish(s.now.with("7", "<b/>").with("100", "<c/>"), false)
				r = sync1(t, c)
				s.wantHeld(dir, s.sequence)
				if r.Full || r.Applied != 2 || r.Added != 1 || r.Removed != 0 || r.ProductsChanged != 2 || r.Products != 51 {
					t.Errorf("got %+v", r)
				}
				if got := kinds(s.names()); got != "change change gateway.xml light.xml manifest.json" {
					t.Errorf("asked for %s", got)
				}
				// A full file that the changes lead to is not fetched when that can be
				// proved, and so with a manifest alone.
				s.publish(s.now.with("4", "<d/>"), true)
				s.publish(s.now.with("5", "<e/>"), false)
				r = sync1(t, c)
				s.wantHeld(dir, s.sequence)
				want := "change change gateway.xml light.xml manifest.json"
				if plain {
					want = "change full.xml gateway.xml light.xml manifest.json"
				}
				if got := kinds(s.names()); got != want || r.Full != plain || r.ProductsChanged != 2 {
					t.Errorf("asked for %s, want %s; %+v", got, want, r)
				}
				// The state outlives the process.
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
				c = s.reopen(dir, Options{})
				if st, ok := c.State(); !ok || st.Sequence != s.sequence && !plain || len(st.Files) != 4 {
					t.Errorf("got %+v, %v", st, ok)
				}
				s.publish(s.now.with("5", "<f/>"), false)
				if r = sync1(t, c); r.Applied != 1 {
					t.Errorf("got %+v", r)
				}
				s.wantHeld(dir, s.sequence)
			})
		}
	}
}

// Whatever a supplier publishes and whenever the consumer looks, the copy is
// the supplier's offer of that moment.
// TestDictionariesLeftOut follows an offer that is shared without dictionaries: its
// gateway has to name them, and says of them that they are nowhere.
func TestDictionariesLeftOut(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("plain=%v", plain), func(t *testing.T) {
			t.Parallel()
			s := newSupplier(t)
			s.plain = plain
			s.publish(products(50, "a"), true)
			s.edit(func(list []entry) []entry {
				return slices.DeleteFunc(list, func(e entry) bool { return e.Kind == "categories" || e.Kind == "sizes" })
			})
			s.gatewayDoc = bytes.Replace(s.gatewayDoc, []byte("</provider_description>"), []byte(`<categories url=""/><sizes url=""/></provider_description>`), 1)
			c, _ := s.mirror(Options{})
			if r := sync1(t, c); !r.Full || r.Products != 50 || r.Dictionaries != 0 {
				t.Errorf("got %+v", r)
			}
			if got := kinds(s.names()); strings.Contains(got, "categories") || strings.Contains(got, "sizes") {
				t.Errorf("asked for %s", got)
			}
		})
	}
}

func TestCopyFollowsEveryHistory(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := newSupplier(t)
		defer s.server.Close()
		s.plain = rapid.Bool().Draw(rt, "plain")
		s.publish(products(30, "a"), true)
		c, dir := s.mirror(Options{MaxLoss: 100})
		defer c.Close()
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			next := s.now
			for range rapid.IntRange(0, 4).Draw(rt, "edits") {
				id := fmt.Sprint(rapid.IntRange(1, 40).Draw(rt, "id"))
				next = next.with(id, rapid.SampledFrom([]string{"", "<a/>", "<b/>", "<c/>"}).Draw(rt, "body"))
			}
			full := rapid.IntRange(0, 3).Draw(rt, "full") == 0
			if _, n := s.now.change(next, noon); n == 0 && !full {
				continue // feedmill publishes nothing then
			}
			s.publish(next, full)
			if rapid.IntRange(0, 5).Draw(rt, "trim") == 0 {
				// Change files that the full file includes may be dropped.
				s.edit(func(list []entry) (out []entry) {
					var full int64
					for _, e := range list {
						if e.Kind == "full" {
							full = e.Generation
						}
					}
					return slices.DeleteFunc(list, func(e entry) bool { return e.Kind == "full_change" && e.Target <= full })
				})
			}
			if rapid.Bool().Draw(rt, "look") {
				if _, err := c.Sync(t.Context()); err != nil {
					rt.Fatalf("sync: %v", err)
				}
				if got, why := s.holds(dir); got != s.sequence {
					rt.Fatalf("the folder holds %d, want %d; %s", got, s.sequence, why)
				}
			}
		}
	})
}

func TestChangesBeforeCommit(t *testing.T) {
	t.Parallel()
	s := newSupplier(t)
	s.publish(products(5, "a"), true)
	c, dir := s.mirror(Options{})
	list := func(u *Update, kind feed.Kind) (out []string) {
		for change, err := range u.Changes(t.Context(), kind) {
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, fmt.Sprintf("%s %s %d %d", change.Kind, change.ID, min(len(change.Old), 1), min(len(change.New), 1)))
		}
		return out
	}
	u, err := c.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := list(u, feed.KindFull); len(got) != 5 || got[0] != "added 1 0 1" {
		t.Errorf("got %v", got)
	}
	if _, err := c.Fetch(t.Context()); err == nil {
		t.Error("two updates are open")
	}
	// Who does not commit is told again.
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	s.wantHeld(dir, 0)
	sync1(t, c)
	s.publish(s.now.with("2", "").with("3", "<x/>").with("9", "<y/>"), false)
	for range 2 {
		if u, err = c.Fetch(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := list(u, feed.KindFull); !slices.Equal(got, []string{"removed 2 1 0", "changed 3 1 1", "added 9 0 1"}) {
			t.Errorf("got %v", got)
		}
		if got := list(u, feed.KindLight); !slices.Equal(got, []string{"removed 2 1 0", "changed 3 1 1", "added 9 0 1"}) {
			t.Errorf("got %v", got)
		}
		for range u.Changes(t.Context(), feed.KindFull) {
			break
		}
		for _, err := range u.Changes(t.Context(), feed.KindSizes) {
			if err == nil {
				t.Error("sizes hold products")
			}
		}
		if err := u.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if u, err = c.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := u.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := u.Commit(); err == nil {
		t.Error("committed twice")
	}
	for _, err := range u.Changes(t.Context(), feed.KindFull) {
		if err == nil {
			t.Error("an update that has ended has changes")
		}
	}
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	s.wantHeld(dir, s.sequence)
}

// An offer that was moved to another feed has other generations of the same
// merchant: numbers alone must not be believed.
func TestMovedOffer(t *testing.T) {
	t.Parallel()
	a, b := newSupplier(t), newSupplier(t)
	a.publish(products(30, "a"), true)
	a.publish(a.now.with("1", "<x/>"), false)
	c, dir := a.mirror(Options{})
	sync1(t, c)
	// The other feed has as many generations and more, of other products.
	b.sequence = 1
	b.publish(products(30, "b"), true)
	b.publish(b.now.with("2", "<y/>"), false)
	b.publish(b.now.with("3", "<z/>"), false)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = b.reopen(dir, Options{})
	if r := sync1(t, c); !r.Full || r.Reason == "" {
		t.Errorf("got %+v", r)
	}
	b.wantHeld(dir, b.sequence)
}

func TestNewEpochTakesTheFull(t *testing.T) {
	t.Parallel()
	s, c, dir := mirrored(t, 5)
	s.epoch = 2
	s.publish(s.now.with("1", "<x/>"), true)
	if r := sync1(t, c); !r.Full || !strings.Contains(r.Reason, "epoch 2") {
		t.Errorf("got %+v", r)
	}
	s.wantHeld(dir, s.sequence)
}

// Change files that do not lead to the listed full file are not believed.
func TestWrongChainIsProvedWrong(t *testing.T) {
	t.Parallel()
	s, c, dir := mirrored(t, 5)
	s.publish(s.now.with("1", "<x/>"), false)
	s.publish(s.now.with("2", "<y/>"), true)
	s.publish(s.now.with("3", "<z/>"), false)
	// The first change is missing, and the second says that it needs it not.
	s.edit(func(list []entry) []entry {
		first := slices.IndexFunc(list, func(e entry) bool { return e.Kind == "full_change" })
		base := list[first].Base
		list = slices.Delete(list, first, first+1)
		list[slices.IndexFunc(list, func(e entry) bool { return e.Kind == "full_change" })].Base = base
		return list
	})
	if r := sync1(t, c); !r.Full || !strings.Contains(r.Reason, "do not lead to the full file") {
		t.Errorf("got %+v", r)
	}
	s.wantHeld(dir, s.sequence)
}

func TestDamagedCopyIsReplaced(t *testing.T) {
	t.Parallel()
	s, c, dir := mirrored(t, 5)
	full, err := os.ReadFile(filepath.Join(dir, fullName))
	if err != nil {
		t.Fatal(err)
	}
	full[len(full)/2] ^= 1
	if err := os.WriteFile(filepath.Join(dir, fullName), full, 0o644); err != nil {
		t.Fatal(err)
	}
	s.publish(s.now.with("1", "<x/>"), false)
	if r := sync1(t, c); !r.Full || !strings.Contains(r.Reason, "damaged") {
		t.Errorf("got %+v", r)
	}
	s.wantHeld(dir, s.sequence)
	// Missing files are seen when the folder is opened.
	for _, name := range []string{"sizes.xml", fullName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = s.reopen(dir, Options{})
	if r := sync1(t, c); !r.Full || r.Dictionaries != 1 {
		t.Errorf("got %+v", r)
	}
	s.wantHeld(dir, s.sequence)
}

func TestFolders(t *testing.T) {
	t.Parallel()
	s, c, dir := mirrored(t, 5)
	var f *feed.Error
	if _, err := New(s.gateway(), dir, Options{}); !errors.As(err, &f) || f.Kind != feed.KindConflict {
		t.Errorf("a folder that is held: got %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	// What a killed process left goes; without an exchange the copy stands aside
	// for a moment, and comes back.
	if err := errors.Join(os.Mkdir(filepath.Join(filepath.Dir(dir), ".offer.next-1"), 0o755), os.Rename(dir, filepath.Join(filepath.Dir(dir), ".offer.before"))); err != nil {
		t.Fatal(err)
	}
	c = s.reopen(dir, Options{})
	s.wantHeld(dir, s.sequence)
	u, err := func() (*Update, error) {
		s.publish(s.now.with("1", "<x/>"), false)
		return c.Fetch(t.Context())
	}()
	if err != nil {
		t.Fatal(err)
	}
	u.exchange = func(string, string) error { return errors.ErrUnsupported }
	if err := errors.Join(u.Commit(), u.Close()); err != nil {
		t.Fatal(err)
	}
	s.wantHeld(dir, s.sequence)
	// So does the state that one had begun to write into the copy itself.
	if err := errors.Join(c.Close(), os.WriteFile(filepath.Join(dir, ".durable-LEFT"), []byte("{"), 0o644)); err != nil {
		t.Fatal(err)
	}
	c = s.reopen(dir, Options{})
	s.wantHeld(dir, s.sequence)
	// Foreign files are not touched.
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{dir, "/"} {
		if _, err := New(s.gateway(), bad, Options{}); !errors.As(err, &f) || f.Kind != feed.KindInvalid {
			t.Errorf("%s: got %v", bad, err)
		}
	}
	for _, bad := range []string{"", "ftp://a/b", "gateway.xml", "https:///x", "http://[/"} {
		if _, err := New(bad, t.TempDir(), Options{}); !errors.As(err, &f) || f.Kind != feed.KindInvalid {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

// Foreign files in no order are put in order.
func TestUnorderedFull(t *testing.T) {
	t.Parallel()
	s := newSupplier(t)
	s.plain = true
	s.publish(products(5, "a"), true)
	c, dir := s.mirror(Options{})
	s.setSpoil(nil)
	shuffle := func(body []byte) []byte {
		lines := strings.Split(string(body), "\n")
		slices.Reverse(lines[3 : len(lines)-2])
		return []byte(strings.Join(lines, "\n"))
	}
	s.mu.Lock()
	for i, e := range s.entries {
		if e.Kind == "full" || e.Kind == "light" {
			changed := e.changed
			s.entries[i] = s.put(e.Kind, e.Kind+".xml", e.Generation, shuffle(s.files[fmt.Sprintf("%d/%s.xml", e.Generation, e.Kind)]), e.Products)
			s.entries[i].changed = changed
		}
	}
	s.describe()
	s.mu.Unlock()
	sync1(t, c)
	s.wantHeld(dir, s.sequence)
	s.publish(s.now.with("2", "<x/>"), false)
	sync1(t, c)
	s.wantHeld(dir, s.sequence)
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := newSupplier(t)
	s.publish(products(5, "a"), true)
	c, dir := s.mirror(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Sync(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	s.wantHeld(dir, 0)
}

// A commit that fails leaves the copy as it was, and the next one succeeds.
func TestFailedCommit(t *testing.T) {
	t.Parallel()
	s, c, dir := mirrored(t, 5)
	before := s.sequence
	s.publish(s.now.with("1", "<x/>"), false)
	u, err := c.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("the disk is gone")
	u.exchange = func(string, string) error { return broken }
	if err := u.Commit(); !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
	if err := u.Close(); err != nil {
		t.Fatal(err)
	}
	s.wantHeld(dir, before)
	sync1(t, c)
	s.wantHeld(dir, s.sequence)
}

func TestSleep(t *testing.T) {
	t.Parallel()
	if err := sleep(t.Context(), 1); err != nil {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sleep(ctx, 1<<62); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
