package record

import (
	"fmt"

	"feedmill/feed"
)

const (
	minRef       = 2
	minCategory  = 3
	minUnit      = 3
	minWarranty  = 5
	minWarehouse = 2
	minGroup     = 3
	minSizeEntry = 2
	minEntry     = 5
)

// AppendDictionaries appends the document of d to dst. It only reads d.
func AppendDictionaries(dst []byte, d *feed.Dictionaries) []byte {
	w := walker{encoding: true, out: append(dst, versionDictionaries)}
	dictionaries(&w, d)
	return w.out
}

// DecodeDictionaries reads a document into d and replaces everything in it.
// The strings alias one copy of data. The error is [ErrVersion] or
// [ErrDamaged], and d is then of no use.
func DecodeDictionaries(data []byte, d *feed.Dictionaries) error {
	in := string(data)
	if err := checkVersion(in, versionDictionaries); err != nil {
		return fmt.Errorf("decode dictionaries: %w", err)
	}
	w := walker{in: in, pos: 1}
	dictionaries(&w, d)
	if err := w.finish(); err != nil {
		return fmt.Errorf("decode dictionaries: %w", err)
	}
	return nil
}

func dictionaries(w *walker, d *feed.Dictionaries) {
	each(w, &d.Producers, minRef, ref)
	each(w, &d.Categories, minCategory, category)
	each(w, &d.Units, minUnit, unit)
	each(w, &d.Series, minCategory, series)
	each(w, &d.Warranties, minWarranty, warranty)
	each(w, &d.Warehouses, minWarehouse, warehouse)
	each(w, &d.SizeGroups, minGroup, sizeGroup)
	each(w, &d.Sections, minEntry, entry)
	each(w, &d.Parameters, minEntry, entry)
	each(w, &d.Values, minEntry, entry)
}

// each walks a list whose elements take at least min bytes each.
func each[T any](w *walker, s *[]T, min int, walk func(*walker, *T)) {
	for i := range list(w, s, min) {
		walk(w, &(*s)[i])
	}
}

func category(w *walker, c *feed.Category) {
	w.strings(&c.ID, &c.Parent)
	texts(w, &c.Names)
}

func unit(w *walker, u *feed.Unit) {
	w.string(&u.ID)
	texts(w, &u.Names)
	if p := w.byte(u.Precision, 0xff, "a precision"); !w.encoding {
		u.Precision = p
	}
}

func series(w *walker, s *feed.SeriesEntry) {
	w.strings(&s.ID, &s.Parent)
	texts(w, &s.Names)
}

func warranty(w *walker, x *feed.Warranty) {
	w.string(&x.ID)
	if k := w.byte(uint8(x.Kind), uint8(feed.WarrantyNone), "a kind of warranty"); !w.encoding {
		x.Kind = feed.WarrantyKind(k)
	}
	w.number(&x.Months)
	texts(w, &x.Names)
	texts(w, &x.Descriptions)
}

func warehouse(w *walker, x *feed.Warehouse) {
	n := feed.IntOf(int32(x.ID))
	w.number(&n)
	if !w.encoding {
		v, ok := n.Get()
		if !ok {
			w.fail("a warehouse without a number")
		}
		x.ID = feed.WarehouseID(v)
	}
	texts(w, &x.Names)
}

func sizeGroup(w *walker, g *feed.SizeGroup) {
	w.strings(&g.ID, &g.Name)
	each(w, &g.Sizes, minSizeEntry, sizeEntry)
}

func sizeEntry(w *walker, s *feed.SizeEntry) {
	w.string(&s.ID)
	texts(w, &s.Names)
}

func entry(w *walker, p *feed.ParameterEntry) {
	w.string(&p.ID)
	texts(w, &p.Names)
	texts(w, &p.Descriptions)
	texts(w, &p.CardIcons)
	texts(w, &p.ListIcons)
}
