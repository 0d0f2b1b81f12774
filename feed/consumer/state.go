package consumer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/durable"
)

const (
	stateName   = "state.json"
	stateFormat = "feedmill-mirror/1"
)

// State says what the folder holds, as state.json.
type State struct {
	// Format is "feedmill-mirror/1".
	Format string `json:"format"`
	// Sequence and Epoch are those of the manifest, 0 without one.
	Sequence int64 `json:"sequence"`
	Epoch    int64 `json:"epoch"`
	// Generation of the full feed that full.xml shows, 0 without a manifest.
	Generation int64 `json:"generation"`
	// Stamp is the time of the newest change in full.xml, or of the full file
	// when none came after it, as the supplier wrote it.
	Stamp string `json:"stamp"`
	// Generated is the gateway's time, Expires the end of the offer's validity,
	// both as the supplier wrote them.
	Generated string `json:"generated"`
	Expires   string `json:"expires"`
	// FullHash is the MD5 of the listed full file that full.xml includes. It is
	// not that of full.xml once changes were applied.
	FullHash string `json:"full_hash"`
	// Updated is when the copy last changed, by the local clock.
	Updated time.Time `json:"updated"`
	// Files are the offer's files in the folder by name.
	Files map[string]FileState `json:"files"`
}

// FileState is one file of the local copy.
type FileState struct {
	// Hash is the MD5 under which the gateway listed it, "" when it gave none
	// and for full.xml, see State.FullHash.
	Hash string `json:"hash,omitempty"`
	// Size and SHA256 (64 hex digits) are of the bytes in the folder.
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	// Products are counted in full.xml and light.xml.
	Products int64 `json:"products,omitempty"`
}

// folder is the place of the copy, held by one process. The next copy is built
// beside it and takes its place in one step.
type folder struct {
	dir, parent, base string
	lock              *durable.Lock
}

func openFolder(dir string, now time.Time) (*folder, *State, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	f := &folder{dir: abs, parent: filepath.Dir(abs), base: filepath.Base(abs)}
	if f.parent == abs {
		return nil, nil, feed.Errorf(feed.KindInvalid, "the root folder cannot be replaced; name a folder below it")
	}
	if err := os.MkdirAll(f.parent, 0o755); err != nil {
		return nil, nil, err
	}
	if f.lock, err = durable.AcquireLock(filepath.Join(f.parent, "."+f.base+".lock"), now); err != nil {
		var held *durable.LockedError
		if errors.As(err, &held) {
			err = &feed.Error{Kind: feed.KindConflict, Message: "another process keeps this copy", Hint: "wait until it has ended, or name another folder", Err: err}
		}
		return nil, nil, err
	}
	s, err := f.load()
	if err != nil {
		return nil, nil, errors.Join(err, f.lock.Release())
	}
	return f, s, nil
}

func (f *folder) close() error { return f.lock.Release() }

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

// beside gives a name beside the folder.
func (f *folder) beside(suffix string) string { return filepath.Join(f.parent, "."+f.base+suffix) }

// load sweeps what a killed process left, and reads the state.
func (f *folder) load() (*State, error) {
	if err := f.recover(); err != nil {
		return nil, err
	}
	list, err := os.ReadDir(f.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, nil
	}
	data, err := os.ReadFile(f.path(stateName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var s State
	if err == nil {
		if err := json.Unmarshal(data, &s); err != nil || s.Format != stateFormat {
			return nil, &feed.Error{Kind: feed.KindInvalid, Message: stateName + " is not that of a local copy which this program knows", Err: err,
				Hint: "move the folder away: the next run fetches the whole offer"}
		}
		// It is a copy, which who holds the lock alone writes to.
		if list, err = f.removeLeft(); err != nil {
			return nil, err
		}
	}
	for _, e := range list {
		if _, ours := s.Files[e.Name()]; !ours && e.Name() != stateName || data == nil {
			return nil, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("it holds %q, which is no part of a local copy", e.Name()),
				Hint: "name an empty folder, or one that does not exist yet"}
		}
	}
	for name, known := range s.Files {
		if !filepath.IsLocal(name) || strings.ContainsAny(name, `/\`) {
			return nil, feed.Errorf(feed.KindInvalid, "%s names a file outside of the folder", stateName)
		}
		// What is missing or cut is fetched again.
		if info, err := os.Lstat(f.path(name)); err != nil || !info.Mode().IsRegular() || info.Size() != known.Size {
			delete(s.Files, name)
		}
	}
	return &s, nil
}

// recover finishes or undoes a change that a killed process had begun. Without
// an exchange in one step the folder before stands aside for a moment.
func (f *folder) recover() error {
	if _, err := os.Lstat(f.dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.Rename(f.beside(".before"), f.dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("put the copy before back: %w", err)
		}
	}
	list, err := os.ReadDir(f.parent)
	if err != nil {
		return err
	}
	for _, e := range list {
		if strings.HasPrefix(e.Name(), "."+f.base+".next-") || e.Name() == "."+f.base+".before" {
			if err := os.RemoveAll(filepath.Join(f.parent, e.Name())); err != nil {
				return fmt.Errorf("remove what a killed process left: %w", err)
			}
		}
	}
	return nil
}

// removeLeft removes the state that a killed process had begun to write, and lists
// what else there is.
func (f *folder) removeLeft() ([]fs.DirEntry, error) {
	root, err := durable.OpenRoot(f.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if err := durable.RemoveLeft(root, "."); err != nil {
		return nil, err
	}
	return root.ReadDir(".")
}

// stage makes the folder of the next copy.
func (f *folder) stage() (string, error) {
	dir, err := os.MkdirTemp(f.parent, "."+f.base+".next-")
	if err != nil {
		return "", fmt.Errorf("make the next folder: %w", err)
	}
	return dir, os.Chmod(dir, 0o755)
}

// swap puts the next folder, which is complete, in the place of the copy.
func (f *folder) swap(next string, exchange func(a, b string) error) error {
	root, err := durable.OpenRoot(f.parent)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := durable.SyncTree(root, filepath.Base(next)); err != nil {
		return fmt.Errorf("sync the next folder: %w", err)
	}
	// Its name must be durable before the copy is moved aside.
	if err := root.SyncDir("."); err != nil {
		return fmt.Errorf("sync folder %q: %w", f.parent, err)
	}
	before := next
	_, err = os.Lstat(f.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		before = ""
		err = os.Rename(next, f.dir)
	case err == nil:
		err = exchange(next, f.dir)
		if errors.Is(err, errors.ErrUnsupported) {
			before = f.beside(".before")
			if err = os.Rename(f.dir, before); err == nil {
				if err = os.Rename(next, f.dir); err != nil {
					err = errors.Join(err, os.Rename(before, f.dir))
				}
			}
		}
	}
	if err != nil {
		return fmt.Errorf("put the next folder in place: %w", err)
	}
	if err := root.SyncDir("."); err != nil {
		return fmt.Errorf("sync folder %q: %w", f.parent, err)
	}
	if before != "" {
		return os.RemoveAll(before)
	}
	return nil
}
