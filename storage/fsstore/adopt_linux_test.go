package fsstore_test

import (
	"errors"
	"path/filepath"
	"testing"

	"feedmill/storage"
	"feedmill/storage/fsstore"
)

// The system refuses to change the rights of its own files, as some shares refuse
// it for all: such a file is to be put instead.
func TestAdoptWhereRightsCannotBeChanged(t *testing.T) {
	t.Parallel()
	s, err := fsstore.Open(filepath.Join(t.TempDir(), "store"), fsstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Adopt(t.Context(), "m/a", "/proc/self/comm", 0, storage.Attrs{SHA256: storage.Digest{1}}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got error %v, want %v", err, errors.ErrUnsupported)
	}
}
