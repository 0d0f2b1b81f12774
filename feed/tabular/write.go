package tabular

import (
	"slices"
	"strings"

	"feedmill/feed"
)

// Options are what a [Writer] must know beside the profile.
type Options struct {
	// DefaultLanguage is the catalog's: that of texts that name none, and of
	// the first columns when the profile lists no languages.
	DefaultLanguage feed.Language
	// Languages of the catalog, which have columns when the profile lists none.
	Languages []feed.Language
}

// Writer appends the records of one profile. It never changes after
// [NewWriter] and is safe for concurrent use. Equal inputs give equal bytes.
type Writer struct {
	x        *feed.Index
	dialect  feed.Dialect
	site     feed.Int
	langs    []feed.Language // never empty; the zero language when none is known
	untagged feed.Language
	full     []column
	light    []column
}

// column is one column: what writes a cell, or one line of it.
type column struct {
	name string
	// lang is the place of the column's language in the writer's list.
	lang int
	// lines counts the lines of the cell; nil is one text that may break itself.
	lines func(w *Writer, it *feed.Item) int
	// write appends line i.
	write func(w *Writer, dst []byte, it *feed.Item, i, lang int) []byte
}

// NewWriter makes a writer. With an index the names of its dictionaries win
// over those that come with a product; x may be nil. The profile is copied.
func NewWriter(p *feed.Profile, x *feed.Index, opt Options) *Writer {
	w := &Writer{x: x, dialect: p.Dialect, site: p.Site, untagged: opt.DefaultLanguage, langs: slices.Clone(p.Languages)}
	if len(w.langs) == 0 {
		for _, l := range append([]feed.Language{opt.DefaultLanguage}, opt.Languages...) {
			if !l.IsZero() && !slices.Contains(w.langs, l) {
				w.langs = append(w.langs, l)
			}
		}
	}
	if len(w.langs) == 0 {
		w.langs = []feed.Language{{}}
	}
	if p.Dialect.SingleLanguage {
		w.langs = w.langs[:1]
	}
	w.full = w.expand(fullColumns(&w.dialect))
	w.light = w.expand(lightColumns())
	return w
}

// expand repeats each column whose name ends in [] for every language.
func (w *Writer) expand(list []column) []column {
	var out []column
	for _, c := range list {
		name, found := strings.CutSuffix(c.name, "[]")
		if !found {
			out = append(out, c)
			continue
		}
		for i, l := range w.langs {
			code := l.String()
			if code == "" {
				code = "und"
			}
			c.name, c.lang = name+"["+code+"]", i
			out = append(out, c)
		}
	}
	return out
}

// FullColumns gives the headers of full.csv in order.
func (w *Writer) FullColumns() []string { return names(w.full) }

// LightColumns gives the headers of light.csv in order.
func (w *Writer) LightColumns() []string { return names(w.light) }

func names(list []column) []string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = c.name
	}
	return out
}

// AppendFullHeader writes the header of full.csv.
func (w *Writer) AppendFullHeader(dst []byte) []byte { return appendHeader(dst, w.full) }

// AppendLightHeader writes the header of light.csv.
func (w *Writer) AppendLightHeader(dst []byte) []byte { return appendHeader(dst, w.light) }

func appendHeader(dst []byte, list []column) []byte {
	for i, c := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		// A header starts with a slash or is an attribute (@id): not a formula,
		// and to be read by name, so it is written as it is.
		dst = append(dst, c.name...)
	}
	return append(dst, '\r', '\n')
}

// AppendFull writes the record of a product in full.csv: everything that
// describes it, list prices, and the stock unless the dialect leaves that to
// light.csv.
func (w *Writer) AppendFull(dst []byte, it *feed.Item) []byte { return w.appendRecord(dst, w.full, it) }

// AppendLight writes the record of a product in light.csv: id, codes, the
// partner's prices and the stock of each size.
func (w *Writer) AppendLight(dst []byte, it *feed.Item) []byte {
	return w.appendRecord(dst, w.light, it)
}

func (w *Writer) appendRecord(dst []byte, list []column, it *feed.Item) []byte {
	for k := range list {
		c := &list[k]
		if k > 0 {
			dst = append(dst, ',')
		}
		at := len(dst)
		if c.lines == nil {
			dst = endCell(c.write(w, dst, it, 0, c.lang), at)
			continue
		}
		some := false
		for i := range c.lines(w, it) {
			if i > 0 {
				dst = append(dst, '\n')
			}
			line := len(dst)
			dst = c.write(w, dst, it, i, c.lang)
			flatten(dst, line)
			some = some || len(dst) > line
		}
		if !some {
			dst = dst[:at] // nothing but line breaks
		}
		dst = endCell(dst, at)
	}
	return append(dst, '\r', '\n')
}

// find gives the place of the first text of a language that is not empty, or -1.
func (w *Writer) find(ts feed.Texts, l feed.Language) int {
	for i := range ts {
		lang := ts[i].Lang
		if lang.IsZero() {
			lang = w.untagged
		}
		if lang == l && ts[i].Value != "" {
			return i
		}
	}
	return -1
}

// text gives the text for the column of a language. The first column takes
// the first text there is when no column has one, so that no product comes
// without a name.
func (w *Writer) text(ts feed.Texts, lang int) string {
	if i := w.find(ts, w.langs[lang]); i >= 0 {
		return ts[i].Value
	}
	if lang > 0 {
		return ""
	}
	for _, l := range w.langs[1:] {
		if w.find(ts, l) >= 0 {
			return ""
		}
	}
	for i := range ts {
		if ts[i].Value != "" {
			return ts[i].Value
		}
	}
	return ""
}

// preferred gives the names of the dictionary, or the product's own where the
// dictionary has none.
func preferred(dictionary, own feed.Texts) feed.Texts {
	for i := range dictionary {
		if dictionary[i].Value != "" {
			return dictionary
		}
	}
	return own
}
