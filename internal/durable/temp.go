package durable

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// resultMark ends the name of the file beside a TempDir.
const resultMark = ".new"

// TempDir is a folder for what one process needs while it works, and the file
// beside it that the work is for, until that has its own name ([Commit] wants
// both names in one folder).
//
// The system's lock (flock) on the folder itself says that its owner lives: it
// ends with the process, however that dies, and who makes the next folder for
// the same purpose removes those without one. There is no other file to leave
// behind, and several owners may work side by side. Where the system or the
// file system cannot lock folders nothing is ever removed but by its owner.
type TempDir struct {
	path string
	f    *os.File
}

// MakeTempDir makes a folder in dir that nobody but its owner may enter, with
// a hidden name of its own that tells what it is for, and removes what owners
// who died have left there for the same purpose: the name of the file that is being made, or
// another that nothing else in dir is kept for. The caller closes it.
func MakeTempDir(dir, purpose string) (*TempDir, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("make a folder for temporary files: %w", err)
	}
	prefix := "." + purpose + tempMark
	if err := removeDead(dir, prefix); err != nil {
		return nil, fmt.Errorf("look for temporary files that were left: %w", err)
	}
	for range 100 {
		t := &TempDir{path: filepath.Join(dir, prefix+rand.Text())}
		if err := os.Mkdir(t.path, 0o700); err != nil {
			return nil, fmt.Errorf("make a folder for temporary files: %w", err)
		}
		// Before it is locked somebody else may take it for a dead one's.
		if t.f, _, err = lockDir(t.path); err == nil {
			return t, nil
		}
		if !errors.Is(err, errLocked) && !errors.Is(err, fs.ErrNotExist) {
			return nil, errors.Join(fmt.Errorf("make a folder for temporary files: %w", err), os.Remove(t.path))
		}
	}
	return nil, fmt.Errorf("make a folder for temporary files in %q: others remove each one at once", dir)
}

// Path gives the folder's absolute path.
func (t *TempDir) Path() string { return t.path }

// Result gives the name, in the folder where this one was made, of a file that
// nobody else uses and that goes when this folder goes.
func (t *TempDir) Result() string { return filepath.Base(t.path) + resultMark }

// Close removes the folder with all that is in it, and the file beside it where
// that has not got another name. It must be called once.
func (t *TempDir) Close() error { return errors.Join(removeTemp(t.path), t.f.Close()) }

// removeTemp removes the file first: while the folder is there the next one
// knows of both.
func removeTemp(path string) error {
	if err := os.Remove(path + resultMark); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.RemoveAll(path)
}

// removeDead removes the folders whose names begin with prefix and whose owner
// lives no more. What cannot be removed stays: it is in nobody's way, and may
// belong to another user.
func removeDead(dir, prefix string) error {
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if f, locked, err := lockDir(path); err == nil {
			if locked {
				_ = removeTemp(path) // the next one tries again
			}
			_ = f.Close() // nothing was written
		}
	}
	return nil
}

// lockDir opens the folder at path and locks it for as long as it is open.
// locked is false where folders cannot be locked. The error matches errLocked
// when somebody else has the lock, and fs.ErrNotExist when the folder went away
// before it was locked.
func lockDir(path string) (_ *os.File, locked bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if err := flock(f); errors.Is(err, errLocked) {
		return nil, false, err
	} else if err != nil {
		return f, false, nil
	}
	mine, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	there, err := os.Lstat(path)
	if err == nil && !os.SameFile(mine, there) {
		err = fs.ErrNotExist
	}
	return f, true, err
}
