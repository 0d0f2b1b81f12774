package rules

const (
	codeTextMixed   = "IOF-TEXT-MIXED"
	codeTextEscaped = "IOF-TEXT-ESCAPED"
	codeTextLink    = "IOF-TEXT-LINK"
	codeLangMissing = "IOF-LANG-MISSING"
	codeLangFirst   = "IOF-LANG-FIRST"
	codeLangCode    = "IOF-LANG-CODE"
	codeLangTwice   = "IOF-LANG-TWICE"

	codeImagePriority  = "IOF-IMAGE-PRIORITY"
	codeImageURL       = "IOF-IMAGE-URL"
	codeImageAmpersand = "IOF-IMAGE-AMPERSAND"
	codeImageHash      = "IOF-IMAGE-HASH"
	codeLinkURL        = "IOF-LINK-URL"
)

// textRules are about texts and languages.
func textRules() []Rule {
	return []Rule{
		{codeTextMixed, LevelWarning, "text in mixed styles", "One node holds text both inside and outside a CDATA section, or several sections. White space around a section does not count.", "Importers that read only the first child of a node, or only its CDATA: half of the text is gone.", "Write one CDATA section a node, and ]]&gt; for ]]> inside it.", "CONSUMERS 7"},
		{codeTextEscaped, LevelHint, "text not in CDATA", "A name or description of a product is escaped text instead of a CDATA section. To XML both are the same.", "Importers that look for CDATA nodes. One importer wants it the other way round.", "Write names and descriptions in CDATA, unless this partner's importer wants escaped text.", "CONSUMERS 7"},
		{codeTextLink, LevelWarning, "relative address in a description", "The HTML of a description has a src or href that is not a complete address.", "The partner's customers: pictures and links point into the partner's shop, where nothing is.", "Write complete https addresses.", "IOF 4.4; CONSUMERS 24"},
		{codeLangMissing, LevelWarning, "text without a language", "A text that comes in languages has no xml:lang: names and descriptions of products, names in dictionaries.", "Importers that choose by language: they find no text for theirs.", "Write xml:lang on every text.", "IOF 4.4; IOF 7; CONSUMERS 8"},
		{codeLangFirst, LevelWarning, "first name is not in the default language", "The first name of a product is in another language than products@language.", "Importers that take the first name whatever its language, which many do.", "Write the recipient's default language first.", "IOF 3; CONSUMERS 8"},
		{codeLangCode, LevelWarning, "unusual language code", "A language is not given as the three-letter bibliographic code of ISO 639-2 in lower case: two letters, a region, capitals, or the terminological form.", "Importers that compare with pol, eng, ger, cze and the like: the text has no language they know.", "Write the bibliographic code: ger rather than deu or de.", "IOF 1; CONSUMERS 8"},
		{codeLangTwice, LevelWarning, "text twice in a language", "A product has two names or descriptions of one kind in the same language.", "Importers: some read the first, some the last.", "Write one text a language.", "IOF 4.4"},
	}
}

// pictureRules are about pictures and links.
func pictureRules() []Rule {
	return []Rule{
		{codeImagePriority, LevelWarning, "pictures not numbered from 1", "iaiext:priority of the pictures of a product does not run 1, 2, 3 in the order of the file. It is told once a product.", "Importers that sort or index by it: the main picture is another one, or a gap ends the gallery.", "Number pictures from 1 without gaps, in order.", "IOF 4.9; CONSUMERS 24"},
		{codeImageURL, LevelWarning, "picture without a complete https address", "The address of a picture is relative, or not https.", "Importers that fetch it as it stands, and shops on https, which may not show it.", "Write complete https addresses.", "IOF 4.9; CONSUMERS 24"},
		{codeImageAmpersand, LevelWarning, "ampersand in a picture's address", "The address of a picture holds an &.", "Importers that do not undo &amp;: they fetch another address and get nothing.", "Use addresses without a query.", "CONSUMERS 24"},
		{codeImageHash, LevelHint, "picture without hash or time", "A picture of the gallery has neither hash nor changed.", "Importers that fetch a picture again only when these differ: they load whole galleries every day, from your server.", "Write hash and changed where they are known.", "IOF 4.9; CONSUMERS 24"},
		{codeLinkURL, LevelWarning, "link without a complete address", "The address of a product's page or of an attachment is not a complete http or https address.", "Partners who follow it.", "Write complete addresses.", "IOF 4.3; IOF 4.10; CONSUMERS 24"},
	}
}
