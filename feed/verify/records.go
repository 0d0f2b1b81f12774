package verify

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"feedmill/feed"
	"feedmill/storage"
)

// Feed names one rendered stream of a merchant: of kind full (with its change
// files and dictionaries) or light.
type Feed struct {
	Merchant string
	Kind     feed.Kind
	Key      string
}

// Blob is what the records say of stored bytes.
type Blob struct {
	Key    string // "" for none
	Size   int64
	MD5    [16]byte
	SHA256 [32]byte
	// State is "live", "condemned" or "deleting".
	State string
}

// File is one file that a generation lists.
type File struct {
	Kind         feed.Kind
	Label        string
	Generation   int64 // that made it
	Changed      time.Time
	Products     int64
	Base, Target int64 // of a change file
	Plain, Gzip  Blob
}

// Generation is one publication of a feed.
type Generation struct {
	Feed         Feed
	Number, Base int64
	Epoch        int64
	Time         time.Time
	Expires      time.Time
	// Retired is when another one took its place; zero while it is current.
	Retired time.Time
	// Current says that the feed's pointer names it.
	Current  bool
	Products int64
	States   []Blob
	Files    []File
}

// Offer is what one partner receives: the feeds that it is read from.
type Offer struct {
	Merchant    string
	Name        string // for people
	Full, Light string // keys of the feeds
}

// Ledger gives what the records of an installation say is published.
type Ledger interface {
	// Merchants lists all merchants.
	Merchants(ctx context.Context) ([]string, error)
	// Generations yields all generations of a merchant that are kept, of one
	// feed together and ascending by number.
	Generations(ctx context.Context, merchant string) iter.Seq2[Generation, error]
	// Offers yields the offers of a merchant.
	Offers(ctx context.Context, merchant string) iter.Seq2[Offer, error]
	// Blobs yields everything that is stored for a merchant, in any order.
	Blobs(ctx context.Context, merchant string) iter.Seq2[Blob, error]
}

// Records proves everything that an installation has published: all
// generations that are kept, of all merchants, from the records and the store
// alone. The error says that records or store cannot be read; whatever is
// wrong with what they hold is in the report.
func Records(ctx context.Context, ledger Ledger, store storage.Store, opt Options) (Report, error) {
	r := &records{checker: newChecker("records and store", opt), ledger: ledger, store: store, known: map[string]bool{}}
	merchants, err := ledger.Merchants(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("verify: list merchants: %w", err)
	}
	for _, m := range merchants {
		if err := r.merchant(ctx, m); err != nil {
			return Report{}, fmt.Errorf("verify merchant %s: %w", m, err)
		}
	}
	r.offer = ""
	if err := r.orphans(ctx); err != nil {
		return Report{}, fmt.Errorf("verify the store: %w", err)
	}
	return r.close(), nil
}

// records is an installation under check.
type records struct {
	*checker
	ledger Ledger
	store  storage.Store
	known  map[string]bool // keys that the records know
}

// stream is a feed of a merchant with what is kept of it. A chain of hundreds
// of change files is listed by hundreds of generations, so of generations but
// the current one the listing is let go at once.
type stream struct {
	Feed
	gens    []Generation
	now     *Generation       // the current one, nil for none; whole
	entries map[string]*entry // by name
	states  []stateBlob
	read    bool
}

// stateBlob is a blob behind a generation that is no file.
type stateBlob struct {
	Blob
	generation int64
	current    bool
}

func (r *records) merchant(ctx context.Context, merchant string) error {
	for b, err := range r.ledger.Blobs(ctx, merchant) {
		if err != nil {
			return fmt.Errorf("list what is stored: %w", err)
		}
		r.known[b.Key] = true
	}
	lights := map[string][]string{} // keys of light feeds by that of the full feed
	inUse := map[Feed][]string{}
	for o, err := range r.ledger.Offers(ctx, merchant) {
		if err != nil {
			return fmt.Errorf("list offers: %w", err)
		}
		r.rep.Offers++
		if !slices.Contains(lights[o.Full], o.Light) {
			lights[o.Full] = append(lights[o.Full], o.Light)
		}
		full, light := Feed{merchant, feed.KindFull, o.Full}, Feed{merchant, feed.KindLight, o.Light}
		inUse[full], inUse[light] = append(inUse[full], o.Name), append(inUse[light], o.Name)
	}
	var streams []*stream
	for g, err := range r.ledger.Generations(ctx, merchant) {
		if err != nil {
			return fmt.Errorf("list generations: %w", err)
		}
		if n := len(streams); n == 0 || streams[n-1].Feed != g.Feed {
			streams = append(streams, &stream{Feed: g.Feed, entries: map[string]*entry{}})
		}
		r.rep.Generations++
		r.offer = nameOf(g.Feed, inUse[g.Feed])
		r.enter(streams[len(streams)-1], g)
	}
	for _, s := range streams {
		r.offer = nameOf(s.Feed, inUse[s.Feed])
		r.judgeHistory(s, len(inUse[s.Feed]) > 0)
	}
	find := func(kind feed.Kind, key string) *stream {
		for _, s := range streams {
			if s.Kind == kind && s.Key == key {
				return s
			}
		}
		return nil
	}
	done := map[*stream]bool{}
	for _, s := range streams {
		if s.Kind != feed.KindFull {
			continue
		}
		var with []*stream
		for _, key := range lights[s.Key] {
			if l := find(feed.KindLight, key); l != nil {
				with = append(with, l)
			}
		}
		if err := r.full(ctx, s, with, inUse, done); err != nil {
			return err
		}
	}
	for _, s := range streams {
		if s.Kind == feed.KindLight && !done[s] {
			if err := r.alone(ctx, s, nameOf(s.Feed, inUse[s.Feed]), nil); err != nil {
				return err
			}
			s.forget()
		}
	}
	return nil
}

