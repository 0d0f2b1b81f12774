package folder_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish/folder"
)

// TestDamageIsMended takes away and changes what lies in a published folder. The
// next run finds the catalog as it was and mends the folder all the same, and
// with it what the run after carries on.
func TestDamageIsMended(t *testing.T) {
	t.Parallel()
	remove := func(pattern string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			names, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
			if err != nil || len(names) != 1 {
				t.Fatalf("%s: %v, %v", pattern, names, err)
			}
			if err := os.Remove(names[0]); err != nil {
				t.Fatal(err)
			}
		}
	}
	write := func(name, text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			t.Helper()
			// A file of its own, as editors write it: the other name keeps its bytes.
			path := filepath.Join(dir, filepath.FromSlash(name))
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tt := range []struct {
		name    string
		damage  func(*testing.T, string)
		digests bool
		told    string // "" tells nothing
		epoch   int64
	}{
		{"no gateway", remove("gateway.xml"), false, "gateway.xml is missing", 1},
		{"another gateway", write("gateway.xml", "<a/>"), false, "gateway.xml is not what was published", 1},
		{"no manifest", remove("manifest.json"), false, "manifest.json is missing", 1},
		{"another manifest", write("manifest.json", "{}"), false, "manifest.json is not what was published", 1},
		{"no plain name", remove("full.xml"), false, "full.xml is missing", 1},
		{"another file under a plain name", write("light.xml.gz", "x"), false, "light.xml.gz has 1 bytes instead of ", 1},
		{"no full file", remove("1/full.xml"), false, "1/full.xml is missing", 2},
		{"no change file", remove("3/full_change*.xml"), false, "3/full_change2026-11-21T19-10-00.xml is missing", 2},
		{"no dictionary", remove("1/units.xml"), false, "1/units.xml is missing", 2},
		{"a full file cut off", write("1/full.xml", "<offer"), false, "1/full.xml has 6 bytes instead of ", 2},
		{"no light file", remove("4/light.xml"), false, "4/light.xml is missing", 1},
		{"no state", remove(".feedmill/3/state"), false, ".feedmill/3/state is missing", 2},
		{"no replaced file", remove("2/light.xml"), false, "", 1},
		{"other bytes of the same length", func(t *testing.T, dir string) {
			t.Helper()
			path := filepath.Join(dir, "1", "full.xml")
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data[len(data)/2] ^= 1
			write("1/full.xml", string(data))(t, dir)
		}, true, "1/full.xml is not what was published", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "offer")
			var all []feed.Product
			for id := range feed.ProductID(10) {
				all = append(all, product(t, id+1, "a"))
			}
			run(t, dir, start, folder.Options{}, all...)
			all[4] = product(t, 5, "b")
			run(t, dir, start.Add(10*time.Minute), folder.Options{}, all...)
			tt.damage(t, dir)

			opt := folder.Options{Now: start.Add(20 * time.Minute), Digests: tt.digests}
			var told []string
			if _, err := runOn(func() (*folder.Folder, error) {
				f, err := folder.Open(dir, opt)
				if err == nil {
					told = f.Damage()
				}
				return f, err
			}, opt.Now, all...); err != nil {
				t.Fatal(err)
			}
			if tt.told == "" && len(told) > 0 || tt.told != "" && (len(told) != 1 || !strings.HasPrefix(told[0], tt.told)) {
				t.Errorf("told %q, want %q", told, tt.told)
			}
			if m := check(t, dir); m.Epoch != tt.epoch {
				t.Errorf("epoch %d, want %d", m.Epoch, tt.epoch)
			}
			// What comes after has something to go on from, and finds nothing.
			all[4] = product(t, 5, "c")
			run(t, dir, start.Add(30*time.Minute), folder.Options{}, all...)
			check(t, dir)
			f, err := folder.Open(dir, folder.Options{Now: start.Add(40 * time.Minute), Digests: true})
			if err != nil {
				t.Fatal(err)
			}
			if d := f.Damage(); len(d) > 0 {
				t.Errorf("damaged still: %q", d)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
