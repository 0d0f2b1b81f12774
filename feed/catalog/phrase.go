package catalog

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Phrase is what a problem, its hint or an error of an import says, in a form
// that every language can tell: the code of the sentence, and what it is about.
type Phrase struct {
	Code string
	Args []string
}

// Phrases recognizes the sentences of this package that people meet who import
// their own files. It is made once, never changes, and may be used by many.
// Problems are written in English, and where reading is fast nothing else is
// made: there may be thousands, of which a page shows a few.
type Phrases struct{ list []phrase }

type phrase struct {
	code string
	text *regexp.Regexp
}

// Sentence is one that others write, by its code: {} stands for an argument and
// {n} for one of digits.
type Sentence struct{ Code, Text string }

// NewPhrases makes what recognizes sentences: those of this package, and more.
func NewPhrases(more ...Sentence) *Phrases {
	p := &Phrases{}
	texts := phraseTexts()
	for _, s := range more {
		texts = append(texts, phraseText{s.Code, s.Text})
	}
	// What says more is tried first: "product {} occurs twice" before "{} occurs twice".
	slices.SortStableFunc(texts, func(a, b phraseText) int { return len(b.text) - len(a.text) })
	for _, t := range texts {
		p.list = append(p.list, phrase{t.code, regexp.MustCompile(phrasePattern(t.text))})
	}
	return p
}

// Codes lists the codes that Of gives.
func (p *Phrases) Codes() (codes []string) {
	for i := range p.list {
		codes = append(codes, p.list[i].code)
	}
	return codes
}

// Of recognizes a sentence; false for one that is known in English alone.
func (p *Phrases) Of(text string) (Phrase, bool) {
	if len(text) > 4096 {
		return Phrase{}, false
	}
	for i := range p.list {
		m := p.list[i].text.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		found := Phrase{Code: p.list[i].code}
		for _, arg := range m[1:] {
			if s, err := strconv.Unquote(arg); err == nil && strings.HasPrefix(arg, "\"") {
				arg = s
			}
			found.Args = append(found.Args, arg)
		}
		return found, true
	}
	return Phrase{}, false
}

// phrasePattern makes a regular expression of a sentence: {} is an argument, {n}
// one of digits, {-} what is no argument, (s) a plural, and [a|b] a or b, or nothing.
func phrasePattern(text string) string {
	p := regexp.QuoteMeta(text)
	for _, r := range [][2]string{{`\(s\)`, `s?`}, {`\[`, `(?:`}, {`\|`, `|`}, {`\]`, `)?`}, {`\{-\}`, `[^:]+`}, {`\{n\}`, `([0-9]+)`}, {`\{\}`, `("(?:[^"\\]|\\.)*"|.+?)`}} {
		p = strings.ReplaceAll(p, r[0], r[1])
	}
	return "^(?s:" + p + ")$"
}

// phraseText is a sentence by its code.
type phraseText struct{ code, text string }

