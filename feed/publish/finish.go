package publish

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"feedmill/feed"
	"feedmill/feed/iof"
)

// build stages what the run made of the feed and gives the new generation.
func (p *plan) build(r *runner) (g Generation, err error) {
	s := &r.req.Settings
	g = Generation{Feed: p.ref, Number: p.number, Base: p.prev.Number, Epoch: p.epoch, Time: p.time, Told: p.told(r.req),
		Expires: p.time.Add(s.Validity), Cursor: r.req.Catalog.Head, Compared: p.prev.Compared, Products: p.live,
		PriceSum: p.priceSum, PriceCount: p.priceCount, State: p.prev.State, Layers: p.prev.Layers,
		Currency: p.view.profile.Currency, Languages: p.view.profile.Languages}
	if p.whole {
		g.Compared = p.compared(r)
	}
	if len(g.Languages) == 0 && !r.req.Catalog.Language.IsZero() {
		g.Languages = []feed.Language{r.req.Catalog.Language}
	}
	if p.ref.Kind == feed.KindLight {
		err = p.buildMain(r, &g, feed.KindLight, feed.KindLightCSV)
	} else {
		err = p.buildFull(r, &g)
	}
	if err == nil {
		err = p.buildState(r, &g)
	}
	return g, err
}

func (p *plan) buildFull(r *runner, g *Generation) error {
	if p.body != nil {
		if err := p.buildMain(r, g, feed.KindFull, feed.KindFullCSV); err != nil {
			return err
		}
	} else {
		for _, k := range []feed.Kind{feed.KindFull, feed.KindFullCSV} {
			if f := p.prev.File(k); f != nil {
				g.Files = append(g.Files, *f)
			}
		}
	}
	if p.changeNodes > 0 {
		f, err := p.stage(r, p.change, feed.KindFullChange, feed.Label(p.told(r.req)))
		if err != nil {
			return err
		}
		p.change = nil
		f.Products, f.Base, f.Target = p.changeNodes, p.changeBase(), p.number
		g.Files = append(g.Files, f)
	}
	full := g.File(feed.KindFull)
	// The newest change file stays however old it is: the next one leads on from
	// where it leads to, so that nobody who has applied it sees a gap.
	newest := p.changeNodes == 0
	for _, f := range p.prev.Files {
		if f.Kind != feed.KindFullChange || p.fresh {
			continue
		}
		if newest || f.Generation > full.Generation || p.chain > 0 && f.Generation >= p.chain {
			g.Files = append(g.Files, f)
		}
		newest = false
	}
	g.Files = append(g.Files, p.dicts...)
	return nil
}

// changeBase gives the generation that a new change file leads from: that which
// the change file before it leads to, so that the list has no gaps, else the
// one that made the full file. Nothing in full has changed since.
func (p *plan) changeBase() int64 {
	if f := p.prev.File(feed.KindFullChange); f != nil {
		return f.Target
	}
	return p.prev.File(feed.KindFull).Generation
}

// buildMain stages the feed's complete file and its CSV twin.
func (p *plan) buildMain(r *runner, g *Generation, kind, csv feed.Kind) error {
	f, err := p.stage(r, p.body, kind, "")
	if err != nil {
		return err
	}
	p.body = nil
	f.Products = p.live + p.goneNodes
	g.Files = append(g.Files, f)
	if p.csv != nil {
		if f, err = p.stage(r, p.csv, csv, ""); err != nil {
			return err
		}
		p.csv = nil
		f.Products = p.live + p.goneNodes
		g.Files = append(g.Files, f)
	}
	return nil
}

// finisher is a file under way.
type finisher interface {
	// finish ends it and gives what is to be stored; the compressed twin is nil
	// when there is none.
	finish(kind feed.Kind, label string, generation int64) (plain Spooled, packed *Spooled, err error)
}

// stage ends a file and makes it wait to be stored, with its twin.
func (p *plan) stage(r *runner, sp finisher, kind feed.Kind, label string) (File, error) {
	plain, packed, err := sp.finish(kind, label, p.number)
	if err != nil {
		return File{}, err
	}
	f := File{Kind: kind, Label: label, Generation: p.number, Changed: p.time, Told: p.told(r.req)}
	if f.Plain, err = r.stage(plain); err != nil {
		return File{}, err
	}
	if packed != nil {
		f.Gzip, err = r.stage(*packed)
	}
	return f, err
}

