package faults_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
)

// The drills of a restore: the records are those of an hour ago, and partners
// have seen what came after. Where the store is as it was, its markers tell;
// where it was restored too, a marker that an operator leaves does.
func TestRestore(t *testing.T) {
	t.Parallel()
	change := aChange()
	for _, c := range []struct {
		name     string
		operator bool // both were restored, and somebody says so
	}{{"records alone", false}, {"records and store", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, change)
			saved := filepath.Join(w.dir, "saved.db")
			if _, err := w.db.Backup(t.Context(), saved); err != nil {
				t.Fatal(err)
			}
			objects := w.keys(t)
			// An hour of publications that will be lost.
			highest, latest := int64(0), time.Time{}
			for n := range 3 {
				w.load(t, products(history+2+n))
				w.clock.advance(20*time.Minute, false)
				report, err := w.publish(t.Context(), w.db, w.store, publish.Settings{})
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range report.Feeds {
					highest = max(highest, f.Generation.Number)
					if f.Generation.Time.After(latest) {
						latest = f.Generation.Time
					}
				}
			}
			path := filepath.Join(w.dir, "restored.db")
			data, err := os.ReadFile(saved)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			w.open(t, path)
			w.clock.advance(time.Minute, false)
			if c.operator {
				for key := range w.keys(t) {
					if !objects[key] {
						if err := w.store.Delete(t.Context(), key); err != nil {
							t.Fatal(err)
						}
					}
				}
				// What 'feedmill new-epoch' leaves.
				mark := publish.Mark{Run: "operator", Epoch: 1, Number: highest + 1000, Time: w.clock.Now()}
				if err := publish.NewStoreBin(w.store, mark.Run).Mark(t.Context(), string(w.Merchant.ID), mark); err != nil {
					t.Fatal(err)
				}
			}
			report, err := w.publish(t.Context(), w.db, w.store, publish.Settings{})
			if err != nil {
				t.Fatal(err)
			}
			if !report.Restored || len(report.Feeds) != 5 {
				t.Errorf("the run noticed: %v; it made %d feeds", report.Restored, len(report.Feeds))
			}
			for _, f := range report.Feeds {
				g := f.Generation
				if !f.Published || g.Number <= highest || !g.Time.After(latest) || g.Epoch < 1 {
					t.Errorf("%v: generation %d of epoch %d at %v, published %v; partners have seen %d at %v", f.Feed, g.Number, g.Epoch, g.Time, f.Published, highest, latest)
				}
				for i := range g.Files {
					if k := g.Files[i].Kind; k == feed.KindFullChange || (k == feed.KindFull || k == feed.KindLight) && g.Files[i].Generation != g.Number {
						t.Errorf("%v: generation %d lists %v of generation %d", f.Feed, g.Number, k, g.Files[i].Generation)
					}
				}
			}
			w.look(t)
			// From then on everything is as always.
			w.load(t, products(history+9))
			w.clock.advance(time.Minute, false)
			report, err = w.publish(t.Context(), w.db, w.store, publish.Settings{})
			if err != nil || report.Restored {
				t.Errorf("the run after it: %v, restored %v", err, report.Restored)
			}
			changes := 0
			for _, f := range report.Feeds {
				for i := range f.Generation.Files {
					if f.Generation.Files[i].Kind == feed.KindFullChange {
						changes++
					}
				}
			}
			if changes != 2 {
				t.Errorf("%d change files follow the new full files, want one each", changes)
			}
			w.clock.advance(time.Minute, false)
			if _, err := w.publish(t.Context(), w.db, w.store, publish.Settings{Force: true}); err != nil {
				t.Fatal(err)
			}
			w.look(t)
			w.proveChains(t)
		})
	}
}

// keys gives the keys of all objects.
func (w *world) keys(t *testing.T) map[string]bool {
	t.Helper()
	keys := map[string]bool{}
	for info, err := range w.store.List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		keys[info.Key] = true
	}
	if len(keys) < 10 {
		t.Fatalf("only %d objects", len(keys))
	}
	return keys
}
