package fsstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"feedmill/internal/durable"
	"feedmill/internal/durable/crashfs"
	"feedmill/storage"
	"feedmill/storage/fsstore"
)

const key = "m/shop/b/ab/object"

var (
	oldBody = []byte(strings.Repeat("old ", 2000))
	newBody = []byte(strings.Repeat("new!", 2000)) // of equal length, so that only bytes and attributes tell
)

func options() fsstore.Options {
	clock := time.Date(2026, 11, 21, 19, 30, 0, 0, time.UTC)
	return fsstore.Options{Now: func() time.Time { return clock }}
}

func put(s storage.Store, b []byte, immutable bool) error {
	_, err := s.Put(context.Background(), key, bytes.NewReader(b), int64(len(b)), storage.Attrs{
		ContentType: "text/" + string(b[:3]), Immutable: immutable, SHA256: storage.Sum(b),
	})
	return err
}

// adopt is put of an immutable object with a file that is moved.
func adopt(s storage.Store, b []byte) error {
	path, err := written(b)
	if err != nil {
		return err
	}
	_, err = s.(storage.FileAdopter).Adopt(context.Background(), key, path, int64(len(b)), storage.Attrs{
		ContentType: "text/" + string(b[:3]), Immutable: true, SHA256: storage.Sum(b),
	})
	if _, left := os.Lstat(path); !errors.Is(left, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("the file is still there (%v)", left), os.Remove(path))
	}
	return err
}

// written gives a file of its own that holds b.
func written(b []byte) (path string, err error) {
	f, err := os.CreateTemp("", "adopt-*")
	if err != nil {
		return "", err
	}
	_, err = f.Write(b)
	return f.Name(), errors.Join(err, f.Close())
}

// adopting is a file system into which files are moved: what a synced file is
// where it comes from, it is here, and its name is as durable as a new one.
type adopting struct{ durable.FS }

func (a adopting) Adopt(path, name string) error {
	b, err := os.ReadFile(path)
	if err == nil {
		err = durable.Stage(a.FS, name, bytes.NewReader(b), 0o440)
	}
	if err != nil {
		return err
	}
	return os.Remove(path)
}

// on is a store on a file system, with all that one can do.
func on(f durable.FS) *fsstore.Store { return fsstore.On(adopting{f}, options()) }

// found says what a reader finds under key: "nothing", "old" or "new", whole
// and with its own attributes; an error for anything else.
func found(f durable.FS) (string, error) {
	s := fsstore.On(f, options())
	ctx := context.Background()
	r, info, err := s.Open(ctx, key, storage.Range{})
	stat, statErr := s.Stat(ctx, key)
	var listed []storage.Info
	for info, err := range s.List(ctx, "") {
		if err != nil {
			return "", err
		}
		listed = append(listed, info)
	}
	if errors.Is(err, storage.ErrNotExist) {
		if !errors.Is(statErr, storage.ErrNotExist) || len(listed) != 0 {
			return "", fmt.Errorf("open finds nothing, stat %+v (%v), list %+v", stat, statErr, listed)
		}
		return "nothing", nil
	}
	if err != nil {
		return "", err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		return "", err
	}
	if statErr != nil || stat != info || len(listed) != 1 || listed[0].Size != int64(len(b)) {
		return "", fmt.Errorf("open finds %+v, stat %+v (%v), list %+v", info, stat, statErr, listed)
	}
	if !bytes.Equal(b, oldBody) && !bytes.Equal(b, newBody) || info.SHA256 != storage.Sum(b) || info.ContentType != "text/"+string(b[:3]) {
		return "", fmt.Errorf("torn: %d bytes (%.3q) with %+v", len(b), b, info)
	}
	return string(b[:3]), nil
}

var leaves = []struct {
	leave crashfs.Leave
	seeds uint64
}{{crashfs.Least, 1}, {crashfs.Everything, 1}, {crashfs.Names, 1}, {crashfs.Bytes, 1}, {crashfs.Some, 20}}

