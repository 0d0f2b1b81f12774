package download

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/mux"
	"github.com/klauspost/compress/gzip"

	"feedmill/feed"
	"feedmill/feed/patch"
	"feedmill/feed/publish"
	"feedmill/storage"
)

// routeSince is the address of everything that has changed since a label, as
// one change file.
const routeSince = "/o/{link}/full_change-since.xml"

// Headers of change files. They say what IOF has no place for: which generation
// a file is of, and for changes which generations they lead from and to. The
// label is what a reader who has applied the file asks with next time.
const (
	headerGeneration = "Feedmill-Generation"
	headerBase       = "Feedmill-Base"
	headerTarget     = "Feedmill-Target"
	headerLabel      = "Feedmill-Label"
)

// The problems of serveSince. Who asks for a label that is not kept, or when
// nothing is new, gets an error and no document: an importer that takes
// whatever it is given for a change file must not be given an empty one, nor a
// full one.
const (
	problemLabel      = "urn:feedmill:problem:label"
	problemNothingNew = "urn:feedmill:problem:nothing-new"
	problemLabelGone  = "urn:feedmill:problem:label-gone"
)

// describe sets the headers that tell a change file's place in its chain.
func (c *call) describe(f *publish.File) {
	if f.Kind != feed.KindFullChange {
		return
	}
	h := c.w.Header()
	h.Set(headerGeneration, strconv.FormatInt(f.Generation, 10))
	h.Set(headerBase, strconv.FormatInt(f.Base, 10))
	h.Set(headerTarget, strconv.FormatInt(f.Target, 10))
	h.Set(headerLabel, f.Label)
}

// serveSince answers /o/{link}/full_change-since.xml?label=….
func (s *Server) serveSince(c *call) {
	c.file.kind, c.moving = feed.KindFullChange, true
	if !c.open(mux.Vars(c.r)["link"]) {
		return
	}
	if !c.entry.offer.Files.Has(feed.KindFullChange) {
		c.notFound(whyFile)
		return
	}
	g, _ := c.dir.present(c.entry.full)
	if g == nil {
		c.unavailable(whyUnpublished, nil)
		return
	}
	label := c.r.URL.Query().Get("label")
	if !feed.IsLabel(label) {
		c.why = whyMalformed
		c.problem(http.StatusBadRequest, problemLabel, "label needed", "add ?label= with the stamp of the last change file that was applied, or of the full file, such as 2026-11-21T20-30-00")
		return
	}
	chain, ok := chainSince(g, label, c.entry.merchant.Zone())
	if !ok && c.renew() {
		if newer, _ := c.dir.present(c.entry.full); newer != nil {
			g = newer
			chain, ok = chainSince(g, label, c.entry.merchant.Zone())
		}
	}
	switch {
	case !ok || c.leftAt(g, label):
		c.why = whyFile
		c.labelGone(g)
	case len(chain) == 0:
		c.why = whyFile
		c.problem(http.StatusNotFound, problemNothingNew, "nothing has changed since", "the label is the newest one; ask again later")
	case len(chain) == 1:
		c.sendFile(&chain[0], chain[0].Changed)
	default:
		c.sendComposed(g.Feed, chain)
	}
}

// renew looks into the records once more for a request that names what this
// process does not know: another one may have published it, and told the partner
// of it, a moment ago. It says whether the request goes by newer knowledge now.
func (c *call) renew() bool {
	giveUp := time.NewTimer(c.s.opt.ConfirmWait)
	defer giveUp.Stop()
	// The first may be an answer to who has asked before that moment.
	for range 2 {
		select {
		case <-c.s.ask():
		case <-giveUp.C:
			return false
		}
	}
	dir := c.s.trusted()
	if dir == nil || dir == c.dir || !dir.allowed(c.link, c.addr, c.now) {
		return false // who may read no more is found out when anything is sent
	}
	c.dir, c.entry = dir, dir.links[c.link]
	return true
}

// chainSince gives the change files that follow upon a label, the oldest first:
// that of a change file or of the full file. ok is false when the list does not
// lead on from there without a gap.
func chainSince(g *publish.Generation, label string, zone *time.Location) (chain []publish.File, ok bool) {
	have := int64(0)
	for i := range g.Files {
		switch f := &g.Files[i]; {
		case !bears(f, label, zone):
		case f.Kind == feed.KindFull:
			have = max(have, f.Generation)
		default:
			have = max(have, f.Target)
		}
	}
	if have == 0 {
		return nil, false
	}
	for _, f := range g.Files {
		if f.Kind == feed.KindFullChange && f.Target > have {
			chain = append(chain, f)
		}
	}
	slices.SortFunc(chain, func(a, b publish.File) int { return int(min(max(a.Target-b.Target, -1), 1)) })
	for i := range chain {
		if chain[i].Base > have {
			return nil, false
		}
		have = chain[i].Target
	}
	return chain, true
}

