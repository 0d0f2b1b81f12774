// Package folder publishes one offer as plain files in a folder, without any
// database: the folder is ledger and bin at once.
//
// A published folder holds the offer as it is now under plain names
// (gateway.xml, full.xml, light.xml …), each file once more under the address
// that the gateway names (12/full.xml), which never changes its bytes, and a
// small state for the next run under .feedmill. A run builds the whole next
// folder beside the old one, with unchanged files linked, and swaps the two in
// one step: who opens the folder sees the old offer or the new one, whole, and
// so does the next run after a crash at any moment.
package folder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"feedmill/feed"
	"feedmill/feed/diff"
	"feedmill/feed/publish"
	"feedmill/internal/durable"
)

const (
	stateDir     = ".feedmill"
	stateName    = "offer.json"
	stateFormat  = "feedmill-folder/1"
	manifestName = "manifest.json"
)

// Options say how the folder is written.
type Options struct {
	// BaseURL is put before the addresses in the gateway; "" writes relative ones.
	BaseURL string
	// Supplier is written into the gateway.
	Supplier feed.Supplier
	// Dialect is the offer's.
	Dialect feed.Dialect
	// GeneratedBy names the generator in the gateway.
	GeneratedBy string
	// Zone is the fixed offset in which times are rendered. Default UTC.
	Zone *time.Location
	// Now is the time of the run.
	Now time.Time
	// Digests has every file that is there compared with its digest, not with its
	// length alone.
	Digests bool
}

// Folder is an offer in a folder, held by one process.
type Folder struct {
	dir, parent string
	// base is the folder's name in its parent, staging that of the next folder,
	// made by the first Put.
	base, staging string
	files         files
	opt           Options
	lock          *durable.Lock
	mu            sync.Mutex // of what Put touches
	put           []string   // keys of what this run has put
	old           offer
	foreign       []string
	damage        damage
}

// offer is what the folder remembers, as .feedmill/offer.json.
type offer struct {
	Format string `json:"format"`
	// Last is the last generation number taken.
	Last  int64               `json:"last"`
	Full  *publish.Generation `json:"full,omitempty"`
	Light *publish.Generation `json:"light,omitempty"`
	// Retired are files that were replaced and are kept for readers who still
	// hold an older gateway.
	Retired []retired `json:"retired,omitempty"`
	// BaseURL and Supplier are what the gateway was written with.
	BaseURL  string        `json:"base_url"`
	Supplier feed.Supplier `json:"supplier"`
	// Gateway and Manifest are digests of the two; zero in notes of older programs.
	Gateway  publish.SHA256 `json:"gateway,omitzero"`
	Manifest publish.SHA256 `json:"manifest,omitzero"`
}

type retired struct {
	Key string    `json:"key"`
	At  time.Time `json:"at"`
	// Light files are kept shorter.
	Light bool `json:"light,omitempty"`
}

// Open takes hold of the offer in dir, which may not exist yet. What a killed
// run left beside it is removed. The caller closes the folder.
func Open(dir string, opt Options) (*Folder, error) { return open(dir, opt, openDisk) }

func open(dir string, opt Options, on func(parent string) (files, error)) (_ *Folder, err error) {
	opt.BaseURL = feed.LowerAddress(opt.BaseURL)
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("output folder %q: %w", dir, err)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	f := &Folder{dir: abs, parent: filepath.Dir(abs), base: filepath.Base(abs), opt: opt}
	if f.parent == abs {
		return nil, feed.Errorf(feed.KindInvalid, "output folder %q: the root folder cannot be swapped; name a folder below it", dir)
	}
	if f.files, err = on(f.parent); err != nil {
		return nil, fmt.Errorf("output folder %q: %w", dir, err)
	}
	if f.lock, err = durable.AcquireLock(filepath.Join(f.parent, "."+f.base+".lock"), opt.Now); err != nil {
		return nil, errors.Join(fmt.Errorf("output folder %q: %w", dir, err), f.files.Close())
	}
	if err := f.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("output folder %q: %w", dir, err), f.files.Close(), f.lock.Release())
	}
	return f, nil
}

// load sweeps leftovers and reads the state.
func (f *Folder) load() error {
	beside, err := f.files.ReadDir(".")
	if err != nil {
		return err
	}
	for i, e := range slices.DeleteFunc(beside, func(e fs.DirEntry) bool { return !strings.HasPrefix(e.Name(), nextPrefix(f.base)) }) {
		if i == 0 {
			// It may be the folder before, and the swap may not last yet.
			if err := f.files.SyncDir("."); err != nil {
				return fmt.Errorf("sync folder %q: %w", f.parent, err)
			}
		}
		if err := removeAll(f.files, e.Name()); err != nil {
			return fmt.Errorf("remove what a killed run left: %w", err)
		}
	}
	entries, err := f.files.ReadDir(f.base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if errors.Is(err, syscall.ENOTDIR) {
		return &feed.Error{Kind: feed.KindInvalid, Message: "it is a file", Hint: "name a folder that is empty or does not exist yet"}
	}
	if err != nil {
		return err
	}
	data, err := f.read(path.Join(f.base, stateDir, stateName))
	if errors.Is(err, fs.ErrNotExist) {
		if len(entries) > 0 {
			return &feed.Error{Kind: feed.KindInvalid, Message: "it holds files that feedmill did not make",
				Hint: "name an empty folder, or one that does not exist yet"}
		}
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &f.old); err != nil {
		return &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("what the run before has noted in %s/%s cannot be read: %v", stateDir, stateName, err),
			Hint: "move the folder away, or name another one: a first full file starts over"}
	}
	if f.old.Format != stateFormat {
		return feed.Errorf(feed.KindInvalid, "%s/%s has format %q, this program knows %q", stateDir, stateName, f.old.Format, stateFormat)
	}
	if err := f.findForeign(entries); err != nil {
		return err
	}
	return f.findDamage()
}

