// Package crashfs is a file system in memory that can lose power. It stands
// under internal/durable in tests.
//
// It owns the difference between what programs see and what would be found
// after a crash; it refuses to be fast. Bytes are safe after File.Sync, names
// after SyncDir of their folder, nothing else is. A Sync that failed is never
// made good by a later one: real systems drop the pages they could not write
// and report success the next time.
package crashfs

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"feedmill/internal/durable"
)

// ErrCrashed is what every call returns after the crash.
var ErrCrashed = errors.New("power lost")

// Action is what happens to one operation.
type Action struct {
	// Err makes the operation return this error.
	Err error
	// Effect makes a failing operation take effect all the same.
	Effect bool
	// Crash loses power after the operation.
	Crash bool
}

// Operation is a call that changes something, syncs included.
type Operation struct {
	N    int    // counts from 1
	Name string // "create", "write", "sync", "close", "mkdir", "link", "rename", "exchange", "remove", "syncdir"
	Path string
}

// FS is the file system. It is safe for concurrent use.
type FS struct {
	mu      sync.Mutex
	root    *node
	n       int
	crashed bool
	inject  func(Operation) Action
	now     func() time.Time
}

var _ durable.FS = (*FS)(nil)

// New returns an empty file system whose files all have the same time.
func New() *FS {
	return &FS{root: newDir(), now: func() time.Time { return time.Unix(0, 0) }}
}

// Inject sets what decides the fate of each operation from now on, counted
// from 1 again; nil lets all succeed.
func (f *FS) Inject(fate func(Operation) Action) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inject, f.n = fate, 0
}

// Operations returns how many operations there were since Inject.
func (f *FS) Operations() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

// node is a file or a folder.
type node struct {
	dir bool

	data   []byte // what programs see
	synced []byte // what a crash leaves
	lost   bool   // a sync has failed; nothing becomes safe any more
	mtime  time.Time

	entries map[string]*node // what programs see
	safe    map[string]*node // what a crash leaves
	pending []change         // from safe to entries, in order
	failed  int              // so many of pending met a failed sync
}

// change is what one operation does to a folder; a nil node removes a name.
type change map[string]*node

func newDir() *node {
	return &node{dir: true, entries: map[string]*node{}, safe: map[string]*node{}}
}

func (d *node) change(c change) {
	apply(d.entries, c)
	d.pending = append(d.pending, c)
}

func apply(m map[string]*node, c change) {
	for name, n := range c {
		if n == nil {
			delete(m, name)
		} else {
			m[name] = n
		}
	}
}

// Leave says what a crash leaves of what was not synced.
type Leave int

// What a crash may leave.
const (
	// Least leaves nothing that was not synced.
	Least Leave = iota
	// Everything leaves all of it, as when only the process dies.
	Everything
	// Names leaves names, but not the bytes of the files.
	Names
	// Bytes leaves the bytes of files, but not the names.
	Bytes
	// Some leaves any part of it, decided by the seed: names in any order,
	// files cut short or with holes.
	Some
)

// AfterCrash returns the file system as it is found after a crash now. The
// present one is not changed.
func (f *FS) AfterCrash(leave Leave, seed uint64) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &crasher{leave: leave, rand: rand.New(rand.NewPCG(seed, 1)), copies: map[*node]*node{}}
	g := New()
	g.now = f.now
	g.root = c.copy(f.root)
	return g
}

type crasher struct {
	leave  Leave
	rand   *rand.Rand
	copies map[*node]*node // a file with two names stays one file
}

func (c *crasher) copy(n *node) *node {
	if done, ok := c.copies[n]; ok {
		return done
	}
	if !n.dir {
		b := c.bytes(n)
		fresh := &node{data: b, synced: b, mtime: n.mtime}
		c.copies[n] = fresh
		return fresh
	}
	names := maps.Clone(n.safe)
	for _, ch := range n.pending {
		if c.leave == Everything || c.leave == Names || c.leave == Some && c.rand.IntN(2) == 0 {
			apply(names, ch)
		}
	}
	fresh := newDir()
	c.copies[n] = fresh
	for _, name := range slices.Sorted(maps.Keys(names)) {
		fresh.safe[name] = c.copy(names[name])
	}
	fresh.entries = maps.Clone(fresh.safe)
	return fresh
}

func (c *crasher) bytes(n *node) []byte {
	switch c.leave {
	case Everything, Bytes:
		return slices.Clone(n.data)
	case Some:
		switch c.rand.IntN(4) {
		case 0:
			return slices.Clone(n.data)
		case 1:
			if len(n.data) > len(n.synced) { // a beginning of what was appended
				return slices.Clone(n.data[:len(n.synced)+c.rand.IntN(len(n.data)-len(n.synced)+1)])
			}
		case 2: // the length is safe, the bytes are not
			b := make([]byte, len(n.data))
			copy(b, n.synced)
			return b
		}
	}
	return slices.Clone(n.synced)
}

