package rules

import (
	"cmp"
	"fmt"
	"slices"

	"feedmill/schema"
	"feedmill/schema/xmltok"
)

// offer is what is remembered across the files of one family.
type offer struct {
	c    *checker
	have map[schema.Kind]bool // dictionaries that were read to their end

	entries map[schema.Kind]*table[entry] // by id; sections and values have kinds of their own below
	groups  *table[struct{}]              // size groups
	sizes   *table[struct{}]              // sizes, paired with their groups
	anySize *table[struct{}]              // sizes, whatever the group

	products *table[record]
	items    *table[item] // sizes, paired with their products
	file     uint16       // number of the file being read, for finding doubles

	full             bool // was read
	cutFull, partial bool
	described        uint32 // products of full and change files so far
	fullGenerated    string // of full
	newest           string // generated of full or of the last change file after it
	currency         string // of full
	fullName         string
	language         string // of categories.xml

	pending []pendingRef
	lost    bool // pending references were dropped
}

// Kinds of entries of parameters.xml besides parameters themselves.
const (
	kindSection schema.Kind = "section"
	kindValue   schema.Kind = "value"
)

// entry is what is remembered of an entry of a dictionary.
type entry struct {
	path   uint64 // hash of the path of names, for categories
	digits uint8  // decimals of quantities plus one, for units; 0 when not said
}

// record is what is remembered of a product.
type record struct {
	gross, srp uint32 // in hundredths plus one; 0 for none or too large
	quantity   uint32 // total in thousandths plus two; 1 for unlimited, 0 for unknown
	n          uint32 // how many products were described before it, itself included
	vat        uint16 // in hundredths of a percent plus one; 0 for unknown
	sizes      uint16 // one that stands there twice is one
	file       uint16 // that named it last
	flags      uint8
	digits     uint8 // of its unit, as in entry
}

// Flags of a record.
const (
	inFull uint8 = 1 << iota
	inChange
	gone    // removed by a change file
	inLight // named by light
	free    // said to be free by full or a change file
)

// described reports whether an importer that has read full and change files
// has the product.
func (r *record) described() bool { return r.flags&(inFull|inChange) != 0 && r.flags&gone == 0 }

// item is what is remembered of a size of a product.
type item struct {
	gross uint32 // as in record
	code  uint16 // of the hash of the code; 0 for none
	n     uint16 // of the n of the product that has it, for telling sizes that a change file dropped
}

// pendingRef is a reference to a product that was not known yet.
type pendingRef struct {
	to    key
	id    string
	code  string
	sheet *sheet
	pos   xmltok.Pos
	n, m  int64 // place of the product and of the component
}

const maxPending = 1 << 17

func (c *checker) newOffer() *offer {
	x := &offer{c: c, have: map[schema.Kind]bool{}, entries: map[schema.Kind]*table[entry]{}}
	mem := &c.mem
	x.groups, x.sizes, x.anySize = newTable[struct{}](mem, c.salt, 0), newTable[struct{}](mem, c.salt, 0), newTable[struct{}](mem, c.salt, 0)
	x.products, x.items = newTable[record](mem, c.salt, 24), newTable[item](mem, c.salt, 8)
	for _, k := range []schema.Kind{schema.Categories, schema.Producers, schema.Units, schema.Parameters, kindSection, kindValue,
		schema.Stocks, schema.Series, schema.Warranties} {
		x.entries[k] = newTable[entry](mem, c.salt, 16)
	}
	return x
}

// release gives back the memory of the tables.
func (x *offer) release() {
	x.groups.release()
	x.sizes.release()
	x.anySize.release()
	x.products.release()
	x.items.release()
	for _, t := range x.entries {
		t.release()
	}
}

// cut notes that a file could not be read to its end.
func (x *offer) cut(k schema.Kind) {
	if k == schema.Full || k == schema.FullChange {
		x.cutFull = true
	}
}

// comparable reports whether light can be held against full and change files.
func (x *offer) comparable() bool { return x.full && !x.cutFull }

// sheetOf gives the sheet of the first file of a kind.
func (x *offer) sheetOf(k schema.Kind) (*sheet, *FileReport) {
	for i := range x.c.files {
		if x.c.files[i].Kind == k {
			return x.c.sheets[i], &x.c.files[i]
		}
	}
	return nil, nil
}

// refer notes a reference to a product, or settles it at once.
func (x *offer) refer(r pendingRef) {
	if rec := x.products.get(r.to); rec != nil && rec.flags&(inFull|inChange) != 0 {
		return
	}
	if len(x.pending) == maxPending {
		x.lost = true
		return
	}
	x.pending = append(x.pending, r)
}

// resolvePending reports references to products that never came. Without a
// complete full nothing can be said.
func (x *offer) resolvePending() {
	if x.comparable() && !x.partial {
		for i := range x.pending {
			r := &x.pending[i]
			if rec := x.products.get(r.to); rec != nil && rec.flags&(inFull|inChange) != 0 || !r.sheet.want(r.code) {
				continue
			}
			path, what := fmt.Sprintf("/offer/products/product[%d]/group", r.n), "the leading variant"
			if r.code == codeRefComponent {
				path, what = fmt.Sprintf("/offer/products/product[%d]/bundled/product[%d]", r.n, r.m), "the component"
			}
			r.sheet.add(x.c.rules[r.code], r.pos, path, fmt.Sprintf("%s %s is no product of the offer", what, clip(r.id)))
		}
	}
	incomplete := x.lost || x.partial || x.full && x.cutFull
	x.pending = nil
	if s, _ := x.sheetOf(schema.Full); incomplete && s != nil && !x.c.opt.SchemaOnly && s.want(codeCheckPartial) {
		why := "the offer is too large for the memory that the check may use"
		if x.cutFull {
			why = "full or a change file could not be read to its end"
		}
		s.add(x.c.rules[codeCheckPartial], xmltok.Pos{Line: 1, Column: 1}, "/", why)
	}
}

// name gives words for a product: its id where the key is one, else its place.
func (x *offer) name(k key, r *record) string {
	if id, ok := k.text(); ok {
		return "product " + id
	}
	if r.flags&inChange != 0 {
		return fmt.Sprintf("a product of a change file, described as number %d,", r.n)
	}
	return fmt.Sprintf("product[%d] of %s", r.n, cmp.Or(x.fullName, "full"))
}

// missingFromLight reports products that light does not name (CONSUMERS 17).
func (x *offer) missingFromLight(p *pass, pos xmltok.Pos, path string) {
	type lost struct {
		k key
		n uint32
	}
	var some []lost
	most := p.c.opt.PerRule
	total := 0
	x.products.each(func(k key, r *record) {
		if !r.described() || r.flags&inLight != 0 {
			return
		}
		total++
		if most >= 0 && len(some) == most && r.n >= some[most-1].n {
			return
		}
		i, _ := slices.BinarySearchFunc(some, r.n, func(l lost, n uint32) int { return cmp.Compare(l.n, n) })
		some = slices.Insert(some, i, lost{k, r.n})
		if most >= 0 && len(some) > most {
			some = some[:most]
		}
	})
	for _, l := range some {
		p.flagAt(codeLightMissing, pos, path, "%s is not in light", x.name(l.k, x.products.get(l.k)))
	}
	p.sheet.counts[codeLightMissing] += int64(total - len(some))
	if p.sheet.counts[codeLightMissing] == 0 {
		delete(p.sheet.counts, codeLightMissing)
	}
}
