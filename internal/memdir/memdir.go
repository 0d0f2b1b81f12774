// Package memdir gives tests a folder in memory, where there is one: for what is
// not about what a disk has kept, but writes so much, or syncs so often, that a
// disk would be waited for. It knows nothing of what is put there.
package memdir

import (
	"os"
	"testing"
)

// memory is where Linux keeps files in memory.
const memory = "/dev/shm"

// New makes a folder, which goes with the end of the test.
func New(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(memory, "feedmill-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
