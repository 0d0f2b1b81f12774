package rules

const (
	codeProductDuplicate = "IOF-PRODUCT-DUPLICATE"
	codeProductID        = "IOF-PRODUCT-ID"
	codeChildTwice       = "IOF-CHILD-TWICE"
	codeWarrantyTwo      = "IOF-WARRANTY-TWO"
	codeProductName      = "IOF-PRODUCT-NAME"
	codeProductCategory  = "IOF-PRODUCT-CATEGORY"
	codeProductUnit      = "IOF-PRODUCT-UNIT"
	codeProductCard      = "IOF-PRODUCT-CARD"
	codeProductVAT       = "IOF-PRODUCT-VAT"
	codeProductSize      = "IOF-PRODUCT-SIZE"
	codeProductPrice     = "IOF-PRODUCT-PRICE"
	codeSizePrice        = "IOF-SIZE-PRICE"
	codeSizeStock        = "IOF-SIZE-STOCK"
	codeSizesMany        = "IOF-SIZES-MANY"
	codeFullEmpty        = "IOF-FULL-EMPTY"
	codeRemoved          = "IOF-REMOVED"
	codeBundleType       = "IOF-BUNDLE-TYPE"
	codeBundleSelf       = "IOF-BUNDLE-SELF"
	codeBundleNested     = "IOF-BUNDLE-NESTED"
	codeBundlePrice      = "IOF-BUNDLE-PRICE"
	codeWarrantyPeriod   = "IOF-WARRANTY-PERIOD"
	codeUnitName         = "IOF-UNIT-NAME"

	codeCodeDuplicate = "IOF-CODE-DUPLICATE"
	codeCodeMissing   = "IOF-CODE-MISSING"
	codeSizeDuplicate = "IOF-SIZE-DUPLICATE"
	codeSizeID        = "IOF-SIZE-ID"
	codeGTINCheck     = "IOF-GTIN-CHECK"
	codeGTINLength    = "IOF-GTIN-LENGTH"
	codeGTINChars     = "IOF-GTIN-CHARS"
	codeGTINHyphens   = "IOF-GTIN-HYPHENS"
	codeGTINStandard  = "IOF-GTIN-STANDARD"
	codeGTINDoubtful  = "IOF-GTIN-DOUBTFUL"
	codeGTINSwapped   = "IOF-GTIN-SWAPPED"
)

