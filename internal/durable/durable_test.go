package durable_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"feedmill/internal/durable"
)

func TestWriteFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new", "folders", "file.xml")
	for _, want := range []string{"first", "", strings.Repeat("x", 1<<20)} {
		if err := durable.WriteFile(path, strings.NewReader(want)); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("got %d bytes, error %v, want %d", len(got), err, len(want))
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("got %d files, error %v, want 1", len(entries), err)
	}
	for _, bad := range []string{filepath.Dir(path), filepath.Join(path, "below"), filepath.Dir(path) + "/", filepath.Dir(path) + "/.."} {
		if err := durable.WriteFile(bad, strings.NewReader("x")); err == nil {
			t.Errorf("write %q: got no error", bad)
		}
	}
}

// The system refuses links of folders everywhere, by the answer that it gives for
// files where there are no links.
func TestLinkSaysThatNoneCanBeMade(t *testing.T) {
	t.Parallel()
	root, err := durable.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := root.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := root.Link("folder", "second"); !errors.Is(err, durable.ErrNoLinks) || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got error %v, want %v of what is not permitted", err, durable.ErrNoLinks)
	}
	if err := root.Link("missing", "second"); errors.Is(err, durable.ErrNoLinks) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("link of what is missing: got error %v, want %v", err, fs.ErrNotExist)
	}
}

func TestRootDoesNotLeaveItsFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := durable.MakeRoot(filepath.Join(dir, "inside"))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := os.Symlink(outside, filepath.Join(dir, "inside", "link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../outside", "link", outside} {
		if _, err := root.OpenFile(name, os.O_RDONLY, 0); err == nil {
			t.Errorf("open %q: got no error", name)
		}
		if err := durable.Replace(root, name, strings.NewReader("x"), 0o600); err == nil && name != "link" {
			t.Errorf("replace %q: got no error", name)
		}
	}
	if got, err := os.ReadFile(outside); err != nil || string(got) != "secret" {
		t.Errorf("outside: got %q, error %v, want it untouched", got, err)
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	root, err := durable.MakeRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if _, err := durable.Published(root, "current"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before: got error %v, want %v", err, fs.ErrNotExist)
	}
	for _, name := range []string{"one", "two", "deep/er"} {
		if err := os.MkdirAll(filepath.Join(root.Name(), name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := durable.Publish(root, "current", name); err != nil {
			t.Errorf("publish %q: %v", name, err)
		}
		if got, err := durable.Published(root, "current"); err != nil || got != name {
			t.Errorf("published: got %q, error %v, want %q", got, err, name)
		}
	}
	for _, name := range []string{"absent", "../one", "/one", "", ".", "a\nb", "one/"} {
		if err := durable.Publish(root, "current", name); err == nil {
			t.Errorf("publish %q: got no error", name)
		}
	}
	if err := os.Symlink("one", filepath.Join(root.Name(), "two", "link")); err != nil {
		t.Fatal(err)
	}
	if err := durable.Publish(root, "current", "two"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("publish a folder with a link: got error %v, want %v", err, fs.ErrInvalid)
	}
	for _, text := range []string{"", "one", "one\ntwo\n", "../one\n", "/etc\n", strings.Repeat("x", 5000) + "\n"} {
		if err := os.WriteFile(filepath.Join(root.Name(), "current"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := durable.Published(root, "current"); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("pointer with %.20q: got %q, error %v, want %v", text, got, err, fs.ErrInvalid)
		}
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	now := time.Date(2026, 11, 21, 19, 30, 0, 0, time.UTC)
	first, err := durable.AcquireLock(path, now)
	if err != nil {
		t.Fatal(err)
	}
	if o, stale := first.Stale(); stale {
		t.Errorf("new lock: got stale owner %v", o)
	}
	_, err = durable.AcquireLock(path, now)
	var held *durable.LockedError
	if !errors.As(err, &held) || held.Owner.PID != os.Getpid() || !held.Owner.Since.Equal(now) {
		t.Errorf("second: got error %v, want one that names this process", err)
	}
	if err != nil && !strings.Contains(err.Error(), "since 2026-11-21T19:30:00Z") {
		t.Errorf("second: got %q, want the time in it", err)
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := durable.AcquireLock(path, now)
	if err != nil {
		t.Fatal(err)
	}
	if o, stale := again.Stale(); stale {
		t.Errorf("after release: got stale owner %v", o)
	}
	if err := again.Release(); err != nil {
		t.Fatal(err)
	}
}

// TestLockOfADeadOwner lets another process die with the lock.
func TestLockOfADeadOwner(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperDieWithLock$")
	cmd.Env = append(os.Environ(), "DIE_WITH_LOCK="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatalf("wait for the other process: %v", err)
	}
	_, err = durable.AcquireLock(path, time.Now())
	var held *durable.LockedError
	if !errors.As(err, &held) || held.Owner.PID != cmd.Process.Pid {
		t.Errorf("while it lives: got error %v, want one that names process %d", err, cmd.Process.Pid)
	}
	if err := errors.Join(in.Close(), cmd.Process.Kill()); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	l, err := durable.AcquireLock(path, time.Now())
	if err != nil {
		t.Fatalf("after its death: %v", err)
	}
	defer l.Release()
	if o, stale := l.Stale(); !stale || o.PID != cmd.Process.Pid {
		t.Errorf("after its death: got owner %v, stale %v, want process %d", o, stale, cmd.Process.Pid)
	}
}

// TestHelperDieWithLock is the other process.
func TestHelperDieWithLock(t *testing.T) {
	path := os.Getenv("DIE_WITH_LOCK")
	if path == "" {
		t.Skip("only as the other process")
	}
	if _, err := durable.AcquireLock(path, time.Now()); err != nil {
		t.Fatal(err)
	}
	fmt.Println("locked")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until killed
}

func ExampleWriteFile() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "feeds", "full.xml")
	fmt.Println(durable.WriteFile(path, strings.NewReader("<offer/>")))
	b, err := os.ReadFile(path)
	fmt.Println(string(b), err)
	// Output:
	// <nil>
	// <offer/> <nil>
}

func ExamplePublish() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	root, err := durable.OpenRoot(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer root.Close()
	fmt.Println(durable.WriteFile(filepath.Join(dir, "generation-7", "full.xml"), strings.NewReader("<offer/>")))
	fmt.Println(durable.Publish(root, "current", "generation-7"))
	fmt.Println(durable.Published(root, "current"))
	// Output:
	// <nil>
	// <nil>
	// generation-7 <nil>
}

func ExampleAcquireLock() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	lock, err := durable.AcquireLock(filepath.Join(dir, "lock"), time.Now())
	fmt.Println(err)
	_, err = durable.AcquireLock(filepath.Join(dir, "lock"), time.Now())
	fmt.Println(err != nil)
	fmt.Println(lock.Release())
	// Output:
	// <nil>
	// true
	// <nil>
}
