package rules

const (
	codeRefCategory  = "IOF-REF-CATEGORY"
	codeRefProducer  = "IOF-REF-PRODUCER"
	codeRefUnit      = "IOF-REF-UNIT"
	codeRefSeries    = "IOF-REF-SERIES"
	codeRefWarranty  = "IOF-REF-WARRANTY"
	codeRefSizeGroup = "IOF-REF-SIZE-GROUP"
	codeRefSize      = "IOF-REF-SIZE"
	codeRefStock     = "IOF-REF-STOCK"
	codeRefSection   = "IOF-REF-SECTION"
	codeRefParameter = "IOF-REF-PARAMETER"
	codeRefValue     = "IOF-REF-VALUE"
	codeRefGroup     = "IOF-REF-GROUP"
	codeRefComponent = "IOF-REF-COMPONENT"

	codeSizeOtherGroup    = "IOF-SIZE-OTHER-GROUP"
	codeSizeGroup         = "IOF-SIZE-GROUP"
	codeDictDuplicate     = "IOF-DICT-DUPLICATE"
	codeDictID            = "IOF-DICT-ID"
	codeWarrantyTerms     = "IOF-WARRANTY-TERMS"
	codeCategoryLoop      = "IOF-CATEGORY-LOOP"
	codeCategoryPath      = "IOF-CATEGORY-PATH"
	codeCategorySeparator = "IOF-CATEGORY-SEPARATOR"
)

const (
	meansUnresolved = " It is judged where the family has the dictionary; change files older than the full are left alone, since nobody applies them."
	hurtsMapping    = "Importers that map by the dictionaries: the partner cannot map what he is not told about, and the product lands nowhere or stops the import."
	mendSnapshot    = "Write all files of an offer from one snapshot of the catalog, and into a dictionary everything that products use."
)

