package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// BinEnv names the environment variable that says in which folder the server's
// programs are, instead of where Debian puts them.
const BinEnv = "FEEDMILL_TEST_PGBIN"

// startTimeout is for a machine that is busy with other tests.
const startTimeout = 60 * time.Second

// Server is one PostgreSQL server, started by whoever needs it first. The zero
// value is ready; a test package declares one and runs its tests with
// [Server.Main].
type Server struct {
	// Prepare fills the database that each test gets a copy of; nil leaves it
	// empty. It is called once.
	Prepare func(ctx context.Context, url string) error
	// Settings are added to the server's, such as "max_wal_size=4GB".
	Settings []string

	mu      sync.Mutex
	begun   bool
	err     error // why it could not be started
	bin     string
	dir     string
	as      identity
	process *process
	ready   sync.Once
	failed  error // why the template could not be prepared
	serial  int
}

// Main runs the tests and stops the server. TestMain returns after
// os.Exit(server.Main(m)).
func (s *Server) Main(m *testing.M) int {
	code := m.Run()
	if err := s.Stop(); err != nil {
		fmt.Fprintf(os.Stderr, "stop PostgreSQL: %v\n", err)
		return max(code, 1)
	}
	return code
}

// Database gives the address of a new database that is a copy of what Prepare
// made, owned by the server's superuser postgres. It is dropped when the test
// ends, whoever is connected to it then.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	s.need(t)
	s.ready.Do(func() {
		s.failed = s.exec(t.Context(), "CREATE DATABASE prepared")
		if s.failed == nil && s.Prepare != nil {
			s.failed = s.Prepare(context.WithoutCancel(t.Context()), s.url("prepared"))
		}
	})
	if s.failed != nil {
		t.Fatalf("prepare the databases of tests: %v", s.failed)
	}
	return s.database(t, "prepared")
}

// Empty gives the address of a new database with nothing in it.
func (s *Server) Empty(t testing.TB) string {
	t.Helper()
	s.need(t)
	return s.database(t, "template1")
}

// Copy gives the address of a new database that is a copy of another one, whose
// address came from here and to which nobody is connected.
func (s *Server) Copy(t testing.TB, of string) string {
	t.Helper()
	s.need(t)
	u, err := url.Parse(of)
	if err != nil || s.url(strings.TrimPrefix(u.Path, "/")) != of {
		t.Fatalf("%q is no database of this server", of)
	}
	return s.database(t, strings.TrimPrefix(u.Path, "/"))
}

// Program gives the path of one of the server's programs, such as "psql".
func (s *Server) Program(t testing.TB, name string) string {
	t.Helper()
	s.need(t)
	return filepath.Join(s.bin, name)
}

func (s *Server) database(t testing.TB, template string) string {
	t.Helper()
	s.mu.Lock()
	s.serial++
	name := fmt.Sprintf("test_%d", s.serial)
	s.mu.Unlock()
	if err := s.exec(t.Context(), "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
		t.Fatalf("make a database: %v", err)
	}
	t.Cleanup(func() {
		// Not the test's context: that has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		if err := s.exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return s.url(name)
}

// url addresses a database through the server's socket.
func (s *Server) url(database string) string {
	u := url.URL{Scheme: "postgres", Path: "/" + database, RawQuery: url.Values{"host": {s.dir}, "user": {"postgres"}}.Encode()}
	return u.String()
}

func (s *Server) exec(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}

// need starts the server unless it runs.
func (s *Server) need(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("PostgreSQL is not started with -short")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun {
		s.begun = true
		s.err = s.start(context.WithoutCancel(t.Context()))
	}
	if s.err != nil {
		t.Fatalf("start PostgreSQL: %v", s.err)
	}
}

func (s *Server) start(ctx context.Context) (err error) {
	if s.bin, err = findPrograms(os.Getenv(BinEnv), debianFolders, exec.LookPath); err != nil {
		return err
	}
	sweep(os.TempDir())
	if s.dir, err = os.MkdirTemp("", folderPrefix+strconv.Itoa(os.Getpid())+"-"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(s.dir))
		}
	}()
	if s.as, err = serverUser(); err != nil {
		return err
	}
	if err := s.as.own(s.dir); err != nil {
		return err
	}
	data := filepath.Join(s.dir, "data")
	initdb := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), "-D", data, "-A", "trust", "-U", "postgres",
		"-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
	initdb.Dir = s.dir
	s.as.run(initdb)
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return s.run(ctx)
}

