package catalog

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"feedmill/feed"
	"feedmill/feed/catalog/internal/csvlex"
)

// What Shopify's products get that carry none themselves.
const (
	shopifyCategory = "Other"
	shopifyUnit     = "pcs."
)

// shopifyTable is the layout of Shopify's product export: rows of one handle
// are a product's variants and further images.
type shopifyTable struct {
	*intake
	// at gives the index of each column in the file, -1 for none.
	index [shopifyColumns]int
	// pictures are the images of a product with their positions.
	pictures []shopifyPicture
	// variants are the rows that describe one, parallel to the sizes.
	variants []*csvlex.Record
	codes    map[string]bool
	// before are the variants' prices of before, "" for none.
	before []string
	path   func(list string, i int, rest string) string
}

type shopifyPicture struct {
	url      string
	position int
}

func newShopify(in *intake, files []*source) reader {
	if in.opt.DefaultCategory == "" {
		in.opt.DefaultCategory = shopifyCategory
	}
	if in.opt.DefaultUnit == "" {
		in.opt.DefaultUnit = shopifyUnit
	}
	t := &shopifyTable{intake: in, codes: make(map[string]bool)}
	t.path = t.place
	return newTable(in, files, t)
}

const unsaidVAT = "the export does not say the VAT rate"

func (t *shopifyTable) header(names []string) error {
	if t.def.Currency.IsZero() {
		return &feed.Error{Kind: feed.KindInvalid, Message: "the export does not say in which currency its prices are", Hint: "name it with --currency"}
	}
	if !t.def.HasVAT && !t.opt.UnsaidVAT {
		return &feed.Error{Kind: feed.KindInvalid, Message: unsaidVAT, Hint: "give it with --vat (0 where there is none)"}
	}
	for i := range t.index {
		t.index[i] = -1
	}
	t.startLine(1)
	t.weights.said = true // Variant Grams
	if !t.def.HasVAT {
		t.def.HasVAT = true
		t.warnOnce(unsaidVAT, "vat", unsaidVAT, "0 is taken, so that net prices are as high as gross ones: say the rate in the settings first, 0 where there is no VAT")
	}
	for i, name := range names {
		c, read, known := findShopify(name)
		switch {
		case read && t.index[c] >= 0:
			return feed.Errorf(feed.KindInvalid, "column %q occurs twice", clip(name))
		case read:
			t.index[c] = i
		case !known:
			t.warn(clip(name), "is not a column of Shopify's export that is known", "it is ignored")
		}
	}
	t.commit("")
	for _, c := range []shopifyColumn{shHandle, shTitle, shPrice} {
		if t.index[c] < 0 {
			return &feed.Error{Kind: feed.KindInvalid, Message: "column " + strconv.Quote(shopifyNames[c][0]) + " is missing", Hint: "export products as CSV, not orders or inventory"}
		}
	}
	return nil
}

// get gives the value of a column in a row, "" when there is no such column.
func (t *shopifyTable) get(r *csvlex.Record, c shopifyColumn) string {
	if i := t.index[c]; i >= 0 {
		return t.cell(r.Fields[i])
	}
	return ""
}

func (t *shopifyTable) key(r *csvlex.Record) string {
	return strings.TrimSpace(r.Fields[t.index[shHandle]])
}

func (t *shopifyTable) product(rows []*csvlex.Record) *feed.Product {
	first := rows[0]
	d := &t.draft
	d.reset()
	if d.key = t.get(first, shHandle); d.key == "" {
		t.fail("Handle", "is empty", "every row names its product")
		t.commit("")
		return nil
	}
	if t.leftOut(first) {
		if t.commit(d.key) {
			t.stats.LeftOut++
		}
		return nil
	}
	t.variants = t.variants[:0]
	for _, r := range rows {
		if r == first || t.isVariant(r) {
			t.variants = append(t.variants, r)
		}
	}
	d.path = t.path
	t.texts(first)
	t.sizes(first)
	t.images(rows)
	for n := range shopifyParameters {
		if v := t.get(first, shopifyParameters[n].column); v != "" {
			t.shopifyParameter(n, v)
		}
	}
	t.at(first.Line)
	if len(t.variants) > t.lim.Sizes {
		t.fail("", "has more than "+plural(int64(t.lim.Sizes), "variant"), "")
	}
	p := t.finish(d)
	if !t.accept(p, d) {
		return nil
	}
	return p
}