// nameOf names a feed for people: by its offers, else by its key.
func nameOf(f Feed, offers []string) string {
	what := fmt.Sprintf("%s feed %.12s of merchant %s", f.Kind, f.Key, f.Merchant)
	switch n := len(offers); {
	case n == 1:
		return offers[0] + " (" + what + ")"
	case n > 1:
		return fmt.Sprintf("%s and %d more (%s)", offers[0], n-1, what)
	}
	return what
}

// forget lets go of the products of a feed.
func (s *stream) forget() {
	for _, e := range s.entries {
		e.list = nil
	}
}

// enter takes in a generation of a feed, each file once.
func (r *records) enter(s *stream, g Generation) {
	r.judgeGeneration(&g, place{file: fmt.Sprintf("generation %d", g.Number)})
	wanted := g.Current || g.Retired.IsZero() || r.opt.Now.IsZero() || r.opt.Now.Sub(g.Retired) < fullRetention
	for i := range g.Files {
		f := &g.Files[i]
		name := addressIn(f.Generation, f.Kind, f.Label)
		e := s.entries[name]
		if e == nil {
			e = &entry{name: name, kind: f.Kind, label: f.Label, generation: f.Generation, epoch: g.Epoch, changed: f.Changed, products: f.Products,
				base: f.Base, target: f.Target, plain: promised(&f.Plain), open: r.opener(f.Plain.Key)}
			r.total++
			if f.Gzip.Key != "" {
				e.gzip, e.openGzip = promised(&f.Gzip), r.opener(f.Gzip.Key)
				r.total++
			}
			s.entries[name] = e
		}
		live := f.Plain.State == "live" && (f.Gzip.Key == "" || f.Gzip.State == "live")
		e.wanted, e.swept, e.listed = e.wanted || wanted, !live, e.listed || g.Current
		switch {
		case g.Current && !live:
			r.add(ruleBlobState, place{file: name}, "the current generation %d lists it, and its bytes are marked %s and %s", g.Number, f.Plain.State, cmp.Or(f.Gzip.State, "not kept compressed"))
		case f.Plain.State == "deleting" || f.Gzip.State == "deleting":
			// It may be gone at any moment, and nobody asks for it.
			e.open, e.openGzip = nil, nil
		case !live:
			e.going = true
		}
	}
	for i := range g.States {
		b := &g.States[i]
		n := slices.IndexFunc(s.states, func(have stateBlob) bool { return have.Key == b.Key })
		switch {
		case b.Key == "":
		case n >= 0:
			s.states[n].generation, s.states[n].current = g.Number, g.Current
		default:
			s.states = append(s.states, stateBlob{*b, g.Number, g.Current})
		}
	}
	if g.Current {
		whole := g
		s.now = &whole
	}
	g.Files, g.States = nil, nil
	s.gens = append(s.gens, g)
}

func promised(b *Blob) promise {
	return promise{size: b.Size, md5: b.MD5, sha256: b.SHA256, hasMD5: true, hasSHA: true}
}

// opener opens an object of the store.
func (r *records) opener(key string) opener {
	return func(ctx context.Context) (io.ReadCloser, int64, error) {
		body, info, err := r.store.Open(ctx, key, storage.Range{})
		if err != nil {
			return nil, 0, err
		}
		return body, info.Size, nil
	}
}

// full proves a full feed and the light feeds that are read with it.
func (r *records) full(ctx context.Context, s *stream, with []*stream, inUse map[Feed][]string, done map[*stream]bool) error {
	name := nameOf(s.Feed, inUse[s.Feed])
	if err := r.read(ctx, s, name); err != nil {
		return err
	}
	// The first light feed is judged in one pass with full, so that the rules
	// between the two are too.
	var family []*entry
	g := s.now
	if g != nil {
		family = s.listed(g)
		if len(with) > 0 {
			if err := r.read(ctx, with[0], nameOf(with[0].Feed, inUse[with[0].Feed])); err != nil {
				return err
			}
			if l := with[0].now; l != nil {
				family = append(family, with[0].listed(l)...)
			}
		}
		r.offer = name
		if err := r.validFamily(ctx, family); err != nil {
			return err
		}
	}
	if err := r.alone(ctx, s, name, family); err != nil {
		return err
	}
	now, ok := r.chains(s)
	if ok && g != nil {
		r.rep.Products += int64(len(now))
		if g.Products != int64(len(now)) {
			r.add(ruleCount, place{file: fmt.Sprintf("generation %d", g.Number)}, "it is said to have %d products, and full and change files make %d", g.Products, len(now))
		}
	}
	s.forget()
	for _, l := range with {
		if err := r.light(ctx, l, nameOf(l.Feed, inUse[l.Feed]), family, now, ok, done); err != nil {
			return err
		}
	}
	return nil
}

