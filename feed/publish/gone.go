package publish

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"feedmill/feed"
	"feedmill/feed/iof"
)

// appendGoneCSV writes the light.csv record of a product that has left the
// offer, from the sold-out node that light.xml shows of it.
func (p *plan) appendGoneCSV(ctx context.Context, node []byte) error {
	var doc []byte
	doc = p.writer.AppendLightHeader(doc, time.Time{}, time.Time{}, p.view.profile.Currency)
	doc = append(doc, node...)
	doc = p.writer.AppendLightFooter(doc)
	r := iof.NewReader(bytes.NewReader(doc), iof.ReadOptions{Kind: feed.KindLight})
	for product, err := range r.Products(ctx) {
		if err != nil {
			return fmt.Errorf("read the node of a product that has gone: %w", err)
		}
		item := goneItem(product, p.view.profile.Currency)
		p.csv.buf = p.view.csv.AppendLight(p.csv.buf, &item)
	}
	return nil
}

// goneItem shows a product as its light node does, with no rule applied again.
func goneItem(product *feed.Product, currency feed.Currency) feed.Item {
	points := func(p *feed.Prices) feed.PricePoints {
		return feed.PricePoints{Price: p.List, SRP: p.SRP, StrikethroughRetail: p.StrikethroughRetail, StrikethroughWholesale: p.StrikethroughWholesale}
	}
	item := feed.Item{Product: product, Currency: currency, Light: points(&product.Prices)}
	for i := range product.Sizes {
		z := &product.Sizes[i]
		item.Sizes = append(item.Sizes, feed.ItemSize{Light: points(&z.Prices), Stock: z.Stock})
	}
	return item
}
