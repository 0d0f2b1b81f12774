package fsstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"feedmill/internal/crash"
	"feedmill/internal/durable"
	"feedmill/storage"
)

// Adopt implements storage.FileAdopter. The steps are those of Put, but the
// bytes are written already: they are synced and moved. The length is compared,
// the hash is the caller's word.
func (s *Store) Adopt(ctx context.Context, key, path string, size int64, attrs storage.Attrs) (storage.Info, error) {
	info, err := s.adopt(ctx, key, path, size, attrs)
	if err != nil {
		if !errors.Is(err, errors.ErrUnsupported) {
			// Who puts a body cannot put the same one twice either.
			if rerr := os.Remove(path); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
				err = errors.Join(err, rerr)
			}
		}
		return storage.Info{}, fmt.Errorf("put %q: %w", key, classify(err))
	}
	return info, nil
}

func (s *Store) adopt(ctx context.Context, key, path string, size int64, attrs storage.Attrs) (storage.Info, error) {
	if s.files == nil || attrs.SHA256.IsZero() {
		return storage.Info{}, errors.ErrUnsupported
	}
	return s.bring(ctx, key, attrs, func(data string) (int64, storage.Digest, error) {
		err := syncFile(path, size)
		crash.Point("fsstore.adopt.synced")
		if err == nil {
			err = s.files.Adopt(path, data)
		}
		return size, attrs.SHA256, err
	})
}

// syncFile makes the bytes of a finished file durable, of the length that it
// should have, and keeps others from changing them.
func syncFile(path string, size int64) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() || st.Size() != size {
		return fmt.Errorf("a file of %d bytes instead of %d: %w", st.Size(), size, storage.ErrLength)
	}
	if err := f.Chmod(filePerm); err != nil {
		// Some shares let nobody change the rights of a file. One that is put has them
		// from its beginning.
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	if err := f.Sync(); err != nil {
		return &durable.SyncError{Name: path, Err: err}
	}
	return nil
}
