package durable

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Owner says who holds a lock file, for people to read.
type Owner struct {
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

// String names the owner.
func (o Owner) String() string {
	if o == (Owner{}) {
		return "an unknown process"
	}
	return fmt.Sprintf("process %d on %s since %s", o.PID, o.Host, o.Since.UTC().Format(time.RFC3339))
}

// LockedError means that somebody else holds the lock.
type LockedError struct {
	Path  string
	Owner Owner // the zero Owner when it cannot be told
}

// Error implements error.
func (e *LockedError) Error() string {
	return fmt.Sprintf("%s is locked by %s; stop that process or use another folder", e.Path, e.Owner)
}

// Lock is a held lock file.
type Lock struct {
	f     *os.File
	stale *Owner
}

// AcquireLock takes the lock file at path, making it where it is missing, for
// this process until Release or its death. now is written down for people, where
// the disk has room for it.
// It does not wait: when the lock is held the error is a *LockedError.
//
// The lock itself is the system's (flock), which ends with the process however
// that dies, so it can never be left behind; the text in the file only tells
// who holds it. A text left by an owner who did not release is reported by
// Stale. The file is never removed: who waits for a removed file holds a lock
// that nobody else sees. On network file systems without flock it fails.
func AcquireLock(path string, now time.Time) (*Lock, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock: %w", err)
	}
	if err := flock(f); err != nil {
		defer f.Close()
		if errors.Is(err, errLocked) {
			return nil, &LockedError{Path: path, Owner: readOwner(f)}
		}
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	l := &Lock{f: f}
	if o := readOwner(f); o != (Owner{}) {
		l.stale = &o
	}
	host, _ := os.Hostname() // only for people
	text, err := json.Marshal(Owner{PID: os.Getpid(), Host: host, Since: now.UTC()})
	if err == nil {
		err = sign(f, append(text, '\n'))
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, errors.Join(err, f.Close()))
	}
	return l, nil
}

// lockFile is what is written to a lock file with.
type lockFile interface {
	io.WriterAt
	Truncate(size int64) error
}

// sign writes down who holds the lock. The lock holds without it, so a full disk
// leaves it out: whoever takes the lock may be about to make room.
func sign(f lockFile, text []byte) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt(text, 0)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return f.Truncate(0)
	}
	return err
}

// Stale returns the previous owner if he died without releasing the lock.
// What he was doing may be half done.
func (l *Lock) Stale() (Owner, bool) {
	if l.stale == nil {
		return Owner{}, false
	}
	return *l.stale, true
}

// Release gives the lock up. It must be called once.
func (l *Lock) Release() error {
	// Closing alone frees the lock; the text goes first, so that the next
	// owner does not take us for dead.
	return errors.Join(l.f.Truncate(0), l.f.Close())
}

func readOwner(f *os.File) Owner {
	var o Owner
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 4<<10))
	if err != nil || json.Unmarshal(b, &o) != nil {
		return Owner{}
	}
	return o
}
