package iof

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"feedmill/feed"
)

// ReadDictionary reads one dictionary file (IOF 7) into the list of d that is
// of its kind, and replaces what that list held; a parameters file fills three
// lists. Entries without an id, which nothing could refer to, and repeated ones
// are left out. The error is of [feed.KindInvalid] when the file is malformed
// or of another kind, and d may then be half filled.
func ReadDictionary(src io.Reader, kind feed.Kind, d *feed.Dictionaries) error {
	r := dictionaryReader{Reader: NewReader(src, ReadOptions{}), d: d, seen: map[string]bool{}}
	r.begun = true
	if !r.root() {
		return r.failed(kind)
	}
	name := string(r.t.Name().Local)
	if got := rootKind(name); got != kind || got == feed.KindFull {
		r.err = feed.Errorf(feed.KindInvalid, "read %s: the root element is <%.60s>", kind, name)
		return r.err
	}
	for i := range r.t.Attrs() {
		if a := &r.t.Attrs()[i]; string(a.Local) == "language" {
			r.headLanguage(a.Value)
		}
	}
	switch kind {
	case feed.KindProducers:
		d.Producers = d.Producers[:0]
		r.producers()
	case feed.KindCategories:
		d.Categories = d.Categories[:0]
		tree(&r, "category", "", &d.Categories)
	case feed.KindUnits:
		d.Units = d.Units[:0]
		r.units()
	case feed.KindSeries:
		d.Series = d.Series[:0]
		tree(&r, "series", "", &d.Series)
	case feed.KindWarranties:
		d.Warranties = d.Warranties[:0]
		r.warranties()
	case feed.KindStocks:
		d.Warehouses = d.Warehouses[:0]
		r.warehouses()
	case feed.KindSizes:
		d.SizeGroups = d.SizeGroups[:0]
		r.sizeGroups()
	case feed.KindParameters:
		d.Sections, d.Parameters, d.Values = d.Sections[:0], d.Parameters[:0], d.Values[:0]
		r.entries()
	default:
		r.err = feed.Errorf(feed.KindInvalid, "read %s: such a file holds no dictionary", kind)
		return r.err
	}
	r.finish()
	return r.failed(kind)
}

type dictionaryReader struct {
	*Reader
	d    *feed.Dictionaries
	seen map[string]bool
}

// failed gives the final error with the kind of file instead of an offer.
func (r *dictionaryReader) failed(kind feed.Kind) error {
	err := r.failure()
	if e, ok := err.(*feed.Error); ok && e.Message == "read offer" {
		e.Message = "read " + kind.String()
	}
	return err
}

// entry reads id and name of the current element. An id counts once under its
// scope; ok is false for an entry to leave out.
func (r *dictionaryReader) entry(scope string) (id, name string, ok bool) {
	for i := range r.t.Attrs() {
		switch a := &r.t.Attrs()[i]; string(a.Local) {
		case "id":
			id = r.trimmed(a.Value)
		case "name":
			name = r.string(a.Value)
		}
	}
	if id == "" || r.seen[scope+id] {
		return id, name, false
	}
	r.seen[scope+id] = true
	return id, name, true
}

// named completes names read from children by the name attribute, which is in
// the language of the file.
func (r *dictionaryReader) named(names feed.Texts, name string) feed.Texts {
	if _, ok := names.Get(r.head.Language); ok || name == "" {
		return names
	}
	// A name in the language of the file comes first; one whose language nobody
	// told is needed only when there is no other, and one that repeats a name in
	// another language stands there for want of any.
	if len(names) > 0 && (r.head.Language.IsZero() || slices.ContainsFunc(names, func(t feed.Text) bool { return t.Value == name })) {
		return names
	}
	return append(feed.Texts{{Lang: r.head.Language, Value: name}}, names...)
}

// names reads an entry that holds nothing but names, up to its end.
func (r *dictionaryReader) names(name string) feed.Texts {
	var ts feed.Texts
	for r.child() {
		if string(r.t.Name().Local) == "name" {
			r.addText(&ts, "name")
		} else {
			r.skip()
		}
	}
	return r.named(ts, name)
}

// each goes on to the next child with the given name.
func (r *dictionaryReader) each(local string) bool {
	for r.child() {
		if string(r.t.Name().Local) == local {
			return true
		}
		r.skip()
	}
	return false
}

func (r *dictionaryReader) producers() {
	for r.each("producer") {
		if id, name, ok := r.entry(""); ok {
			r.d.Producers = append(r.d.Producers, feed.Ref{ID: id, Name: name})
		}
		r.skip()
	}
}

// tree reads entries with the ones below them, as those of categories and series
// (IOF 7.1, 7.5), and the names that stand beside them. Entries below one that is
// left out belong to the one above it.
func tree[E feed.Category | feed.SeriesEntry](r *dictionaryReader, local, parent string, list *[]E) (names feed.Texts) {
	for r.child() {
		switch string(r.t.Name().Local) {
		case local:
			id, name, ok := r.entry("")
			if !ok {
				tree(r, local, parent, list)
				continue
			}
			at := len(*list)
			*list = append(*list, E{})
			below := tree(r, local, id, list)
			(*list)[at] = E(feed.Category{ID: id, Parent: parent, Names: r.named(below, name)})
		case "name":
			r.addText(&names, local+"/name")
		default:
			r.skip()
		}
	}
	return names
}

