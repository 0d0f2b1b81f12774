package publish

import (
	"context"

	"feedmill/feed"
)

// appendGoneCSV writes the light.csv record of a product that has left the
// offer, from the sold-out node that light.xml shows of it.
func (p *plan) appendGoneCSV(ctx context.Context, node []byte) error {
	product, err := p.readLight(ctx, node)
	if err != nil {
		return err
	}
	item := goneItem(product, p.view.profile.Currency)
	p.csv.buf = p.view.csv.AppendLight(p.csv.buf, &item)
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
