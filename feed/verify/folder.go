package verify

import (
	"bytes"
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
	"strings"
	"time"

	"feedmill/feed"
)

// The notes that a run leaves for the next one in a folder.
const (
	notesDir  = ".feedmill"
	notesName = notesDir + "/offer.json"
)

// folderNotes is what the notes say, in words of our own.
type folderNotes struct {
	whole       bool // full and light are there
	last        int64
	full, light notedGeneration
	retired     []retired
	stored      []stored // everything in it that names bytes
}

type notedGeneration struct {
	Number, Base, Epoch int64
	Files               []struct {
		Kind       string
		Label      string
		Generation int64
		Plain      struct{ SHA256 string }
	}
}

type retired struct {
	Key   string    `json:"key"`
	At    time.Time `json:"at"`
	Light bool      `json:"light"`
}

// stored is a statement about a file in the folder.
type stored struct {
	key string
	promise
}

// Folder proves an offer in a folder, as 'feedmill generate' writes it. The
// error says that the folder cannot be read at all; whatever is wrong with
// what it holds is in the report.
func Folder(ctx context.Context, dir string, opt Options) (Report, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Report{}, fmt.Errorf("open the folder of the offer: %w", err)
	}
	defer root.Close() // only read
	d := &folder{offer: &offer{checker: newChecker(dir, opt)}, root: root, named: map[string]bool{gatewayName: true, manifestName: true}}
	d.rep.Offers = 1
	if err := d.run(ctx); err != nil {
		return Report{}, fmt.Errorf("verify folder %s: %w", dir, err)
	}
	return d.close(), nil
}

// folder is an offer in a folder under check.
type folder struct {
	*offer
	root  *os.Root
	named map[string]bool // files that something names
}

func (d *folder) run(ctx context.Context) error {
	gateway, err := d.document(gatewayName, ruleGatewayMissing)
	if err != nil {
		return err
	}
	manifest, err := d.document(manifestName, ruleManifestMissing)
	if err != nil {
		return err
	}
	if gateway != nil {
		if err := d.readGateway(ctx, gateway); err != nil {
			return err
		}
	}
	if manifest != nil {
		d.readManifest(manifest)
	}
	if err := d.readNotes(); err != nil {
		return err
	}
	switch {
	case d.manifest == nil && d.gateway == nil:
		return nil
	case d.manifest == nil:
		d.entriesOfGateway()
	}
	for _, e := range d.entries {
		d.attach(e)
	}
	d.findOlder()
	if err := d.offer.judge(ctx); err != nil {
		return err
	}
	if err := d.judgePlainNames(ctx); err != nil {
		return err
	}
	if err := d.judgeNotes(ctx); err != nil {
		return err
	}
	return d.orphans()
}

// document reads gateway or manifest.
func (d *folder) document(name, missing string) ([]byte, error) {
	f, err := d.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		d.add(missing, place{file: name}, "it is not there")
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	d.rep.Files++
	data, err := io.ReadAll(io.LimitReader(f, maxDocument))
	d.tick(int64(len(data)))
	return data, err
}

// opener opens a file of the folder.
func (d *folder) opener(key string) opener {
	return func(context.Context) (io.ReadCloser, int64, error) {
		f, err := d.root.Open(filepath.FromSlash(key))
		if err != nil {
			return nil, 0, err
		}
		info, err := f.Stat()
		switch {
		case err != nil:
			return nil, 0, errors.Join(err, f.Close())
		case !info.Mode().IsRegular():
			return nil, 0, errors.Join(&fileError{ruleFileMissing, errors.New("it is not a plain file")}, f.Close())
		}
		return f, info.Size(), nil
	}
}

func (d *folder) exists(key string) bool {
	info, err := d.root.Stat(filepath.FromSlash(key))
	return err == nil && info.Mode().IsRegular()
}

// attach finds the bytes of a file under its address.
func (d *folder) attach(e *entry) {
	d.named[e.name] = true
	e.open = d.opener(e.name)
	d.noted(e.name, &e.plain)
	gz := e.name + ".gz"
	switch {
	case e.gzip.hasSHA, d.manifest == nil && d.exists(gz):
		d.named[gz] = true
		e.openGzip = d.opener(gz)
		if !e.gzip.hasSHA {
			e.gzip.size = -1
		}
		d.noted(gz, &e.gzip)
	}
}