// run starts the server on the data that initdb has made.
func (s *Server) run(ctx context.Context) error {
	args := []string{"-D", filepath.Join(s.dir, "data"), "-k", s.dir, "-h", ""}
	for _, setting := range append([]string{
		"fsync=off", "synchronous_commit=off", "full_page_writes=off",
		"max_connections=200", "shared_buffers=128MB", "log_min_messages=warning",
	}, s.Settings...) {
		args = append(args, "-c", setting)
	}
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), args...)
	cmd.Dir = s.dir
	s.as.run(cmd)
	var err error
	if s.process, err = launch(cmd); err != nil {
		return err
	}
	if err := s.wait(ctx); err != nil {
		return errors.Join(err, s.process.stop())
	}
	return nil
}

// Crash has the server end without finishing anything, and starts it again: it
// recovers as after a fault of its own. Nobody else's tests may be using it.
func (s *Server) Crash(t testing.TB) {
	t.Helper()
	s.need(t)
	if err := s.process.crash(); err != nil {
		t.Fatalf("crash PostgreSQL: %v", err)
	}
	if err := s.run(context.WithoutCancel(t.Context())); err != nil {
		t.Fatalf("start PostgreSQL again: %v", err)
	}
}

// wait returns when the server answers.
func (s *Server) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, s.url("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.process.exited:
			return fmt.Errorf("the server has ended: %s", s.process.output.String())
		case <-ctx.Done():
			return fmt.Errorf("no answer: %w\n%s", err, s.process.output.String())
		case <-tick.C:
		}
	}
}

// Stop ends the server and removes what it stored. The process takes the server
// with it also when it ends without Stop.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil || s.err != nil {
		return nil
	}
	s.err = errors.New("the server is stopped")
	return errors.Join(s.process.stop(), os.RemoveAll(s.dir))
}

// debianFolders matches where Debian's packages put the programs of each version.
const debianFolders = "/usr/lib/postgresql/*/bin"

// findPrograms gives the folder of the programs: the one named, else the newest
// version of Debian's, else the one on the path.
func findPrograms(named, debian string, lookPath func(string) (string, error)) (string, error) {
	if named != "" {
		if _, err := os.Stat(filepath.Join(named, "initdb")); err != nil {
			return "", fmt.Errorf("%s names a folder without PostgreSQL's programs: %w", BinEnv, err)
		}
		return named, nil
	}
	found, err := filepath.Glob(filepath.Join(debian, "initdb"))
	if err != nil {
		return "", err
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 for what is no number
		return n
	}
	if len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
	}
	path, err := lookPath("initdb")
	if err != nil {
		return "", fmt.Errorf("PostgreSQL's initdb is neither below %s nor on the path: install the Debian package postgresql-15, or name the folder with %s", debian, BinEnv)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	return filepath.Dir(path), nil
}

const folderPrefix = "feedmill-pgtest-"

// sweep removes the folders of test binaries that ended without Stop. What it
// cannot judge or remove it leaves.
func sweep(dir string) {
	old, _ := filepath.Glob(filepath.Join(dir, folderPrefix+"*"))
	for _, folder := range old {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(folder), folderPrefix), "-")
		if n, err := strconv.Atoi(pid); err == nil && !alive(n) {
			_ = os.RemoveAll(folder)
		}
	}
}
