package manage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/internal/partner"
)

// maxListRows is how many lines one file of a price list may have.
const maxListRows = 1_000_000

// fewPriceLines is up to how many lines the products that they name are looked
// up one by one, instead of passing over the catalog.
const fewPriceLines = 200

// PriceFile is a file of a price list: lines of JSON, or a table (see
// [catalog.ReadPrices]). A line names a product by its id or its key, a size by
// its code, its external code or its GTIN.
type PriceFile struct {
	// Body is read once.
	Body io.Reader
	// Name is what problems call the file.
	Name string
	// Replace removes what stands in the list and not in the file.
	Replace bool
	// Needed refuses a file without any line, as Replace does.
	Needed bool
	// MaxErrors ends the reading at so many problems; 0 is 50.
	MaxErrors int
}

// ReadPriceFile reads a file of a price list and finds the products that it
// names. A file with problems is refused by a *[LinesError] that lists them.
// What it gives is for [Service.PutListPrices] and [Service.PreviewPrices].
func (s *Service) ReadPriceFile(ctx context.Context, who Identity, id feed.PriceListID, f PriceFile) (partner.PriceEdit, error) {
	for _, do := range []Action{ReadPrices, ReadProducts} {
		if err := allow(who, do); err != nil {
			return partner.PriceEdit{}, err
		}
	}
	l, err := s.db.PriceList(ctx, who.Merchant, id)
	if err != nil {
		return partner.PriceEdit{}, err
	}
	r := priceResolver{file: f.Name, most: cmp.Or(max(f.MaxErrors, 0), maxLineErrors), edit: partner.PriceEdit{Replace: f.Replace}}
	count := 0
	problems, err := catalog.ReadPrices(f.Body, catalog.PriceOptions{Name: f.Name, Currency: l.Currency, MaxErrors: r.most, Needed: f.Replace || f.Needed}, func(line catalog.PriceLine) {
		if count++; count <= maxListRows {
			r.lines = append(r.lines, line)
		}
	})
	switch {
	case err != nil:
		return partner.PriceEdit{}, err
	case count > maxListRows:
		return partner.PriceEdit{}, feed.Errorf(feed.KindInvalid, "a price list takes %d lines at a time, not %d", maxListRows, count)
	case len(problems) > 0:
		return partner.PriceEdit{}, refuseLines(problems)
	}
	if err := r.resolve(ctx, s, who); err != nil {
		return partner.PriceEdit{}, err
	}
	return r.edit, r.edit.Normalize()
}

// PutListPrices changes prices of a list, all or none; version 0 takes the list
// as it is. Products that the edit names need not be in the catalog.
func (s *Service) PutListPrices(ctx context.Context, who Identity, id feed.PriceListID, edit partner.PriceEdit, version int64) (partner.PriceList, partner.PricePut, error) {
	if err := allow(who, WritePrices); err != nil {
		return partner.PriceList{}, partner.PricePut{}, err
	}
	return s.db.PutListPrices(ctx, who.Actor, who.Merchant, id, edit, version)
}

// priceResolver finds the products and sizes that lines name.
type priceResolver struct {
	file  string
	most  int
	lines []catalog.PriceLine
	// byCode and byProduct are the lines that wait for a product, in order.
	byCode    map[string][]int
	byProduct map[feed.ProductID][]int
	found     []priceMatch // for each line
	problems  []catalog.Problem
	edit      partner.PriceEdit
}

// priceMatch is what a line was found to name. A lower rank is a better match:
// what is a size's own code means that size, whatever else it may be.
type priceMatch struct {
	key  partner.PriceKey
	rank int // 0 for none
	more bool
}

func (r *priceResolver) resolve(ctx context.Context, s *Service, who Identity) (err error) {
	r.byCode, r.byProduct = map[string][]int{}, map[feed.ProductID][]int{}
	r.found = make([]priceMatch, len(r.lines))
	for i, l := range r.lines {
		switch {
		case l.Remove && l.Product != 0:
			// What goes need not be in the catalog any more.
			r.found[i] = priceMatch{key: partner.PriceKey{Product: l.Product, Code: l.Code}, rank: 1}
		case l.Product != 0:
			r.byProduct[l.Product] = append(r.byProduct[l.Product], i)
		default:
			r.byCode[l.Code] = append(r.byCode[l.Code], i)
		}
	}
	if len(r.byCode)+len(r.byProduct) > fewPriceLines {
		err = r.pass(ctx, s, who)
	} else {
		err = r.each(ctx, s, who)
	}
	if err != nil {
		return err
	}
	r.settle()
	if len(r.problems) > 0 {
		return refuseLines(r.problems)
	}
	return nil
}

