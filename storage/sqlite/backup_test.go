package sqlite_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"feedmill/feed"
	"feedmill/internal/durable"
	"feedmill/internal/partner"
	"feedmill/storage/dbtest"
	"feedmill/storage/sqlite"
)

func TestBackup(t *testing.T) {
	t.Parallel()
	db := setup(t, sqlite.Options{})
	m, err := db.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	load := func(n int, revision uint64) {
		t.Helper()
		id := partner.NewImportID()
		if _, err := db.StageProducts(t.Context(), m.ID, id, dbtest.Revised(n, revision)); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Merge(t.Context(), partner.Actor{}, m.ID, id, partner.MergeReplace, nil); err != nil {
			t.Fatal(err)
		}
	}
	load(300, 1)
	left := partner.NewImportID()
	if _, err := db.StageProducts(t.Context(), m.ID, left, dbtest.Revised(5, 9)); err != nil {
		t.Fatal(err)
	}
	// Writers go on while the copies are made; each copy is one moment.
	dir := t.TempDir()
	stop, writing := make(chan struct{}), sync.WaitGroup{}
	writing.Go(func() {
		for revision := uint64(2); ; revision++ {
			select {
			case <-stop:
				return
			default:
			}
			id := partner.NewImportID()
			if _, err := db.StageProducts(t.Context(), m.ID, id, dbtest.Revised(300+int(revision), revision)); err != nil {
				t.Error(err)
				return
			}
			if _, err := db.Merge(t.Context(), partner.Actor{}, m.ID, id, partner.MergeReplace, nil); err != nil {
				t.Error(err)
				return
			}
		}
	})
	var paths []string
	for i := range 3 {
		path := filepath.Join(dir, fmt.Sprint("copy", i))
		size, err := db.Backup(t.Context(), path)
		if err != nil || size == 0 {
			t.Fatalf("back up: %d, %v", size, err)
		}
		paths = append(paths, path)
	}
	close(stop)
	writing.Wait()
	for _, path := range paths {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("the copy: %v, %v, want a file for its owner alone", st.Mode(), err)
		}
		restored := reopen(t, path, sqlite.Options{})
		list, err := restored.Merchants(t.Context())
		if err != nil || len(list) != 1 || list[0].Name != "m" {
			t.Errorf("merchants of the copy: %v, %v", list, err)
		}
		snap, err := restored.Snapshot(t.Context(), m.ID)
		if err != nil {
			t.Fatal(err)
		}
		n, revision := 0, uint64(0)
		for p, err := range snap.Products(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			r := uint64(p.Doc[7]) | uint64(p.Doc[6])<<8
			if n == 0 {
				revision = r
			}
			if r != revision {
				t.Fatalf("a copy holds revisions %d and %d", revision, r)
			}
			n++
		}
		if want := 300 + int(revision); revision > 1 && n != want || n == 0 {
			t.Errorf("the copy has %d products of revision %d", n, revision)
		}
		if err := snap.Close(); err != nil {
			t.Fatal(err)
		}
		// It takes writes like any other, and what was being staged is not in it.
		if _, err := restored.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "n"}); err != nil {
			t.Errorf("write to the copy: %v", err)
		}
		if _, err := restored.Merge(t.Context(), partner.Actor{}, m.ID, left, partner.MergeUpsert, nil); feed.KindOf(err) != feed.KindConflict || feed.HintOf(err) == "" {
			t.Errorf("merge what was being staged: got %v, want KindConflict and a hint", err)
		}
	}
	if _, err := db.Merge(t.Context(), partner.Actor{}, m.ID, left, partner.MergeUpsert, nil); err != nil {
		t.Errorf("merge into the database itself: %v", err)
	}
	// What stands there stays, and what cannot be written leaves nothing.
	if _, err := db.Backup(t.Context(), paths[0]); feed.KindOf(err) != feed.KindConflict {
		t.Errorf("back up over a file: %v", err)
	}
	if _, err := db.Backup(t.Context(), filepath.Join(dir, "none", "copy")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("back up into a folder that is not there: %v", err)
	}
	if list, err := filepath.Glob(filepath.Join(dir, ".backup-*")); err != nil || len(list) > 0 {
		t.Errorf("left behind: %v, %v", list, err)
	}
}

// TestCutImport has an import whose process died while it staged: nobody can
// say what its file holds.
func TestCutImport(t *testing.T) {
	t.Parallel()
	db := setup(t, sqlite.Options{})
	m, err := db.CreateMerchant(t.Context(), partner.Actor{}, partner.Merchant{ID: partner.NewMerchantID(), Name: "m"})
	if err != nil {
		t.Fatal(err)
	}
	id := partner.NewImportID()
	if _, err := db.StageProducts(t.Context(), m.ID, id, func(yield func(partner.StagedProduct, error) bool) {
		for p := range dbtest.Revised(6000, 1) {
			if p.ID == 5500 {
				// In the middle of it nobody else adds, merges or plans.
				if _, err := db.StageProducts(t.Context(), m.ID, id, dbtest.Revised(1, 2)); feed.KindOf(err) != feed.KindConflict {
					t.Errorf("stage into it from elsewhere: %v", err)
				}
				if _, err := db.PlanMerge(t.Context(), m.ID, id, partner.MergeUpsert, nil); feed.KindOf(err) != feed.KindConflict {
					t.Errorf("plan it meanwhile: %v", err)
				}
			}
			if !yield(p, nil) {
				return
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Writer().Exec("UPDATE import_run SET state = 'writing'"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Merge(t.Context(), partner.Actor{}, m.ID, id, partner.MergeUpsert, nil); feed.KindOf(err) != feed.KindConflict || feed.HintOf(err) == "" {
		t.Errorf("merge: %v, want KindConflict and a hint", err)
	}
	if err := db.DiscardImport(t.Context(), m.ID, id); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(db.StagingPath(id)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file of the import: %v, want it gone", err)
	}
}

// TestBackupOntoADiskWithoutLinks has a copy get its name where nothing can be
// linked, such as on a disk with exFAT.
func TestBackupOntoADiskWithoutLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	part, path := filepath.Join(dir, "part"), filepath.Join(dir, "copy.db")
	none := func(from, to string) error { return fmt.Errorf("link: %w", durable.ErrNoLinks) }
	for i, want := range []error{nil, fs.ErrExist} {
		if err := os.WriteFile(part, fmt.Appendf(nil, "copy %d", i), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := sqlite.Place(none, part, path); !errors.Is(err, want) {
			t.Errorf("copy %d: got error %v, want %v", i, err, want)
		}
	}
	if text, err := os.ReadFile(path); string(text) != "copy 0" {
		t.Errorf("got %q, error %v, want the first copy", text, err)
	}
	broken := errors.New("input/output error")
	if err := sqlite.Place(func(from, to string) error { return broken }, part, filepath.Join(dir, "other.db")); !errors.Is(err, broken) {
		t.Errorf("got error %v, want %v", err, broken)
	}
}
