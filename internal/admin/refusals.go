package admin

import "feedmill/feed/catalog"

// refusals are the sentences by which the domain refuses what people type into
// forms, and what it advises then, as their packages write them. A sentence that
// stands not here, nor among those of imports, is told in English.
func refusals() []catalog.Sentence {
	return []catalog.Sentence{
		{Code: "r-email", Text: `{} is not an e-mail address`},
		{Code: "r-tag", Text: `{} is no tag: a tag is up to 60 bytes without commas and without blanks around it`},
		{Code: "r-notes", Text: `the notes are longer than 20000 bytes or hold characters that no text may hold`},
		{Code: "r-discount", Text: `{} is out of range: a discount is at most 100`},
		{Code: "r-discount-twice", Text: `two discounts for {}`},
		{Code: "r-rate", Text: `{} is no exchange rate: it must be positive`},
		{Code: "r-rate-itself", Text: `rate from {} to itself: leave it out`},
		{Code: "r-rate-twice", Text: `two rates from {}`},
		{Code: "r-currency", Text: `the profile has exchange rates but no currency`},
		{Code: "r-h-currency", Text: `set currency to the one that prices are converted to`},
		{Code: "r-language-twice", Text: `language {} is listed twice`},
		{Code: "r-finite", Text: `the stock buffer and the stock cap are finite numbers`},
		{Code: "r-network", Text: `{} is no network`},
		{Code: "r-h-network", Text: `write 203.0.113.0/24, 2001:db8::/48 or one address`},
		{Code: "r-network-bits", Text: `network {} has bits behind its prefix`},
		{Code: "r-h-network-bits", Text: `write {}/{n}`},
		{Code: "r-network-both", Text: `network {} holds IPv4 and IPv6: write the two apart`},
		{Code: "r-networks", Text: `a link is bound to at most {n} networks, not {n}`},
		{Code: "r-base", Text: `the base address is not one that addresses can begin with`},
		{Code: "r-h-base", Text: `give scheme and host, such as https://feeds.example.com, without a slash at the end`},
		{Code: "r-ascii", Text: `the address has letters beyond ASCII`},
		{Code: "r-h-ascii", Text: `write it as browsers give it when it is copied: the host as xn--…, other letters as %…`},
		{Code: "r-login", Text: `a login has 1 to {n} characters and no blanks`},
		{Code: "r-owner", Text: `this is the last owner`},
		{Code: "r-h-owner", Text: `make another one first`},
		{Code: "r-points", Text: `a switch has {n} points in time before it, at most {n} are kept`},
		{Code: "r-point-twice", Text: `the points in time of a switch ascend, and {} does not follow {}`},
		{Code: "r-shop", Text: `offer {} ({}) is for the shop`},
		{Code: "r-h-shop", Text: `delete the shop's offers first, or give them to another shop`},
		{Code: "r-list-key-code", Text: `the product with the key {} has no size with the code {}, or there is no such product`},
		{Code: "r-list-key", Text: `no product has the key {}`},
		{Code: "r-list-id-code", Text: `product {n} has no size with the code {}, or there is no such product`},
		{Code: "r-list-id", Text: `there is no product {n}`},
		{Code: "r-list-code", Text: `no product has the code {}`},
		{Code: "r-list-codes", Text: `several products or sizes have the code {}`},
		{Code: "r-list-again", Text: `{-} stands in line {n} already`},
		{Code: "r-list-lines", Text: `a price list takes {n} lines at a time, not {n}`},
		{Code: "r-list-priced", Text: `price list {} has prices in {}`},
		{Code: "r-h-list-priced", Text: `make another list, or remove its prices first`},
		{Code: "r-list-used", Text: `an offer takes its prices from price list {}`},
		{Code: "r-list-used-more", Text: `{n} offers take their prices from price list {}`},
		{Code: "r-h-list-used", Text: `have them name another one, or none, first`},
		{Code: "r-no-products", Text: `the catalog has no products`},
		{Code: "r-h-list-one", Text: `name a product by its id or by its key`},
		{Code: "r-h-list-leave", Text: `leave one of them out`},
		{Code: "r-list-long", Text: `is too long`},
		{Code: "r-list-behind", Text: `something follows the object`},
	}
}

// newPhrases makes what recognizes everything that pages tell in the reader's language.
func newPhrases() *catalog.Phrases { return catalog.NewPhrases(refusals()...) }
