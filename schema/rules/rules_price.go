package rules

const (
	codePriceVAT        = "IOF-PRICE-VAT"
	codePriceIncomplete = "IOF-PRICE-INCOMPLETE"
	codePriceNegative   = "IOF-PRICE-NEGATIVE"
	codePriceDigits     = "IOF-PRICE-DIGITS"
	codeCurrency        = "IOF-CURRENCY"
	codeCurrencyMissing = "IOF-CURRENCY-MISSING"

	codeQuantityFraction  = "IOF-QUANTITY-FRACTION"
	codeQuantityUnlimited = "IOF-QUANTITY-UNLIMITED"
	codeQuantityMissing   = "IOF-QUANTITY-MISSING"
	codeQuantityThree     = "IOF-QUANTITY-THREE"
	codeStockSeveral      = "IOF-STOCK-SEVERAL"
	codeStockDuplicate    = "IOF-STOCK-DUPLICATE"
	codeWeight            = "IOF-WEIGHT"
)

// priceRules are about money.
func priceRules() []Rule {
	return []Rule{
		{codePriceVAT, LevelError, "net, gross and VAT disagree", "Net plus VAT differs from gross by more than one minor unit of the currency. The rate is that of the price, else of the product, else, in light, that of the product in full. 0 for both means that there is no price and is not judged.", "Importers: some read net, some gross, so two partners buy at two prices, and invoices do not match.", "Compute one of the two from the other, once, and round half up to the minor unit.", "IOF 4.5; CONSUMERS 13"},
		{codePriceIncomplete, LevelWarning, "net or gross missing", "A price has only one of net and gross.", "Importers that read the other one: the product costs nothing, or is left out.", "Write both.", "IOF 4.5; CONSUMERS 13"},
		{codePriceNegative, LevelError, "price below zero", "A price is negative.", "Everybody who sells by it.", "Mend the price; leave the node out when there is none.", "IOF 4.5"},
		{codePriceDigits, LevelHint, "price without two decimals", "A price of full, light or a change file is not written with exactly the decimals of its currency, two for most.", "Importers that compare texts: 1575.6 in full and 1575.60 in light is a change to them, and a few cut at fixed places.", "Write all decimals, the same text in full and light.", "IOF 4.5; CONSUMERS 5"},
		{codeCurrency, LevelError, "currencies disagree", "A product names another currency than its file or a product before it, or light or a change file another one than full.", "Everybody who reads the other one: 100 PLN and 100 EUR differ by a factor of four.", "Convert all prices of an offer into the recipient's currency and say it everywhere alike.", "IOF 3; IOF 4.1; IOF 5"},
		{codeCurrencyMissing, LevelWarning, "no currency", "Neither products nor a product in it says the currency of its prices. It is told once a file, with the number of such products.", "Importers that take their own currency instead.", "Write currency on products and on every product.", "IOF 3; IOF 4.1"},
	}
}

// stockRules are about quantities and weights.
func stockRules() []Rule {
	return []Rule{
		{codeQuantityFraction, LevelWarning, "quantity with decimals", "A quantity is written with a point although the unit of the product is counted in whole pieces: units.xml gives no decimals, or it is not known and the decimals are zeros. With a fractional unit more decimals than it has are too many.", "Typed readers: they throw at 7.000 and at 7.5 and lose the product.", "Write plain whole numbers, unless the unit is fractional.", "IOF 4.8; IOF 7.4; CONSUMERS 5"},
		{codeQuantityUnlimited, LevelHint, "unlimited stock", "A quantity is -1, the format's own sign for unlimited.", "Importers, which read it six different ways; most take a negative number for out of stock.", "Write a finite number such as 999, unless this partner's importer wants the sign.", "IOF 4.8; CONSUMERS 16"},
		{codeQuantityMissing, LevelWarning, "stock without a quantity", "A stock node has no quantity.", "Importers that read quantity alone: out of stock, or a crash.", "Write quantity, 0 when there is nothing.", "IOF 4.8; CONSUMERS 14"},
		{codeQuantityThree, LevelHint, "quantities of one stock disagree", "available_stock_quantity of a stock differs from its quantity.", "Importers, of which some prefer the one and some the other: two partners see different stock.", "Write the same number into both.", "IOF 4.8; CONSUMERS 5"},
		{codeStockSeveral, LevelHint, "several stock nodes in a size", "A size has more than one stock node.", "Importers: two nodes are read as 0, as the first, or as the sum.", "Write one node with the sum, unless this partner's importer wants warehouses apart.", "IOF 4.8; CONSUMERS 15"},
		{codeStockDuplicate, LevelError, "warehouse twice in a size", "Two stock nodes of one size name the same warehouse.", "Importers with a table by warehouse: one of the two quantities is lost.", "Write each warehouse once.", "IOF 4.8"},
		{codeWeight, LevelHint, "weight is not whole grams", "A weight has a fraction other than zero. Weights are grams.", "Importers that divide by 1000 to get kilograms: 1.5 becomes one and a half grams, and shipping costs follow.", "Write whole grams.", "IOF 4.7; CONSUMERS 24"},
	}
}
