package publish

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"time"

	"feedmill/feed"
	"feedmill/feed/iof"
)

// finish stores what the run made of the feed and gives the new generation, or
// the one before when nothing is to be published.
func (p *plan) finish(ctx context.Context, req *Request, bin Bin) (g Generation, published bool, err error) {
	due := !p.hasPrev || p.fresh || p.renewal || p.differs()
	g = Generation{Feed: p.ref, Number: p.number, Base: p.prev.Number, Epoch: p.epoch, Time: p.time,
		Expires: p.time.Add(req.Settings.Validity), Products: p.live, Currency: p.view.profile.Currency,
		Languages: p.view.profile.Languages}
	if len(g.Languages) == 0 && !req.Catalog.Language.IsZero() {
		g.Languages = []feed.Language{req.Catalog.Language}
	}
	if p.ref.Kind == feed.KindLight {
		if !due {
			return p.prev, false, nil
		}
		if err := p.storeMain(ctx, req, bin, &g, feed.KindLight, feed.KindLightCSV); err != nil {
			return g, false, err
		}
		return g, true, p.storeState(ctx, req, bin, &g)
	}
	made := p.full && due
	if made {
		if err := p.storeMain(ctx, req, bin, &g, feed.KindFull, feed.KindFullCSV); err != nil {
			return g, false, err
		}
	} else {
		for _, k := range []feed.Kind{feed.KindFull, feed.KindFullCSV} {
			if f := p.prev.File(k); f != nil {
				g.Files = append(g.Files, *f)
			}
		}
	}
	if p.changeNodes > 0 {
		f, err := p.store(ctx, req, bin, &p.change, feed.KindFullChange, feed.Label(p.stamp(p.time, req)))
		if err != nil {
			return g, false, err
		}
		f.Products, f.Base, f.Target = p.changeNodes, p.prev.Number, p.number
		g.Files = append(g.Files, f)
	}
	full := g.File(feed.KindFull)
	for _, f := range p.prev.Files {
		if f.Kind == feed.KindFullChange && !p.fresh && (f.Generation > full.Generation || p.time.Sub(f.Changed) < req.Settings.ChainKeep) {
			g.Files = append(g.Files, f)
		}
	}
	changed, err := p.dictionaries(ctx, req, bin, &g)
	if err != nil {
		return g, false, err
	}
	if !due && !changed {
		return p.prev, false, nil
	}
	return g, true, p.storeState(ctx, req, bin, &g)
}

// storeMain stores the feed's complete file and its CSV twin.
func (p *plan) storeMain(ctx context.Context, req *Request, bin Bin, g *Generation, kind, csv feed.Kind) error {
	f, err := p.store(ctx, req, bin, &p.body, kind, "")
	if err != nil {
		return err
	}
	f.Products = p.live + p.goneNodes
	g.Files = append(g.Files, f)
	if p.csv != nil {
		if f, err = p.store(ctx, req, bin, &p.csv, csv, ""); err != nil {
			return err
		}
		f.Products = p.live
		g.Files = append(g.Files, f)
	}
	return nil
}

// store ends a spool and puts its files into the bin.
func (p *plan) store(ctx context.Context, req *Request, bin Bin, sp **spool, kind feed.Kind, label string) (File, error) {
	plain, packed, err := (*sp).finish(kind, label, p.number)
	if err != nil {
		return File{}, err
	}
	f := File{Kind: kind, Label: label, Generation: p.number, Changed: p.time}
	if f.Plain, err = put(ctx, bin, req.Merchant, plain); err != nil {
		return File{}, err
	}
	if packed != nil {
		if f.Gzip, err = put(ctx, bin, req.Merchant, *packed); err != nil {
			return File{}, err
		}
	}
	*sp = nil
	return f, nil
}

func put(ctx context.Context, bin Bin, merchant string, s Spooled) (Blob, error) {
	key, err := bin.Put(ctx, merchant, s)
	if err != nil {
		return Blob{}, fmt.Errorf("store %s%s: %w", s.Kind, s.Label, err)
	}
	return Blob{Key: key, Size: s.Size, MD5: s.MD5, SHA256: s.SHA256}, nil
}

func (p *plan) storeState(ctx context.Context, req *Request, bin Bin, g *Generation) error {
	s := p.state.spooled(p.number)
	if err := p.state.f.Close(); err != nil {
		return fmt.Errorf("write the state: %w", err)
	}
	var err error
	g.State, err = put(ctx, bin, req.Merchant, s)
	p.state = nil
	return err
}

func (s *stateFile) spooled(number int64) Spooled {
	out := Spooled{Generation: number, Path: s.f.Name(), Size: s.size}
	s.md5.Sum(out.MD5[:0])
	s.sha.Sum(out.SHA256[:0])
	return out
}

func (s *stateFile) remove() error {
	s.f.Close() // it goes away
	return os.Remove(s.f.Name())
}

// dictionaries renders the dictionaries and the preset. One whose content is
// that of the generation before keeps its file, address and time.
func (p *plan) dictionaries(ctx context.Context, req *Request, bin Bin, g *Generation) (changed bool, err error) {
	d := p.view.shown(req.Catalog.Dictionaries())
	var buf []byte
	for _, k := range feed.DictionaryKinds() {
		if before := p.prev.File(k); before != nil && !p.renewal {
			buf = p.render(buf[:0], k, d, before.Changed, req)
			if sha256.Sum256(buf) == before.Plain.SHA256 {
				g.Files = append(g.Files, *before)
				continue
			}
		}
		changed = true
		sp, err := newSpool(req.Spool, k.String(), false)
		if err != nil {
			return false, err
		}
		sp.buf = p.render(sp.buf, k, d, p.time, req)
		f, err := p.store(ctx, req, bin, &sp, k, "")
		if err != nil {
			return false, err
		}
		f.Products = entries(d, k)
		g.Files = append(g.Files, f)
	}
	return changed, nil
}

// render writes one dictionary as of a logical time.
func (p *plan) render(dst []byte, k feed.Kind, d *feed.Dictionaries, at time.Time, req *Request) []byte {
	generated, expires := p.stamp(at, req), p.stamp(at.Add(req.Settings.Validity), req)
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

func (p *plan) report(g Generation, published bool) FeedReport {
	r := FeedReport{Feed: p.ref, Generation: g, Published: published, Products: p.live,
		Added: p.added, Changed: p.changed, Removed: p.removed, LeftOut: p.view.leftOut}
	if f := g.File(feed.KindFull); published && f != nil {
		r.Full = f.Generation == g.Number
	}
	return r
}
