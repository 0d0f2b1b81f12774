// Package durable makes file system changes that survive a crash: a file
// appears under its name whole and synced, or not at all.
//
// It owns the order of write, sync, rename and folder sync, the lock file, the
// pointer file by which a whole folder is published at once, and how large files
// are written and read past the system's memory ([Large], [LargeReader]). It
// refuses to know what is in the files.
//
// Everything runs on [FS], a small view of a file system: [OpenRoot] is the
// real one, confined to a folder, and the crash-simulating one in
// durable/crashfs drops what was not synced.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"
)

// FS is what durable writing needs of a file system. Names are slash-separated
// and relative to a root; "." is the root. It is one interface, not several
// small ones, because a crash is a property of all its calls together.
//
// Errors match fs.ErrNotExist and fs.ErrExist as those of package os do.
type FS interface {
	// OpenFile opens a file as os.OpenFile does.
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	// Mkdir makes one folder.
	Mkdir(name string, perm fs.FileMode) error
	// Link gives a file a second name; it never replaces one.
	Link(oldname, newname string) error
	// Rename moves a file, replacing what has the new name.
	Rename(oldname, newname string) error
	// Remove removes a file or an empty folder.
	Remove(name string) error
	// Lstat describes a file without following a link.
	Lstat(name string) (fs.FileInfo, error)
	// ReadDir lists a folder, sorted by name.
	ReadDir(name string) ([]fs.DirEntry, error)
	// SyncDir makes the names in a folder durable.
	SyncDir(name string) error
}

// File is an open file. *os.File is one.
type File interface {
	io.Reader
	io.Writer
	io.Seeker
	io.Closer
	// Stat describes the open file.
	Stat() (fs.FileInfo, error)
	// Sync makes the bytes of the file durable, not its name.
	Sync() error
}

// Root is the part of the real file system below one folder. No name reaches
// outside of it, not even through symbolic links.
type Root struct {
	root *os.Root
}

var _ FS = (*Root)(nil)

// OpenRoot opens the folder at path, which must exist. The caller closes it.
func OpenRoot(path string) (*Root, error) {
	r, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Root{r}, nil
}

// MakeRoot opens the folder at path and makes it first where it is missing,
// parents included, each one durable.
func MakeRoot(path string) (*Root, error) {
	if err := makePath(path); err != nil {
		return nil, err
	}
	return OpenRoot(path)
}

// Close closes the root. Files opened through it stay open.
func (r *Root) Close() error { return r.root.Close() }

// Name returns the path the root was opened with.
func (r *Root) Name() string { return r.root.Name() }

// OpenFile implements FS. The File is an *os.File.
func (r *Root) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := r.root.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Mkdir implements FS.
func (r *Root) Mkdir(name string, perm fs.FileMode) error { return r.root.Mkdir(name, perm) }

// ErrNoLinks means that no second name can be given to a file: the file system
// has none, or this file is not one's own.
var ErrNoLinks = errors.New("no hard link can be made")

// Link implements FS. The error is [ErrNoLinks] where the system refuses links.
func (r *Root) Link(oldname, newname string) error {
	return refused(r.root.Link(oldname, newname))
}

// LinkFile is os.Link, with the error [ErrNoLinks] where the system refuses links.
func LinkFile(from, to string) error { return refused(os.Link(from, to)) }

// refused tells a refusal of links, for which the system says no more than that
// they are not permitted.
func refused(err error) error {
	for _, no := range [...]error{syscall.EPERM, syscall.EOPNOTSUPP, syscall.ENOSYS} {
		if errors.Is(err, no) {
			return fmt.Errorf("%w: %w", ErrNoLinks, err)
		}
	}
	return err
}

// Rename implements FS.
func (r *Root) Rename(oldname, newname string) error { return r.root.Rename(oldname, newname) }

// Remove implements FS.
func (r *Root) Remove(name string) error { return r.root.Remove(name) }

// Lstat implements FS.
func (r *Root) Lstat(name string) (fs.FileInfo, error) { return r.root.Lstat(name) }

// ReadDir implements FS.
func (r *Root) ReadDir(name string) ([]fs.DirEntry, error) {
	return fs.ReadDir(r.root.FS(), name)
}

// SyncDir implements FS.
func (r *Root) SyncDir(name string) error {
	d, err := r.root.Open(name)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}

// Strict is an FS on which a folder whose sync has failed stays untrusted: every
// later SyncDir of it reports the first failure. The system may have forgotten
// what it could not write, so a second sync that succeeds vouches only for what
// has changed in between. A new start of the program, after somebody has looked
// at the disk, ends the distrust.
type Strict struct {
	FS
	failed sync.Map // name -> error
}

// NewStrict returns a Strict on fsys.
func NewStrict(fsys FS) *Strict { return &Strict{FS: fsys} }

// SyncDir implements FS.
func (s *Strict) SyncDir(name string) error {
	if err, ok := s.failed.Load(name); ok {
		return fmt.Errorf("earlier failure; check the disk and restart: %w", err.(error))
	}
	err := s.FS.SyncDir(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		s.failed.Store(name, err)
	}
	return err
}

// Dirs makes folders durable. It remembers which ones it has synced, so that a
// folder made by another process that died before syncing it is not trusted,
// and yet each is synced once only. The zero value is ready; one Dirs serves
// one FS. Safe for concurrent use.
type Dirs struct {
	known sync.Map // name -> struct{}
}

// Make makes the folder name and its parents where they are missing, and syncs
// every parent it has not synced before. It reports syscall.ENOTDIR when a
// file is in the way.
func (d *Dirs) Make(fsys FS, name string, perm fs.FileMode) error {
	if name == "." {
		return nil
	}
	if _, ok := d.known.Load(name); ok {
		return nil
	}
	parent := path.Dir(name)
	if err := d.Make(fsys, parent, perm); err != nil {
		return err
	}
	if err := fsys.Mkdir(name, perm); errors.Is(err, fs.ErrExist) {
		info, err := fsys.Lstat(name)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.ENOTDIR}
		}
	} else if err != nil {
		return err
	}
	if err := fsys.SyncDir(parent); err != nil {
		return fmt.Errorf("sync folder %q: %w", parent, err)
	}
	d.known.Store(name, struct{}{})
	return nil
}

// Forget makes Dirs take nothing for granted about name and its parents, after
// a folder that was made has turned out to be missing.
func (d *Dirs) Forget(name string) {
	for ; name != "."; name = path.Dir(name) {
		d.known.Delete(name)
	}
}

// checkName refuses names that are not in their simplest relative form.
func checkName(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.ContainsRune(name, 0) {
		return &fs.PathError{Op: "write", Path: name, Err: fs.ErrInvalid}
	}
	return nil
}
