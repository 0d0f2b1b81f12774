package verify

import (
	"context"
	"fmt"
	"io"
	"time"

	"feedmill/feed"
	"feedmill/storage"
)

// ScrubOptions adjusts a scrub. The zero value works.
type ScrubOptions struct {
	// Rate bounds what is read, in bytes per second; 0 means no bound.
	Rate int64
	// Wait waits, so that Rate is kept; default a timer that ends with ctx.
	Wait func(ctx context.Context, d time.Duration) error
	// Now is the clock by which Rate is kept. Default time.Now.
	Now func() time.Time
	// Progress is called before each blob is read, if set.
	Progress func(Progress)
}

// Damage is a blob that is not what was stored.
type Damage struct {
	Key      string `json:"key"`
	Merchant string `json:"merchant"`
	// Fault is "missing", "length" or "digest".
	Fault string `json:"fault"`
	// Message says what is there and what should be.
	Message string `json:"message"`
	// Hurts names what is served from it, the current files first.
	Hurts []Hurt `json:"hurts"`
	// Mend says what to do.
	Mend string `json:"mend"`
}

// Hurt is a file that a blob holds.
type Hurt struct {
	File       string   `json:"file"` // "12/full.xml", "12/full.xml.gz", "state of generation 12"
	Generation int64    `json:"generation"`
	Current    bool     `json:"current"` // the current generation of its feed lists it
	Offers     []string `json:"offers"`  // that are read from the feed
}

// ScrubReport is the outcome of a scrub.
type ScrubReport struct {
	Blobs   int           `json:"blobs"`
	Bytes   int64         `json:"bytes"`
	Took    time.Duration `json:"took_ns"`
	Damaged []Damage      `json:"damaged"`
}

// Clean reports whether nothing is damaged.
func (r ScrubReport) Clean() bool { return len(r.Damaged) == 0 }