// phraseTexts are the sentences as this package, and the values of package feed,
// write them.
func phraseTexts() []phraseText {
	return []phraseText{
		{"missing", `is missing`},
		{"missing-all", `are missing`},
		{"empty", `is empty`},
		{"missing-or-zero", `is missing or 0`},
		{"not-address", `{} is not an address`},
		{"address-signs", `{} has signs that stand for something else in addresses`},
		{"not-code", `{} is not a code`},
		{"code-signs", `{} has signs that not every reader takes in codes`},
		{"code-same", `{} is written as {} is`},
		{"code-shared", `{} is a code of product {} too`},
		{"codes-shared", `{n} more code(s) of several products`},
		{"twice", `{} occurs twice`},
		{"twice-itself", `occurs twice`},
		{"twice-product", `{} occurs twice in the product`},
		{"product-twice", `product {} occurs twice`},
		{"not-id", `{} is not an id`},
		{"out-of-range", `[quantity |weight |gross |net ]{} is out of range[, and not -1 for unlimited]`},
		{"no-language", `names no language`},
		{"rows-differ", `is {} here and {} in the product's first row`},
		{"not-whole", `{} is not a whole number[ of 0 or more| of 32 bits]`},
		{"yes-no", `{} is neither yes nor no`},
		{"not-decimal", `[quantity |weight |gross |net ]{} is not a decimal number (digits with an optional decimal point)[, and not -1 for unlimited]`},
		{"decimals", `[quantity |weight |gross |net ]{} has too many decimal places[, and not -1 for unlimited]`},
		{"gtin-digits", `{} is not a GTIN: it has {n} digits, not 8, 12, 13 or 14`},
		{"gtin-signs", `{} is not a GTIN: it may hold digits only`},
		{"gtin-check", `{} is not a GTIN: its check digit is wrong`},
		{"code-digits", `{} is not a {}: it has {n} digits, not {n}`},
		{"not-currency", `{} is not a currency code (ISO 4217 such as PLN, EUR)`},
		{"not-language", `{} is not a language code (ISO 639-2 such as pol, eng, ger)`},
		{"no-language-code", `is not a language code`},
		{"fields", `has {n} field(s), the header has {n} column(s)`},
		{"unknown-id", `{} is not known and has no name`},
		{"not-known", `{} is not known`},
		{"not-path", `{} is not a path`},
		{"not-date", `{} is not a date`},
		{"not-member", `is not a member`},
		{"beside", `stands beside {}`},
		{"renamed", `is called {} here and {} before`},
		{"rounded", `{} has more decimals than {}: such prices are rounded half up`},
		{"spreadsheet", `{} was rounded by a spreadsheet`},
		{"shopify-column", `is not a column of Shopify's export that is known`},
		{"vat-share", `{} is less than one per cent`},
		{"vat-differs", `differs among the variants`},
		{"long-line", `the line is longer than {n} byte(s)`},
		{"too-many-sizes", `has more than {n} [size|variant](s)`},
		{"dropped", `{n} character(s) that XML forbids dropped`},
		{"file-empty", `{}: is empty`},
		{"file-zip", `{}: is a zip archive`},
		{"file-utf16", `{}: is encoded in UTF-16 ({} endian)`},
		{"file-cut", `{}: the gzip data ends too early`},
		{"file-damaged", `{}: the gzip data is damaged`},
		{"file-array", `{}: is a JSON array`},
		{"file-workbook", `{}: is a workbook of a spreadsheet program ({})`},
		{"file-office", `{}: is a document of an old office program, such as a workbook (xls)`},
		{"file-compressed", `{}: is compressed with {}`},
		{"file-archive", `{}: is a {} archive`},
		{"file-pdf", `{}: is a PDF document`},
		{"file-picture", `{}: is a picture`},
		{"file-parquet", `{}: is a Parquet file`},
		{"file-database", `{}: is a database file`},
		{"file-google", `{}: is a product feed for Google`},
		{"file-xml", `{}: {-}: the root element is {}, not one of an Internet Offer Format file`},
		{"file-page", `{}: is a web page`},
		{"file-page-titled", `{}: is a web page with the title {}`},
		{"file-answer", `{}: is the answer of a server, not a file of products`},
		{"file-answer-says", `{}: is the answer of a server, not a file of products: {}`},
		{"file-shopify-bulk", `{}: is [a bulk export|an answer] of Shopify's GraphQL`},
		{"file-export", `{}: is the product export of {}`},
		{"file-list", `{}: is one JSON object with a list {}`},
		{"file-lines", `{}: has a JSON object over several lines`},
		{"file-gateway", `{}: is a gateway, which holds no products`},
		{"file-preset", `{}: is a preset, which holds no products`},
		{"file-not-full", `{}: no full file among the files`},
		{"file-twice-packed", `{}: is compressed twice`},
		{"file-utf32", `{}: is encoded in UTF-32`},
		{"column-unknown", `{}: header: column {} is not known`},
		{"columns-unknown", `{}: header: {n} columns are not known: {}`},
		{"no-header", `{}: header: none of the columns is known: {}`},
		{"cr-lines", `{}: its lines end with CR alone, as those of old Macs did`},
		{"column-twice", `{}: header: column {} occurs twice`},
		{"column-nameless", `{}: header: column {n} has no name`},
		{"column-missing", `{}: header: column {} is missing`},
		{"column-unit", `{}: header: column {}: {} is not a unit of weights`},
		{"column-bracket", `{}: header: column {} takes nothing in brackets`},
		{"column-parameter", `{}: header: column {} names no parameter`},
		{"column-id", `{}: header: there is no column id and no column key`},
		{"export-currency", `[{-}: header: ]the export does not say in which currency its prices are`},
		{"export-vat", `[{-}: header: ]the export does not say the VAT rate`},
		{"no-product", `names no product`},
		{"not-product", `{} is no id of a product`},
		{"zero", `is 0`},
		{"h-name-it", `give product, key or code`},
		{"h-by-code", `name it by a code or a key, if it has no id`},
		{"h-remove", `to take a price away, say remove`},
		{"h-decimal", `write a decimal of {} such as 12.50`},
		{"h-language", `name the language of the catalog (--language), or write texts by language`},
		{"h-address", `give an absolute one that starts with https:// and has no blanks`},
		{"h-written", `it is written as {}`},
		{"h-code", `codes hold letters, digits and . - _ : without blanks`},
		{"h-own-code", `each size has its own code`},
		{"h-shared", `importers that go by codes sell one for the other: give each product codes of its own`},
		{"h-own-id", `each size of a product has its own id`},
		{"h-warehouse", `give each warehouse once`},
		{"h-code-kept", `the code is kept as it is`},
		{"h-no-offer", `a product without a price is in no offer`},
		{"h-name", `a product has a name in at least one language`},
		{"h-size", `a product has at least one size`},
		{"h-ids", `ids [go from 1 to|are whole numbers from 1 to] 9007199254740991; use [a key|the column key] for other identifiers`},
		{"h-give-id", `give an id (1 and up) or a key`},
		{"h-rows", `rows of a product agree in it, or leave it empty behind the first`},
		{"h-quote", `quote fields that hold separators`},
		{"h-currency", `name it in the product or for the whole catalog (--currency)`},
		{"h-vat", `name it in the product or for the whole catalog (--vat)`},
		{"h-category", `give an id or a path such as "Kitchen/Mugs", or a category for all such products (--category)`},
		{"h-path", `write names with / between them: "Kitchen/Mugs"`},
		{"h-entry", `give its name, or a {-} line before the product`},
		{"h-first-name", `the first name is kept; give different entries different ids`},
		{"h-leave-out", `leave it out when there is none`},
		{"h-one-of-two", `give one of the two`},
		{"h-ignored", `it is ignored`},
		{"h-export-again", `export it again and do not open it before the import; the code is kept as it is`},
		{"h-date", `write 2026-03-02 or 2026-03-02T08:00:00`},
		{"h-percentage", `VAT is a percentage such as 23`},
		{"h-sheet", `open it and save the sheet with the products as CSV in UTF-8`},
		{"price-column", `[{-}: ]header: not known: {}`},
		{"price-twice", `[{-}: ]header: column {} stands there twice`},
		{"price-none", `no line says a price`},
		{"h-price-none", `was the export cut off? to take all prices away, name each with remove`},
		{"price-no-column", `[{-}: ]header: there is no column price`},
		{"h-price-columns", `columns are product, key, code, price and remove[; prefix columns that are to be ignored with x_]`},
		{"h-unpack", `unpack it first, or compress with gzip`},
		{"h-no-text", `export the catalog as JSON Lines, CSV or IOF XML`},
		{"h-xml", `of XML only IOF is read, whose full file starts with <offer>: give that one, or JSON Lines, or CSV`},
		{"h-woocommerce", `write a table with columns of ours: key (from SKU), {}`},
		{"h-magento", `write a table with columns of ours: key (from sku), {}`},
		{"h-unit", `write {} or {}`},
		{"h-lines", `write one object a line: {}`},
		{"h-products", `write one product a line, with the members of docs/import.md`},
		{"h-list", `write one product a line, with the members of docs/import.md: {}`},
		{"h-gateway", `give the files that it names; 'feedmill mirror' fetches them all`},
		{"h-full", `light and dictionaries complete a full file; give that, too`},
		{"h-cut", `was the export cut off?`},
		{"h-cut-copy", `the file was cut off: copy it again`},
		{"h-copy", `copy the file again`},
		{"h-unpack-once", `unpack it once`},
		{"h-nameless", `name it, with the prefix x_ if it is to be ignored`},
		{"h-key-column", `give one that is the same in all rows of a product`},
		{"h-not-orders", `export products as CSV, not orders or inventory`},
		{"h-name-currency", `name it with --currency`},
		{"h-no-vat", `0 is taken, so that net prices are as high as gross ones: say the rate in the settings first, 0 where there is no VAT`},
		{"h-name-vat", `give it with --vat (0 where there is none)`},
		{"h-one-product", `give each product once, with all its sizes`},
		{"h-page", `somebody who is not signed in, or not let in, is given such a page: fetch the file itself`},
		{"h-answer", `the address may be wrong, or the right to it may have ended: fetch the file again`},
		{"h-shopify-export", `give the product export of the shop's admin in its place: Products, Export, as CSV (a file with the columns Handle and Title)`},
		{"h-utf8", `save [it|the file] as [CSV in ]UTF-8`},
		{"below-zero", `{} is below 0`},
		{"taken-for", `{} is taken for {}`},
		{"taken-grams", `{} is taken for grams`},
		{"vat-odd", `{} is a rate of VAT that hardly any country has`},
		{"open-end", `the file ends without a line end, behind {}`},
		{"neither-true", `{} is neither true nor false`},
		{"mark-inside", `[field {-}: ]a byte order mark inside the file`},
		{"sheet-date", `{} looks like a date that a spreadsheet has made of it`},
		{"entity", `holds {}, which partners see as it stands`},
		{"above-price", `{} net is above the price of {}`},
		{"one-category", `{} is one category`},
		{"column-name", `{}: header: there is no column name`},
		{"unstocked", `no product has a stock`},
		{"all-zero", `every stock is 0`},
		{"h-unstocked", `partners see all of them as sold out: give each a stock, or unlimited where it never runs out`},
		{"lost-signs", `{} has signs that a program before could not read`},
		{"wrong-encoding", `{} looks like {}, read in a wrong encoding`},
		{"no-value", `{} looks like what programs write where they have no value`},
		{"made-number", `{} looks like a number that a program has made of {}`},
		{"not-utf8", `[field {-}: ]byte {} is not UTF-8[ (byte {n} of the file)]`},
		{"header-utf8", `{}: header: line {n}, field {n}: byte {} is not UTF-8`},
		{"quote-inside", `field {n}: a quote inside a field that does not start with one`},
		{"quote-open", `field {n}: the quoted field does not end`},
		{"quote-after", `field {n}: something follows the closing quote (a quote inside a quoted field is written twice)`},
		{"nul", `field {n}: a NUL byte`},
		{"h-tags", `names are plain text: leave the tags out`},
		{"h-encoding", `export it again in UTF-8, and let no program between convert it`},
		{"h-no-value", `leave out what is not known, or mend it where it comes from`},
		{"h-made-number", `let that program read the column as text, and export it again`},
		{"h-rate", `VAT is a percentage such as 23: write 0 where there is none`},
		{"h-stock", `write a number, 0 for what is sold out and unlimited for what never runs out`},
		{"h-amount", `write the number alone, and nothing where there is no price; the currency has a column of its own`},
		{"h-quotes", `put the whole field into quotes, and write each quote within it twice`},
		{"h-damaged", `the file is damaged, as by a full disk or a broken transfer: export it again`},
		{"h-nan", `JSON has no NaN and no Infinity: leave the member out, or write null`},
		{"rows-joined", `holds the end of this row and the beginning of another`},
		{"h-grams", `weights are grams`},
		{"h-grams-column", `weights are grams: name a column of kilograms {}`},
		{"h-kilograms", `if it is meant in kilograms, write {n}`},
		{"h-kilograms-column", `if it is meant in kilograms, write {n} or name the column {}`},
		{"heaviest", `the heaviest weight is {}, taken for grams`},
		{"h-heaviest", `weights are grams: multiply kilograms by 1000`},
		{"h-heaviest-column", `if they are kilograms, name the column {}, if they are grams {}`},
		{"h-below-zero", `write 0 for what is sold out, and unlimited for what never runs out`},
		{"h-thousands", `where it means more, write it without a mark between thousands`},
		{"h-joined", `files that were joined have one at each seam: give each file by itself`},
		{"h-open", `was the export cut off? look whether that value is whole`},
		{"h-open-price", `was the export cut off? if the price is whole, end its line`},
		{"h-not-in-sheet", `export it again and do not open it in a spreadsheet before the import`},
		{"h-plain", `names are plain text: write the sign itself`},
		{"h-wrong-way", `are the two the wrong way round? all partners are shown the price`},
		{"h-whole-product", `a product is given whole: stock and prices alone are changed by code through the API (PATCH /products)`},
		{"two-numbers", `{} can mean {} or {}`},
		{"h-two-numbers", `write it without a mark between thousands, or with two decimals`},
		{"h-as-text", `make the column text in the spreadsheet, or do not open the export there, and export it again`},
		{"h-first-line", `the first line names the columns, such as key,name,category,price`},
		{"h-prefix", `prefix columns that are to be ignored with x_`},
		{"h-did-you-mean", `did you mean {}?`},
		{"h-did-you-mean-column", `did you mean {}? {-}`},
	}
}
