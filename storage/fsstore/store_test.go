package fsstore_test

import (
	"testing"

	"feedmill/storage"
	"feedmill/storage/fsstore"
	"feedmill/storage/storagetest"
)

// folder is a store that knows where it is.
type folder struct {
	*fsstore.Store
	dir string
}

func open(t testing.TB, dir string) folder {
	t.Helper()
	s, err := fsstore.Open(dir, fsstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return folder{s, dir}
}

func fresh(t testing.TB) storage.Store { return open(t, t.TempDir()) }

func second(t testing.TB, first storage.Store) storage.Store {
	return open(t, first.(folder).dir)
}

func TestContract(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, fresh, storagetest.Second(second))
}

func TestFaults(t *testing.T) {
	t.Parallel()
	storagetest.RunFaults(t, fresh, storagetest.Second(second))
}
