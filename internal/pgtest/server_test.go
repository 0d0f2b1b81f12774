package pgtest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func query(t *testing.T, url, statement string) (text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), statement).Scan(&text); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return text
}

func TestDatabases(t *testing.T) {
	t.Parallel()
	prepared := 0
	s := &Server{Settings: []string{"work_mem=5MB"}, Prepare: func(ctx context.Context, url string) error {
		prepared++
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, "CREATE TABLE t AS SELECT 'from the template' AS v")
		return err
	}}
	var dir string
	t.Run("running", func(t *testing.T) {
		a, b := s.Database(t), s.Database(t)
		if got := query(t, a, "UPDATE t SET v = 'changed' RETURNING v"); got != "changed" {
			t.Errorf("got %q", got)
		}
		if got := query(t, b, "SELECT v FROM t"); got != "from the template" {
			t.Errorf("another database holds %q, want what Prepare made", got)
		}
		if got := query(t, s.Copy(t, a), "SELECT v FROM t"); got != "changed" {
			t.Errorf("a copy of the first holds %q", got)
		}
		if got := query(t, s.Empty(t), "SELECT count(*)::text FROM pg_tables WHERE tablename = 't'"); got != "0" {
			t.Errorf("an empty database has %s tables", got)
		}
		if got := query(t, a, "SHOW work_mem"); got != "5MB" {
			t.Errorf("work_mem = %s, want the setting", got)
		}
		if out, err := exec.Command(s.Program(t, "psql"), a, "-Atc", "SELECT v FROM t").CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "changed" {
			t.Errorf("psql: %v, %s", err, out)
		}
		if prepared != 1 {
			t.Errorf("prepared %d times, want once", prepared)
		}
		dir = s.dir
	})
	if testing.Short() {
		return
	}
	if got := query(t, s.url("postgres"), "SELECT count(*)::text FROM pg_database WHERE datname LIKE 'test%'"); got != "0" {
		t.Errorf("%s databases outlive their tests", got)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after the stop: got %v for the folder, want it gone", err)
	}
	if _, err := pgx.Connect(t.Context(), s.url("postgres")); err == nil {
		t.Error("after the stop the server answers")
	}
}

// TestEndsWithItsProcess starts a server in a process that ends without a word.
func TestEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("PostgreSQL is not started with -short")
	}
	if os.Getenv("FEEDMILL_TEST_ABANDON") != "" {
		s := &Server{}
		s.need(t)
		os.Stdout.WriteString("folder " + s.dir + "\n")
		os.Exit(0)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestEndsWithItsProcess$")
	cmd.Env = append(os.Environ(), "FEEDMILL_TEST_ABANDON=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	abandoned := &Server{}
	for line := range strings.Lines(string(out)) {
		if dir, ok := strings.CutPrefix(line, "folder "); ok {
			abandoned.dir = strings.TrimSpace(dir)
		}
	}
	if abandoned.dir == "" {
		t.Fatalf("no folder in %q", out)
	}
	// It ends at once, but not at the same moment as its parent; the test
	// binary's own time limit ends the waiting.
	for {
		conn, err := pgx.Connect(t.Context(), abandoned.url("postgres"))
		if err != nil {
			break
		}
		conn.Close(t.Context())
	}
	if err := os.RemoveAll(abandoned.dir); err != nil {
		t.Error(err)
	}
}

func TestFindPrograms(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, version := range []string{"9", "15", "old"} {
		bin := filepath.Join(dir, version, "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(bin, "initdb"), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	absent := func(string) (string, error) { return "", exec.ErrNotFound }
	elsewhere := func(string) (string, error) { return filepath.Join(dir, "old", "bin", "initdb"), nil }
	for _, c := range []struct {
		name, named, debian string
		look                func(string) (string, error)
		want, complaint     string
	}{
		{"newest of Debian's", "", filepath.Join(dir, "*", "bin"), absent, filepath.Join(dir, "15", "bin"), ""},
		{"named", filepath.Join(dir, "9", "bin"), filepath.Join(dir, "*", "bin"), absent, filepath.Join(dir, "9", "bin"), ""},
		{"named wrongly", dir, filepath.Join(dir, "*", "bin"), absent, "", BinEnv},
		{"on the path", "", filepath.Join(dir, "none", "*"), elsewhere, filepath.Join(dir, "old", "bin"), ""},
		{"nowhere", "", filepath.Join(dir, "none", "*"), absent, "", "postgresql-15"},
	} {
		got, err := findPrograms(c.named, c.debian, c.look)
		if want, err2 := filepath.EvalSymlinks(c.want); err2 == nil && c.want != "" {
			c.want = want
		}
		if got != c.want || (err != nil) != (c.complaint != "") || err != nil && !strings.Contains(err.Error(), c.complaint) {
			t.Errorf("%s: got %q, %v, want %q and a word of %q", c.name, got, err, c.want, c.complaint)
		}
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	gone, own, other := filepath.Join(dir, folderPrefix+"999999999-1"), filepath.Join(dir, folderPrefix+strconv.Itoa(os.Getpid())+"-1"), filepath.Join(dir, folderPrefix+"x")
	for _, d := range []string{gone, own, other} {
		if err := os.MkdirAll(filepath.Join(d, "data"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sweep(dir)
	if _, err := os.Stat(gone); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of a process that is gone: %v, want it gone too", err)
	}
	for _, d := range []string{own, other} {
		if _, err := os.Stat(d); err != nil {
			t.Errorf("%s was swept: %v", d, err)
		}
	}
}
