package folder

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"feedmill/internal/durable"
)

// files is what a folder asks of the file system. Names are relative to the
// folder's parent. It is one interface, as durable.FS is, because a crash is a
// property of all its calls together.
type files interface {
	durable.FS
	// Take moves a file of the spool, named by its path, to a name that is free.
	Take(path, name string) error
	// Chmod sets the mode of a file or folder.
	Chmod(name string, mode fs.FileMode) error
	// Exchange swaps two folders in one step.
	Exchange(a, b string) error
	// Close ends the use of the parent.
	Close() error
}

// disk is the real file system.
type disk struct {
	*durable.Root
	parent string
}

var _ files = disk{}

// openDisk opens the parent of a folder, made durably where it is missing.
func openDisk(parent string) (files, error) {
	root, err := durable.MakeRoot(parent)
	return disk{root, parent}, err
}

func (d disk) path(name string) string { return filepath.Join(d.parent, filepath.FromSlash(name)) }

// Take implements files.
func (d disk) Take(path, name string) error { return os.Rename(path, d.path(name)) }

// Chmod implements files.
func (d disk) Chmod(name string, mode fs.FileMode) error { return os.Chmod(d.path(name), mode) }

// Exchange implements files.
func (d disk) Exchange(a, b string) error { return durable.Exchange(d.path(a), d.path(b)) }

// makeAll makes a folder below the parent, and those above it.
func makeAll(f files, name string) error {
	if name == "." {
		return nil
	}
	switch info, err := f.Lstat(name); {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
	}
	if err := makeAll(f, path.Dir(name)); err != nil {
		return err
	}
	return f.Mkdir(name, 0o755)
}

// removeAll removes a file or folder with everything in it, if it is there.
func removeAll(f files, name string) error {
	info, err := f.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.IsDir() {
		entries, err := f.ReadDir(name)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if err := removeAll(f, path.Join(name, e.Name())); err != nil {
				return err
			}
		}
	}
	if err != nil {
		return err
	}
	return f.Remove(name)
}

// write makes a file that is not there yet.
func write(f files, name string, data []byte) error {
	file, err := f.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}

// nextName gives a free name for the next folder beside base.
func nextName(base string) string { return nextPrefix(base) + strings.ToLower(rand.Text()[:10]) }

func nextPrefix(base string) string { return fmt.Sprintf(".%s.next-", base) }
