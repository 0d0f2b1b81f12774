package site

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"strings"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/feed/record"
	"feedmill/internal/partner"
)

// Product is a product of the small catalogs that test programs publish.
type Product struct {
	ID feed.ProductID
	// Price in units of the currency, and the pieces in stock.
	Price, Stock int
	// Category is one of few.
	Category int
}

// Line writes the product as a line of a JSON Lines catalog.
func (p *Product) Line() string {
	return fmt.Sprintf(`{"id":%d,"category":{"id":"%d","name":"Rzeczy %d"},"producer":{"id":"%d","name":"Firma %d"},"unit":{"id":"1","name":"szt."},`+
		`"name":{"pol":"Produkt %d","eng":"Product %d"},"price":"%d.00","code":"c%d","stock":[{"warehouse":1,"quantity":%d}]}`+"\n",
		p.ID, p.Category, p.Category, p.ID%2, p.ID%2, p.ID, p.ID, p.Price, p.ID, p.Stock)
}

// Text writes a catalog.
func Text(products []Product) string {
	var b strings.Builder
	b.WriteString(`{"record":"catalog","language":"pol","currency":"PLN","vat":"23"}` + "\n")
	for i := range products {
		b.WriteString(products[i].Line())
	}
	return b.String()
}

// Load makes a text the catalog, as an import does; where keep is set products
// that it does not name stay.
func (s *Site) Load(ctx context.Context, text string, keep bool) (plan partner.MergePlan, err error) {
	src, err := catalog.Open([]string{"-"}, catalog.Options{Stdin: strings.NewReader(text)})
	if err != nil {
		return plan, err
	}
	defer src.Close()
	id := partner.NewImportID()
	if _, err := s.Records.StageProducts(ctx, s.Merchant.ID, id, encoded(src.Products(ctx))); err != nil {
		return plan, err
	}
	if err := src.Err(); err != nil {
		return plan, fmt.Errorf("the catalog: %w, %v", err, src.Problems())
	}
	before, err := s.Records.Dictionaries(ctx, s.Merchant.ID)
	if err != nil {
		return plan, err
	}
	if before.Version == 0 {
		if err := s.Records.StageDictionaries(ctx, s.Merchant.ID, id, record.AppendDictionaries(nil, src.Dictionaries()), 0); err != nil {
			return plan, err
		}
	}
	mode := partner.MergeReplace
	if keep {
		mode = partner.MergeUpsert
	}
	return s.Records.Merge(ctx, Actor, s.Merchant.ID, id, mode, nil)
}

// Put changes, adds and removes some products, as the API does. The change's
// number in the queue stands in the receipt of the context.
func (s *Site) Put(ctx context.Context, put []Product, removed []feed.ProductID) error {
	staged, err := Encode(ctx, put)
	if err != nil {
		return err
	}
	_, err = s.Records.PutProducts(ctx, Actor, s.Merchant.ID, staged, removed)
	return err
}

// Encode gives products as records take them.
func Encode(ctx context.Context, list []Product) ([]partner.StagedProduct, error) {
	if len(list) == 0 {
		return nil, nil
	}
	src, err := catalog.Open([]string{"-"}, catalog.Options{Stdin: strings.NewReader(Text(list))})
	if err != nil {
		return nil, err
	}
	defer src.Close()
	var out []partner.StagedProduct
	for p, err := range encoded(src.Products(ctx)) {
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	if err := src.Err(); err != nil {
		return nil, fmt.Errorf("the catalog: %w, %v", err, src.Problems())
	}
	return out, nil
}

func encoded(in iter.Seq2[*feed.Product, error]) iter.Seq2[partner.StagedProduct, error] {
	return func(yield func(partner.StagedProduct, error) bool) {
		for p, err := range in {
			if err != nil {
				yield(partner.StagedProduct{}, err)
				return
			}
			doc := record.Append(nil, p)
			if !yield(partner.StagedProduct{ID: p.ID, Doc: doc, Digest: sha256.Sum256(doc)}, nil) {
				return
			}
		}
	}
}

// ID gives a product's id.
func ID(n int) feed.ProductID { return feed.ProductID(n) }
