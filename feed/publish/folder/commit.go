package folder

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/publish"
	"feedmill/internal/crash"
	"feedmill/internal/durable"
)

// Commit implements publish.Ledger: it completes the next folder and swaps it
// with the one before.
func (f *Folder) Commit(_ context.Context, _ publish.Run, gens []publish.Generation, _ map[publish.FeedRef]publish.Cursor) error {
	if len(gens) == 0 {
		return nil
	}
	next := f.old
	for i := range gens {
		g := &gens[i]
		current := &next.Full
		if g.Feed.Kind == feed.KindLight {
			current = &next.Light
		}
		if *current != nil && (*current).Number != g.Base || *current == nil && g.Base != 0 {
			return publish.ErrLost
		}
		*current = g
	}
	return f.replace(next)
}

// Hold implements publish.Ledger. A folder has nobody who could decide later:
// what the guard stops is left out, and the next run is stopped again unless
// the catalog, or what the guard allows, has changed.
func (f *Folder) Hold(context.Context, publish.Run, []publish.Held) error { return nil }

// Refresh rewrites the gateway when its address or supplier has changed and
// nothing else has, and what is made of the files when somebody has damaged
// that; it does nothing before the first run. It says whether it did.
func (f *Folder) Refresh() (bool, error) {
	if f.old.Full == nil || f.old.Light == nil || len(f.damage.feeds) > 0 {
		return false, nil
	}
	if f.old.BaseURL == f.opt.BaseURL && f.old.Supplier == f.opt.Supplier && len(f.damage.names) == 0 {
		return false, nil
	}
	return true, f.replace(f.old)
}

func (f *Folder) replace(next offer) error {
	if next.Full == nil || next.Light == nil {
		return errors.New("an offer needs a full and a light generation")
	}
	next.Format, next.BaseURL, next.Supplier = stateFormat, f.opt.BaseURL, f.opt.Supplier
	if err := f.stage(); err != nil {
		return err
	}
	if err := removeAll(f.files, path.Join(f.staging, stateDir, "spool")); err != nil {
		return err
	}
	crash.Point("folder.spool.removed")
	if err := f.drop(&next); err != nil {
		return err
	}
	next.Retired = f.retire(&next)
	if err := f.link(&next); err != nil {
		return fmt.Errorf("complete the next folder: %w", err)
	}
	crash.Point("folder.linked")
	if err := f.describe(&next); err != nil {
		return fmt.Errorf("complete the next folder: %w", err)
	}
	crash.Point("folder.described")
	if err := f.swap(); err != nil {
		return err
	}
	f.old, f.damage = next, damage{}
	return nil
}

// retire says which replaced files are kept: full's for 72 hours after they
// were replaced, light's for two.
func (f *Folder) retire(next *offer) []retired {
	live := map[string]bool{}
	for _, k := range next.keys() {
		live[k] = true
	}
	var out []retired
	for _, r := range f.old.Retired {
		keep := publish.FullRetention
		if r.Light {
			keep = publish.LightRetention
		}
		// A clock that was set back keeps the file: unknown age is no age.
		if !live[r.Key] && !f.damage.keys[r.Key] && f.opt.Now.Sub(r.At) < keep {
			out = append(out, r)
		}
	}
	for _, g := range []*publish.Generation{f.old.Full, f.old.Light} {
		if g == nil {
			continue
		}
		for _, k := range fileKeys(g) {
			if !live[k] && !f.damage.keys[k] {
				out = append(out, retired{Key: k, At: f.opt.Now.UTC().Truncate(time.Second), Light: g.Feed.Kind == feed.KindLight})
			}
		}
	}
	return out
}

// drop removes what was put for generations that are not published.
func (f *Folder) drop(next *offer) error {
	named := map[string]bool{}
	for _, k := range next.keys() {
		named[k] = true
	}
	for _, k := range f.put {
		if named[k] {
			continue
		}
		file := path.Join(f.staging, k)
		if err := f.files.Remove(file); err != nil {
			return fmt.Errorf("remove what is held: %w", err)
		}
		// A folder that is not empty stays.
		_ = f.files.Remove(path.Dir(file))
	}
	f.put = nil
	return nil
}

// keys lists every stored file of an offer, states included.
func (o *offer) keys() (keys []string) {
	for _, g := range []*publish.Generation{o.Full, o.Light} {
		for b := range g.Blobs() {
			keys = append(keys, b.Key)
		}
	}
	return keys
}