// productRules are about the completeness of products.
func productRules() []Rule {
	return []Rule{
		{codeProductDuplicate, LevelError, "product twice", "Two products of one file have the same id.", "Importers with a table by id: one of the two wins, by chance the older one.", "Write each product once.", "IOF 1; IOF 4.1"},
		{codeProductID, LevelWarning, "product id is not a whole number", "The id of a product in full or a change file is no whole number. full allows any text, light only numbers.", "Importers that read ids as numbers, and yourself: the product cannot stand in light.", "Use whole numbers, and keep them for good.", "IOF 5; CONSUMERS 9"},
		{codeChildTwice, LevelError, "child of product twice", "A child that a product has at most once stands there twice. category, unit, series and category_idosell may be repeated with the same id for other languages.", "Importers: some read the first, some the last, and none both.", "Write it once.", "IOF 4.2"},
		{codeWarrantyTwo, LevelError, "two warranties", "A product has more than one warranty. The same one in other languages is no second one.", "Importers, which read one of the two, and the partner's customers, who are promised the wrong one.", "Choose one warranty a product.", "IOF 1; IOF 4.3"},
		{codeProductName, LevelWarning, "product without a name", "description/name is missing.", "The partner: his shop shows a product without a name, or the importer skips it.", "Write the name in the recipient's language.", "IOF 4.2; IOF 4.4"},
		{codeProductCategory, LevelWarning, "product without a category", "category is missing.", "The partner: the product cannot be mapped and lies in no place of his shop.", "Put products without a category into one that says so.", "IOF 4.2; IOF 4.3"},
		{codeProductUnit, LevelWarning, "product without a unit", "unit is missing.", "Importers that need a unit to create a product.", "Write the unit, piece if there is no better one.", "IOF 4.2; IOF 4.3"},
		{codeProductCard, LevelHint, "product without a page", "card is missing.", "Partners who look products up, and importers that find out by the page whether a product lives.", "Write card@url always.", "IOF 4.3; CONSUMERS 24"},
		{codeProductVAT, LevelWarning, "product without VAT", "product@vat is missing in full or a change file.", "Importers that compute net from gross or the reverse: they take a rate of their own, and prices are off.", "Write the rate on the product.", "IOF 4.1; CONSUMERS 13"},
		{codeProductSize, LevelWarning, "product without a size", "A product in full or a change file has no size. A product without real sizes still has one, which carries code, stock and price.", "Importers that make sellable items from sizes: the product has none, so it is never sold.", "Write one size with the id uniw in the group -1.", "IOF 4.7; CONSUMERS 14"},
		{codeProductPrice, LevelWarning, "no price at product level", "A product has no price of its own. Sizes may have one; that does not replace it.", "Importers that read the price of the product alone: it costs nothing or is left out.", "Write net and gross at the product and at every size.", "IOF 4.5; CONSUMERS 13"},
		{codeSizePrice, LevelHint, "size without a price", "A size has no price and inherits that of its product.", "Importers that read the prices of sizes alone and do not fall back.", "Write net and gross at every size too.", "IOF 4.5; CONSUMERS 13"},
		{codeSizeStock, LevelWarning, "size without stock", "A size has no stock node.", "Importers: no node means out of stock to some and crashes others.", "Write stock with quantity 0 when there is nothing.", "IOF 4.8; CONSUMERS 14"},
		{codeSizesMany, LevelWarning, "very many sizes", "A product has more than 500 sizes.", "Importers with a limit of 500 sizes, which cut off the rest or refuse the product.", "Split the product into variants of a group.", "IOF 11.1"},
		{codeFullEmpty, LevelWarning, "full without products", "full holds no product. The format allows it.", "Partners, when it is an accident: an importer that deletes what is gone empties the shop.", "Hold back an offer that has lost most of its products until somebody has looked at it.", "IOF 3; CONSUMERS 17"},
		{codeRemoved, LevelWarning, "removed outside a change file", "A product in full has removed=\"yes\", which means something in change files only.", "Importers, which do not look for it there and go on selling the product.", "Leave the product out of full.", "IOF 4.1; IOF 6"},
		{codeBundleType, LevelWarning, "type and content of a set disagree", "A product of type bundle or collection has no bundled node, or one with components has another type.", "Importers that decide by the type, and those that decide by the node: half of them sell a set as a single piece.", "Set the type bundle or collection on exactly the products with components.", "IOF 4.1; IOF 4.13"},
		{codeBundleSelf, LevelError, "set holds itself", "A component is the product that it is part of.", "Importers that compute the stock of sets from their parts: they run in a circle.", "Mend the composition in the catalog.", "IOF 4.13"},
		{codeBundleNested, LevelHint, "sets have nested products", "The file has bundled components, which are product elements inside product. It is told once a file.", "Naive importers, which count every product element: they meet products without name, price and stock.", "Ask partners with such importers whether to leave bundled out of their feed.", "IOF 4.13; CONSUMERS 12"},
		{codeBundlePrice, LevelError, "component with price or stock", "A component of a set carries a price, a suggested price or stock.", "Importers that collect prices and stock of everything below product: the set costs and has what its part does.", "Write id, quantity, type and permitted sizes of a component, nothing else.", "IOF 4.13; CONSUMERS 12"},
		{codeWarrantyPeriod, LevelHint, "warranty period looks like days", "The period of a warranty is above 120. It counts months.", "The partner's customers, who are promised a warranty of decades.", "Write the period in months.", "IOF 4.3; IOF 7.7; CONSUMERS 24"},
		{codeUnitName, LevelHint, "unit name is no XML name", "unit@name has blanks or begins with a digit. The published schema types it as an XML name; ours allows any text.", "Importers that validate by the published schema: they refuse the file.", "Write short names without blanks, such as szt. or m2, and the full name into units.xml.", "IOF 4.3"},
	}
}

// codeRules are about what identifies a sellable item.
func codeRules() []Rule {
	return []Rule{
		{codeCodeDuplicate, LevelError, "size code twice", "Two sizes of one file have the same code. It identifies the sellable item across the offer.", "Importers with a table by code: stock and price of one item overwrite those of another, and orders bring the wrong goods.", "Give every size a code of its own.", "IOF 4.7; CONSUMERS 9"},
		{codeCodeMissing, LevelError, "size without a code", "size@code is missing, which the documentation of the format requires and its schema does not.", "Importers that take it as their SKU, which most do: the item is left out.", "Write a stable code at every size, such as product id, hyphen, size id.", "IOF 4.7; CONSUMERS 9"},
		{codeSizeDuplicate, LevelError, "size twice in a product", "Two sizes of one product have the same id.", "Importers with a table by size: one of the two is lost, and its stock with it.", "Write each size once.", "IOF 4.7"},
		{codeSizeID, LevelWarning, "size without an id", "size@id is missing.", "Importers that map sizes: an item without id has no size.", "Write the id, equal in full, light and sizes.xml.", "IOF 4.7; CONSUMERS 9"},
		{codeGTINCheck, LevelError, "wrong check digit", "code_producer does not have the check digit of the standard that product@producer_code_standard declares.", "Marketplaces and price comparison: they refuse the item, or match it with another product.", "Mend the code in the catalog, or declare MPN or OTHER.", "IOF 4.1; CONSUMERS 10; GS1 General Specifications, 7.9"},
		{codeGTINLength, LevelError, "wrong number of digits", "code_producer does not have as many digits as the declared standard. One digit short often means that a leading zero was lost.", "Marketplaces and price comparison: they refuse the item.", "Keep codes as text, leading zeros included, or declare the standard that fits.", "IOF 4.1; CONSUMERS 10"},
		{codeGTINChars, LevelError, "code is not digits only", "code_producer has other characters than digits, hyphens and blanks although the declared standard consists of digits (and X in ISBN-10).", "Marketplaces and price comparison: they refuse the item.", "Mend the code, or declare MPN or OTHER.", "IOF 4.1; CONSUMERS 10"},
		{codeGTINHyphens, LevelWarning, "code with hyphens or blanks", "code_producer is written with hyphens or blanks, as ISBNs are printed in books; the digits are those of the declared standard or not, which is judged apart.", "Importers that compare or look up digits, and readers of numbers.", "Write digits only.", "IOF 4.1; CONSUMERS 10"},
		{codeGTINStandard, LevelHint, "no code standard", "code_producer is a valid GTIN, and product@producer_code_standard is missing.", "Importers that trust a GTIN only where it is declared.", "Write producer_code_standard, such as GTIN13.", "IOF 4.1; CONSUMERS 10"},
		{codeGTINDoubtful, LevelWarning, "looks like a GTIN and is none", "code_producer has 12, 13 or 14 digits and a wrong check digit, and no standard says what else it is (none is declared, or AUTO).", "Importers that recognise an EAN by its length: they list the item under a code that marketplaces refuse.", "Mend the code, or declare MPN or OTHER.", "IOF 4.1; CONSUMERS 10"},
		{codeGTINSwapped, LevelHint, "codes look swapped", "iaiext:code_external is a valid GTIN of 13 digits and code_producer is none.", "Importers that take the EAN from code_producer. One large supplier does it this way round, and its importers rely on it.", "Put the GTIN into code_producer, unless this partner's importer wants it the other way round.", "IOF 4.7; CONSUMERS 10"},
	}
}
