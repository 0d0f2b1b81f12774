package durable_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"feedmill/internal/durable"
	"feedmill/internal/durable/crashfs"
)

// leaves are the states in which each crash is looked at.
var leaves = []struct {
	leave crashfs.Leave
	seeds uint64
}{{crashfs.Least, 1}, {crashfs.Everything, 1}, {crashfs.Names, 1}, {crashfs.Bytes, 1}, {crashfs.Some, 30}}

// everyCrash runs change on a fresh file system once per operation it makes,
// loses power after that operation, and calls check with each state that may be
// found. done tells check whether change had returned without an error.
func everyCrash(t *testing.T, setup, change func(durable.FS) error, check func(f *crashfs.FS, done bool) error) (violations int) {
	t.Helper()
	for n := 1; ; n++ {
		f := crashfs.New()
		if err := setup(f); err != nil {
			t.Fatalf("setup: %v", err)
		}
		f.Inject(func(op crashfs.Operation) crashfs.Action { return crashfs.Action{Crash: op.N == n} })
		err := change(f)
		if n > f.Operations() {
			if err != nil {
				t.Fatalf("without a crash: %v", err)
			}
			if n < 4 {
				t.Fatalf("got %d operations, want more", n)
			}
			return violations
		}
		for _, l := range leaves {
			for seed := range l.seeds {
				if err := check(f.AfterCrash(l.leave, seed), err == nil); err != nil {
					violations++
					if violations == 1 {
						t.Logf("crash after operation %d, leave %d, seed %d: %v", n, l.leave, seed, err)
					}
				}
			}
		}
	}
}

func content(f durable.FS, name string) (string, error) {
	r, err := f.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

var (
	before = strings.Repeat("old ", 3000)
	after  = strings.Repeat("new!!", 20000) // several writes
)

func replaceWith(s string) func(durable.FS) error {
	return func(f durable.FS) error { return durable.Replace(f, "file", strings.NewReader(s), 0o600) }
}

func oldOrNew(f *crashfs.FS, done bool) error {
	got, err := content(f, "file")
	switch {
	case err != nil:
		return err
	case got != before && got != after:
		return fmt.Errorf("torn: %d bytes", len(got))
	case done && got != after:
		return errors.New("lost although done")
	}
	return nil
}

func TestReplaceSurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	if n := everyCrash(t, replaceWith(before), replaceWith(after), oldOrNew); n != 0 {
		t.Errorf("got %d states that are neither old nor new, want 0", n)
	}
}

func TestRemoveLeftAfterEveryCrash(t *testing.T) {
	t.Parallel()
	found := 0
	n := everyCrash(t, replaceWith(before), replaceWith(after), func(f *crashfs.FS, done bool) error {
		list, err := f.ReadDir(".")
		if err != nil {
			return err
		}
		found += len(list) - 1
		if err := durable.RemoveLeft(f, "."); err != nil {
			return err
		}
		if list, err = f.ReadDir("."); err != nil || len(list) != 1 {
			return fmt.Errorf("got %v, %v, want the file alone", list, err)
		}
		return oldOrNew(f, done)
	})
	if n != 0 || found == 0 {
		t.Errorf("got %d states with more than the file, of %d files left, want 0 and some", n, found)
	}
}

// lazy is a file system on which some sync does nothing.
type lazy struct {
	durable.FS
	file, dir bool
}

func (l lazy) SyncDir(name string) error {
	if l.dir {
		return nil
	}
	return l.FS.SyncDir(name)
}

func (l lazy) OpenFile(name string, flag int, perm fs.FileMode) (durable.File, error) {
	f, err := l.FS.OpenFile(name, flag, perm)
	if err == nil && l.file {
		f = lazyFile{f}
	}
	return f, err
}

type lazyFile struct{ durable.File }

func (lazyFile) Sync() error { return nil }

// TestCrashesFindMissingSyncs proves that the test above can fail.
func TestCrashesFindMissingSyncs(t *testing.T) {
	t.Parallel()
	for _, l := range []lazy{{file: true}, {dir: true}} {
		n := everyCrash(t, replaceWith(before), func(f durable.FS) error {
			return replaceWith(after)(lazy{f, l.file, l.dir})
		}, oldOrNew)
		if n == 0 {
			t.Errorf("without sync of files %v, of folders %v: got no violation", l.file, l.dir)
		}
	}
	n := everyCrash(t, replaceWith(before), func(f durable.FS) error {
		w, err := f.OpenFile("file", os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, after)
		return errors.Join(err, w.Sync(), w.Close(), f.SyncDir("."))
	}, oldOrNew)
	if n == 0 {
		t.Errorf("writing in place: got no violation")
	}
}

func TestCreateSurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	create := func(f durable.FS) error {
		if err := durable.Stage(f, "temp", strings.NewReader(after), 0o600); err != nil {
			return err
		}
		return durable.CommitNew(f, "temp", "file")
	}
	n := everyCrash(t, func(durable.FS) error { return nil }, create, func(f *crashfs.FS, done bool) error {
		got, err := content(f, "file")
		if errors.Is(err, fs.ErrNotExist) && !done {
			return nil
		}
		if err != nil || got != after {
			return fmt.Errorf("got %d bytes, error %v", len(got), err)
		}
		return nil
	})
	if n != 0 {
		t.Errorf("got %d bad states, want 0", n)
	}
}

func TestPublishSurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	// A folder is filled without any care; Publish alone makes it durable.
	fill := func(f durable.FS, name, text string) error {
		var errs []error
		errs = append(errs, f.Mkdir(name, 0o700), f.Mkdir(name+"/sub", 0o700))
		for _, file := range []string{"/a", "/b", "/sub/c"} {
			w, err := f.OpenFile(name+file, os.O_WRONLY|os.O_CREATE, 0o600)
			if err != nil {
				return err
			}
			_, err = io.WriteString(w, text)
			errs = append(errs, err, w.Close())
		}
		return errors.Join(errs...)
	}
	publish := func(name, text string) func(durable.FS) error {
		return func(f durable.FS) error {
			if err := fill(f, name, text); err != nil {
				return err
			}
			return durable.Publish(f, "current", name)
		}
	}
	n := everyCrash(t, publish("one", "first"), publish("two", "second"), func(f *crashfs.FS, done bool) error {
		target, err := durable.Published(f, "current")
		if err != nil {
			return err
		}
		want, ok := map[string]string{"one": "first", "two": "second"}[target]
		if !ok || done && target != "two" {
			return fmt.Errorf("published %q (done: %v)", target, done)
		}
		for _, file := range []string{"/a", "/b", "/sub/c"} {
			if got, err := content(f, target+file); err != nil || got != want {
				return fmt.Errorf("published %q, %s: got %q, error %v", target, file, got, err)
			}
		}
		return nil
	})
	if n != 0 {
		t.Errorf("got %d bad states, want 0", n)
	}
}

func TestMakeSurvivesEveryCrash(t *testing.T) {
	t.Parallel()
	n := everyCrash(t, func(durable.FS) error { return nil }, func(f durable.FS) error {
		var d durable.Dirs
		if err := d.Make(f, "a/b/c", 0o700); err != nil {
			return err
		}
		return durable.Replace(f, "a/b/c/file", strings.NewReader(after), 0o600)
	}, func(f *crashfs.FS, done bool) error {
		got, err := content(f, "a/b/c/file")
		if errors.Is(err, fs.ErrNotExist) && !done || err == nil && got == after {
			return nil
		}
		return fmt.Errorf("got %d bytes, error %v", len(got), err)
	})
	if n != 0 {
		t.Errorf("got %d bad states, want 0", n)
	}
}

// TestMakeDoesNotTrustOthers: a folder that another process has made may not be
// durable yet.
func TestMakeDoesNotTrustOthers(t *testing.T) {
	t.Parallel()
	f := crashfs.New()
	if err := errors.Join(f.Mkdir("a", 0o700), f.Mkdir("a/b", 0o700)); err != nil {
		t.Fatal(err)
	}
	var d durable.Dirs
	if err := d.Make(f, "a/b", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := f.AfterCrash(crashfs.Least, 0).Lstat("a/b"); err != nil {
		t.Errorf("after a crash: %v", err)
	}
	// Known folders cost nothing, forgotten ones are made again.
	f.Inject(nil)
	if err := d.Make(f, "a/b", 0o700); err != nil || f.Operations() != 0 {
		t.Errorf("again: got %d operations, error %v, want 0", f.Operations(), err)
	}
	if err := errors.Join(f.Remove("a/b"), f.Remove("a")); err != nil {
		t.Fatal(err)
	}
	d.Forget("a/b")
	if err := d.Make(f, "a/b", 0o700); err != nil {
		t.Errorf("after forgetting: %v", err)
	}
	if err := durable.Replace(f, "file", strings.NewReader("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Make(f, "file/c", 0o700); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("below a file: got error %v, want %v", err, syscall.ENOTDIR)
	}
}

// TestReplaceWithEveryError makes each operation fail in turn, with and without
// effect. What is then seen, and what a crash would leave, is old or new, and
// new if no error was reported.
func TestReplaceWithEveryError(t *testing.T) {
	t.Parallel()
	for _, effect := range []bool{false, true} {
		for n := 1; ; n++ {
			f := crashfs.New()
			if err := replaceWith(before)(f); err != nil {
				t.Fatal(err)
			}
			f.Inject(func(op crashfs.Operation) crashfs.Action {
				if op.N == n {
					return crashfs.Action{Err: syscall.EIO, Effect: effect}
				}
				return crashfs.Action{}
			})
			err := replaceWith(after)(f)
			if n > f.Operations() {
				break
			}
			if !errors.Is(err, syscall.EIO) {
				t.Errorf("operation %d failed: got error %v, want %v", n, err, syscall.EIO)
			}
			states := []*crashfs.FS{f}
			for _, l := range leaves {
				for seed := range l.seeds {
					states = append(states, f.AfterCrash(l.leave, seed))
				}
			}
			for i, g := range states {
				if err := oldOrNew(g, false); err != nil {
					t.Errorf("operation %d failed (effect %v), state %d: %v", n, effect, i, err)
				}
			}
			got, readErr := content(f, "file")
			var sync *durable.SyncError
			if visible := errors.As(err, &sync) && sync.Visible; visible != (got == after) && !effect {
				t.Errorf("operation %d failed: error says visible %v, got new %v (%v)", n, visible, got == after, readErr)
			}
			entries, err := f.ReadDir(".")
			if err != nil || len(entries) != 1 && !effect {
				t.Errorf("operation %d failed: got %d files, error %v, want 1", n, len(entries), err)
			}
		}
	}
}

func TestStageTakesErrorsOfTheReader(t *testing.T) {
	t.Parallel()
	f := crashfs.New()
	broken := errors.New("broken")
	r := io.MultiReader(bytes.NewReader(make([]byte, 100_000)), readerFunc(func([]byte) (int, error) { return 0, broken }))
	if err := durable.Replace(f, "file", r, 0o600); !errors.Is(err, broken) {
		t.Errorf("got error %v, want %v", err, broken)
	}
	if entries, err := f.ReadDir("."); err != nil || len(entries) != 0 {
		t.Errorf("got %d files, error %v, want none", len(entries), err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
