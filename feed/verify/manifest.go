package verify

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"feedmill/feed"
)

// manifest is what manifest.json says, in words of our own.
type manifest struct {
	Format         string         `json:"format"`
	Sequence       int64          `json:"sequence"`
	Epoch          int64          `json:"epoch"`
	Generated      time.Time      `json:"generated"`
	Expires        time.Time      `json:"expires"`
	Languages      []string       `json:"languages"`
	Currency       string         `json:"currency"`
	Products       *int64         `json:"products"`
	FullRetention  int64          `json:"full_retention_seconds"`
	LightRetention int64          `json:"light_retention_seconds"`
	Files          []manifestFile `json:"files"`
}

type manifestFile struct {
	Kind       string    `json:"kind"`
	URL        string    `json:"url"`
	Size       *int64    `json:"size"`
	MD5        string    `json:"md5"`
	SHA256     string    `json:"sha256"`
	Label      string    `json:"label"`
	Changed    time.Time `json:"changed"`
	Generation int64     `json:"generation"`
	Products   *int64    `json:"products"`
	Base       int64     `json:"base"`
	Target     int64     `json:"target"`
	GzipSize   *int64    `json:"gzip_size"`
	GzipSHA256 string    `json:"gzip_sha256"`
}

const (
	manifestName   = "manifest.json"
	gatewayName    = "gateway.xml"
	manifestFormat = "feedmill-manifest/1"
)

// How long replaced files have to be served.
const (
	fullRetention  = 72 * time.Hour
	lightRetention = 2 * time.Hour
)

// maxDocument bounds what is read of a gateway or manifest, in bytes.
const maxDocument = 64 << 20

// offer is one published offer under check.
type offer struct {
	*checker
	manifest *manifest // nil when there is none that can be read
	gateway  *gatewayDoc
	entries  []*entry
	byURL    map[string]*entry
	// torn says that entries of the manifest had to be left out, so that what
	// is missing from it means nothing.
	torn  bool
	notes *folderNotes // nil unless the offer lies in a folder of ours
	older []*entry     // full files that were replaced and are still there
	// stamped are the offsets of files of which the gateway tells what they tell
	// themselves; nil until it is asked for.
	stamped map[*entry]time.Duration
}

// readManifest reads and judges the manifest by itself.
func (o *offer) readManifest(data []byte) {
	at := place{file: manifestName}
	m := &manifest{}
	if err := json.Unmarshal(data, m); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			at.offset = syntax.Offset
			at.line = 1 + strings.Count(string(data[:min(int(syntax.Offset), len(data))]), "\n")
		}
		o.add(ruleManifestForm, at, "%v", err)
		return
	}
	bad := ""
	switch {
	case m.Format != manifestFormat:
		bad = fmt.Sprintf("format is %.60q instead of %q", m.Format, manifestFormat)
	case m.Products == nil || *m.Products < 0:
		bad = "products is missing or negative"
	case m.Generated.IsZero() || m.Expires.IsZero():
		bad = "generated or expires is missing"
	case len(m.Files) == 0:
		bad = "it lists no files"
	}
	if bad != "" {
		o.add(ruleManifestForm, at, "%s", bad)
		return
	}
	o.manifest = m
	o.byURL = map[string]*entry{}
	for i := range m.Files {
		o.manifestFile(&m.Files[i], i)
	}
}

// manifestFile judges one file of the manifest by itself and makes its entry.
func (o *offer) manifestFile(f *manifestFile, i int) {
	at := place{file: manifestName}
	var kind feed.Kind
	e := &entry{label: f.Label, generation: f.Generation, changed: f.Changed, base: f.Base, target: f.Target, products: -1}
	size, err := parsePromise(&e.plain, f.Size, f.MD5, f.SHA256)
	if kerr := kind.UnmarshalText([]byte(f.Kind)); kerr != nil || kind == feed.KindGateway {
		err = fmt.Errorf("kind is %.40q", f.Kind)
	}
	if err == nil && !size {
		err = errors.New("size is missing or negative")
	}
	if err == nil && (f.Products == nil || *f.Products < 0) {
		err = errors.New("products is missing or negative")
	}
	gz := f.GzipSize != nil || f.GzipSHA256 != ""
	if err == nil && gz {
		var both bool
		if both, err = parsePromise(&e.gzip, f.GzipSize, "", f.GzipSHA256); err == nil && !(both && e.gzip.hasSHA) {
			err = errors.New("gzip_size and gzip_sha256 do not both stand there")
		}
	}
	if err == nil && (f.Changed.IsZero() || !e.plain.hasMD5 || !e.plain.hasSHA) {
		err = errors.New("changed, md5 or sha256 is missing")
	}
	if err != nil {
		o.add(ruleManifestForm, at, "files[%d] (%.60s): %v", i, addressOf(f.URL), err)
		o.torn = true
		return
	}
	e.kind, e.products = kind, *f.Products
	want := fmt.Sprintf("%d/%s", f.Generation, kind.FileName(f.Label))
	e.name = want
	switch got := addressOf(f.URL); {
	case got != want || (kind == feed.KindFullChange) != (f.Label != ""):
		o.add(ruleManifestFile, at, "files[%d] is %s of generation %d, and its address ends with %.80s", i, kind.FileName(f.Label), f.Generation, got)
		o.torn = true
		return
	case o.find(kind, f.Label) != nil:
		o.add(ruleManifestFile, at, "%s is listed twice", kind.FileName(f.Label))
		return
	}
	o.entries = append(o.entries, e)
	o.byURL[f.URL] = e
}