// operate counts an operation, decides its fate and carries it out.
func (f *FS) operate(name, path string, effect func() error) error {
	if f.crashed {
		return &fs.PathError{Op: name, Path: path, Err: ErrCrashed}
	}
	f.n++
	var a Action
	if f.inject != nil {
		a = f.inject(Operation{f.n, name, path})
	}
	defer func() { f.crashed = f.crashed || a.Crash }()
	if a.Err != nil && !a.Effect {
		return &fs.PathError{Op: name, Path: path, Err: a.Err}
	}
	if err := effect(); err != nil {
		return err
	}
	if a.Err != nil {
		return &fs.PathError{Op: name, Path: path, Err: a.Err}
	}
	return nil
}

// find returns the node at name.
func (f *FS) find(op, name string) (*node, error) {
	if f.crashed {
		return nil, &fs.PathError{Op: op, Path: name, Err: ErrCrashed}
	}
	n := f.root
	if name == "." {
		return n, nil
	}
	for part := range strings.SplitSeq(name, "/") {
		if !n.dir {
			return nil, &fs.PathError{Op: op, Path: name, Err: syscall.ENOTDIR}
		}
		child, ok := n.entries[part]
		if !ok {
			return nil, &fs.PathError{Op: op, Path: name, Err: syscall.ENOENT}
		}
		n = child
	}
	return n, nil
}

// parent returns the folder that holds name, and name's last part.
func (f *FS) parent(op, name string) (*node, string, error) {
	dir, err := f.find(op, path.Dir(name))
	if err == nil && !dir.dir {
		err = &fs.PathError{Op: op, Path: name, Err: syscall.ENOTDIR}
	}
	return dir, path.Base(name), err
}

// OpenFile implements durable.FS.
func (f *FS) OpenFile(name string, flag int, _ fs.FileMode) (durable.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("open", name)
	switch {
	case err == nil && flag&os.O_EXCL != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EEXIST}
	case err == nil && n.dir && flag&(os.O_WRONLY|os.O_RDWR) != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.EISDIR}
	case errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0:
		dir, base, perr := f.parent("open", name)
		if perr != nil {
			return nil, perr
		}
		err = f.operate("create", name, func() error {
			n = &node{mtime: f.now()}
			dir.change(change{base: n})
			return nil
		})
	}
	if err != nil {
		return nil, err
	}
	return &file{fsys: f, n: n, name: name, writable: flag&(os.O_WRONLY|os.O_RDWR) != 0}, nil
}

// Mkdir implements durable.FS.
func (f *FS) Mkdir(name string, _ fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	dir, base, err := f.parent("mkdir", name)
	if err != nil {
		return err
	}
	if dir.entries[base] != nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: syscall.EEXIST}
	}
	return f.operate("mkdir", name, func() error {
		dir.change(change{base: newDir()})
		return nil
	})
}

// Link implements durable.FS.
func (f *FS) Link(oldname, newname string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("link", oldname)
	if err != nil {
		return err
	}
	dir, base, err := f.parent("link", newname)
	switch {
	case err != nil:
		return err
	case dir.entries[base] != nil:
		return &fs.PathError{Op: "link", Path: newname, Err: syscall.EEXIST}
	case n.dir:
		return &fs.PathError{Op: "link", Path: oldname, Err: syscall.EPERM}
	}
	return f.operate("link", newname, func() error {
		dir.change(change{base: n})
		return nil
	})
}

// Rename implements durable.FS for what stays in its folder. A folder takes only
// a name that is free.
func (f *FS) Rename(oldname, newname string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("rename", oldname)
	if err != nil {
		return err
	}
	dir, base, err := f.parent("rename", newname)
	switch {
	case err != nil:
		return err
	case path.Dir(oldname) != path.Dir(newname):
		return &fs.PathError{Op: "rename", Path: oldname, Err: errors.ErrUnsupported}
	case dir.entries[base] != nil && (n.dir || dir.entries[base].dir):
		return &fs.PathError{Op: "rename", Path: newname, Err: syscall.EEXIST}
	case dir.entries[base] == n:
		return nil // two names of one file: nothing happens
	}
	return f.operate("rename", newname, func() error {
		dir.change(change{path.Base(oldname): nil, base: n})
		return nil
	})
}

// Exchange swaps two files or folders that are in one folder.
func (f *FS) Exchange(a, b string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	first, err := f.find("exchange", a)
	if err != nil {
		return err
	}
	second, err := f.find("exchange", b)
	if err != nil {
		return err
	}
	dir, base, err := f.parent("exchange", b)
	switch {
	case err != nil:
		return err
	case path.Dir(a) != path.Dir(b):
		return &fs.PathError{Op: "exchange", Path: a, Err: errors.ErrUnsupported}
	}
	return f.operate("exchange", b, func() error {
		dir.change(change{path.Base(a): second, base: first})
		return nil
	})
}