// buildState stages the new state, or the new layer of it.
func (p *plan) buildState(r *runner, g *Generation) error {
	if p.state == nil {
		return nil
	}
	s, err := p.state.spooled(p.number)
	if err != nil {
		return err
	}
	p.state = nil
	b, err := r.stage(s)
	if p.whole || p.sp.merged || p.ref.Kind == feed.KindLight {
		g.State, g.Layers = b, nil
	} else {
		g.Layers = append(slices.Clone(p.sp.layers), b)
	}
	return err
}

// dictionaries renders the dictionaries and the preset. One whose content is
// that of the generation before keeps its file, address and time; at the beginning of
// an epoch only if that can still be read. Hints tell of
// changed dictionaries by telling of everything, so without that they differ
// only where products refer to more of them.
func (p *plan) dictionaries(ctx context.Context, r *runner) error {
	if !p.whole && (p.view.used == nil || p.state == nil || len(p.extra) == 0) {
		for _, k := range feed.DictionaryKinds() {
			if f := p.prev.File(k); f != nil {
				p.dicts = append(p.dicts, *f)
			}
		}
		return nil
	}
	d := p.view.shown(r.req.Catalog.Dictionaries())
	var buf []byte
	for _, k := range feed.DictionaryKinds() {
		before, shown := p.prev.File(k), d
		if before != nil && p.fresh {
			// What has damaged the state may have damaged this.
			whole, err := before.stands(ctx, r.bin)
			if err != nil {
				return fmt.Errorf("read the %s before: %w", k, err)
			}
			if !whole {
				before = nil
			}
		}
		same := func() bool {
			if before == nil || p.renewal {
				return false
			}
			buf = p.dictionary(buf[:0], k, shown, before.ToldIn(r.req.Settings.Zone), r.req)
			return sha256.Sum256(buf) == before.Plain.SHA256
		}
		was := same()
		if !was {
			var err error
			if shown, err = p.retain(ctx, r, before, d); err != nil {
				return err
			}
			was = same()
		}
		if was {
			p.dicts = append(p.dicts, *before)
			continue
		}
		p.dictsChanged = true
		p.sizesChanged = p.sizesChanged || k == feed.KindSizes
		sp := r.newSpool(k.String(), false)
		sp.buf = p.dictionary(sp.buf, k, shown, p.told(r.req), r.req)
		f, err := p.stage(r, sp, k, "")
		if err != nil {
			return err
		}
		f.Products = entries(shown, k)
		p.dicts = append(p.dicts, f)
	}
	return nil
}

// dictionary writes one dictionary that tells this of its time.
func (p *plan) dictionary(dst []byte, k feed.Kind, d *feed.Dictionaries, generated time.Time, req *Request) []byte {
	expires := generated.Add(req.Settings.Validity)
	w := p.writer
	switch k {
	case feed.KindCategories:
		return w.AppendCategories(dst, d, generated, expires)
	case feed.KindSizes:
		return w.AppendSizes(dst, d, generated)
	case feed.KindProducers:
		return w.AppendProducers(dst, d, generated, expires)
	case feed.KindUnits:
		return w.AppendUnits(dst, d, generated, expires)
	case feed.KindParameters:
		return w.AppendParameters(dst, d, generated, expires)
	case feed.KindStocks:
		return w.AppendStocks(dst, d, generated, expires)
	case feed.KindSeries:
		return w.AppendSeries(dst, d, generated, expires)
	case feed.KindWarranties:
		return w.AppendWarranties(dst, d, generated, expires)
	default:
		return w.AppendPreset(dst, iof.Preset{Supplier: req.Catalog.Supplier, Currency: p.view.profile.Currency, Generated: generated})
	}
}

// entries counts the entries of a dictionary.
func entries(d *feed.Dictionaries, k feed.Kind) int64 {
	n := 0
	switch k {
	case feed.KindCategories:
		n = len(d.Categories)
	case feed.KindSizes:
		n = len(d.SizeGroups)
	case feed.KindProducers:
		n = len(d.Producers)
	case feed.KindUnits:
		n = len(d.Units)
	case feed.KindParameters:
		n = len(d.Sections) + len(d.Parameters) + len(d.Values)
	case feed.KindStocks:
		n = len(d.Warehouses)
	case feed.KindSeries:
		n = len(d.Series)
	case feed.KindWarranties:
		n = len(d.Warranties)
	}
	return int64(n)
}

// report tells what the run found of the feed.
func (p *plan) report() FeedReport {
	rep := FeedReport{Feed: p.ref, Generation: p.prev, Products: p.live, Added: p.added, Changed: p.changed, Removed: p.removed,
		Held: p.heldNow, Missed: p.missed}
	if p.whole {
		rep.Whole, rep.LeftOut = p.why, p.view.leftOut
	}
	return rep
}
