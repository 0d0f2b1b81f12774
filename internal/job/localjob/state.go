package localjob

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"feedmill/feed"
	"feedmill/internal/durable"
)

const (
	// idBlock is how many ids are taken from the file at once.
	idBlock = 1000
	// maxID is the greatest number that every reader of JSON keeps.
	maxID = 1 << 53
)

// state is what the folder keeps. The process that works is its only user.
type state struct {
	path string

	// NextID is greater than every id ever given out.
	NextID int64 `json:"next_id"`
	// Slots holds the last slot of each schedule.
	Slots map[string]time.Time `json:"slots"`

	next  int64 // the next free id
	saved int64 // NextID as the file has it
}

func readState(dir string) (*state, error) {
	s := &state{path: filepath.Join(dir, "state.json"), NextID: 1, Slots: map[string]time.Time{}}
	data, err := os.ReadFile(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("read the state of jobs: %w", err)
	default:
		err := json.Unmarshal(data, s)
		if err == nil && (s.NextID < 1 || s.NextID > maxID) {
			err = fmt.Errorf("%d is no next id", s.NextID)
		}
		if err != nil {
			return nil, &feed.Error{Kind: feed.KindInternal, Message: s.path + " does not hold the state of jobs", Err: err,
				Hint: "remove the file: ids begin anew, and schedules run at once"}
		}
		if s.Slots == nil {
			s.Slots = map[string]time.Time{}
		}
	}
	s.next = s.NextID
	s.NextID += idBlock
	return s, s.write()
}

// claim records the last slot of a schedule.
func (s *state) claim(schedule string, slot time.Time) error {
	s.Slots[schedule] = slot
	return s.write()
}

// removeLeft removes files that a process which was killed had begun to write.
// The caller holds the folder's lock.
func removeLeft(dir string) error {
	root, err := durable.OpenRoot(dir)
	if err != nil {
		return err
	}
	return errors.Join(durable.RemoveLeft(root, "."), root.Close())
}

func (s *state) write() error {
	data, err := json.Marshal(s)
	if err == nil {
		err = durable.WriteFile(s.path, bytes.NewReader(append(data, '\n')))
	}
	if err != nil {
		return fmt.Errorf("keep the state of jobs: %w", err)
	}
	s.saved = s.NextID
	return nil
}

// id gives an id that was never given before. An error says that this cannot be
// promised for the time after a restart.
func (s *state) id() (id int64, err error) {
	if s.next >= s.saved {
		s.NextID = s.next + idBlock
		err = s.write()
	}
	id = s.next
	s.next++
	return id, err
}