func (f *Folder) read(name string) ([]byte, error) {
	file, err := f.files.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(file)
	return data, errors.Join(err, file.Close())
}

// findForeign notes files that somebody else put into the folder; they move on
// with it.
func (f *Folder) findForeign(entries []fs.DirEntry) error {
	for _, e := range entries {
		name := e.Name()
		if name == stateDir || name == manifestName || name == manifestName+".gz" {
			continue
		}
		if _, _, ok := feed.ParseFileName(strings.TrimSuffix(name, ".gz")); ok {
			continue
		}
		if _, err := strconv.ParseInt(name, 10, 64); err == nil && e.IsDir() {
			continue
		}
		if !e.Type().IsRegular() {
			return &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("%q in it is not feedmill's and not a plain file", name),
				Hint: "move it elsewhere: the folder is replaced as a whole"}
		}
		f.foreign = append(f.foreign, name)
	}
	return nil
}

// Close lets go of the folder and removes what was not published.
func (f *Folder) Close() error {
	var err error
	if f.staging != "" {
		err = removeAll(f.files, f.staging)
		f.staging = ""
	}
	return errors.Join(err, f.files.Close(), f.lock.Release())
}

// Spool gives a folder on the same file system for files under way.
func (f *Folder) Spool() (string, error) {
	if err := f.stage(); err != nil {
		return "", err
	}
	name := path.Join(f.staging, stateDir, "spool")
	return filepath.Join(f.parent, filepath.FromSlash(name)), makeAll(f.files, name)
}

func (f *Folder) stage() error {
	if f.staging != "" {
		return nil
	}
	name := nextName(f.base)
	err := f.files.Mkdir(name, 0o755)
	if err == nil {
		// Whatever the mask of the process: readers are to enter it.
		f.staging, err = name, f.files.Chmod(name, 0o755)
	}
	if err != nil {
		return fmt.Errorf("make the next folder beside %q: %w", f.dir, err)
	}
	return nil
}

// Current implements publish.Ledger. The folder has one offer: when its
// profile has changed, the feed goes on under the new one. Of a feed of which a
// file is damaged nothing is carried on.
func (f *Folder) Current(_ context.Context, ref publish.FeedRef) (publish.Generation, bool, error) {
	g := f.old.Full
	if ref.Kind == feed.KindLight {
		g = f.old.Light
	}
	if g == nil {
		return publish.Generation{}, false, nil
	}
	current := *g
	if f.damage.of(ref.Kind) {
		current.Files = nil
	}
	return current, true, nil
}

// Begin implements publish.Ledger. Who holds the folder has the lease.
func (f *Folder) Begin(_ context.Context, merchant, runID string, n int) (publish.Run, error) {
	r := publish.Run{ID: runID, Merchant: merchant, First: f.old.Last + 1, N: n}
	f.old.Last += int64(n)
	return r, nil
}

// Key implements publish.Bin: a file's key is its address in the folder.
func (f *Folder) Key(_ string, s publish.Spooled) (string, error) {
	name := "state"
	dir := stateDir
	if s.Kind != 0 {
		name = s.Kind.FileName(s.Label)
		dir = ""
	}
	if s.Encoding == "gzip" {
		name += ".gz"
	}
	return path.Join(dir, strconv.FormatInt(s.Generation, 10), name), nil
}

// Put implements publish.Bin: the file moves to its address in the next folder.
func (f *Folder) Put(_ context.Context, key string, s publish.Spooled) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.stage(); err != nil {
		return err
	}
	to := path.Join(f.staging, key)
	if err := makeAll(f.files, path.Dir(to)); err != nil {
		return err
	}
	if err := f.files.Take(s.Path, to); err != nil {
		return err
	}
	f.put = append(f.put, key)
	return f.files.Chmod(to, 0o644)
}

// Open implements publish.Bin.
func (f *Folder) Open(_ context.Context, b publish.Blob, offset, n int64) (io.ReadCloser, error) {
	if f.damage.feeds[b.Key] {
		return nil, fmt.Errorf("%w: files beside %q are damaged", diff.ErrCorrupt, b.Key)
	}
	file, err := f.files.OpenFile(path.Join(f.base, b.Key), os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", diff.ErrCorrupt, err)
	}
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(file, n), file}, nil
}

// Manifest describes the offer as it is published now; nil before the first run.
func (f *Folder) Manifest() *publish.Manifest {
	if f.old.Full == nil || f.old.Light == nil {
		return nil
	}
	return publish.NewManifest(f.old.Full, f.old.Light, f.old.url)
}

var (
	_ publish.Ledger = (*Folder)(nil)
	_ publish.Bin    = (*Folder)(nil)
)