// parsePromise reads size and digests; size says whether one is said.
func parsePromise(p *promise, length *int64, md5, sha string) (size bool, err error) {
	p.size = -1
	if length != nil && *length >= 0 {
		p.size, size = *length, true
	}
	if p.hasMD5, err = unhex(p.md5[:], "md5", md5); err != nil {
		return size, err
	}
	p.hasSHA, err = unhex(p.sha256[:], "sha256", sha)
	return size, err
}

func unhex(dst []byte, what, s string) (bool, error) {
	if s == "" {
		return false, nil
	}
	if len(s) != hex.EncodedLen(len(dst)) || s != strings.ToLower(s) {
		return false, fmt.Errorf("%s is %.80q, want %d hexadecimal digits in lower case", what, s, hex.EncodedLen(len(dst)))
	}
	if _, err := hex.Decode(dst, []byte(s)); err != nil {
		return false, fmt.Errorf("%s is %.80q: %w", what, s, err)
	}
	return true, nil
}

// addressOf gives the part of an address that says generation and file: its
// last two segments. What stands before them may be a secret.
func addressOf(url string) string {
	if i := strings.IndexAny(url, "?#"); i >= 0 {
		url = url[:i]
	}
	dir, file := path.Split(url)
	return path.Base(path.Clean("/"+dir)) + "/" + file
}

// find gives the entry of a kind and label, nil for none.
func (o *offer) find(kind feed.Kind, label string) *entry {
	for _, e := range o.entries {
		if e.kind == kind && e.label == label {
			return e
		}
	}
	return nil
}

// judgeManifest judges what the manifest says of the offer as a whole, once
// its files have been read.
func (o *offer) judgeManifest() {
	m := o.manifest
	at := place{file: manifestName}
	newest := int64(0)
	for _, e := range o.entries {
		newest = max(newest, e.generation)
		if e.generation <= 0 {
			o.add(ruleManifestFile, at, "%s has the generation %d", e.name, e.generation)
		}
		if e.changed.After(m.Generated) {
			o.add(ruleTimeOrder, at, "%s was changed at %s, after the offer was generated at %s", e.name, stamp(e.changed), stamp(m.Generated))
		}
	}
	switch {
	case o.notes != nil && o.notes.whole:
		if want := max(o.notes.full.Number, o.notes.light.Number); m.Sequence != want {
			o.add(ruleManifestSequence, at, "sequence is %d, and the newest generation is %d", m.Sequence, want)
		}
		if m.Epoch != o.notes.full.Epoch {
			o.add(ruleManifestSequence, at, "epoch is %d, and that of the folder's notes is %d", m.Epoch, o.notes.full.Epoch)
		}
	case m.Sequence < newest || m.Epoch < 1:
		o.add(ruleManifestSequence, at, "sequence is %d and epoch %d, and the newest file is of generation %d", m.Sequence, m.Epoch, newest)
	}
	if time.Duration(m.FullRetention)*time.Second < fullRetention || time.Duration(m.LightRetention)*time.Second < lightRetention {
		o.add(ruleManifestRetention, at, "it promises %d and %d seconds, and must promise %d and %d at least", m.FullRetention, m.LightRetention,
			int64(fullRetention/time.Second), int64(lightRetention/time.Second))
	}
	if light := o.find(feed.KindLight, ""); light != nil && light.sound && light.head.currency != m.Currency {
		o.add(ruleManifestLocale, at, "currency is %.20q, and that of %s is %q", m.Currency, light.name, light.head.currency)
	}
	if full := o.find(feed.KindFull, ""); full != nil && full.sound && (len(m.Languages) == 0 || full.head.language != m.Languages[0]) {
		o.add(ruleManifestLocale, at, "languages is %.60q, and the first one of %s is %q", m.Languages, full.name, full.head.language)
	}
	o.judgeValidity(at, m.Generated, m.Expires)
}

// soon is the part of the validity whose rest is worth a warning. It is renewed
// before half has passed, so nobody ever sees this who publishes.
const soon = 4

// slack is how far a time may be ahead of this machine's clock.
const slack = 5 * time.Minute

// judgeValidity holds the times of an offer against the clock.
func (c *checker) judgeValidity(at place, generated, expires time.Time) {
	now := c.opt.Now
	switch {
	case !expires.After(generated):
		c.add(ruleTimeOrder, at, "the offer expires at %s and was generated at %s", stamp(expires), stamp(generated))
	case now.IsZero():
	case !expires.After(now):
		c.add(ruleExpired, at, "the offer expired at %s", stamp(expires))
	case expires.Sub(now) < expires.Sub(generated)/soon:
		c.add(ruleExpiresSoon, at, "the offer expires at %s, in %s", stamp(expires), expires.Sub(now).Round(time.Minute))
	}
	if !now.IsZero() && generated.After(now.Add(slack)) {
		c.add(ruleFuture, at, "the offer was generated at %s, and this machine's clock says %s", stamp(generated), stamp(now))
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }
