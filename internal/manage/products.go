package manage

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"feedmill/feed"
	"feedmill/feed/record"
	"feedmill/internal/partner"
)

// maxWrite is how many products one write may name.
const maxWrite = 10_000

// UpsertProducts writes whole products into the catalog and removes others, in
// one transaction. Texts must be clean (see [feed.Clean]).
func (s *Service) UpsertProducts(ctx context.Context, who Identity, put []*feed.Product, removed []feed.ProductID) (partner.PutResult, error) {
	if err := allow(who, WriteProducts); err != nil {
		return partner.PutResult{}, err
	}
	if n := len(put) + len(removed); n > maxWrite {
		return partner.PutResult{}, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("%d products in one write, at most %d are taken", n, maxWrite), Hint: "bring whole catalogs in with an import"}
	}
	staged := make([]partner.StagedProduct, len(put))
	seen := make(map[feed.ProductID]bool, len(put))
	for i, p := range put {
		if err := checkProduct(p); err != nil {
			return partner.PutResult{}, fmt.Errorf("product %d of the list: %w", i+1, err)
		}
		if seen[p.ID] {
			return partner.PutResult{}, feed.Errorf(feed.KindInvalid, "product %d of the list: product %d stands in it twice", i+1, p.ID)
		}
		seen[p.ID] = true
		staged[i] = stageProduct(p)
	}
	return s.db.PutProducts(ctx, who.Actor, who.Merchant, staged, removed)
}

// DeleteProducts removes products. One that is not there is no error.
func (s *Service) DeleteProducts(ctx context.Context, who Identity, ids []feed.ProductID) (partner.PutResult, error) {
	return s.UpsertProducts(ctx, who, nil, ids)
}

// stageProduct encodes a product for the records, with the codes that it is found by.
// Nothing of it lies in the product's memory, which a stream uses again.
func stageProduct(p *feed.Product) partner.StagedProduct {
	doc := record.Append(nil, p)
	var codes []string
	for i := range p.Sizes {
		for _, code := range []string{p.Sizes[i].Code, p.Sizes[i].ProducerCode, p.Sizes[i].ExternalCode} {
			if code != "" {
				codes = append(codes, strings.Clone(code))
			}
		}
	}
	if p.DisplayCode != "" {
		codes = append(codes, strings.Clone(p.DisplayCode))
	}
	return partner.StagedProduct{ID: p.ID, Codes: codes, Doc: doc, Digest: sha256.Sum256(doc)}
}

// checkProduct refuses what no feed could show.
func checkProduct(p *feed.Product) error {
	switch {
	case p == nil || p.ID <= 0 || p.ID > feed.MaxProductID:
		return feed.Errorf(feed.KindInvalid, "a product has an id from 1 to %d", int64(feed.MaxProductID))
	case len(p.Sizes) == 0:
		return feed.Errorf(feed.KindInvalid, "product %d has no size, so there is nothing to sell", p.ID)
	}
	for i := range p.Sizes {
		for j := range p.Sizes[:i] {
			if c := p.Sizes[i].Code; c != "" && c == p.Sizes[j].Code {
				return feed.Errorf(feed.KindInvalid, "two sizes of product %d have the code %.60q", p.ID, c)
			}
		}
	}
	return nil
}

// ProductPatch changes stock and prices of one product or of one size, and
// leaves all else as it is. It names a product by ID, a size by Code, or both.
type ProductPatch struct {
	ID feed.ProductID
	// Code is a size's code, its external code or its GTIN.
	Code string
	// Stock sets what warehouses hold of the size; others stay. Without Code the
	// product must have one size.
	Stock []StockValue
	// Prices are of the size where Code is given, else of the product, and of both
	// where the product has one size; a zero price takes it away.
	List, Wholesale, Minimal, SRP *feed.Price
	// Texts are the same as decimals, for who does not know the product's VAT and
	// currency.
	Texts PriceTexts
}

// StockValue is what one warehouse holds.
type StockValue struct {
	Warehouse feed.WarehouseID
	Quantity  feed.Quantity
}

// PatchError is what is wrong with one patch of a list.
type PatchError struct {
	// Index counts from 0.
	Index int
	Err   error
}

// Error counts patches from 1, as people do.
func (e *PatchError) Error() string {
	return fmt.Sprintf("patch %d of the list: %v", e.Index+1, e.Err)
}