// Scrub reads every stored blob of every merchant once, at a bounded rate, and
// compares length, MD5 and SHA-256 with the records. It changes nothing. The
// error says that records or store cannot be read.
func Scrub(ctx context.Context, ledger Ledger, store storage.Store, opt ScrubOptions) (ScrubReport, error) {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Wait == nil {
		opt.Wait = wait
	}
	s := &scrub{opt: opt, ledger: ledger, store: store, began: opt.Now(), rep: ScrubReport{Damaged: []Damage{}}}
	merchants, err := ledger.Merchants(ctx)
	if err != nil {
		return ScrubReport{}, fmt.Errorf("scrub: list merchants: %w", err)
	}
	for _, m := range merchants {
		if err := s.merchant(ctx, m); err != nil {
			return ScrubReport{}, fmt.Errorf("scrub merchant %s: %w", m, err)
		}
	}
	s.rep.Took = opt.Now().Sub(s.began)
	return s.rep, nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

type scrub struct {
	opt    ScrubOptions
	ledger Ledger
	store  storage.Store
	began  time.Time
	rep    ScrubReport
	total  int
}

func (s *scrub) merchant(ctx context.Context, merchant string) error {
	var blobs []Blob
	for b, err := range s.ledger.Blobs(ctx, merchant) {
		if err != nil {
			return fmt.Errorf("list what is stored: %w", err)
		}
		if b.State != "deleting" { // may be gone at any moment, and nobody reads it
			blobs = append(blobs, b)
		}
	}
	s.total += len(blobs)
	var bad []Damage
	for i := range blobs {
		d, err := s.blob(ctx, &blobs[i])
		if err != nil {
			return fmt.Errorf("read %s: %w", blobs[i].Key, err)
		}
		if d != nil {
			d.Merchant = merchant
			bad = append(bad, *d)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	if err := s.blame(ctx, merchant, bad); err != nil {
		return err
	}
	s.rep.Damaged = append(s.rep.Damaged, bad...)
	return nil
}

// blob reads one blob; nil means that it is as it was stored.
func (s *scrub) blob(ctx context.Context, b *Blob) (*Damage, error) {
	if s.opt.Progress != nil {
		s.opt.Progress(Progress{File: b.Key, Files: s.rep.Blobs, FilesOf: s.total, Bytes: s.rep.Bytes})
	}
	s.rep.Blobs++
	c := newChecker("", Options{})
	r := &records{checker: c, store: s.store}
	want := promised(b)
	got, err := c.measure(ctx, b.Key, s.slow(r.opener(b.Key)), func(io.Reader) error { return nil })
	s.rep.Bytes += c.rep.Bytes
	if gone(err) && b.State != "live" {
		return nil, nil // condemned: it went while this ran
	}
	if err := c.told(b.Key, err); err != nil {
		return nil, err
	}
	if err == nil {
		c.judgeBytes(b.Key, &want, got)
	}
	if len(c.rep.Findings) == 0 {
		return nil, nil
	}
	f := c.rep.Findings[0]
	fault := map[string]string{ruleFileMissing: "missing", ruleFileLength: "length"}[f.Rule]
	if fault == "" {
		fault = "digest"
	}
	return &Damage{Key: b.Key, Fault: fault, Message: f.Message, Hurts: []Hurt{}}, nil
}

// slow keeps the rate.
func (s *scrub) slow(open opener) opener {
	return func(ctx context.Context) (io.ReadCloser, int64, error) {
		body, size, err := open(ctx)
		if err != nil || s.opt.Rate <= 0 {
			return body, size, err
		}
		return &slowBody{ReadCloser: body, ctx: ctx, s: s, before: s.rep.Bytes}, size, nil
	}
}

// slowBody waits whenever more was read than the rate allows by now.
type slowBody struct {
	io.ReadCloser
	ctx          context.Context
	s            *scrub
	before, read int64
}

// Read implements io.Reader.
func (b *slowBody) Read(p []byte) (int, error) {
	due := b.s.began.Add(time.Duration(float64(b.before+b.read) / float64(b.s.opt.Rate) * float64(time.Second)))
	if ahead := due.Sub(b.s.opt.Now()); ahead > 0 {
		if err := b.s.opt.Wait(b.ctx, ahead); err != nil {
			return 0, err
		}
	}
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	return n, err
}

// blame finds out what damaged blobs hold.
func (s *scrub) blame(ctx context.Context, merchant string, bad []Damage) error {
	by := map[string]*Damage{}
	for i := range bad {
		by[bad[i].Key] = &bad[i]
	}
	offers := map[Feed][]string{}
	for o, err := range s.ledger.Offers(ctx, merchant) {
		if err != nil {
			return fmt.Errorf("list offers: %w", err)
		}
		full, light := Feed{merchant, feed.KindFull, o.Full}, Feed{merchant, feed.KindLight, o.Light}
		offers[full], offers[light] = append(offers[full], o.Name), append(offers[light], o.Name)
	}
	for g, err := range s.ledger.Generations(ctx, merchant) {
		if err != nil {
			return fmt.Errorf("list generations: %w", err)
		}
		hurt := func(key, file string) {
			d := by[key]
			if d == nil || key == "" {
				return
			}
			for i := range d.Hurts {
				if d.Hurts[i].File == file {
					// Listed by several generations: the newest counts.
					d.Hurts[i].Generation, d.Hurts[i].Current = g.Number, d.Hurts[i].Current || g.Current
					return
				}
			}
			d.Hurts = append(d.Hurts, Hurt{File: file, Generation: g.Number, Current: g.Current, Offers: append([]string{}, offers[g.Feed]...)})
		}
		for i := range g.Files {
			f := &g.Files[i]
			name := addressIn(f.Generation, f.Kind, f.Label)
			hurt(f.Plain.Key, name)
			hurt(f.Gzip.Key, name+".gz")
		}
		for i := range g.States {
			hurt(g.States[i].Key, fmt.Sprintf("state of generation %d", g.Number))
		}
	}
	for i := range bad {
		bad[i].Mend = mendOf(&bad[i])
	}
	return nil
}

// mendOf says what to do about a damaged blob.
func mendOf(d *Damage) string {
	current := false
	for _, h := range d.Hurts {
		current = current || h.Current
	}
	switch {
	case current:
		return "Publish with every file made again (publish --full) for the merchant; the damaged bytes are then served no more. If a backup of the store has the object, put it back under its key instead. Look at the medium."
	case len(d.Hurts) > 0:
		return "It belongs to a generation that was replaced and goes by itself when its time is up; partners who still ask for it get an error until then. Look at the medium."
	}
	return "Nothing refers to it any more; the sweep removes it. Look at the medium."
}