// pass looks at the whole catalog.
func (r *priceResolver) pass(ctx context.Context, s *Service, who Identity) (err error) {
	c, err := s.open(ctx, who.Merchant)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	for p, err := range decoded(ctx, c) {
		if err != nil {
			return err
		}
		r.match(p)
	}
	return nil
}

func decoded(ctx context.Context, c Catalog) iter.Seq2[*feed.Product, error] {
	return partner.Priced(ctx, c.Products(ctx), nil, c, true)
}

// each looks the few products up that are named.
func (r *priceResolver) each(ctx context.Context, s *Service, who Identity) error {
	var ids []feed.ProductID
	for id := range r.byProduct {
		ids = append(ids, id)
	}
	for code := range r.byCode {
		found, err := s.db.ProductsByCode(ctx, who.Merchant, code)
		if err != nil {
			return err
		}
		ids = append(ids, found...)
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		p, err := s.product(ctx, who, id)
		if feed.KindOf(err) == feed.KindNotFound && err != nil {
			continue
		}
		if err != nil {
			return err
		}
		r.match(p)
	}
	return nil
}

// match notes which lines a product answers.
func (r *priceResolver) match(p *feed.Product) {
	for _, i := range r.byProduct[p.ID] {
		line := &r.lines[i]
		if line.Code == "" {
			r.note(i, partner.PriceKey{Product: p.ID}, 1)
			continue
		}
		for j := range p.Sizes {
			r.size(i, p.ID, &p.Sizes[j], line.Code)
		}
	}
	if len(r.byCode) == 0 {
		return
	}
	for j := range p.Sizes {
		size := &p.Sizes[j]
		for _, code := range []string{size.Code, size.ExternalCode, size.ProducerCode} {
			for _, i := range r.byCode[code] {
				r.size(i, p.ID, size, code)
			}
		}
	}
	for _, i := range r.byCode[p.DisplayCode] {
		r.note(i, partner.PriceKey{Product: p.ID}, 4)
	}
}

// size notes a size that a code is one of.
func (r *priceResolver) size(i int, id feed.ProductID, size *feed.Size, code string) {
	if code == "" {
		return
	}
	for rank, own := range []string{size.Code, size.ExternalCode, size.ProducerCode} {
		if own == code {
			r.note(i, partner.PriceKey{Product: id, Code: string([]byte(size.Code))}, rank+1)
			return
		}
	}
}

func (r *priceResolver) note(i int, key partner.PriceKey, rank int) {
	m := &r.found[i]
	switch {
	case m.rank == 0 || rank < m.rank:
		*m = priceMatch{key: key, rank: rank}
	case rank == m.rank && key != m.key:
		m.more = true
	}
}

// settle makes the edit, or problems.
func (r *priceResolver) settle() {
	first := make(map[partner.PriceKey]int64, len(r.lines))
	for i := range r.lines {
		l, m := &r.lines[i], &r.found[i]
		switch at, twice := first[m.key]; {
		case m.rank == 0 && l.Key != "" && l.Code != "":
			r.fail(l, fmt.Sprintf("the product with the key %.80q has no size with the code %.80q, or there is no such product", l.Key, l.Code))
		case m.rank == 0 && l.Key != "":
			r.fail(l, fmt.Sprintf("no product has the key %.80q", l.Key))
		case m.rank == 0 && l.Product != 0 && l.Code != "":
			r.fail(l, fmt.Sprintf("product %d has no size with the code %.80q, or there is no such product", l.Product, l.Code))
		case m.rank == 0 && l.Product != 0:
			r.fail(l, fmt.Sprintf("there is no product %d", l.Product))
		case m.rank == 0:
			r.fail(l, fmt.Sprintf("no product has the code %.80q", l.Code))
		case m.more:
			r.fail(l, fmt.Sprintf("several products or sizes have the code %.80q", l.Code))
		case twice:
			r.fail(l, fmt.Sprintf("%s stands in line %d already", m.key, at))
		case l.Remove:
			first[m.key] = l.Line
			r.edit.Remove = append(r.edit.Remove, m.key)
		default:
			first[m.key] = l.Line
			r.edit.Put = append(r.edit.Put, partner.ListPrice{PriceKey: m.key, Amount: l.Amount})
		}
	}
}

func (r *priceResolver) fail(l *catalog.PriceLine, message string) {
	if len(r.problems) >= r.most {
		return
	}
	field := "code"
	switch {
	case l.Code == "" && l.Key != "":
		field = "key"
	case l.Code == "":
		field = "product"
	}
	r.problems = append(r.problems, catalog.Problem{File: r.file, Line: l.Line, Field: field, Message: message})
}
