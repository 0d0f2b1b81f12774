package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"feedmill/feed"
	"feedmill/feed/diff"
	"feedmill/feed/iof"
)

// What a gateway lists resolves in the dictionaries that it lists (IOF 1), and
// its full file may be older than them: it names what products referred to when
// it was made. An entry that the catalog has no more therefore stays in the
// dictionaries until a new full file comes, and a size for as long as light
// shows a product with it as sold out.

// retain gives the dictionaries with those entries of the file before, of its
// kind, that must stay: d itself when there is none.
func (p *plan) retain(ctx context.Context, r *runner, before *File, d *feed.Dictionaries) (*feed.Dictionaries, error) {
	if before == nil || before.Kind == feed.KindPreset {
		return d, nil
	}
	old, err := readDictionary(ctx, r.bin, before)
	if errors.Is(err, diff.ErrCorrupt) || feed.KindOf(err) == feed.KindInvalid {
		return d, nil // what is damaged tells nothing, and this run replaces it
	}
	if err != nil {
		return nil, fmt.Errorf("read the %s before: %w", before.Kind, err)
	}
	left := departed(d, old)
	if p.body == nil {
		return with(d, left), nil
	}
	only := &feed.Dictionaries{}
	if len(left.SizeGroups) > 0 {
		used, err := r.soldOutSizes(ctx, p)
		if err != nil {
			return nil, err
		}
		only.SizeGroups = sizesOf(left.SizeGroups, used)
	}
	return with(d, only), nil
}

func readDictionary(ctx context.Context, bin Bin, f *File) (*feed.Dictionaries, error) {
	rd, err := bin.Open(ctx, f.Plain, 0, f.Plain.Size)
	if err != nil {
		return nil, err
	}
	d := &feed.Dictionaries{}
	return d, errors.Join(iof.ReadDictionary(rd, f.Kind, d), rd.Close())
}

// departed gives the entries of old that d has not, in their order. A group of
// sizes that both have comes with the sizes that d's has not.
func departed(d, old *feed.Dictionaries) *feed.Dictionaries {
	entry := func(e *feed.ParameterEntry) string { return e.ID }
	out := &feed.Dictionaries{
		Producers:  minus(old.Producers, d.Producers, func(p *feed.Ref) string { return p.ID }),
		Categories: minus(old.Categories, d.Categories, func(c *feed.Category) string { return c.ID }),
		Units:      minus(old.Units, d.Units, func(u *feed.Unit) string { return u.ID }),
		Series:     minus(old.Series, d.Series, func(s *feed.SeriesEntry) string { return s.ID }),
		Warranties: minus(old.Warranties, d.Warranties, func(w *feed.Warranty) string { return w.ID }),
		Warehouses: minus(old.Warehouses, d.Warehouses, func(w *feed.Warehouse) feed.WarehouseID { return w.ID }),
		Sections:   minus(old.Sections, d.Sections, entry),
		Parameters: minus(old.Parameters, d.Parameters, entry),
		Values:     minus(old.Values, d.Values, entry),
	}
	at := make(map[string]int, len(d.SizeGroups))
	for i := range d.SizeGroups {
		at[d.SizeGroups[i].ID] = i
	}
	for _, g := range old.SizeGroups {
		if i, ok := at[g.ID]; ok {
			if g.Sizes = minus(g.Sizes, d.SizeGroups[i].Sizes, sizeID); len(g.Sizes) == 0 {
				continue
			}
		}
		out.SizeGroups = append(out.SizeGroups, g)
	}
	return out
}

func sizeID(s *feed.SizeEntry) string { return s.ID }

// minus gives the entries of a list whose ids another has not.
func minus[T any, K comparable](list, other []T, id func(*T) K) (out []T) {
	if len(list) == 0 {
		return nil
	}
	has := make(map[K]struct{}, len(other))
	for i := range other {
		has[id(&other[i])] = struct{}{}
	}
	for i := range list {
		if _, ok := has[id(&list[i])]; !ok {
			out = append(out, list[i])
		}
	}
	return out
}

// with gives d and behind its entries those that have departed; d stays as it
// is. They stand in the order in which the file before had them, so that the
// file is the same again in the next run.
func with(d, left *feed.Dictionaries) *feed.Dictionaries {
	out := *d
	out.Producers = behind(d.Producers, left.Producers)
	out.Categories = behind(d.Categories, left.Categories)
	out.Units = behind(d.Units, left.Units)
	out.Series = behind(d.Series, left.Series)
	out.Warranties = behind(d.Warranties, left.Warranties)
	out.Warehouses = behind(d.Warehouses, left.Warehouses)
	out.Sections = behind(d.Sections, left.Sections)
	out.Parameters = behind(d.Parameters, left.Parameters)
	out.Values = behind(d.Values, left.Values)
	out.SizeGroups = slices.Clone(d.SizeGroups)
	for _, g := range left.SizeGroups {
		i := slices.IndexFunc(out.SizeGroups, func(o feed.SizeGroup) bool { return o.ID == g.ID })
		if i < 0 {
			out.SizeGroups = append(out.SizeGroups, g)
			continue
		}
		out.SizeGroups[i].Sizes = behind(out.SizeGroups[i].Sizes, g.Sizes)
	}
	return &out
}

func behind[T any](list, more []T) []T { return append(slices.Clip(list), more...) }

// sizesOf gives of groups the sizes with these ids, and the groups that have any.
func sizesOf(groups []feed.SizeGroup, used idSet) (out []feed.SizeGroup) {
	for _, g := range groups {
		if g.Sizes = keep(g.Sizes, used, sizeID); len(g.Sizes) > 0 {
			out = append(out, g)
		}
	}
	return out
}

// soldOutSizes gives the ids of sizes that the light feeds beside a full feed
// show of products which have left.
func (r *runner) soldOutSizes(ctx context.Context, full *plan) (idSet, error) {
	used := idSet{}
	for _, pair := range r.plans.pairs {
		if pair[0] != full {
			continue
		}
		if err := pair[1].soldOutSizes(ctx, r, used); err != nil {
			return nil, &planError{pair[1], err}
		}
	}
	return used, nil
}

func (p *plan) soldOutSizes(ctx context.Context, r *runner, used idSet) (err error) {
	var entries diff.Entries
	if p.state != nil {
		rd, done, err := p.state.read()
		if err != nil {
			return err
		}
		defer done()
		entries = rd
	} else if p.usable() {
		if entries, err = p.openState(ctx, r.bin); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.close()) }()
	} else {
		return nil
	}
	for {
		e, _, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !e.Gone {
			continue
		}
		product, err := p.readLight(ctx, e.Node)
		if err != nil {
			return err
		}
		for i := range product.Sizes {
			used.add(product.Sizes[i].ID)
		}
	}
}

// readLight reads the light node of a product.
func (p *plan) readLight(ctx context.Context, node []byte) (*feed.Product, error) {
	var doc []byte
	doc = p.writer.AppendLightHeader(doc, time.Time{}, time.Time{}, p.view.profile.Currency)
	doc = append(doc, node...)
	doc = p.writer.AppendLightFooter(doc)
	r := iof.NewReader(bytes.NewReader(doc), iof.ReadOptions{Kind: feed.KindLight})
	for product, err := range r.Products(ctx) {
		if err != nil {
			return nil, fmt.Errorf("read the node of a product that has gone: %w", err)
		}
		return product, nil
	}
	return nil, fmt.Errorf("%w: the node of a product that has gone is none", diff.ErrCorrupt)
}
