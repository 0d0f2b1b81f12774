package folder_test

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"testing"

	"feedmill/feed/publish/folder"
	"feedmill/internal/durable"
	"feedmill/internal/durable/crashfs"
)

// twin is a real folder of which a file system that can lose power keeps track:
// every change is made to both. What comes from the spool, which is written by
// others, becomes known when it is taken from there, and is not synced by then.
type twin struct {
	folder.Files
	crash *crashfs.FS
}

func (w *twin) OpenFile(name string, flag int, perm fs.FileMode) (durable.File, error) {
	shadow, err := w.crash.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	real, err := w.Files.OpenFile(name, flag, perm)
	if err != nil {
		return nil, errors.Join(err, shadow.Close())
	}
	return twinFile{real, shadow}, nil
}

// twinFile is an open file of both. The real one needs no sync: nothing happens to it.
type twinFile struct {
	durable.File
	shadow durable.File
}

func (f twinFile) Write(p []byte) (int, error) {
	if _, err := f.shadow.Write(p); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f twinFile) Sync() error { return f.shadow.Sync() }

func (f twinFile) Close() error { return errors.Join(f.shadow.Close(), f.File.Close()) }

// both makes a change to the file system that can fail, and then to the real one.
// A failing operation that has its effect all the same has it on both.
func (w *twin) both(name string, shadow, real func() error) error {
	before := w.seen(name)
	err := shadow()
	if err != nil && w.seen(name) == before {
		return err
	}
	return errors.Join(err, real())
}

// seen tells what is at a name, as far as failures with an effect go.
func (w *twin) seen(name string) string {
	info, err := w.crash.Lstat(name)
	if err != nil {
		return "nothing"
	}
	if info.IsDir() {
		entries, err := w.crash.ReadDir(name)
		if err != nil {
			return "nothing"
		}
		all := "folder"
		for _, e := range entries {
			all += " " + e.Name()
		}
		return all
	}
	return "file"
}

func (w *twin) Mkdir(name string, perm fs.FileMode) error {
	return w.both(name, func() error { return w.crash.Mkdir(name, perm) }, func() error { return w.Files.Mkdir(name, perm) })
}

func (w *twin) Link(a, b string) error {
	return w.both(b, func() error { return w.crash.Link(a, b) }, func() error { return w.Files.Link(a, b) })
}

func (w *twin) Rename(a, b string) error {
	return w.both(b, func() error { return w.crash.Rename(a, b) }, func() error { return w.Files.Rename(a, b) })
}

func (w *twin) Exchange(a, b string) error {
	return w.both(b, func() error { return w.crash.Exchange(a, b) }, func() error { return w.Files.Exchange(a, b) })
}

func (w *twin) Remove(name string) error {
	if _, err := w.crash.Lstat(name); errors.Is(err, fs.ErrNotExist) {
		return w.Files.Remove(name) // of the spool
	}
	return w.both(name, func() error { return w.crash.Remove(name) }, func() error { return w.Files.Remove(name) })
}

func (w *twin) SyncDir(name string) error { return w.crash.SyncDir(name) }

func (w *twin) Lstat(name string) (fs.FileInfo, error) {
	if _, err := w.crash.Lstat("."); err != nil {
		return nil, err
	}
	return w.Files.Lstat(name)
}

func (w *twin) ReadDir(name string) ([]fs.DirEntry, error) {
	if _, err := w.crash.Lstat("."); err != nil {
		return nil, err
	}
	return w.Files.ReadDir(name)
}

func (w *twin) Take(file, name string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	shadow, err := w.crash.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := shadow.Write(data); err != nil {
		return errors.Join(err, shadow.Close(), w.crash.Remove(name))
	}
	return errors.Join(shadow.Close(), w.Files.Take(file, name))
}

// restore writes what is on a file system into a real folder.
func restore(t testing.TB, f *crashfs.FS, to string) {
	t.Helper()
	var walk func(name string)
	walk = func(name string) {
		entries, err := f.ReadDir(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			child := path.Join(name, e.Name())
			if e.IsDir() {
				if err := os.Mkdir(filepath.Join(to, child), 0o755); err != nil {
					t.Fatal(err)
				}
				walk(child)
			} else if err := os.WriteFile(filepath.Join(to, child), contents(t, f, child), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	walk(".")
}

// copyIn makes what is in a real folder durable on a file system.
func copyIn(t testing.TB, from string, f *crashfs.FS) {
	t.Helper()
	err := filepath.WalkDir(from, func(file string, d fs.DirEntry, err error) error {
		if err != nil || file == from {
			return err
		}
		rel, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		if d.IsDir() {
			return f.Mkdir(name, 0o755)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		out, err := f.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		_, err = out.Write(data)
		return errors.Join(err, out.Close())
	})
	if err == nil {
		err = durable.SyncTree(f, ".")
	}
	if err != nil {
		t.Fatal(err)
	}
}