// light proves a light feed beside the products of a full feed.
func (r *records) light(ctx context.Context, l *stream, name string, family []*entry, now []node, ok bool, done map[*stream]bool) error {
	if !done[l] {
		done[l] = true
		if err := r.alone(ctx, l, name, family); err != nil {
			return err
		}
	}
	r.offer = name
	g := l.now
	if g == nil {
		return nil
	}
	for _, e := range l.listed(g) {
		if e.kind != feed.KindLight {
			continue
		}
		switch {
		case !e.sound || !ok:
			r.skip("light was not compared with full and change files, because one of them is not to be relied on")
		case e.list == nil && e.found > 0:
			// Another full feed needed it before.
			again := *e
			again.read = false
			if _, err := r.measure(ctx, e.name, e.open, func(src io.Reader) error {
				again.list, again.found = nil, 0
				return readContent(newBook("", 1), &again, src)
			}); err != nil {
				return r.told(e.name, err)
			}
			r.judgeLight(&again, now)
		default:
			r.judgeLight(e, now)
		}
	}
	l.forget()
	return nil
}

// listed gives the entries of a generation.
func (s *stream) listed(g *Generation) (list []*entry) {
	for i := range g.Files {
		f := &g.Files[i]
		list = append(list, s.entries[addressIn(f.Generation, f.Kind, f.Label)])
	}
	return list
}

// sorted gives all entries of a feed, ascending by generation.
func (s *stream) sorted() []*entry {
	list := make([]*entry, 0, len(s.entries))
	for _, e := range s.entries {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.generation, b.generation), cmp.Compare(a.name, b.name))
	})
	return list
}

// read reads all files of a feed and judges what each one is by itself. Lists
// of products that nothing later needs are let go at once: of CSV files, and
// of light files but the current one.
func (r *records) read(ctx context.Context, s *stream, name string) error {
	if s.read {
		return nil
	}
	s.read, r.offer = true, name
	var now []*entry
	if g := s.now; g != nil {
		now = s.listed(g)
	}
	for _, e := range s.sorted() {
		r.replaced = !e.listed
		if err := r.load(ctx, e); err != nil {
			return err
		}
		r.judgeCount(e)
		if t, err := feed.ParseTime(e.head.generated); err == nil && e.kind == feed.KindFullChange && e.sound && feed.Label(t) != e.label {
			if _, err := feed.ParseLabel(e.label); err == nil { // else it is told with the chain
				r.add(ruleLabelName, place{file: e.name}, "its label is %s, and it says that it was generated at %s", e.label, e.head.generated)
			}
		}
		if e.kind != feed.KindFullChange && (e.base != 0 || e.target != 0) {
			r.add(ruleChainBase, place{file: e.name}, "it is no change file, and is said to lead from generation %d to %d", e.base, e.target)
		}
		// A generation's CSV file comes before its twin.
		var csv *entry
		switch e.kind {
		case feed.KindFull:
			csv = s.entries[addressIn(e.generation, feed.KindFullCSV, "")]
		case feed.KindLight:
			csv = s.entries[addressIn(e.generation, feed.KindLightCSV, "")]
		}
		if csv != nil {
			r.judgeTwin(csv, e)
			csv.list = nil
		}
		if e.kind == feed.KindLight && !slices.Contains(now, e) {
			e.list = nil
		}
	}
	return nil
}

func addressIn(generation int64, k feed.Kind, label string) string {
	return fmt.Sprintf("%d/%s", generation, k.FileName(label))
}

// alone judges the files of a feed that are not in family by the schemas, and
// the states behind its generations by their digests.
func (r *records) alone(ctx context.Context, s *stream, name string, family []*entry) error {
	if err := r.read(ctx, s, name); err != nil {
		return err
	}
	r.offer = name
	for _, e := range s.sorted() {
		if slices.Contains(family, e) {
			continue
		}
		if err := r.validAlone(ctx, e); err != nil {
			return err
		}
	}
	for i := range s.states {
		b := &s.states[i]
		if b.State == "deleting" || !b.current && b.State != "live" {
			continue
		}
		r.replaced = !b.current
		if err := r.judgeBlob(ctx, fmt.Sprintf("state of generation %d", b.generation), &b.Blob); err != nil {
			return err
		}
	}
	return nil
}

// judgeBlob judges bytes that have no form of their own here.
func (r *records) judgeBlob(ctx context.Context, name string, b *Blob) error {
	r.progress(name)
	r.rep.Files++
	got, err := r.measure(ctx, name, r.opener(b.Key), func(io.Reader) error { return nil })
	if err != nil {
		return r.told(name, err)
	}
	want := promised(b)
	r.judgeBytes(name, &want, got)
	return nil
}
