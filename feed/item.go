package feed

// Item is what one profile shows of one product: everything that depends on
// prices and stock, computed once, ready to be written. Texts, codes and
// references stay in Product.
type Item struct {
	Product *Product
	// Currency of all prices of the item: the profile's, or the product's own.
	Currency Currency
	// Full are list prices for full files, Light the partner's for light ones.
	Full, Light PricePoints
	// Promotion holds the promotional price and the regular ones in Currency;
	// only set when the product takes part in a promotion.
	Promotion PromotionPrices
	// Sizes stand parallel to Product.Sizes.
	Sizes []ItemSize
}

// PricePoints are the prices of a file for a product or size. A zero [Price]
// is left out, except that a product and each of its sizes always have Price.
type PricePoints struct {
	Price, SRP, StrikethroughRetail, StrikethroughWholesale Price
}

// PromotionPrices are the prices of a [Promotion] in the item's currency.
type PromotionPrices struct{ Price, NormalRetail, NormalWholesale Price }

// ItemSize is what a profile shows of one size.
type ItemSize struct {
	Full, Light PricePoints
	// Stock is never empty; quantities are known and policy has been applied.
	Stock []Stock
}
