package sqlite

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"
)

const (
	roomBytes = 4 << 20
	roomStep  = 512 << 10 // what one change is given: some five times what it writes
	roomPause = time.Minute
)

// room is a file beside the database that does nothing but take up room. When the
// disk is full a part of it is given up, so that a change of accounts can still be
// written: who turns a partner off must not have to make room first.
type room struct {
	path string
	now  func() time.Time

	mu     sync.Mutex
	keeper bool      // this process fills it up again, now and then
	tried  time.Time // when it did last
}

// fill brings the file to its size, as far as the disk has room. Its bytes are
// random, since some file systems keep nothing of what can be compressed.
func (r *room) fill() error {
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	b := make([]byte, 64<<10)
	for err == nil {
		var st fs.FileInfo
		if st, err = f.Stat(); err != nil || st.Size() >= roomBytes {
			break
		}
		rand.Read(b)
		_, err = f.Write(b)
	}
	return errors.Join(err, f.Close())
}

// give gives a part of the file up, and says whether there was any.
func (r *room) give() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	st, err := os.Lstat(r.path)
	if err != nil || !st.Mode().IsRegular() || st.Size() == 0 {
		return false
	}
	return os.Truncate(r.path, max(0, st.Size()-roomStep)) == nil
}

// refill fills the file up where this process keeps it, at most once a minute.
// Where there is no room it stays as it is.
func (r *room) refill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if !r.keeper || now.Sub(r.tried).Abs() < roomPause {
		return
	}
	r.tried = now
	_ = r.fill()
}

// KeepRoom keeps 4 MiB of the disk for changes of accounts, in a file beside the
// database, from now on. All that have the database open use it, as long as its
// disk is full. The error says why it could not be filled; it is tried again.
func (d *DB) KeepRoom() error {
	d.room.mu.Lock()
	defer d.room.mu.Unlock()
	d.room.keeper, d.room.tried = true, d.room.now()
	return d.room.fill()
}
