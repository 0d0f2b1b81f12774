package fsstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"feedmill/storage"
)

// List implements storage.Store. Files that are not the store's own are listed
// with Size -1, so that somebody learns of them; names that begin with a dot
// and the store's temporary files are not.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		if err := storage.CheckPrefix(prefix); err != nil {
			yield(storage.Info{}, fmt.Errorf("list: %w", err))
			return
		}
		dir := "."
		if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
			dir = prefix[:i]
		}
		if err := s.list(ctx, dir, prefix, yield); err != nil && err != errStop {
			yield(storage.Info{}, fmt.Errorf("list %q: %w", prefix, classify(err)))
		}
	}
}

// errStop means that who iterates has had enough.
var errStop = errors.New("stop")

func (s *Store) list(ctx context.Context, dir, prefix string, yield func(storage.Info, error) bool) error {
	entries, err := s.readDir(ctx, dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		key := path.Join(dir, name)
		switch {
		case strings.HasPrefix(name, ".") || strings.Contains(name, dataMark):
			continue
		case e.IsDir():
			if below := key + "/"; strings.HasPrefix(below, prefix) || strings.HasPrefix(prefix, below) {
				if err := s.list(ctx, key, prefix, yield); err != nil {
					return err
				}
			}
			continue
		case !strings.HasPrefix(key, prefix):
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		info := storage.Info{Key: key, Size: -1}
		if e.Type().IsRegular() && storage.CheckKey(key) == nil {
			got, err := s.stat(key)
			switch {
			case errors.Is(err, storage.ErrNotExist):
				continue // deleted since the folder was read
			case err == nil:
				info.Size, info.Modified = got.Size, got.Modified
			case !errors.Is(err, storage.ErrDamaged):
				return err
			}
		}
		if !yield(info, nil) {
			return errStop
		}
	}
	return nil
}

// readDir reads a folder in the order of keys, in which a folder's name counts
// with its slash: "a.b" < "a/b" < "a0". A folder that is missing is empty.
func (s *Store) readDir(ctx context.Context, dir string) ([]fs.DirEntry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := s.fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	sortName := func(e fs.DirEntry) string {
		if e.IsDir() {
			return e.Name() + "/"
		}
		return e.Name()
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(sortName(a), sortName(b)) })
	return entries, nil
}

// Sweep removes what interrupted Puts and Deletes have left behind and has not
// been written to for olderThan, and returns how many files that were. No
// object is touched. What cannot be swept is left out and reported. olderThan must be longer than any upload by another
// process takes; a day is a good choice. Uploads of this Store are known.
func (s *Store) Sweep(ctx context.Context, olderThan time.Duration) (int, error) {
	n, err := s.sweep(ctx, ".", s.now().Add(-olderThan), true)
	if err != nil {
		return n, fmt.Errorf("sweep: %w", classify(err))
	}
	return n, nil
}

// CountLitter returns how many files Sweep would remove.
func (s *Store) CountLitter(ctx context.Context, olderThan time.Duration) (int, error) {
	n, err := s.sweep(ctx, ".", s.now().Add(-olderThan), false)
	if err != nil {
		return n, fmt.Errorf("count litter: %w", classify(err))
	}
	return n, nil
}

func (s *Store) sweep(ctx context.Context, dir string, before time.Time, remove bool) (int, error) {
	entries, err := s.readDir(ctx, dir)
	if err != nil {
		return 0, err
	}
	found, synced := 0, false
	var failed error
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if e.IsDir() {
			n, err := s.sweep(ctx, name, before, remove)
			found += n
			failed = errors.Join(failed, err)
			continue
		}
		litter, err := s.isLitter(name, e, before)
		if err == nil && litter && remove && !synced {
			// The entry that named the data may be gone only until a crash.
			if err := s.fsys.SyncDir(dir); err != nil {
				return found, errors.Join(failed, err)
			}
			synced = true
		}
		if err == nil && litter && remove {
			err = s.remove(name)
		}
		if err == nil && litter {
			found++
		}
		failed = errors.Join(failed, err)
	}
	return found, failed
}

func (s *Store) isLitter(name string, e fs.DirEntry, before time.Time) (bool, error) {
	i := strings.LastIndex(name, dataMark)
	if i < 0 || !e.Type().IsRegular() {
		return false, nil
	}
	token, temp := strings.CutSuffix(name[i+len(dataMark):], tempMark)
	if !isToken(token) {
		return false, nil // not ours
	}
	if _, busy := s.inflight.Load(strings.TrimSuffix(name, tempMark)); busy {
		return false, nil
	}
	st, err := e.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !st.ModTime().Before(before) {
		return false, nil
	}
	if temp {
		return true, nil
	}
	owner, err := s.readEntry(name[:i])
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errFolder):
		return true, nil
	case errors.Is(err, storage.ErrDamaged):
		return false, nil // an unreadable reference is a reference
	case err != nil:
		return false, err
	}
	return owner.Token != token, nil
}