// bears says whether a label is that of a full or change file.
func bears(f *publish.File, label string, zone *time.Location) bool {
	return f.Kind == feed.KindFull && feed.Label(f.ToldIn(zone)) == label || f.Kind == feed.KindFullChange && f.Label == label
}

// leftAt says whether a label may be of another feed, which the offer has left
// since: one run gives all of its feeds the same label. Whoever holds that feed's
// products must not be given changes of this one.
func (c *call) leftAt(g *publish.Generation, label string) bool {
	_, since := c.dir.present(c.entry.full)
	for _, a := range c.entry.left {
		old := c.dir.generations[a.feed]
		if old == nil || a.feed == g.Feed {
			continue
		}
		for i := range old.Files {
			if f := &old.Files[i]; bears(f, label, c.entry.merchant.Zone()) && f.Changed.Before(since) {
				return true
			}
		}
	}
	return false
}

// labelGone answers who asks for changes that are not kept any more: the full
// file is named, relative addresses being those of this one.
func (c *call) labelGone(g *publish.Generation) {
	doc := struct {
		problemDoc
		Full string `json:"full,omitempty"`
	}{problemDoc: problemDoc{problemLabelGone, "changes since this label are not kept", http.StatusGone, "fetch the full file, and then the changes after it"}}
	if f := g.File(feed.KindFull); f != nil && c.entry.offer.Files.Has(feed.KindFull) {
		doc.Full = c.address(c.base())(f)
	}
	// Texts of ours only: it cannot fail.
	b, _ := json.Marshal(doc)
	h := c.w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	c.w.WriteHeader(http.StatusGone)
	if c.r.Method != http.MethodHead {
		_, _ = c.w.Write(b)
	}
}

// sendComposed answers with one change file made of several.
func (c *call) sendComposed(ref publish.FeedRef, chain []publish.File) {
	last := &chain[len(chain)-1]
	file := publish.File{Kind: feed.KindFullChange, Label: last.Label, Generation: last.Generation, Changed: last.Changed, Base: chain[0].Base, Target: last.Target}
	key := composedKey{feed: ref, from: chain[0].Target, to: last.Target}
	// Who has closed his sending side waits for the answer all the same, and
	// making one has its own end.
	ctx := context.WithoutCancel(c.r.Context())
	plain, err := c.s.composed.get(ctx, key, func(ctx context.Context, f *os.File) (publish.Blob, error) {
		return c.s.compose(ctx, f, chain)
	})
	if err == nil {
		defer c.s.composed.release(plain)
		file.Plain = plain.blob
		if acceptsGzip(c.r.Header) {
			key.gzip = true
			var packed *composed
			packed, err = c.s.composed.get(ctx, key, func(_ context.Context, f *os.File) (publish.Blob, error) { return pack(f, plain) })
			if err == nil {
				defer c.s.composed.release(packed)
				file.Gzip = packed.blob
				c.bodies = []*composed{plain, packed}
			}
		} else {
			c.bodies = []*composed{plain}
		}
	}
	if err != nil {
		c.unavailable(whyStore, fmt.Errorf("compose change files: %w", err))
		return
	}
	c.sendFile(&file, file.Changed)
}

// openComposed opens a part of a composed file; ok is false for stored ones.
func (c *call) openComposed(b *publish.Blob, from, to int64) (body io.ReadCloser, ok bool) {
	for _, e := range c.bodies {
		if e.blob.Key == b.Key {
			return io.NopCloser(io.NewSectionReader(e.file, from, to-from)), true
		}
	}
	return nil, false
}

// compose writes what the change files do together.
func (s *Server) compose(ctx context.Context, to *os.File, chain []publish.File) (publish.Blob, error) {
	docs := make([]patch.Document, len(chain))
	for i := range chain {
		f := &chain[i]
		docs[i] = patch.Document{Name: f.Kind.FileName(f.Label), Open: func() (io.ReadCloser, error) { return s.openWhole(ctx, &f.Plain) }}
	}
	sink := patch.NewSink(to)
	if _, err := patch.ComposeTo(ctx, sink, docs, patch.Options{Spool: s.opt.Spool}); err != nil {
		return publish.Blob{}, err
	}
	var b publish.Blob
	b.Size, b.MD5, b.SHA256 = sumOf(sink)
	return b, nil
}

func sumOf(s *patch.Sink) (size int64, md publish.MD5, sha publish.SHA256) {
	n, m, h := s.Sum()
	return n, m, h
}

// pack compresses a composed file.
func pack(to *os.File, plain *composed) (publish.Blob, error) {
	sink := patch.NewSink(to)
	z, err := gzip.NewWriterLevel(sink, composedLevel)
	if err != nil {
		return publish.Blob{}, err
	}
	_, err = io.Copy(z, io.NewSectionReader(plain.file, 0, plain.blob.Size))
	if err = errors.Join(err, z.Close(), sink.Flush()); err != nil {
		return publish.Blob{}, err
	}
	var b publish.Blob
	b.Size, b.MD5, b.SHA256 = sumOf(sink)
	return b, nil
}