// scenarios are changes to a store; before and after are what is found.
var scenarios = []struct {
	name, before, after string
	setup, change       func(storage.Store) error
}{
	{"create", "nothing", "new", func(storage.Store) error { return nil }, func(s storage.Store) error { return put(s, newBody, true) }},
	{"create mutable", "nothing", "new", func(storage.Store) error { return nil }, func(s storage.Store) error { return put(s, newBody, false) }},
	{"adopt", "nothing", "new", func(storage.Store) error { return nil }, func(s storage.Store) error { return adopt(s, newBody) }},
	{"replace", "old", "new", func(s storage.Store) error { return put(s, oldBody, false) }, func(s storage.Store) error { return put(s, newBody, false) }},
	{"delete", "old", "nothing", func(s storage.Store) error { return put(s, oldBody, true) }, func(s storage.Store) error { return s.Delete(context.Background(), key) }},
}

// crashes runs a scenario once for each operation, with power lost after it,
// and returns how many of the states then found are wrong. wrap may spoil the
// file system.
func crashes(t *testing.T, i int, wrap func(durable.FS) durable.FS) (wrong int) {
	t.Helper()
	c := scenarios[i]
	for n := 1; ; n++ {
		f := crashfs.New()
		if err := c.setup(on(f)); err != nil {
			t.Fatalf("%s: setup: %v", c.name, err)
		}
		f.Inject(func(op crashfs.Operation) crashfs.Action { return crashfs.Action{Crash: op.N == n} })
		err := c.change(on(wrap(f)))
		if n > f.Operations() {
			if err != nil || n < 3 {
				t.Fatalf("%s: without a crash: %d operations, error %v", c.name, n-1, err)
			}
			return wrong
		}
		for _, l := range leaves {
			for seed := range l.seeds {
				g := f.AfterCrash(l.leave, seed)
				got, readErr := found(g)
				if readErr != nil || got != c.after && (err == nil || got != c.before) {
					wrong++
					t.Logf("%s: crash after operation %d, leave %d, seed %d (done: %v): got %q, error %v", c.name, n, l.leave, seed, err == nil, got, readErr)
					continue
				}
				if readErr := recovered(g, got); readErr != nil {
					wrong++
					t.Logf("%s: crash after operation %d, leave %d, seed %d: %v", c.name, n, l.leave, seed, readErr)
				}
			}
		}
	}
}

// recovered checks that the store goes on working after the crash: Sweep leaves
// what is there and nothing but that, and the key can be used.
func recovered(f *crashfs.FS, want string) error {
	s := fsstore.On(f, options())
	if _, err := s.Sweep(context.Background(), 0); err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	if got, err := found(f); err != nil || got != want {
		return fmt.Errorf("after sweeping: got %q, error %v, want %q", got, err, want)
	}
	names := 0
	if entries, err := f.ReadDir("m/shop/b/ab"); err == nil {
		names = len(entries)
	}
	if want == "nothing" && names != 0 || want != "nothing" && names != 2 {
		return fmt.Errorf("after sweeping: got %d files with %q stored", names, want)
	}
	if err := errors.Join(s.Delete(context.Background(), key), put(s, newBody, true)); err != nil {
		return fmt.Errorf("put after the crash: %w", err)
	}
	if got, err := found(f.AfterCrash(crashfs.Least, 0)); err != nil || got != "new" {
		return fmt.Errorf("put after the crash, and a second crash: got %q, error %v", got, err)
	}
	return nil
}

func TestEveryCrash(t *testing.T) {
	t.Parallel()
	for i, c := range scenarios {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if n := crashes(t, i, func(f durable.FS) durable.FS { return f }); n != 0 {
				t.Errorf("got %d wrong states, want 0", n)
			}
		})
	}
}

// lazy is a file system that does not sync files, or not folders.
type lazy struct {
	durable.FS
	files bool
}

func (l lazy) SyncDir(name string) error {
	if l.files {
		return l.FS.SyncDir(name)
	}
	return nil
}