func fileKeys(g *publish.Generation) (keys []string) {
	for i := range g.Files {
		keys = append(keys, g.Files[i].Plain.Key)
		if !g.Files[i].Gzip.IsZero() {
			keys = append(keys, g.Files[i].Gzip.Key)
		}
	}
	return keys
}

// link brings into the next folder what it takes over from the one before, and
// gives every current file its plain name.
func (f *Folder) link(next *offer) error {
	carry := next.keys()
	for _, r := range next.Retired {
		carry = append(carry, r.Key)
	}
	carry = append(carry, f.foreign...)
	for _, key := range carry {
		to := path.Join(f.staging, key)
		if _, err := f.files.Lstat(to); err == nil {
			continue // made by this run
		}
		if err := makeAll(f.files, path.Dir(to)); err != nil {
			return err
		}
		if err := f.files.Link(path.Join(f.base, key), to); err != nil {
			return err
		}
	}
	for _, g := range []*publish.Generation{next.Full, next.Light} {
		for _, key := range fileKeys(g) {
			if err := f.files.Link(path.Join(f.staging, key), path.Join(f.staging, path.Base(key))); err != nil {
				return err
			}
		}
	}
	return nil
}

// describe writes gateway, manifest and state.
func (f *Folder) describe(next *offer) error {
	gateway := publish.AppendGateway(nil, publish.Gateway{Supplier: next.Supplier, Full: next.Full, Light: next.Light,
		URL: next.url, Dialect: f.opt.Dialect, GeneratedBy: f.opt.GeneratedBy, Zone: f.opt.Zone})
	manifest, err := json.MarshalIndent(publish.NewManifest(next.Full, next.Light, next.url), "", "  ")
	if err != nil {
		return err
	}
	manifest = append(manifest, '\n')
	next.Gateway, next.Manifest = sha256.Sum256(gateway), sha256.Sum256(manifest)
	state, err := json.Marshal(next)
	if err != nil {
		return err
	}
	for _, made := range []struct {
		name string
		data []byte
	}{
		{feed.KindGateway.FileName(""), gateway},
		{manifestName, manifest},
		{path.Join(stateDir, stateName), state},
	} {
		file := path.Join(f.staging, made.name)
		if err := makeAll(f.files, path.Dir(file)); err != nil {
			return err
		}
		if err := write(f.files, file, made.data); err != nil {
			return err
		}
	}
	return nil
}

// url gives the address of a file as the gateway writes it.
func (o *offer) url(file *publish.File) string {
	if o.BaseURL == "" {
		return file.Address()
	}
	return strings.TrimSuffix(o.BaseURL, "/") + "/" + file.Address()
}

// CheckBaseURL says what is wrong with a base address; "" is right.
func CheckBaseURL(s string) error {
	if s == "" {
		return nil
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.Contains(s, "&") {
		return &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("base address %q is not an http or https address without query", s),
			Hint: "give one such as https://feeds.example.com/offer"}
	}
	if err := feed.CheckASCII(s); err != nil {
		return fmt.Errorf("base address %q: %w", s, err)
	}
	return nil
}

// swap makes the next folder the published one, durably, and removes the other.
func (f *Folder) swap() error {
	if err := durable.SyncTree(f.files, f.staging); err != nil {
		return fmt.Errorf("sync the next folder: %w", err)
	}
	crash.Point("folder.synced")
	// From the swap on nothing removes what is under this name, unless the swap is
	// known to last: until then a loss of power may bring it back.
	next, old := f.staging, ""
	_, err := f.files.Lstat(f.base)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = f.files.Rename(next, f.base)
	case err == nil:
		err, old = f.files.Exchange(next, f.base), next
		if errors.Is(err, errors.ErrUnsupported) {
			return &feed.Error{Kind: feed.KindInvalid, Err: err, Message: fmt.Sprintf("folder %q cannot be swapped in one step here", f.dir),
				Hint: "name a folder that is no mount point itself, on a file system that can exchange folders (ext4, xfs, btrfs, tmpfs, apfs)"}
		}
	}
	// A failure may have had its effect all the same; the next run sees to what is left.
	f.staging = ""
	if err != nil {
		return fmt.Errorf("publish folder %q: %w", f.dir, err)
	}
	crash.Point("folder.exchanged")
	if err := f.files.SyncDir("."); err != nil {
		return fmt.Errorf("sync folder %q: %w", f.parent, err)
	}
	crash.Point("folder.durable")
	if old != "" {
		if err := removeAll(f.files, old); err != nil {
			return fmt.Errorf("remove the folder before: %w", err)
		}
		crash.Point("folder.removed")
	}
	return nil
}
