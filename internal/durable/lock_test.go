package durable

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// failingFile is a lock file whose writing ends with an error, after half of it.
type failingFile struct {
	*os.File
	err error
}

func (f failingFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p[:len(p)/2], off)
	return n, errors.Join(err, f.err)
}

// TestSignOnAFullDisk: a lock is held without the text that tells by whom, and
// half a text is not left.
func TestSignOnAFullDisk(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		good bool
	}{{syscall.ENOSPC, true}, {syscall.EDQUOT, true}, {syscall.EIO, false}} {
		path := filepath.Join(t.TempDir(), "lock")
		l, err := AcquireLock(path, time.Unix(1e9, 0))
		if err != nil {
			t.Fatal(err)
		}
		err = sign(failingFile{l.f, c.err}, []byte("{}\n"))
		if c.good != (err == nil) || !c.good && !errors.Is(err, c.err) {
			t.Errorf("%v: got %v", c.err, err)
		}
		if c.good {
			var locked *LockedError
			if _, err := AcquireLock(path, time.Unix(1e9, 0)); !errors.As(err, &locked) || locked.Owner != (Owner{}) {
				t.Errorf("%v: the lock is not held by an unknown process: %v", c.err, err)
			}
		}
		if err := l.Release(); err != nil {
			t.Error(err)
		}
	}
}