// referenceRules are about ids that point from one place to another (IOF 1).
func referenceRules() []Rule {
	return []Rule{
		{codeRefCategory, LevelError, "category not in categories.xml", "The id of product/category stands nowhere in the tree of categories.xml." + meansUnresolved, hurtsMapping, mendSnapshot, "IOF 1; IOF 4.3; IOF 7.1"},
		{codeRefProducer, LevelError, "producer not in producers.xml", "The id of product/producer is not in producers.xml." + meansUnresolved, "Importers that create brands from the dictionary: the product has no brand in the partner's shop.", mendSnapshot, "IOF 1; IOF 4.3; IOF 7.3"},
		{codeRefUnit, LevelError, "unit not in units.xml", "The id of product/unit is not in units.xml." + meansUnresolved, "Importers that map units: the quantity steps of the product are unknown, so it cannot be sold.", mendSnapshot, "IOF 1; IOF 4.3; IOF 7.4"},
		{codeRefSeries, LevelError, "series not in series.xml", "The id of product/series is not in series.xml." + meansUnresolved, hurtsMapping, mendSnapshot, "IOF 1; IOF 4.3; IOF 7.5"},
		{codeRefWarranty, LevelError, "warranty not in warranties.xml", "The id of product/warranty is not in warranties.xml." + meansUnresolved, "Importers that take terms from the dictionary: the partner's customers see no warranty.", mendSnapshot, "IOF 1; IOF 4.3; IOF 7.7"},
		{codeRefSizeGroup, LevelError, "size group not in sizes.xml", "sizes@iaiext:group_id of a product is not a group of sizes.xml; the group -1 of products without sizes must be there too." + meansUnresolved, "Importers that map sizes group by group: no size of the product can be mapped.", mendSnapshot, "IOF 1; IOF 4.7; IOF 7.2; CONSUMERS 11"},
		{codeRefSize, LevelError, "size not in sizes.xml", "The id of a size is in no group of sizes.xml." + meansUnresolved, "Importers that map sizes: the size is left out, and its stock with it.", mendSnapshot, "IOF 1; IOF 4.7; IOF 7.2; CONSUMERS 11"},
		{codeSizeOtherGroup, LevelError, "size of another group", "The id of a size is in sizes.xml, yet not in the group that the product names; or, where no group is named, no single group holds all its sizes. A product uses exactly one group, and ids count within it." + meansUnresolved, "Importers that map sizes group by group: an id of another group means another size, so the wrong one is sold.", "Put all sizes of a product into the group that it names.", "IOF 1; IOF 7.2; CONSUMERS 11"},
		{codeSizeGroup, LevelWarning, "no size group", "sizes of a full or change file has no iaiext:group_id.", "Importers that map sizes group by group: ids such as 1 or S mean something else in every group.", "Write iaiext:group_id and iaiext:group_name, -1 for products without sizes.", "IOF 4.7; CONSUMERS 11"},
		{codeRefStock, LevelError, "warehouse not in stocks.xml", "The id of a stock is not in stocks.xml." + meansUnresolved, "Importers that choose by warehouse: they ignore stock that they cannot name.", mendSnapshot, "IOF 1; IOF 4.8; IOF 7.6"},
		{codeRefSection, LevelError, "section not in parameters.xml", "The id of a section, or of a parameter of type section, is in neither the sections nor the parameters of parameters.xml." + meansUnresolved, hurtsMapping, mendSnapshot, "IOF 1; IOF 4.12; IOF 7.8"},
		{codeRefParameter, LevelError, "parameter not in parameters.xml", "The id of a parameter is not in parameters.xml." + meansUnresolved, hurtsMapping, mendSnapshot, "IOF 1; IOF 4.12; IOF 7.8"},
		{codeRefValue, LevelError, "value not in parameters.xml", "The id of a parameter's value is not in parameters.xml." + meansUnresolved, hurtsMapping, mendSnapshot, "IOF 1; IOF 4.12; IOF 7.8"},
		{codeRefGroup, LevelError, "leading variant is not in the offer", "group@first_product_id, or group@id where no leader is named and the id is a number, is the id of no product of full and change files.", "Importers that hang variants onto their leader: the group falls apart or is not made.", "Name as leader a product that this partner is offered; choose another one when the leader is left out.", "IOF 1; IOF 4.11"},
		{codeRefComponent, LevelError, "component is not in the offer", "bundled/product names a product that full and change files do not have. A component is a normal product of the offer.", "Importers that build sets from their parts: the set cannot be put together.", "Offer the components too, or leave the set out.", "IOF 1; IOF 4.13"},
		{codeDictDuplicate, LevelError, "id twice in a dictionary", "A dictionary gives one id to two entries: in the file, or in the group for sizes, or in the list for parameters.", "Importers with a table by id: one of the two names is lost, and products appear under the wrong one.", "Give every entry an id of its own.", "IOF 1; IOF 7"},
		{codeDictID, LevelWarning, "dictionary entry without id or name", "An entry of a dictionary has no id or no name, or an empty one.", "The partner, who has to map an entry that he cannot tell from others.", "Write both, always.", "IOF 7; CONSUMERS 6"},
		{codeWarrantyTerms, LevelWarning, "terms of a warranty incomplete", "terms in warranties.xml lacks its type, period_number or period_unit, or its type is none of seller, producer and none, its number is not whole, or its unit is not month.", "Importers that read terms: without all three the partner's customers are promised no warranty, or one of years instead of months.", "Write type, period_number and period_unit=\"month\", or leave terms out.", "IOF 7.7; CONSUMERS 24"},
		{codeCategoryLoop, LevelError, "category within itself", "A category or series stands below an entry of the same id.", "Importers that follow parents: they run in a circle, or lose the branch.", "Mend the tree in the catalog: an entry has one parent and is not its own ancestor.", "IOF 7.1; IOF 7.5"},
		{codeCategoryPath, LevelWarning, "category name is not its path", "category@name in the language of the dictionary is not the path of names from the root of categories.xml, joined by /.", "Importers that build the tree from the names in full: they get other branches than those who read the dictionary, and products move when an importer changes over.", "Write the whole path, as Home/Bath.", "IOF 4.3; CONSUMERS 11"},
		{codeCategorySeparator, LevelWarning, "backslash in a category name", "category@name holds a \\, which other formats use to join paths.", "Importers that split the name at /: they make one category with a strange name.", "Join the names of a path by /.", "IOF 4.3; CONSUMERS 11"},
	}
}
