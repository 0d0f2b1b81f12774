package fsstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"feedmill/internal/crash"
	"feedmill/internal/durable"
	"feedmill/storage"
)

const (
	dirPerm  = 0o750
	filePerm = 0o440 // read-only, so that an editor cannot change what others trust
	dataMark = "#"   // between key and token; not a byte of keys
	tempMark = "~"   // ends the name of an entry not yet in place
)

// Options are settings of a Store. The zero value works.
type Options struct {
	// Now is the clock for Info.Modified and Sweep; nil means time.Now.
	Now func() time.Time
}

// Store is a storage.Store in a folder.
type Store struct {
	fsys  durable.FS
	files durable.Adopter // nil where files cannot be moved into the store
	now   func() time.Time
	close func() error
	place func() error // nil where there is no path to look at

	dirs     durable.Dirs
	seed     maphash.Seed
	locks    [64]sync.Mutex // by hash of the key, around changing an entry
	inflight sync.Map       // data names being written: name -> struct{}
}

var (
	_ storage.Store            = (*Store)(nil)
	_ storage.ExclusiveCreator = (*Store)(nil)
	_ storage.FileAdopter      = (*Store)(nil)
)

// Open returns a Store in the folder dir, which is made if it is missing. The
// folder belongs to the store alone. The caller closes the store.
func Open(dir string, opts Options) (*Store, error) {
	root, err := durable.MakeRoot(dir)
	if err != nil {
		return nil, classify(fmt.Errorf("open folder store %q: %w", dir, err))
	}
	s := On(root, opts)
	s.close = root.Close
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open folder store %q: %w", dir, err), root.Close())
	}
	s.place = func() error { return inPlace(abs, root) }
	return s, nil
}

// inPlace fails when another folder than the opened one stands at the path, or none.
func inPlace(path string, root *durable.Root) error {
	// Asked each time: a network file system may number its files anew.
	opened, err := root.Lstat(".")
	if err != nil {
		return nil // what is wrong with it tells whoever reads or writes
	}
	there, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(opened, there) {
		return storage.Permanent(fmt.Errorf("%q: %w", path, storage.ErrMoved))
	}
	return nil
}

// InPlace fails with storage.ErrMoved when the folder that was opened stands at its
// path no more, as after somebody has moved it to another disk. What is open goes on
// with the old folder, where nobody would look for what is written.
func (s *Store) InPlace() error {
	if s.place == nil {
		return nil
	}
	return s.place()
}

// On returns a Store on fsys, which stays the caller's to close.
func On(fsys durable.FS, opts Options) *Store {
	s := &Store{fsys: durable.NewStrict(fsys), now: opts.Now, close: func() error { return nil }, seed: maphash.MakeSeed()}
	s.files, _ = fsys.(durable.Adopter)
	if s.now == nil {
		s.now = time.Now
	}
	return s
}

// Close releases the folder. Open readers stay usable.
func (s *Store) Close() error { return s.close() }

// ExclusiveCreate implements storage.ExclusiveCreator: a link never replaces.
func (s *Store) ExclusiveCreate() bool { return true }

// Put implements storage.Store.
func (s *Store) Put(ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error) {
	info, err := s.put(ctx, key, body, size, attrs)
	if err != nil {
		return storage.Info{}, fmt.Errorf("put %q: %w", key, classify(err))
	}
	return info, nil
}

func (s *Store) put(ctx context.Context, key string, body io.Reader, size int64, attrs storage.Attrs) (storage.Info, error) {
	in := storage.NewIntake(ctx, body, size, attrs.SHA256)
	return s.bring(ctx, key, attrs, func(data string) (int64, storage.Digest, error) {
		err := durable.Stage(s.fsys, data, in, filePerm)
		return in.Size(), in.Sum(), err
	})
}