// Unwrap gives what is wrong.
func (e *PatchError) Unwrap() error { return e.Err }

// PatchProducts carries out patches in one transaction, all or none, in the
// order in which they stand. What is wrong with one of them is a [PatchError].
func (s *Service) PatchProducts(ctx context.Context, who Identity, patches []ProductPatch) (partner.PutResult, error) {
	if err := allow(who, WriteProducts); err != nil {
		return partner.PutResult{}, err
	}
	if len(patches) > maxWrite {
		return partner.PutResult{}, feed.Errorf(feed.KindInvalid, "%d patches in one write, at most %d are taken", len(patches), maxWrite)
	}
	of := map[feed.ProductID][]int{}
	var ids []feed.ProductID
	for i := range patches {
		id, err := s.patched(ctx, who, &patches[i])
		if err != nil {
			return partner.PutResult{}, &PatchError{i, err}
		}
		if of[id] == nil {
			ids = append(ids, id)
		}
		of[id] = append(of[id], i)
	}
	slices.Sort(ids)
	found := 0 // products come in the order of their ids, until one is missing
	result, err := s.db.EditProducts(ctx, who.Actor, who.Merchant, ids, func(stored partner.StoredProduct) (partner.StagedProduct, error) {
		at, _ := slices.BinarySearch(ids, stored.ID)
		found = at + 1
		var p feed.Product
		if err := record.Decode(stored.Doc, &p); err != nil {
			return partner.StagedProduct{}, fmt.Errorf("product %d: %w", stored.ID, err)
		}
		for _, i := range of[stored.ID] {
			if err := patches[i].apply(&p); err != nil {
				return partner.StagedProduct{}, &PatchError{i, err}
			}
		}
		return stageProduct(&p), nil
	})
	if feed.KindOf(err) == feed.KindNotFound && found < len(ids) && !errors.As(err, new(*PatchError)) {
		err = &PatchError{of[ids[found]][0], feed.Errorf(feed.KindNotFound, "there is no product %d", ids[found])}
	}
	return result, err
}

// patched finds the product that a patch is for.
func (s *Service) patched(ctx context.Context, who Identity, p *ProductPatch) (feed.ProductID, error) {
	if p.ID != 0 {
		return p.ID, nil
	}
	if p.Code == "" {
		return 0, feed.Errorf(feed.KindInvalid, "a patch names a product or a code")
	}
	ids, err := s.db.ProductsByCode(ctx, who.Merchant, p.Code)
	switch {
	case err != nil:
		return 0, err
	case len(ids) == 0:
		return 0, feed.Errorf(feed.KindNotFound, "no product has the code %.80q", p.Code)
	case len(ids) > 1:
		return 0, &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("%d products have the code %.80q: %v", len(ids), p.Code, ids[:min(len(ids), 5)]), Hint: "name the product by its id too"}
	}
	return ids[0], nil
}

func (patch *ProductPatch) apply(p *feed.Product) error {
	prices := &p.Prices
	var size *feed.Size
	if patch.Code != "" {
		i, err := sizeByCode(p, patch.Code)
		if err != nil {
			return err
		}
		size = &p.Sizes[i]
		prices = &size.Prices
	}
	if len(patch.Stock) > 0 && size == nil {
		if len(p.Sizes) != 1 {
			return &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("product %d has %d sizes", p.ID, len(p.Sizes)), Hint: "name the size by its code"}
		}
		size = &p.Sizes[0]
	}
	for _, v := range patch.Stock {
		if !v.Quantity.Known() {
			return feed.Errorf(feed.KindInvalid, "a stock of product %d has no quantity", p.ID)
		}
		i := slices.IndexFunc(size.Stock, func(st feed.Stock) bool { return st.Warehouse == v.Warehouse })
		if i < 0 {
			size.Stock = append(size.Stock, feed.Stock{Warehouse: v.Warehouse, Quantity: v.Quantity})
			continue
		}
		st := &size.Stock[i]
		st.Quantity = v.Quantity
		// What was told of the old quantity does not hold of the new one.
		st.Available, st.Physical = feed.Quantity{}, feed.Quantity{}
	}
	set(&prices.List, patch.List)
	set(&prices.Wholesale, patch.Wholesale)
	set(&prices.Minimal, patch.Minimal)
	set(&prices.SRP, patch.SRP)
	if err := patch.Texts.apply(p, prices); err != nil {
		return fmt.Errorf("product %d: %w", p.ID, err)
	}
	if len(p.Sizes) == 1 {
		patch.join(p, prices)
	}
	return nil
}