// noted takes from the notes what nobody else says of a file: the manifest gives
// one digest of a compressed twin, and the gateway one of any file. Which of two
// statements is wrong takes a third.
func (d *folder) noted(key string, to *promise) {
	if d.notes == nil {
		return
	}
	for i := range d.notes.stored {
		s := &d.notes.stored[i]
		if s.key != key {
			continue
		}
		if to.size < 0 {
			to.size = s.size
		}
		if !to.hasMD5 {
			to.md5, to.hasMD5 = s.md5, s.hasMD5
		}
		if !to.hasSHA {
			to.sha256, to.hasSHA = s.sha256, s.hasSHA
		}
		return
	}
}

// readNotes reads the notes of the folder. A folder without any was made by
// copying; what needs them is not judged then.
func (d *folder) readNotes() error {
	f, err := d.root.Open(notesName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() // only read
	d.named[notesName] = true
	data, err := io.ReadAll(io.LimitReader(f, maxDocument))
	if err != nil {
		return err
	}
	var raw struct {
		Last    int64            `json:"last"`
		Full    *notedGeneration `json:"full"`
		Light   *notedGeneration `json:"light"`
		Retired []retired        `json:"retired"`
	}
	n := &folderNotes{}
	tree := any(nil)
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	err = json.Unmarshal(data, &raw)
	if err == nil {
		err = dec.Decode(&tree)
	}
	if err == nil {
		n.stored, err = findStored(nil, tree)
	}
	if err != nil {
		d.add(ruleFolderState, place{file: notesName}, "it cannot be read: %v", err)
		return nil
	}
	n.last, n.retired = raw.Last, raw.Retired
	if raw.Full != nil && raw.Light != nil {
		n.full, n.light, n.whole = *raw.Full, *raw.Light, true
	}
	for _, s := range n.stored {
		d.named[s.key] = true
	}
	for _, r := range n.retired {
		d.named[r.Key] = true
	}
	d.notes = n
	return nil
}

// findStored gathers what names bytes in the notes, wherever it stands: an
// object with a key, a size and digests.
func findStored(list []stored, tree any) ([]stored, error) {
	var err error
	switch v := tree.(type) {
	case []any:
		for _, x := range v {
			if list, err = findStored(list, x); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		key, ok := v["Key"].(string)
		length, isBlob := v["Size"].(json.Number)
		if ok && isBlob {
			if key == "" {
				return list, nil
			}
			s := stored{key: key}
			md5, _ := v["MD5"].(string)
			sha, _ := v["SHA256"].(string)
			size, err := length.Int64()
			if err == nil {
				_, err = parsePromise(&s.promise, &size, md5, sha)
			}
			if err != nil || !filepath.IsLocal(filepath.FromSlash(key)) {
				return nil, fmt.Errorf("what it says of %.80q is malformed", key)
			}
			return append(list, s), nil
		}
		for _, name := range sortedNames(v) {
			if list, err = findStored(list, v[name]); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

func sortedNames(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// findOlder finds full files that were replaced and are still kept, so that
// the change files can be proved between them.
func (d *folder) findOlder() {
	full := d.find(feed.KindFull, "")
	if d.notes == nil || full == nil {
		return
	}
	// A change file never leads from one epoch to the next, so whatever is not
	// older than the oldest base is of this epoch.
	oldest := full.generation
	if d.notes.full.Epoch == 1 {
		oldest = 0
	}
	for _, e := range d.entries {
		if e.kind == feed.KindFullChange {
			oldest = min(oldest, e.base)
		}
	}
	for _, r := range d.notes.retired {
		n := generationOf(r.Key)
		if path.Base(r.Key) != feed.KindFull.FileName("") || n == 0 || n < oldest || n >= full.generation || !d.exists(r.Key) {
			continue
		}
		d.older = append(d.older, &entry{name: r.Key, kind: feed.KindFull, generation: n, products: -1, plain: promise{size: -1}, open: d.opener(r.Key)})
	}
}

// judgePlainNames compares the copies under plain names with the files that
// the gateway names.
func (d *folder) judgePlainNames(ctx context.Context) error {
	for _, e := range d.entries {
		for _, twin := range []string{"", ".gz"} {
			if twin != "" && e.openGzip == nil {
				continue
			}
			plain, address := path.Base(e.name)+twin, e.name+twin
			d.named[plain] = true
			if !e.whole || twin != "" && !e.gzipWhole {
				continue
			}
			same, err := d.sameFile(ctx, plain, address)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				if d.exists(address) {
					d.add(rulePlainName, place{file: plain}, "it is missing, and %s is there", address)
				}
			case err != nil:
				return err
			case !same:
				d.add(rulePlainName, place{file: plain}, "it is not the same file as %s", address)
			}
		}
	}
	return nil
}

// sameFile reports whether two names have the same bytes. Mostly they are
// links to one file.
func (d *folder) sameFile(ctx context.Context, a, b string) (bool, error) {
	x, err := d.root.Stat(filepath.FromSlash(a))
	if err != nil {
		return false, err
	}
	y, err := d.root.Stat(filepath.FromSlash(b))
	if err != nil || os.SameFile(x, y) {
		return err == nil, err
	}
	if x.Size() != y.Size() {
		return false, nil
	}
	nothing := func(io.Reader) error { return nil }
	p, err := d.measure(ctx, a, d.opener(a), nothing)
	if err != nil {
		return false, err
	}
	q, err := d.measure(ctx, b, d.opener(b), nothing)
	return p == q, err
}

// judgeNotes compares the notes with the manifest, and what they name with
// what is there.
func (d *folder) judgeNotes(ctx context.Context) error {
	n := d.notes
	if n == nil {
		return nil
	}
	at := place{file: notesName}
	if !n.whole {
		d.add(ruleFolderState, at, "it has no full and light generation")
		return nil
	}
	if newest := max(n.full.Number, n.light.Number); n.last < newest {
		d.add(ruleFolderState, at, "it gives out the numbers after %d, and generation %d is there: the next run would write over it", n.last, newest)
	}
	for _, g := range []*notedGeneration{&n.full, &n.light} {
		for _, f := range g.Files {
			if f.Generation > g.Number {
				d.add(ruleFolderState, at, "it names a file of generation %d in generation %d", f.Generation, g.Number)
				break
			}
		}
	}
	if d.manifest != nil && !d.torn {
		listed := map[string]bool{}
		for _, g := range []*notedGeneration{&n.full, &n.light} {
			for _, f := range g.Files {
				var kind feed.Kind
				if kind.UnmarshalText([]byte(f.Kind)) != nil {
					continue
				}
				name := fmt.Sprintf("%d/%s", f.Generation, kind.FileName(f.Label))
				listed[name] = true
				if e := d.find(kind, f.Label); e == nil || e.name != name || e.whole && fmt.Sprintf("%x", e.bytes.sha256) != f.Plain.SHA256 {
					d.add(ruleFolderState, at, "it names %s, and the manifest does not, or with other bytes", name)
				}
			}
		}
		for _, e := range d.entries {
			if !listed[e.name] {
				d.add(ruleFolderState, at, "it does not name %s, which the manifest lists", e.name)
			}
		}
	}
	known := map[string]bool{}
	for _, e := range d.entries {
		known[e.name], known[e.name+".gz"] = true, true // read above
	}
	for i := range n.stored {
		s := &n.stored[i]
		if known[s.key] {
			continue
		}
		d.rep.Files++
		got, err := d.measure(ctx, s.key, d.opener(s.key), func(io.Reader) error { return nil })
		if err != nil {
			if err := d.told(s.key, err); err != nil {
				return err
			}
			continue
		}
		d.judgeBytes(s.key, &s.promise, got)
	}
	for _, r := range n.retired {
		keep := fullRetention
		if r.Light {
			keep = lightRetention
		}
		if !d.exists(r.Key) && !d.opt.Now.IsZero() && d.opt.Now.Sub(r.At) < keep {
			d.add(ruleFileMissing, place{file: r.Key}, "it was replaced at %s and has to be served until %s", stamp(r.At), stamp(r.At.Add(keep)))
		}
	}
	return nil
}

// orphans tells of files that nothing names. Who cannot read what names them
// says nothing.
func (d *folder) orphans() error {
	if d.manifest == nil || d.torn || d.notes == nil {
		d.skip("files that nothing names were not looked for, because manifest or notes of the folder are not to be relied on")
		return nil
	}
	return fs.WalkDir(d.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() || d.named[name] || strings.HasPrefix(name, notesDir+"/spool/") {
			return nil
		}
		d.add(ruleOrphan, place{file: name}, "neither the gateway nor the notes of the folder name it")
		return nil
	})
}