// openWhole opens a stored file; its reader answers for the bytes.
func (s *Server) openWhole(ctx context.Context, b *publish.Blob) (io.ReadCloser, error) {
	if v, ok := s.blobs.(VerifiedBlobs); ok {
		return v.OpenVerified(ctx, b.Key, b.Size, storage.Digest(b.SHA256), 0, b.Size)
	}
	body, _, err := s.blobs.Open(ctx, b.Key, storage.Range{})
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{storage.NewVerifier(body, b.Size, storage.Digest(b.SHA256)), body}, nil
}

// composedLevel is the compression of composed files, that of published ones.
const composedLevel = 5

// composedKey names a composed file: the change files of a feed from one to
// another are always the same, and so are the bytes.
type composedKey struct {
	feed     publish.FeedRef
	from, to int64
	gzip     bool
}

// composed is a composed file. Its name is gone already, so nothing is left of
// it once the last reader and the cache have let it go.
type composed struct {
	key   composedKey
	file  *os.File
	blob  publish.Blob
	ready chan struct{} // closed when the others are set
	err   error
	users int
	used  uint64 // when it was last asked for
}

// composedFiles keeps composed files for a while: an importer that breaks off
// comes again, and many of one feed come with the same label. The zero value
// is ready but for the folder.
type composedFiles struct {
	spool string
	mu    sync.Mutex
	all   map[composedKey]*composed
	clock uint64
	slots chan struct{} // how many are made at a time
}

const (
	// maxComposed and maxComposedBytes bound what is kept for later; files that
	// are being read count too, but are never taken from their readers.
	maxComposed      = 64
	maxComposedBytes = 256 << 20
	// composers is how many files are composed at a time.
	composers = 2
	// composeTimeout bounds one composition.
	composeTimeout = 5 * time.Minute
)

func newComposedFiles(spool string) *composedFiles {
	return &composedFiles{spool: spool, all: map[composedKey]*composed{}, slots: make(chan struct{}, composers)}
}

// get gives a file, made by the first who asks; others wait for it. Who gets
// one releases it.
func (k *composedFiles) get(ctx context.Context, key composedKey, fill func(context.Context, *os.File) (publish.Blob, error)) (*composed, error) {
	k.mu.Lock()
	k.clock++
	e := k.all[key]
	first := e == nil
	if first {
		e = &composed{key: key, ready: make(chan struct{})}
		k.all[key] = e
	}
	e.users++
	e.used = k.clock
	k.mu.Unlock()
	if first {
		go k.make(ctx, e, fill)
	}
	<-e.ready
	if e.err != nil {
		err := e.err
		k.release(e)
		return nil, err
	}
	return e, nil
}

// make fills a file and tells those who wait.
func (k *composedFiles) make(ctx context.Context, e *composed, fill func(context.Context, *os.File) (publish.Blob, error)) {
	ctx, cancel := context.WithTimeout(ctx, composeTimeout)
	defer cancel()
	k.mu.Lock()
	e.users++ // it must not go while it is made
	k.mu.Unlock()
	defer k.release(e)
	defer close(e.ready)
	if !e.key.gzip { // what is compressed holds the slot's result already
		select {
		case k.slots <- struct{}{}:
			defer func() { <-k.slots }()
		case <-ctx.Done():
			e.err = ctx.Err()
			return
		}
	}
	f, err := os.CreateTemp(k.spool, "since-*")
	if err != nil {
		e.err = fmt.Errorf("make a file for composing: %w", err)
		return
	}
	e.file = f
	removed := os.Remove(f.Name())
	b, err := fill(ctx, f)
	if e.err = errors.Join(removed, err); e.err != nil {
		return
	}
	b.Key = fmt.Sprintf("since %s %d %d %v", e.key.feed.Key, e.key.from, e.key.to, e.key.gzip)
	e.blob = b
}

// release lets a file go, and closes those that nobody reads when too much is
// kept.
func (k *composedFiles) release(e *composed) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e.users--
	if !done(e) {
		return // whoever makes it lets it go last
	}
	if e.err != nil && k.all[e.key] == e {
		delete(k.all, e.key) // the next one tries again
	}
	if e.users == 0 && k.all[e.key] != e && e.file != nil {
		_ = e.file.Close() // only read, and nameless
		return
	}
	k.shrink()
}

func done(e *composed) bool {
	select {
	case <-e.ready:
		return true
	default:
		return false
	}
}

// shrink forgets the files that were asked for longest ago.
func (k *composedFiles) shrink() {
	for {
		var bytes int64
		var oldest *composed
		for _, e := range k.all {
			if !done(e) {
				continue
			}
			bytes += e.blob.Size
			if e.users == 0 && (oldest == nil || e.used < oldest.used) {
				oldest = e
			}
		}
		if oldest == nil || len(k.all) <= maxComposed && bytes <= maxComposedBytes {
			return
		}
		delete(k.all, oldest.key)
		if oldest.file != nil {
			_ = oldest.file.Close() // only read, and nameless
		}
	}
}