// join makes the prices that were set or taken away, in either place, those of the
// product and of its only size: files show both, and readers that know products alone would go on
// selling for the price of before.
func (patch *ProductPatch) join(p *feed.Product, set *feed.Prices) {
	own := &p.Sizes[0].Prices
	for _, f := range []struct {
		given       bool
		set, of, in *feed.Price
	}{
		{patch.List != nil || patch.Texts.List != nil, &set.List, &p.Prices.List, &own.List},
		{patch.Wholesale != nil || patch.Texts.Wholesale != nil, &set.Wholesale, &p.Prices.Wholesale, &own.Wholesale},
		{patch.Minimal != nil || patch.Texts.Minimal != nil, &set.Minimal, &p.Prices.Minimal, &own.Minimal},
		{patch.SRP != nil || patch.Texts.SRP != nil, &set.SRP, &p.Prices.SRP, &own.SRP},
	} {
		if f.given {
			*f.of, *f.in = *f.set, feed.Price{}
		}
	}
}

// sizeByCode finds a size: its own code counts before the merchant's and the producer's.
func sizeByCode(p *feed.Product, code string) (int, error) {
	for _, of := range []func(*feed.Size) string{
		func(z *feed.Size) string { return z.Code },
		func(z *feed.Size) string { return z.ExternalCode },
		func(z *feed.Size) string { return z.ProducerCode },
	} {
		found, n := 0, 0
		for i := range p.Sizes {
			if of(&p.Sizes[i]) == code {
				found, n = i, n+1
			}
		}
		if n == 1 {
			return found, nil
		}
		if n > 1 {
			return 0, feed.Errorf(feed.KindConflict, "%d sizes of product %d have the code %.80q", n, p.ID, code)
		}
	}
	if p.DisplayCode == code && len(p.Sizes) == 1 {
		return 0, nil
	}
	return 0, feed.Errorf(feed.KindNotFound, "no size of product %d has the code %.80q", p.ID, code)
}

// Product gives one product of the catalog.
func (s *Service) Product(ctx context.Context, who Identity, id feed.ProductID) (*feed.Product, error) {
	if err := allow(who, ReadProducts); err != nil {
		return nil, err
	}
	return s.product(ctx, who, id)
}

func (s *Service) product(ctx context.Context, who Identity, id feed.ProductID) (*feed.Product, error) {
	doc, err := s.db.Product(ctx, who.Merchant, id)
	if err != nil {
		return nil, err
	}
	var p feed.Product
	if err := record.Decode(doc, &p); err != nil {
		return nil, fmt.Errorf("product %d: %w", id, err)
	}
	return &p, nil
}

// ProductSummary is one line of a list of products.
type ProductSummary struct {
	ID       feed.ProductID
	Name     string
	Code     string
	Sizes    int
	Currency feed.Currency
	// Price is the product's list price, or its first size's.
	Price feed.Price
	// Stock is the sum over sizes and warehouses.
	Stock feed.Quantity
}

// ProductList is a page of products; Next is the id to go on after, 0 at the end.
type ProductList struct {
	Products []ProductSummary
	Next     feed.ProductID
}

// Limits of a search by name: one call looks at so many products and then lets
// the caller go on.
const (
	searchPage = 500
	searchLook = 4_000
)

// SearchProducts lists products after an id. A query that is an id, a code or
// the beginning of a code finds these, and a whole code that is written in
// capitals or in small letters alone in whatever case; any other finds products
// by a name in which it occurs, or whose words begin with its words (see
// [Sought]), in whatever case and without regard to accents. A page may be short,
// or empty, before the end: then Next says where to go on.
func (s *Service) SearchProducts(ctx context.Context, who Identity, query string, after feed.ProductID, limit int) (ProductList, error) {
	var list ProductList
	if err := allow(who, ReadProducts); err != nil {
		return list, err
	}
	limit = page(limit)
	query = strings.TrimSpace(query)
	if query != "" {
		ids, err := s.byQuery(ctx, who, query)
		if err != nil {
			return list, err
		}
		if len(ids) > 0 {
			return s.summaries(ctx, who, ids, after, limit)
		}
	}
	return s.byName(ctx, who, query, after, limit)
}

