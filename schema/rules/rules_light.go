package rules

const (
	codeLightMissing     = "IOF-LIGHT-MISSING"
	codeLightUnknown     = "IOF-LIGHT-UNKNOWN"
	codeLightRemoved     = "IOF-LIGHT-REMOVED"
	codeLightEmpty       = "IOF-LIGHT-EMPTY"
	codeLightForeign     = "IOF-LIGHT-FOREIGN"
	codeLightNoSize      = "IOF-LIGHT-NO-SIZE"
	codeLightFree        = "IOF-LIGHT-FREE"
	codeLightNoPrice     = "IOF-LIGHT-NO-PRICE"
	codeLightSizeUnknown = "IOF-LIGHT-SIZE-UNKNOWN"
	codeLightSizeMissing = "IOF-LIGHT-SIZE-MISSING"
	codeLightCode        = "IOF-LIGHT-CODE"
	codeLightVAT         = "IOF-LIGHT-VAT"
	codeLightAbove       = "IOF-LIGHT-ABOVE"
	codeLightSRP         = "IOF-LIGHT-SRP"
	codeSRPDiffers       = "IOF-SRP-DIFFERS"
	codeStockOdds        = "IOF-STOCK-ODDS"

	codeChangePartial = "IOF-CHANGE-PARTIAL"
	codeChangeEmpty   = "IOF-CHANGE-EMPTY"
	codeChangeUnknown = "IOF-CHANGE-UNKNOWN"
)

// lightRules are about light, alone and beside full.
func lightRules() []Rule {
	return []Rule{
		{codeLightMissing, LevelError, "product missing from light", "A product of full and of the change files after it is not in light, which must be complete every time.", "Partners: importers set what is absent to 0 or switch it off, so the product vanishes from their shops.", "Write every product of the offer into every light, with quantity 0 when there is nothing.", "IOF 1; IOF 5; CONSUMERS 17"},
		{codeLightUnknown, LevelError, "product in light that nobody described", "light sells a product that neither full nor a change file after it has. With quantity 0 it is taken for one that was removed earlier.", "Importers: they have stock and price of a product without a name, and either fail or create an empty one.", "Publish the product in full or a change file before light names it.", "IOF 1; IOF 5"},
		{codeLightRemoved, LevelError, "removed product still sold", "A change file removed the product, and light still has stock of it. With quantity 0 it may stay.", "Partners, who go on selling it: hardly any importer reads removed=\"yes\".", "Show a removed product with quantity 0 for two weeks, then leave it out.", "IOF 6; CONSUMERS 18"},
		{codeLightEmpty, LevelWarning, "light without products", "light holds no product. The format allows it.", "Partners: an empty list is refused by some importers and switches off the whole shop at others.", "Serve the last good light, and hold back an empty one until somebody has looked at it.", "IOF 5; CONSUMERS 17"},
		{codeLightForeign, LevelError, "light holds what belongs to full", "A product in light has another child than price, srp, strikethrough prices and sizes. It is told once for each such child.", "Importers that recognise the role by the content: they take the file for a full, and prices of the partner for list prices.", "Keep light to prices, sizes and stock.", "IOF 5; CONSUMERS 17"},
		{codeLightNoSize, LevelError, "light product without a size", "A product in light has no size.", "Importers: nothing of the product can be sold, and some refuse the file.", "Write at least one size with code and stock.", "IOF 5; CONSUMERS 14, 17"},
		{codeLightNoPrice, LevelError, "light product without a price", "A product in light has no price, nor has every size of it.", "Importers that call such a file ambiguous, and those that set the price to 0.", "Write the price at the product and at every size.", "IOF 5; CONSUMERS 13, 17"},
		{codeLightFree, LevelWarning, "light sells for nothing", "A product in light has stock of something whose price is 0, which the format writes for no price. One that full marks as free may be so.", "Importers that take the number as it is, which sell for nothing, and those that take it for no price, which leave the product out.", "Leave out what has no price yet, or show it with quantity 0.", "IOF 4.5; IOF 5; CONSUMERS 17"},
		{codeLightSizeUnknown, LevelError, "size in light that full does not have", "The id of a size of light is not one of the same product in full and change files. A size that a change file took from the product may stay with quantity 0.", "Importers that match sizes by id: stock and price go nowhere. Often the one size is uniw here and 0 there.", "Use one id for a size, in full, light and sizes.xml.", "IOF 4.7; IOF 5; CONSUMERS 9"},
		{codeLightSizeMissing, LevelError, "size missing from light", "A product of light has fewer sizes than full and change files give it; a size that stands there twice counts once. It is told once a product.", "Partners: what is absent counts as sold out.", "Write every size into every light, with quantity 0 when there is nothing.", "IOF 5; CONSUMERS 14, 17"},
		{codeLightCode, LevelError, "code differs between full and light", "The code of a size is another one in light than in full and change files.", "Importers that match by code: stock and price go nowhere or to another item.", "Write one stable code a size, everywhere.", "IOF 4.7; CONSUMERS 9"},
		{codeLightVAT, LevelWarning, "VAT differs between full and light", "The VAT rate of a product is another one in light than in full and change files.", "Importers that compute gross from the net of one file and the rate of the other.", "Write one rate a product, everywhere.", "IOF 4.1; IOF 5; CONSUMERS 13"},
		{codeLightAbove, LevelHint, "price in light above that of full", "light asks more for a product or size than full, whose price has no discount yet. A discount cannot explain that; a price that rose since can.", "Partners who compare the two, and those who take list price for what they pay.", "Make both files from one snapshot and one profile; publish the new price in a change file too.", "IOF 4.5; IOF 5; CONSUMERS 5"},
		{codeLightSRP, LevelWarning, "no suggested price in light", "full gives a product a suggested price and light does not, at product level.", "One importer at least, which sets price and stock to zero without it.", "Repeat srp of the product in light.", "IOF 5; CONSUMERS 13"},
		{codeSRPDiffers, LevelWarning, "suggested price differs between full and light", "The suggested price of a product is another one in light than in full and change files. No discount applies to it.", "Partners: two importers show two prices for the same thing.", "Make both files from one snapshot.", "IOF 4.5; CONSUMERS 5, 13"},
		{codeStockOdds, LevelHint, "stock differs between full and light", "Both files say the same time, and yet the quantities of a product differ.", "Importers that read stock from full: they sell what is gone.", "Make both files from one snapshot, or leave stock out of full.", "IOF 4.8; IOF 5"},
	}
}

// changeRules are about change files.
func changeRules() []Rule {
	return []Rule{
		{codeChangePartial, LevelError, "partial product in a change file", "A product of a change file lacks its name, its price or its sizes, and is not removed. A change file carries complete nodes.", "Every importer tried: it replaces the product by the node, and what is not there becomes empty; price and stock turned 0.", "Write the whole product, with what did not change.", "IOF 6; CONSUMERS 18"},
		{codeChangeEmpty, LevelWarning, "change file without products", "A change file holds no product.", "Importers that fetch and process it for nothing, every time.", "Publish a change file only when something has changed.", "IOF 6"},
		{codeChangeUnknown, LevelWarning, "removal of an unknown product", "A change file removes a product that neither full nor an earlier change file has.", "Importers that look the product up first and stop.", "Remove only what this partner was offered.", "IOF 1; IOF 6"},
	}
}
