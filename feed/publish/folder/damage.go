package folder

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"feedmill/feed"
	"feedmill/feed/publish"
)

// damage is what somebody else has done to a published folder since the run
// before. A gateway must not go on naming what is not there any more, and a run
// that finds the catalog unchanged would leave it so for ever.
type damage struct {
	keys  map[string]bool // files that are missing or not what they were
	feeds map[string]bool // all files of the feeds that list one of these
	full  bool
	light bool
	names []string // what is made of the files: gateway, manifest and plain names
	told  []string
}

// of says whether a feed is damaged.
func (d *damage) of(k feed.Kind) bool {
	if k == feed.KindLight {
		return d.light
	}
	return d.full
}

// Damage tells in words what was found missing or changed in the folder when it
// was opened, each with its name. The run and [Folder.Refresh] mend it.
func (f *Folder) Damage() []string { return f.damage.told }

// findDamage compares the folder with the notes of the run before.
func (f *Folder) findDamage() error {
	d := damage{keys: map[string]bool{}, feeds: map[string]bool{}}
	for _, r := range f.old.Retired {
		if _, err := f.files.Lstat(path.Join(f.base, r.Key)); errors.Is(err, fs.ErrNotExist) {
			d.keys[r.Key] = true // nobody can have it any more
		} else if err != nil {
			return err
		}
	}
	for _, g := range []*publish.Generation{f.old.Full, f.old.Light} {
		if g == nil {
			continue
		}
		found := false
		for b := range g.Blobs() {
			why, err := f.differs(b.Key, *b, f.opt.Digests)
			if err != nil {
				return err
			}
			if why != "" {
				found, d.keys[b.Key], d.told = true, true, append(d.told, fmt.Sprintf("%s %s", b.Key, why))
			}
		}
		if !found {
			continue
		}
		d.full, d.light = d.full || g.Feed.Kind == feed.KindFull, d.light || g.Feed.Kind == feed.KindLight
		for b := range g.Blobs() {
			d.feeds[b.Key] = true
		}
	}
	if f.old.Full != nil && f.old.Light != nil {
		if err := f.findNames(&d); err != nil {
			return err
		}
	}
	f.damage = d
	return nil
}

// findNames looks at what is made of the files.
func (f *Folder) findNames(d *damage) error {
	made := []publish.Blob{{Key: feed.KindGateway.FileName(""), SHA256: f.old.Gateway}, {Key: manifestName, SHA256: f.old.Manifest}}
	for _, g := range []*publish.Generation{f.old.Full, f.old.Light} {
		for i := range g.Files {
			for _, b := range []publish.Blob{g.Files[i].Plain, g.Files[i].Gzip} {
				if b.IsZero() || d.keys[b.Key] {
					continue
				}
				same, err := f.linked(b.Key, path.Base(b.Key))
				if err != nil {
					return err
				}
				if !same {
					b.Key = path.Base(b.Key)
					made = append(made, b)
				}
			}
		}
	}
	for _, b := range made {
		why, err := f.differs(b.Key, b, b.SHA256 != publish.SHA256{})
		if err != nil {
			return err
		}
		if why != "" {
			d.names, d.told = append(d.names, b.Key), append(d.told, fmt.Sprintf("%s %s", b.Key, why))
		}
	}
	return nil
}

// linked says whether two names are those of one file.
func (f *Folder) linked(a, b string) (bool, error) {
	one, err := f.files.Lstat(path.Join(f.base, a))
	if err != nil {
		return false, err
	}
	other, err := f.files.Lstat(path.Join(f.base, b))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(one, other), err
}

// differs says what is wrong with a file of the folder, "" when it is what it is
// said to be. A size of 0 is not compared.
func (f *Folder) differs(name string, want publish.Blob, digest bool) (string, error) {
	info, err := f.files.Lstat(path.Join(f.base, name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "is missing", nil
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "is not a plain file", nil
	case want.Size != 0 && info.Size() != want.Size:
		return fmt.Sprintf("has %d bytes instead of %d", info.Size(), want.Size), nil
	case !digest:
		return "", nil
	}
	file, err := f.files.OpenFile(path.Join(f.base, name), os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err = io.Copy(sum, file)
	if err = errors.Join(err, file.Close()); err != nil {
		return "", err
	}
	if publish.SHA256(sum.Sum(nil)) != want.SHA256 {
		return "is not what was published", nil
	}
	return "", nil
}