// Remove implements durable.FS.
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("remove", name)
	if err != nil {
		return err
	}
	dir, base, err := f.parent("remove", name)
	if err != nil {
		return err
	}
	if n.dir && len(n.entries) > 0 {
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	return f.operate("remove", name, func() error {
		dir.change(change{base: nil})
		return nil
	})
}

// Lstat implements durable.FS.
func (f *FS) Lstat(name string) (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("lstat", name)
	if err != nil {
		return nil, err
	}
	return infoOf(path.Base(name), n), nil
}

// ReadDir implements durable.FS.
func (f *FS) ReadDir(name string) ([]fs.DirEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: syscall.ENOTDIR}
	}
	var out []fs.DirEntry
	for _, name := range slices.Sorted(maps.Keys(n.entries)) {
		out = append(out, fs.FileInfoToDirEntry(infoOf(name, n.entries[name])))
	}
	return out, nil
}

// SyncDir implements durable.FS.
func (f *FS) SyncDir(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("syncdir", name)
	if err != nil {
		return err
	}
	if !n.dir {
		return &fs.PathError{Op: "syncdir", Path: name, Err: syscall.ENOTDIR}
	}
	err = f.operate("syncdir", name, func() error {
		for _, c := range n.pending[n.failed:] {
			apply(n.safe, c)
			for name := range c {
				for _, old := range n.pending[:n.failed] {
					delete(old, name) // superseded
				}
			}
		}
		n.pending = n.pending[:n.failed]
		return nil
	})
	if err != nil {
		n.failed = len(n.pending)
	}
	return err
}

// file is an open file.
type file struct {
	fsys     *FS
	n        *node
	name     string
	at       int64
	writable bool
	closed   bool
}

func (f *file) use(op string) (unlock func(), err error) {
	f.fsys.mu.Lock()
	switch {
	case f.fsys.crashed:
		err = &fs.PathError{Op: op, Path: f.name, Err: ErrCrashed}
	case f.closed:
		err = &fs.PathError{Op: op, Path: f.name, Err: fs.ErrClosed}
	}
	return f.fsys.mu.Unlock, err
}

func (f *file) Read(p []byte) (int, error) {
	unlock, err := f.use("read")
	defer unlock()
	switch {
	case err != nil:
		return 0, err
	case f.n.dir:
		return 0, &fs.PathError{Op: "read", Path: f.name, Err: syscall.EISDIR}
	case len(p) == 0:
		return 0, nil
	case f.at >= int64(len(f.n.data)):
		return 0, io.EOF
	}
	n := copy(p, f.n.data[f.at:])
	f.at += int64(n)
	return n, nil
}

func (f *file) Write(p []byte) (int, error) {
	unlock, err := f.use("write")
	defer unlock()
	if err != nil {
		return 0, err
	}
	if !f.writable {
		return 0, &fs.PathError{Op: "write", Path: f.name, Err: syscall.EBADF}
	}
	err = f.fsys.operate("write", f.name, func() error {
		// The old slice may be what is safe, so it is not written into.
		b := make([]byte, max(int64(len(f.n.data)), f.at+int64(len(p))))
		copy(b, f.n.data)
		copy(b[f.at:], p)
		f.n.data = b
		f.n.mtime = f.fsys.now()
		f.at += int64(len(p))
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	unlock, err := f.use("seek")
	defer unlock()
	if err != nil {
		return 0, err
	}
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += int64(len(f.n.data))
	}
	if offset < 0 {
		return 0, &fs.PathError{Op: "seek", Path: f.name, Err: fs.ErrInvalid}
	}
	f.at = offset
	return offset, nil
}

func (f *file) Stat() (fs.FileInfo, error) {
	unlock, err := f.use("stat")
	defer unlock()
	if err != nil {
		return nil, err
	}
	return infoOf(path.Base(f.name), f.n), nil
}

func (f *file) Sync() error {
	unlock, err := f.use("sync")
	defer unlock()
	if err != nil {
		return err
	}
	err = f.fsys.operate("sync", f.name, func() error {
		if !f.n.lost {
			f.n.synced = f.n.data
		}
		return nil
	})
	if err != nil && !f.fsys.crashed {
		f.n.lost = true
	}
	return err
}

// Close is an operation for files that can be written: some file systems
// report there what they could not write.
func (f *file) Close() error {
	unlock, err := f.use("close")
	defer unlock()
	if err != nil {
		return err
	}
	f.closed = true
	if !f.writable {
		return nil
	}
	return f.fsys.operate("close", f.name, func() error { return nil })
}

// info implements fs.FileInfo.
type info struct {
	name  string
	size  int64
	mode  fs.FileMode
	mtime time.Time
}

func infoOf(name string, n *node) info {
	if n.dir {
		return info{name: name, mode: fs.ModeDir | 0o755, mtime: n.mtime}
	}
	return info{name: name, size: int64(len(n.data)), mode: 0o644, mtime: n.mtime}
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return i.mtime }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return nil }
