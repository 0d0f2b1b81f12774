package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Publish makes the folder target the published one by writing its name into
// the file pointer. Everything below target is synced first, so a pointer that
// can be read after a crash names a folder that is complete. Both are names
// relative to fsys; target must not be changed afterwards. A file is used and
// not a symbolic link because a link cannot be synced and some file systems
// and archives do not keep it.
func Publish(fsys FS, pointer, target string) error {
	if err := errors.Join(checkName(pointer), checkName(target)); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	if strings.ContainsAny(target, "\r\n") {
		return fmt.Errorf("publish %q: line break in the name: %w", target, fs.ErrInvalid)
	}
	if err := SyncTree(fsys, target); err != nil {
		return fmt.Errorf("publish %q: %w", target, err)
	}
	// The folders above target hold its name.
	for dir := path.Dir(target); ; dir = path.Dir(dir) {
		if err := fsys.SyncDir(dir); err != nil {
			return fmt.Errorf("publish %q: %w", target, &SyncError{Name: dir, Err: err})
		}
		if dir == "." {
			break
		}
	}
	if err := Replace(fsys, pointer, strings.NewReader(target+"\n"), 0o644); err != nil {
		return fmt.Errorf("publish %q: %w", target, err)
	}
	return nil
}

// Published returns the folder that pointer names. It matches fs.ErrNotExist
// before the first Publish, and reports fs.ErrInvalid when the file holds
// anything but one line with a name inside fsys.
func Published(fsys FS, pointer string) (string, error) {
	f, err := fsys.OpenFile(pointer, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	const most = 4 << 10
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return "", fmt.Errorf("read pointer %q: %w", pointer, err)
	}
	target, ok := strings.CutSuffix(string(b), "\n")
	if !ok || len(b) > most || strings.Contains(target, "\n") || checkName(target) != nil {
		return "", fmt.Errorf("pointer %q does not name a folder beside it (%.80q): %w", pointer, b, fs.ErrInvalid)
	}
	return target, nil
}

// SyncTree syncs every file and folder below name and name itself, but not the
// folder that holds it. Only files and folders may be there.
func SyncTree(fsys FS, name string) error {
	entries, err := fsys.ReadDir(name)
	if err != nil {
		return err
	}
	for _, e := range entries {
		child := path.Join(name, e.Name())
		switch {
		case e.IsDir():
			err = SyncTree(fsys, child)
		case e.Type().IsRegular():
			err = syncFile(fsys, child)
		default:
			err = fmt.Errorf("%q is neither file nor folder: %w", child, fs.ErrInvalid)
		}
		if err != nil {
			return err
		}
	}
	if err := fsys.SyncDir(name); err != nil {
		return &SyncError{Name: name, Err: err}
	}
	return nil
}

func syncFile(fsys FS, name string) error {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		err = &SyncError{Name: name, Err: err}
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