// bring makes an object of the bytes that stage puts, synced, under the name it
// is given.
func (s *Store) bring(ctx context.Context, key string, attrs storage.Attrs, stage func(data string) (int64, storage.Digest, error)) (info storage.Info, err error) {
	if err := errors.Join(storage.CheckKey(key), attrs.Check(), ctx.Err()); err != nil {
		return storage.Info{}, err
	}
	if err := s.InPlace(); err != nil {
		return storage.Info{}, err
	}
	// Asked again at the end; here it only spares the reading of a body in vain.
	if _, err := s.replaceable(key, attrs); err != nil {
		return storage.Info{}, err
	}
	dir := path.Dir(key)
	if _, err := s.fsys.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		s.dirs.Forget(dir)
	}
	if err := s.dirs.Make(s.fsys, dir, dirPerm); err != nil {
		if errors.Is(err, syscall.ENOTDIR) {
			err = fmt.Errorf("%w: %w", storage.ErrNested, err)
		}
		return storage.Info{}, err
	}

	token := rand.Text()
	data := key + dataMark + token
	s.inflight.Store(data, struct{}{})
	defer s.inflight.Delete(data)

	info = storage.Info{Key: key, Attrs: attrs}
	if info.Size, info.SHA256, err = stage(data); err != nil {
		return storage.Info{}, err
	}
	crash.Point("fsstore.put.data")
	if info.ContentType == "" {
		info.ContentType = storage.DefaultContentType
	}
	info.Modified = s.now().UTC().Round(0)
	if named, err := s.commit(ctx, info, token); err != nil {
		// Bytes that an entry may name, now or after a crash, stay; Sweep judges.
		if !named {
			err = errors.Join(err, s.remove(data))
		}
		return storage.Info{}, err
	}
	return info, nil
}

// commit puts the entry in place. After an error named says whether it may be
// there all the same.
func (s *Store) commit(ctx context.Context, info storage.Info, token string) (named bool, err error) {
	text, err := encodeEntry(info, token)
	if err != nil {
		return false, err
	}
	temp := info.Key + dataMark + token + tempMark
	if err := durable.Stage(s.fsys, temp, strings.NewReader(text), filePerm); err != nil {
		return false, err
	}
	crash.Point("fsstore.put.entry")
	unlock := s.lock(info.Key)
	defer unlock()
	err = ctx.Err()
	var old entry
	if err == nil {
		old, err = s.replaceable(info.Key, info.Attrs)
	}
	if err != nil {
		return false, errors.Join(err, s.remove(temp))
	}
	if info.Immutable {
		err = durable.CommitNew(s.fsys, temp, info.Key)
	} else {
		err = durable.Commit(s.fsys, temp, info.Key)
	}
	var sync *durable.SyncError
	switch {
	case err == nil && old.Token != "":
		// The new entry is durable, nobody needs the old bytes. What cannot be
		// removed now waits for a sweep.
		_ = s.remove(info.Key + dataMark + old.Token)
	case errors.As(err, &sync):
		return sync.Visible, err
	case info.Immutable && errors.Is(err, fs.ErrExist):
		// A network file system may repeat a link whose answer was lost, and
		// then it is our own that exists.
		if there, readErr := s.readEntry(info.Key); readErr == nil && there.Token == token {
			return true, s.fsys.SyncDir(path.Dir(info.Key))
		}
		return false, fmt.Errorf("%w: %w", storage.ErrExist, err)
	}
	return true, err
}

// replaceable returns the entry under key, or the zero entry if there is none.
// It reports ErrExist unless old and new are both mutable.
func (s *Store) replaceable(key string, attrs storage.Attrs) (entry, error) {
	old, err := s.readEntry(key)
	switch {
	case errors.Is(err, errFolder), errors.Is(err, syscall.ENOTDIR):
		return entry{}, fmt.Errorf("%w: %w", storage.ErrNested, err)
	case errors.Is(err, fs.ErrNotExist):
		return entry{}, nil
	case err != nil:
		return entry{}, err
	case old.Immutable || attrs.Immutable:
		return entry{}, storage.ErrExist
	}
	return old, nil
}

// Stat implements storage.Store.
func (s *Store) Stat(ctx context.Context, key string) (storage.Info, error) {
	if err := errors.Join(storage.CheckKey(key), ctx.Err()); err != nil {
		return storage.Info{}, fmt.Errorf("stat %q: %w", key, err)
	}
	info, err := s.stat(key)
	if err != nil {
		return storage.Info{}, fmt.Errorf("stat %q: %w", key, classify(err))
	}
	return info, nil
}

func (s *Store) stat(key string) (storage.Info, error) {
	var info storage.Info
	err := s.resolve(key, func(e entry) error {
		st, err := s.fsys.Lstat(key + dataMark + e.Token)
		if err != nil {
			return err
		}
		info = e.info(key)
		return checkData(st, e)
	})
	return info, err
}

