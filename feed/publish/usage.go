package publish

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"feedmill/feed"
	"feedmill/feed/diff"
)

// usage gathers what the products of an assortment refer to, so that a partner
// who is offered a part of the catalog is told the names of that part alone.
type usage struct {
	producers, categories, units, series, warranties, sizeGroups, sections, parameters, values idSet
}

type idSet map[string]struct{}

// add notes an id; it is copied, because a product's strings live shortly.
func (s idSet) add(id string) {
	if id == "" {
		return
	}
	if _, ok := s[id]; !ok {
		s[strings.Clone(id)] = struct{}{}
	}
}

func (s idSet) has(id string) bool { _, ok := s[id]; return ok }

func newUsage() *usage {
	return &usage{idSet{}, idSet{}, idSet{}, idSet{}, idSet{}, idSet{}, idSet{}, idSet{}, idSet{}}
}

// sets lists the sets in the order in which they are kept in states.
func (u *usage) sets() []idSet {
	return []idSet{u.producers, u.categories, u.units, u.series, u.warranties, u.sizeGroups, u.sections, u.parameters, u.values}
}

// appendExtra writes the sets for a state's extra bytes: of each a uvarint of
// its size and its ids, each with a uvarint of its length.
func (u *usage) appendExtra(dst []byte) []byte {
	for _, set := range u.sets() {
		dst = binary.AppendUvarint(dst, uint64(len(set)))
		for _, id := range slices.Sorted(maps.Keys(set)) {
			dst = binary.AppendUvarint(dst, uint64(len(id)))
			dst = append(dst, id...)
		}
	}
	return dst
}

// addExtra reads what appendExtra writes; nothing is read as no ids.
func (u *usage) addExtra(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	torn := false
	uvarint := func() int {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > uint64(len(b)) {
			torn = true
			return 0
		}
		b = b[n:]
		return int(v)
	}
	for _, set := range u.sets() {
		for range uvarint() {
			n := uvarint()
			if torn || n > len(b) {
				return fmt.Errorf("%w: the ids in use are torn", diff.ErrCorrupt)
			}
			set.add(string(b[:n]))
			b = b[n:]
		}
	}
	if torn || len(b) > 0 {
		return fmt.Errorf("%w: the ids in use are torn", diff.ErrCorrupt)
	}
	return nil
}

// subtract removes what another usage has.
func (u *usage) subtract(other *usage) {
	sets, others := u.sets(), other.sets()
	for i := range sets {
		for id := range others[i] {
			delete(sets[i], id)
		}
	}
}

func (u *usage) empty() bool {
	return !slices.ContainsFunc(u.sets(), func(s idSet) bool { return len(s) > 0 })
}

func (u *usage) observe(p *feed.Product) {
	u.producers.add(p.Producer.ID)
	u.categories.add(p.Category.ID)
	u.units.add(p.Unit.ID)
	u.series.add(p.Series.ID)
	u.warranties.add(p.Warranty.ID)
	u.sizeGroups.add(p.SizeGroup.ID)
	for i := range p.Parameters {
		param := &p.Parameters[i]
		if param.Section {
			u.sections.add(param.ID)
		} else {
			u.parameters.add(param.ID)
		}
		for j := range param.Values {
			u.values.add(param.Values[j].ID)
		}
	}
}

// shown gives the dictionaries that a view shows: all of them, or what its
// assortment refers to with everything above that, and the warehouses that its
// stock policy names. d stays as it is.
func (v *view) shown(d *feed.Dictionaries) *feed.Dictionaries {
	out := *d
	out.Warehouses = v.warehouses(d.Warehouses)
	if v.used == nil {
		return &out
	}
	u := v.used
	out.Producers = keep(d.Producers, u.producers, func(p *feed.Ref) string { return p.ID })
	out.Units = keep(d.Units, u.units, func(p *feed.Unit) string { return p.ID })
	out.Warranties = keep(d.Warranties, u.warranties, func(p *feed.Warranty) string { return p.ID })
	out.SizeGroups = keep(d.SizeGroups, u.sizeGroups, func(p *feed.SizeGroup) string { return p.ID })
	entry := func(p *feed.ParameterEntry) string { return p.ID }
	out.Sections = keep(d.Sections, u.sections, entry)
	out.Parameters = keep(d.Parameters, u.parameters, entry)
	out.Values = keep(d.Values, u.values, entry)
	// Children stand after their parents: going backwards passes need upwards.
	for i := len(d.Categories) - 1; i >= 0; i-- {
		if c := &d.Categories[i]; u.categories.has(c.ID) {
			u.categories.add(c.Parent)
		}
	}
	for i := len(d.Series) - 1; i >= 0; i-- {
		if s := &d.Series[i]; u.series.has(s.ID) {
			u.series.add(s.Parent)
		}
	}
	out.Categories = keep(d.Categories, u.categories, func(c *feed.Category) string { return c.ID })
	out.Series = keep(d.Series, u.series, func(s *feed.SeriesEntry) string { return s.ID })
	return &out
}

// mainWarehouse is the warehouse that summed stock is written under.
const mainWarehouse feed.WarehouseID = 1

func (v *view) warehouses(all []feed.Warehouse) []feed.Warehouse {
	policy := &v.profile.Stock
	var out []feed.Warehouse
	for _, w := range all {
		switch {
		case w.ID == mainWarehouse:
			out = slices.Insert(out, 0, w) // importers that read one take the main one
		case policy.PerWarehouse && (len(policy.Warehouses) == 0 || slices.Contains(policy.Warehouses, w.ID)):
			out = append(out, w)
		}
	}
	return out
}

func keep[T any](list []T, ids idSet, id func(*T) string) []T {
	var out []T
	for i := range list {
		if ids.has(id(&list[i])) {
			out = append(out, list[i])
		}
	}
	return out
}
