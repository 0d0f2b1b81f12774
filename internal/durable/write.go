package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"feedmill/internal/crash"
)

// tempMark begins the names of temporary files. A file so named is never
// anything else and may be removed when nobody writes it.
const tempMark = ".durable-"

// WriteFile writes a file at path, replacing what is there: readers see the old
// content or the new one, whole, also after a crash. Missing parents are made.
// When it returns nil the new content is durable; on any error the old content
// still stands, unless only the last sync failed and the new one is already
// visible.
func WriteFile(path string, r io.Reader) error {
	dir, name := filepath.Split(path)
	root, err := MakeRoot(filepath.Clean(dir))
	if err != nil {
		return fmt.Errorf("write %q: %w", path, err)
	}
	defer root.Close()
	return Replace(root, name, r, 0o644)
}

// Replace is WriteFile on an FS. The folder of name must exist.
func Replace(fsys FS, name string, r io.Reader, perm fs.FileMode) error {
	if err := checkName(name); err != nil {
		return err
	}
	temp := path.Join(path.Dir(name), tempMark+rand.Text())
	if err := Stage(fsys, temp, r, perm); err != nil {
		return fmt.Errorf("write %q: %w", name, err)
	}
	if err := Commit(fsys, temp, name); err != nil {
		return fmt.Errorf("write %q: %w", name, err)
	}
	return nil
}

// RemoveLeft removes from a folder what callers of [WriteFile] and [Replace] who
// were killed have left there. It is for who alone writes in the folder, as the
// holder of a [Lock]: another one's file would be taken away under his hands.
func RemoveLeft(fsys FS, dir string) error {
	list, err := fsys.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look for temporary files that were left: %w", err)
	}
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), tempMark) || !e.Type().IsRegular() {
			continue
		}
		if err := removeQuietly(fsys, path.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("remove a temporary file that was left: %w", err)
		}
	}
	return nil
}

// Stage writes a new file under a name that nobody looks at, to its end, and
// syncs its bytes. Its name is not durable before the folder is synced. On an
// error nothing is left: above all, a file whose sync failed is not synced
// again, because the system may have forgotten the bytes it could not write
// and report success the second time.
func Stage(fsys FS, name string, r io.Reader, perm fs.FileMode) error {
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(onlyWriter{f}, r)
	if err == nil {
		crash.Point("durable.stage.written")
		if err = f.Sync(); err != nil {
			err = &SyncError{Name: name, Err: err}
		}
		crash.Point("durable.stage.synced")
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		// The name is ours alone; what cannot be removed now is left to a sweep.
		return errors.Join(err, removeQuietly(fsys, name))
	}
	return nil
}

// onlyWriter hides ReadFrom: a copy between files inside the kernel would pass
// by a reader that counts and hashes.
type onlyWriter struct{ io.Writer }

// Commit makes the staged file visible under name, replacing what is there. It
// syncs the folder before, so that everything name's content speaks of is
// durable first, and after, so that the new name is. Both names must be in one
// folder. After an error the staged file is gone, and the new content is
// visible only if the error is a SyncError.
func Commit(fsys FS, staged, name string) error {
	dir := path.Dir(name)
	if err := fsys.SyncDir(dir); err != nil {
		return errors.Join(&SyncError{Name: dir, Err: err}, removeQuietly(fsys, staged))
	}
	crash.Point("durable.rename.before")
	if err := fsys.Rename(staged, name); err != nil {
		return errors.Join(err, removeQuietly(fsys, staged))
	}
	crash.Point("durable.rename.after")
	if err := fsys.SyncDir(dir); err != nil {
		return &SyncError{Name: dir, Err: err, Visible: true}
	}
	return nil
}

// CommitNew is Commit for a name that must not exist yet: of several callers
// one wins, the others get fs.ErrExist.
func CommitNew(fsys FS, staged, name string) error {
	dir := path.Dir(name)
	if err := fsys.SyncDir(dir); err != nil {
		return errors.Join(&SyncError{Name: dir, Err: err}, removeQuietly(fsys, staged))
	}
	crash.Point("durable.link.before")
	if err := fsys.Link(staged, name); err != nil {
		return errors.Join(err, removeQuietly(fsys, staged))
	}
	crash.Point("durable.link.after")
	// Dropping the second name before the sync saves one sync. Should it fail,
	// a name is left that a sweep removes.
	_ = fsys.Remove(staged)
	crash.Point("durable.link.alone")
	if err := fsys.SyncDir(dir); err != nil {
		return &SyncError{Name: dir, Err: err, Visible: true}
	}
	crash.Point("durable.link.synced")
	return nil
}

// SyncError means that the medium did not confirm a write. Nothing may be
// concluded about the file or folder, and syncing it again proves nothing.
type SyncError struct {
	Name string // of the file or folder
	Err  error
	// Visible is true when the change can already be seen, but may be lost in
	// a crash.
	Visible bool
}

// Error implements error.
func (e *SyncError) Error() string {
	return fmt.Sprintf("sync %q: %v (its content is not to be trusted)", e.Name, e.Err)
}

// Unwrap returns the error of the system.
func (e *SyncError) Unwrap() error { return e.Err }

// removeQuietly removes a file that may be missing.
func removeQuietly(fsys FS, name string) error {
	if err := fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// makePath makes the folder path in the real file system, each new one durable.
func makePath(path string) error {
	path = filepath.Clean(path)
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return &fs.PathError{Op: "mkdir", Path: path, Err: fs.ErrExist}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	parent := filepath.Dir(path)
	if err := makePath(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d, err := os.Open(parent)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}
