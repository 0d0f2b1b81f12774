package main

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"feedmill/internal/durable"
	"feedmill/storage"
)

func TestFailTellsWhatToDo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		want   string
	}{
		{fmt.Errorf("write the full file: %w", syscall.ENOSPC), exitProblem, "hint: the disk is full: make room"},
		{fmt.Errorf("store full: %w", storage.ErrMoved), exitProblem, "hint: restart the programs that use the folder"},
		{fmt.Errorf("store full: %w", durable.ErrNoLinks), exitProblem, "hint: keep the folder on a file system with hard links"},
		{fmt.Errorf("store full: %w", syscall.EROFS), exitProblem, "hint: the file system is mounted for reading only"},
		{fmt.Errorf("open the spool: %w", syscall.EMFILE), exitProblem, "hint: this process may open too few files"},
		{fmt.Errorf("store full: %w", storage.ErrBusy), exitProblem, "hint: see whether the store at store.endpoint runs"},
		{fmt.Errorf("store full: %w", storage.ErrSkewed), exitProblem, "hint: set the clock"},
		{fmt.Errorf("store full: %w", storage.ErrExpired), exitProblem, "hint: have the file with the temporary key written anew"},
		{fmt.Errorf("store full: %w", storage.ErrArchived), exitProblem, "hint: restore the object"},
		{fmt.Errorf("store full: %w", storage.Permanent(storage.ErrElsewhere)), exitProblem, "hint: name the region of the bucket (store.region)"},
		{fmt.Errorf("store full: %w", storage.Permanent(storage.ErrProxy)), exitProblem, "hint: name user and password of the proxy"},
		{fmt.Errorf("store full: %w", storage.Permanent(storage.ErrNoBucket)), exitProblem, "hint: make the bucket"},
		{fmt.Errorf("store full: %w", storage.Permanent(storage.ErrWrongKey)), exitProblem, "store.secret_key_file"},
		{fmt.Errorf("store full: %w", storage.Permanent(storage.ErrUntrusted)), exitProblem, "SSL_CERT_FILE"},
		{fmt.Errorf("store full: %w", storage.Permanent(storage.ErrDenied)), exitProblem, "hint: the key of the store has no right"},
		{usage("--at", errors.New("is no time")), exitUsage, "feedmill: --at: is no time\n"},
		{errors.Join(errors.New("list: api error X\x1b[2J: \u009b31m"), errors.New("and more")), exitProblem, "feedmill: list: api error X\\x1b[2J: \\u009b31m\nand more\n"},
		{errors.New("broken"), exitProblem, "feedmill: broken\n"},
	} {
		var stderr bytes.Buffer
		w := &world{stderr: &stderr}
		if status := w.fail(c.err); status != c.status || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%v gives status %d and says %q, want %d and %q", c.err, status, stderr.String(), c.status, c.want)
		}
	}
}

// A partner whose offer or link could not be made any more is told, with the way
// to the rest, which then works.
func TestHalfAPartner(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"offer", "link"} {
		dir := t.TempDir()
		run := func(want int, args ...string) string {
			var stdout, stderr bytes.Buffer
			w := &world{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, now: time.Now}
			if status := w.run(append(args, "--data", dir)); status != want {
				t.Fatalf("%s: status %d, %q, want %d", strings.Join(args, " "), status, stderr.String(), want)
			}
			return stdout.String() + stderr.String()
		}
		run(0, "import", "--catalog", "sample/catalog.jsonl")
		db, err := sql.Open("sqlite", filepath.Join(dir, "feedmill.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), "CREATE TRIGGER no_room BEFORE INSERT ON "+table+" BEGIN SELECT RAISE(ABORT, 'no room'); END"); err != nil {
			t.Fatal(err)
		}
		said := run(exitProblem, "partner", "add", "Nord")
		if _, err := db.ExecContext(t.Context(), "DROP TRIGGER no_room"); err != nil {
			t.Fatal(err)
		}
		_, commands, ok := strings.Cut(said, "hint: ")
		if !ok {
			t.Fatalf("no hint for a partner without %s: %q", table, said)
		}
		// Who has not heard that, as when the command was killed, hears it of the next try.
		if again := run(exitFailed, "partner", "add", "nord "); !strings.Contains(again, strings.TrimSpace(commands)) {
			t.Errorf("a second try for a partner without %s says %q, want the hint of the first, %q", table, again, commands)
		}
		for i, part := range strings.Split(commands, "'feedmill ")[1:] {
			command, _, _ := strings.Cut(part, "'")
			if out := run(0, strings.Fields(command)...); strings.HasPrefix(command, "link") != strings.Contains(out, "gateway: ") {
				t.Errorf("command %d for a partner without %s, %q, says %q", i, table, command, out)
			}
		}
		if out := run(0, "link", "list"); !strings.Contains(out, "Nord") {
			t.Errorf("after what the hint for a partner without %s says, there is no link: %q", table, out)
		}
	}
}

// full takes nothing, as a file does on a full disk.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// A result that could not be printed is no success: a link is shown this once.
func TestUnheardResults(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"version"}, "what it had to say of it is lost"},
		{[]string{"import", "--data", dir, "--catalog", "sample/catalog.jsonl"}, "what it had to say of it is lost"},
		{[]string{"partner", "add", "Nord", "--data", dir}, "what it had to say of it is lost"},
		{[]string{"publish", "--help"}, "print the help"},
	} {
		var stderr bytes.Buffer
		w := &world{stdin: strings.NewReader(""), stdout: full{}, stderr: &stderr, now: time.Now}
		if status := w.run(c.args); status != exitProblem || !strings.Contains(stderr.String(), c.want) {
			t.Errorf("%s: status %d, %q, want %d and %q", strings.Join(c.args, " "), status, stderr.String(), exitProblem, c.want)
		}
	}
}