// leftOut says whether Shopify itself does not sell the product.
func (t *shopifyTable) leftOut(r *csvlex.Record) bool {
	if t.no("Published", t.get(r, shPublished)) {
		return true
	}
	switch strings.ToLower(t.get(r, shStatus)) {
	case "draft", "archived", "unlisted":
		return true
	}
	return false
}

// isVariant says whether a row behind the first describes a variant, not only a
// further image.
func (t *shopifyTable) isVariant(r *csvlex.Record) bool {
	return t.get(r, shOption1Value) != "" || t.get(r, shPrice) != "" || t.get(r, shSKU) != ""
}

// place names the column that a problem is about and moves to its row.
func (t *shopifyTable) place(list string, i int, rest string) string {
	if list == "sizes" && i < len(t.variants) {
		t.line = t.variants[i].Line
	}
	if list == "images" {
		return "Image Src"
	}
	switch rest {
	case "name":
		return "Title"
	case "code":
		return "Variant SKU"
	case "producer_code":
		return "Variant Barcode"
	case "id":
		return "Option1 Value"
	case "price":
		return "Variant Price"
	case "strikethrough_retail":
		return "Variant Compare At Price"
	}
	return item(list, i, rest)
}

// texts reads what the product's first row says about the whole product.
func (t *shopifyTable) texts(r *csvlex.Record) {
	p := &t.draft.p
	lang := t.def.Language
	set := func(texts *feed.Texts, v string) {
		if v != "" {
			*texts = append((*texts)[:0], feed.Text{Lang: lang, Value: v})
		}
	}
	set(&p.Names, t.get(r, shTitle))
	set(&p.LongDescs, t.get(r, shBody))
	p.Producer.Name = t.get(r, shVendor)
	// A type may hold a slash; only Shopify's own taxonomy is a path.
	if v := t.get(r, shType); v != "" {
		set(&p.Category.Names, strings.ReplaceAll(v, "/", "-"))
	} else if v := t.get(r, shCategory); v != "" {
		set(&p.Category.Names, strings.ReplaceAll(strings.ReplaceAll(v, "/", "-"), ">", "/"))
	}
	for tag := range strings.SplitSeq(t.get(r, shTags), ",") {
		if tag = strings.TrimSpace(tag); tag != "" && len(p.Tags) < t.lim.List {
			p.Tags = append(p.Tags, tag)
		}
	}
	if v := t.get(r, shSEOTitle); v != "" {
		p.Meta = append(p.Meta, feed.MetaText{Name: "meta_title", Lang: lang, Value: v})
	}
	if v := t.get(r, shSEODescription); v != "" {
		p.Meta = append(p.Meta, feed.MetaText{Name: "meta_description", Lang: lang, Value: v})
	}
}

// images gathers the pictures of all rows by their position, and behind them
// those of variants that are not among them.
func (t *shopifyTable) images(rows []*csvlex.Record) {
	t.pictures = t.pictures[:0]
	for _, r := range rows {
		if url := t.get(r, shImage); url != "" {
			position, err := strconv.Atoi(t.get(r, shPosition))
			if err != nil || position < 1 {
				position = len(t.pictures) + 1
			}
			t.pictures = append(t.pictures, shopifyPicture{url, position})
		}
	}
	slices.SortStableFunc(t.pictures, func(a, b shopifyPicture) int { return cmp.Compare(a.position, b.position) })
	for _, m := range t.pictures {
		t.addImage(m.url, "Image Src")
	}
	for _, r := range rows {
		if url := t.get(r, shVariantImage); url != "" {
			t.addImage(url, "Variant Image")
		}
	}
}
