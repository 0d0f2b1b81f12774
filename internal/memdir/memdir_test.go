package memdir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"feedmill/internal/memdir"
)

// Each test has a folder of its own, and it goes with the test.
func TestNew(t *testing.T) {
	t.Parallel()
	var dirs []string
	t.Run("inner", func(t *testing.T) {
		for range 2 {
			dir := memdir.New(t)
			if err := os.WriteFile(filepath.Join(dir, "a"), []byte("a"), 0o600); err != nil {
				t.Fatal(err)
			}
			dirs = append(dirs, dir)
		}
	})
	if dirs[0] == dirs[1] {
		t.Errorf("one folder for both: %s", dirs[0])
	}
	for _, dir := range dirs {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s after the test: got %v, want %v", dir, err, fs.ErrNotExist)
		}
	}
}