func (l lazy) OpenFile(name string, flag int, perm fs.FileMode) (durable.File, error) {
	f, err := l.FS.OpenFile(name, flag, perm)
	if err == nil && l.files {
		return lazyFile{f}, nil
	}
	return f, err
}

type lazyFile struct{ durable.File }

func (lazyFile) Sync() error { return nil }

// TestCrashesFindMissingSyncs proves that TestEveryCrash can fail.
func TestCrashesFindMissingSyncs(t *testing.T) {
	t.Parallel()
	for i, c := range scenarios {
		for _, files := range []bool{false, true} {
			if files && c.name == "delete" {
				continue // writes no file
			}
			if n := crashes(t, i, func(f durable.FS) durable.FS { return lazy{f, files} }); n == 0 {
				t.Errorf("%s without sync of %v: got no wrong state", c.name, map[bool]string{true: "files", false: "folders"}[files])
			}
		}
	}
}

// TestEveryError makes each operation fail once, with and without effect. The
// store must report it or have succeeded all the same; what is found then and
// after a crash is old or new.
func TestEveryError(t *testing.T) {
	t.Parallel()
	for _, c := range scenarios {
		for _, effect := range []bool{false, true} {
			for n := 1; ; n++ {
				f := crashfs.New()
				s := on(f)
				if err := c.setup(s); err != nil {
					t.Fatal(err)
				}
				f.Inject(func(op crashfs.Operation) crashfs.Action {
					if op.N == n {
						return crashfs.Action{Err: syscall.EIO, Effect: effect}
					}
					return crashfs.Action{}
				})
				err := c.change(s)
				if n > f.Operations() {
					break
				}
				check := func(when string, f *crashfs.FS, done bool) {
					got, readErr := found(f)
					if readErr != nil || got != c.after && (done || got != c.before) {
						t.Errorf("%s, operation %d failed (effect %v, reported: %v), %s: got %q, error %v", c.name, n, effect, err, when, got, readErr)
					}
				}
				check("now", f, err == nil)
				for _, l := range leaves {
					for seed := range l.seeds {
						check(fmt.Sprintf("after a crash (leave %d, seed %d)", l.leave, seed), f.AfterCrash(l.leave, seed), err == nil)
					}
				}
				// A sweep right after the error must not harm what a crash may
				// bring back.
				_, sweepErr := s.Sweep(context.Background(), 0)
				check(fmt.Sprintf("swept (%v)", sweepErr), f, err == nil)
				for seed := range uint64(20) {
					check("swept and crashed", f.AfterCrash(crashfs.Some, seed), err == nil)
				}
				// Trying again may fail, but must not claim what is not so.
				if errAgain := c.change(s); errAgain == nil || errors.Is(errAgain, storage.ErrExist) {
					for seed := range uint64(20) {
						check("repeated and crashed", f.AfterCrash(crashfs.Some, seed), errAgain == nil)
					}
				}
			}
		}
	}
}

func TestPermanentErrors(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err       error
		permanent bool
	}{
		{syscall.ENOSPC, true}, {syscall.EDQUOT, true}, {syscall.EPERM, true}, {syscall.EACCES, true},
		{syscall.EROFS, true}, {syscall.EIO, false}, {syscall.EINTR, false},
	} {
		for _, op := range []string{"create", "write", "sync", "close", "link", "mkdir"} {
			f := crashfs.New()
			f.Inject(func(o crashfs.Operation) crashfs.Action {
				if o.Name == op {
					return crashfs.Action{Err: c.err}
				}
				return crashfs.Action{}
			})
			err := put(fsstore.On(f, options()), newBody, true)
			if !errors.Is(err, c.err) || storage.IsPermanent(err) != c.permanent {
				t.Errorf("%s fails with %v: got error %v, permanent %v, want %v", op, c.err, err, storage.IsPermanent(err), c.permanent)
			}
			if got, err := found(f); err != nil || got != "nothing" {
				t.Errorf("%s fails with %v: got %q, error %v, want nothing", op, c.err, got, err)
			}
		}
	}
}