func (r *dictionaryReader) units() {
	for r.each("unit") {
		id, name, ok := r.entry("")
		u := feed.Unit{ID: id}
		for i := range r.t.Attrs() {
			if a := &r.t.Attrs()[i]; string(a.Local) == "precision" {
				if n, err := strconv.ParseUint(view(bytes.TrimSpace(a.Value)), 10, 8); err == nil {
					u.Precision = uint8(min(n, 3))
				}
			}
		}
		if u.Names = r.names(name); ok {
			r.d.Units = append(r.d.Units, u)
		}
	}
}

func (r *dictionaryReader) warehouses() {
	for r.each("stock") {
		id, name, ok := r.entry("")
		n, err := strconv.ParseInt(id, 10, 32)
		names := r.names(name)
		if ok && err == nil && n >= 0 {
			r.d.Warehouses = append(r.d.Warehouses, feed.Warehouse{ID: feed.WarehouseID(n), Names: names})
		}
	}
}

// warranties reads warranties with their terms (IOF 7.7).
func (r *dictionaryReader) warranties() {
	for r.each("warranty") {
		id, name, ok := r.entry("")
		w := feed.Warranty{ID: id}
		r.terms(&w) // 2.x files have them on the entry itself
		for r.child() {
			switch string(r.t.Name().Local) {
			case "name":
				r.addText(&w.Names, "warranty/name")
			case "description":
				r.addText(&w.Descriptions, "warranty/description")
			case "terms":
				r.terms(&w)
				r.skip()
			default:
				r.skip()
			}
		}
		if w.Names = r.named(w.Names, name); ok {
			r.d.Warranties = append(r.d.Warranties, w)
		}
	}
}

// terms reads the terms of a warranty from the current element's attributes.
// Periods are months; years are converted, and a period in any other unit is
// not known.
func (r *dictionaryReader) terms(w *feed.Warranty) {
	factor := int32(1)
	var months feed.Int
	for i := range r.t.Attrs() {
		switch a := &r.t.Attrs()[i]; string(a.Local) {
		case "type":
			if k, err := feed.ParseWarrantyKind(view(a.Value)); err == nil {
				w.Kind = k
			}
		case "period", "period_number":
			r.int("warranty/terms/@period_number", &months, a.Value)
		case "period_unit":
			switch strings.ToLower(view(bytes.TrimSpace(a.Value))) {
			case "", "month", "months":
			case "year", "years":
				factor = 12
			default:
				factor = 0
			}
		}
	}
	if n, ok := months.Get(); ok && factor != 0 && n >= 0 && n <= 12_000 {
		w.Months = feed.IntOf(n * factor)
	}
}

// sizeGroups reads groups of sizes (IOF 7.2); a size's id counts in its group.
func (r *dictionaryReader) sizeGroups() {
	for r.each("group") {
		id, name, ok := r.entry("group ")
		g := feed.SizeGroup{ID: id, Name: name}
		for r.child() {
			if string(r.t.Name().Local) != "size" {
				r.skip()
				continue
			}
			sizeID, sizeName, sizeOK := r.entry(fmt.Sprintf("size %q ", id))
			names := r.names(sizeName)
			if sizeOK {
				g.Sizes = append(g.Sizes, feed.SizeEntry{ID: sizeID, Names: names})
			}
		}
		if ok {
			r.d.SizeGroups = append(r.d.SizeGroups, g)
		}
	}
}

// entries reads the three lists of parameters.xml (IOF 7.8).
func (r *dictionaryReader) entries() {
	for r.child() {
		switch string(r.t.Name().Local) {
		case "sections":
			r.list("section", &r.d.Sections)
		case "parameters":
			r.list("parameter", &r.d.Parameters)
		case "values":
			r.list("value", &r.d.Values)
		default:
			r.skip()
		}
	}
}

func (r *dictionaryReader) list(local string, list *[]feed.ParameterEntry) {
	for r.each(local) {
		id, name, ok := r.entry(local + " ")
		e := feed.ParameterEntry{ID: id}
		for r.child() {
			switch string(r.t.Name().Local) {
			case "name":
				r.addText(&e.Names, "name")
			case "description":
				r.addText(&e.Descriptions, "description")
			case "icons":
				r.entryIcons(&e)
			default:
				r.skip()
			}
		}
		if e.Names = r.named(e.Names, name); ok {
			*list = append(*list, e)
		}
	}
}

func (r *dictionaryReader) entryIcons(e *feed.ParameterEntry) {
	for r.child() {
		var dst *feed.Texts
		switch string(r.t.Name().Local) {
		case "card":
			dst = &e.CardIcons
		case "list":
			dst = &e.ListIcons
		default:
			r.skip()
			continue
		}
		var lang feed.Language // an icon without one is for every language
		url := ""
		for i := range r.t.Attrs() {
			switch a := &r.t.Attrs()[i]; {
			case isLang(a):
				lang = r.language("icons", a.Value)
			case string(a.Local) == "url":
				url = r.trimmed(a.Value)
			}
		}
		r.addName(dst, lang, url, "icons")
		r.skip()
	}
}
