package consumer

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"

	"feedmill/internal/durable"
)

// complete brings into the next copy what it takes over, and takes out what was
// only needed on the way.
func (u *Update) complete() error {
	before := u.c.state
	u.state.Updated = u.c.opt.Now().UTC()
	if before != nil && maps.Equal(before.Files, u.state.Files) {
		u.state.Updated = before.Updated
		return u.drop()
	}
	u.report.Changed = true
	dir, err := u.staging()
	if err != nil {
		return err
	}
	for name, f := range u.state.Files {
		if old, ok := u.old(name); !ok || old != f {
			continue
		}
		to := filepath.Join(dir, name)
		// A file that was fetched and turned out to be the same lies there already.
		if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		if err := link(u.c.folder.path(name), to); err != nil {
			return fmt.Errorf("take over %s: %w", name, err)
		}
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if _, ours := u.state.Files[e.Name()]; !ours {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	state, err := u.state.encode()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, stateName), state, 0o644)
}

// link gives a file a second name, or copies it where the system has no links.
func link(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close() // only read
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, src)
	return errors.Join(err, dst.Close())
}

func (s *State) encode() ([]byte, error) {
	b, err := json.MarshalIndent(s, "", "  ")
	return append(b, '\n'), err
}

// Commit makes the update the local copy, in one step. Readers who open the
// folder see the copy before or this one.
func (u *Update) Commit() error {
	if u.done {
		return errors.New("commit: the update has ended")
	}
	if u.dir != "" {
		if err := u.c.folder.swap(u.dir, u.exchange); err != nil {
			return err
		}
		u.dir = ""
	} else {
		state, err := u.state.encode()
		if err != nil {
			return err
		}
		// Only what is known about the files is new, not they.
		if err := durable.WriteFile(u.c.folder.path(stateName), bytes.NewReader(state)); err != nil {
			return err
		}
	}
	u.done = true
	u.c.state = &u.state
	return nil
}

// Close ends the update; one that was not committed is discarded.
func (u *Update) Close() error {
	u.done = true
	if u.c.open == u {
		u.c.open = nil
	}
	return u.drop()
}

// drop removes what was built.
func (u *Update) drop() error {
	dir := u.dir
	u.dir = ""
	if dir == "" {
		return nil
	}
	return os.RemoveAll(dir)
}

func hashFile(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() // only read
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