// ProductsOfCode lists the products that a code names: one of a size, the merchant's
// own of it, or a GTIN.
func (s *Service) ProductsOfCode(ctx context.Context, who Identity, code string) ([]feed.ProductID, error) {
	if err := allow(who, ReadProducts); err != nil {
		return nil, err
	}
	return s.db.ProductsByCode(ctx, who.Merchant, code)
}

// byQuery gives the products that an id or a code names, in order.
func (s *Service) byQuery(ctx context.Context, who Identity, query string) ([]feed.ProductID, error) {
	ids, err := s.db.ProductsByPrefix(ctx, who.Merchant, query, maxPage)
	if err != nil {
		return nil, err
	}
	if len(ids) == 0 {
		if ids, err = s.byOtherCase(ctx, who, query); err != nil {
			return nil, err
		}
	}
	if n, err := strconv.ParseInt(query, 10, 64); err == nil && n > 0 && n <= feed.MaxProductID {
		_, err := s.db.Product(ctx, who.Merchant, feed.ProductID(n))
		if err == nil {
			ids = append(ids, feed.ProductID(n))
		} else if feed.KindOf(err) != feed.KindNotFound {
			return nil, err
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// byOtherCase gives the products of a whole code that is written in capitals, or in
// small letters, and was typed otherwise. Beginnings of codes are not found so: a
// word that is looked for in names would find a few of them in its place.
func (s *Service) byOtherCase(ctx context.Context, who Identity, query string) ([]feed.ProductID, error) {
	for _, code := range []string{strings.ToUpper(query), strings.ToLower(query)} {
		if code == query {
			continue
		}
		if ids, err := s.db.ProductsByCode(ctx, who.Merchant, code); len(ids) > 0 || err != nil {
			return ids, err
		}
	}
	return nil, nil
}

func (s *Service) summaries(ctx context.Context, who Identity, ids []feed.ProductID, after feed.ProductID, limit int) (list ProductList, err error) {
	for _, id := range ids {
		if id <= after {
			continue
		}
		if len(list.Products) == limit {
			list.Next = list.Products[limit-1].ID
			return list, nil
		}
		p, err := s.product(ctx, who, id)
		if feed.KindOf(err) == feed.KindNotFound && err != nil {
			continue // it went just now
		}
		if err != nil {
			return list, err
		}
		list.Products = append(list.Products, summary(p))
	}
	return list, nil
}

func (s *Service) byName(ctx context.Context, who Identity, query string, after feed.ProductID, limit int) (list ProductList, err error) {
	q := NewSought(query)
	for looked := 0; looked < searchLook; {
		stored, err := s.db.ProductPage(ctx, who.Merchant, after, searchPage)
		if err != nil {
			return list, err
		}
		for i := range stored {
			after = stored[i].ID
			found, err := q.inDocument(stored[i].Doc)
			if err != nil {
				return list, fmt.Errorf("product %d: %w", stored[i].ID, err)
			}
			if !found {
				continue
			}
			var p feed.Product
			if err := record.Decode(stored[i].Doc, &p); err != nil {
				return list, fmt.Errorf("product %d: %w", stored[i].ID, err)
			}
			list.Products = append(list.Products, summary(&p))
			if len(list.Products) == limit {
				list.Next = after
				return list, nil
			}
		}
		looked += len(stored)
		if len(stored) < searchPage {
			return list, nil
		}
	}
	list.Next = after
	return list, nil
}

func summary(p *feed.Product) ProductSummary {
	v := ProductSummary{ID: p.ID, Name: nameOf(p), Code: p.DisplayCode, Sizes: len(p.Sizes), Currency: p.Currency, Price: p.Prices.List}
	var sum int64
	for i := range p.Sizes {
		z := &p.Sizes[i]
		if v.Code == "" {
			v.Code = z.Code
		}
		if v.Price.IsZero() {
			v.Price = z.Prices.List
		}
		for _, st := range z.Stock {
			if st.Quantity.Unlimited() {
				v.Stock = feed.Unlimited()
			}
			sum += max(st.Quantity.Thousandths(), 0)
		}
	}
	if !v.Stock.Unlimited() {
		if q, err := feed.QuantityOf(sum); err == nil {
			v.Stock = q
		}
	}
	return v
}
