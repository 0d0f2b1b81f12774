// Package pricing decides what one partner sees of one product: whether it is
// in his assortment, at which prices, and how much of its stock. It can tell
// why, step by step.
//
// It owns the arithmetic of prices, the precedence of discounts, the matching
// of assortment rules and the stock policy. It refuses to know where products
// and profiles come from and how anything is written, and does no I/O: the
// same product and profile always give the same [feed.Item].
//
// # Order of a price
//
// The base is what the profile's price list says. Where that says nothing, and
// without one, it is the list price, or for wholesalers the wholesale price and
// the list price where there is none. A size's price of a kind replaces its
// product's price of that kind. From the base on everything is exact:
//
//	base -> rate -> discount -> floor -> rounding -> VAT
//
// The rate is the profile's own, else the merchant's. The floor is the minimal
// price converted from the product's currency; no discount goes below it, and no
// price list. There is one rounding, half up, to the minor unit of the target
// currency, on the profile's leading side; the other side follows by VAT. A
// price that nothing changed keeps both sides as they came. A price whose
// leading side is zero while the other is not is led by the other side.
//
// Full files show the list price converted, without discount and floor; only
// a wholesaler is shown the wholesale price there, and only where there is no
// list price. A price of a price list is shown there only where the catalog has no
// list price. Suggested and strikethrough prices and those of a promotion are
// converted and never discounted. Wholesale figures reach nobody but
// wholesalers.
//
// A product without a price of its own shows that of its first size. Every
// size needs a price, its own or its product's; otherwise the product is left
// out, unless the attribute iaiext:product_free says yes: then the price is 0.
//
// # Who is in
//
// Whether a product is in never depends on discounts, because partners who
// differ only in discounts share one full file. So a list price that the rate
// rounds to nothing leaves the product out, while one that a discount rounds
// to nothing is shown as 0. Amounts too large for the format leave a product
// out rather than show a wrong price.
package pricing
