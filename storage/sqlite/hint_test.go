package sqlite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"feedmill/feed"
	"feedmill/storage/sqlite"
)

// What the machine has against a database is told with the file and with what
// can be done about it.
func TestFaultsSayWhatToDo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, hint string }{
		{garbage, "feedmill backup"},
		{filepath.Join(dir, "missing", "feedmill.db"), "writable"},
	} {
		_, err := sqlite.Migrate(t.Context(), c.path, sqlite.Options{})
		if err == nil || !strings.Contains(err.Error(), c.path) || !strings.Contains(feed.HintOf(err), c.hint) {
			t.Errorf("%s: got %v, hint %q, want one about %q", c.path, err, feed.HintOf(err), c.hint)
		}
		if feed.KindOf(err) != feed.KindInternal {
			t.Errorf("%s: got kind %v", c.path, feed.KindOf(err))
		}
	}
}