// Open implements storage.Store. The reader is a storage.FileReader and an
// io.WriterTo, so that io.Copy to a connection uses sendfile by itself.
func (s *Store) Open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	if err := errors.Join(storage.CheckKey(key), ctx.Err()); err != nil {
		return nil, storage.Info{}, fmt.Errorf("open %q: %w", key, err)
	}
	body, info, err := s.open(ctx, key, r)
	if err != nil {
		return nil, storage.Info{}, fmt.Errorf("open %q: %w", key, classify(err))
	}
	return body, info, nil
}

func (s *Store) open(ctx context.Context, key string, r storage.Range) (io.ReadCloser, storage.Info, error) {
	var f durable.File
	var info storage.Info
	err := s.resolve(key, func(e entry) (err error) {
		if f, err = s.fsys.OpenFile(key+dataMark+e.Token, os.O_RDONLY, 0); err != nil {
			return err
		}
		info = e.info(key)
		st, err := f.Stat()
		if err == nil {
			err = checkData(st, e)
		}
		if err != nil {
			f.Close()
		}
		return err
	})
	if err != nil {
		return nil, storage.Info{}, err
	}
	n, err := r.Clip(info.Size)
	if err == nil && r.Off > 0 {
		_, err = f.Seek(r.Off, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, storage.Info{}, err
	}
	b := storage.Body{Ctx: ctx, From: f, Left: n}
	if file, ok := f.(*os.File); ok {
		return &fileBody{Body: b, file: file}, info, nil
	}
	return &b, info, nil
}

// resolve calls use with the entry of key. Where the data has vanished because
// the object was replaced or deleted meanwhile, it begins anew.
func (s *Store) resolve(key string, use func(entry) error) error {
	e, err := s.readEntry(key)
	for {
		if errors.Is(err, errFolder) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrNotExist) {
			return storage.ErrNotExist
		}
		if err != nil {
			return err
		}
		if err = use(e); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		missing := e.Token
		if e, err = s.readEntry(key); err == nil && e.Token == missing {
			return fmt.Errorf("data file %q is missing: %w", key+dataMark+missing, storage.ErrDamaged)
		}
	}
}

// Delete implements storage.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := errors.Join(storage.CheckKey(key), ctx.Err()); err != nil {
		return fmt.Errorf("delete %q: %w", key, err)
	}
	if err := s.InPlace(); err != nil {
		return fmt.Errorf("delete %q: %w", key, err)
	}
	unlock := s.lock(key)
	defer unlock()
	if err := s.delete(key); err != nil {
		return fmt.Errorf("delete %q: %w", key, classify(err))
	}
	return nil
}

func (s *Store) delete(key string) error {
	old, err := s.readEntry(key)
	switch {
	case errors.Is(err, errFolder), errors.Is(err, syscall.ENOTDIR):
		return nil
	case err == nil, errors.Is(err, storage.ErrDamaged):
		// A damaged entry is removed as well; what data it had, Sweep finds.
		if err := s.remove(key); err != nil {
			return err
		}
		crash.Point("fsstore.delete.entry")
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	// Also when there was nothing: an earlier Delete may have failed just here.
	dir := path.Dir(key)
	if err := s.fsys.SyncDir(dir); errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil
	} else if err != nil {
		return &durable.SyncError{Name: dir, Err: err, Visible: true}
	}
	if old.Token != "" {
		crash.Point("fsstore.delete.synced")
		_ = s.remove(key + dataMark + old.Token) // else Sweep does
		crash.Point("fsstore.delete.data")
	}
	return nil
}

func (s *Store) lock(key string) (unlock func()) {
	m := &s.locks[maphash.String(s.seed, key)%uint64(len(s.locks))]
	m.Lock()
	return m.Unlock
}

// remove removes a file that may be missing.
func (s *Store) remove(name string) error {
	if err := s.fsys.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// classify marks the errors of the system that trying again does not cure.
func classify(err error) error {
	for _, e := range [...]error{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EPERM, syscall.EACCES, syscall.EROFS,
		syscall.ENAMETOOLONG, syscall.ENOTSUP, syscall.EFBIG, fs.ErrPermission, fs.ErrClosed,
	} {
		if errors.Is(err, e) {
			return storage.Permanent(err)
		}
	}
	return err
}
