package catalog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"feedmill/feed"
)

// Columns of our own tables.
type columnKind uint8

const (
	cIgnored columnKind = iota
	cID
	cKey
	cRemoved
	cDisplayCode
	cType
	cSite
	cCodeStandard
	cVAT
	cCurrency
	cTags
	cProducer
	cCategory
	cCategoryID
	cUnit
	cSeries
	cWarranty
	cWarrantyKind
	cWarrantyMonths
	cURL
	cMobileURL
	cName
	cShortDesc
	cLongDesc
	cMetaTitle
	cMetaDescription
	cMetaKeywords
	cSizeGroup
	cImage
	cIcon
	cParameter
	cGroup
	cGroupParameter
	cGroupValue
	// From here on columns belong to the size that the row describes.
	cSize
	cSizeID
	cCode
	cGTIN
	cProducerCode
	cExternalCode
	cWeight
	cWeightNet
	cStock
	cPrice
	cPriceNet
	cPriceGross
)

// argument says what may stand in brackets behind a column's name.
type argument uint8

const (
	argNone     argument = iota
	argLanguage          // optional; none is the default language
	argNumber            // optional: a warehouse
	argName              // required: a parameter
	argWeight            // optional: the unit of a weight; none is grams
)

// columnNames are the names of the columns. Prices and images are in parseColumn.
var columnNames = []struct {
	name string
	kind columnKind
	arg  argument
}{
	{"id", cID, argNone}, {"key", cKey, argNone}, {"removed", cRemoved, argNone},
	{"code", cCode, argNone}, {"gtin", cGTIN, argNone}, {"producer_code", cProducerCode, argNone}, {"code_producer", cProducerCode, argNone},
	{"external_code", cExternalCode, argNone}, {"display_code", cDisplayCode, argNone}, {"code_standard", cCodeStandard, argNone},
	{"type", cType, argNone}, {"site", cSite, argNone}, {"vat", cVAT, argNone}, {"currency", cCurrency, argNone}, {"tags", cTags, argNone},
	{"name", cName, argLanguage}, {"short_desc", cShortDesc, argLanguage}, {"long_desc", cLongDesc, argLanguage},
	{"meta_title", cMetaTitle, argLanguage}, {"meta_description", cMetaDescription, argLanguage}, {"meta_keywords", cMetaKeywords, argLanguage},
	{"producer", cProducer, argNone}, {"category", cCategory, argLanguage}, {"category_id", cCategoryID, argNone},
	{"unit", cUnit, argLanguage}, {"series", cSeries, argLanguage},
	{"warranty", cWarranty, argLanguage}, {"warranty_kind", cWarrantyKind, argNone}, {"warranty_months", cWarrantyMonths, argNone},
	{"url", cURL, argNone}, {"mobile_url", cMobileURL, argNone},
	{"size", cSize, argNone}, {"size_id", cSizeID, argNone}, {"size_group", cSizeGroup, argNone},
	{"weight", cWeight, argWeight}, {"weight_net", cWeightNet, argWeight}, {"stock", cStock, argNumber},
	{"image", cImage, argNone}, {"icon", cIcon, argNone}, {"parameter", cParameter, argName},
	{"group", cGroup, argNone}, {"group_parameter", cGroupParameter, argLanguage}, {"group_value", cGroupValue, argLanguage},
	{"price", cPrice, argNone}, {"wholesale", cPrice, argNone}, {"minimal", cPrice, argNone}, {"srp", cPrice, argNone},
	{"strikethrough_retail", cPrice, argNone}, {"strikethrough_wholesale", cPrice, argNone},
}

// ignoredPrefix marks columns that are the merchant's own business.
const ignoredPrefix = "x_"

// column is a column of a file.
type column struct {
	kind columnKind
	name string // as written
	lang feed.Language
	// n is the warehouse of a stock and the point of a price.
	n int
	// label is the parameter that the column holds.
	label string
	// kilograms says that a weight is of these; unit that its unit is said.
	kilograms, unit bool
}

// perSize says whether each row has its own value.
func (c *column) perSize() bool { return c.kind >= cSize }

// parseColumn reads the name of a column that is known.
func parseColumn(name string, def feed.Language) (column, error) {
	c := column{name: name, lang: def}
	base, arg, bracket := strings.Cut(name, "[")
	base = strings.ToLower(strings.TrimSpace(base))
	if bracket {
		var ok bool
		if arg, ok = strings.CutSuffix(arg, "]"); !ok {
			return c, feed.Errorf(feed.KindInvalid, "column %q has no closing bracket", clip(name))
		}
		arg = strings.TrimSpace(arg)
	}
	if strings.HasPrefix(base, ignoredPrefix) {
		return c, nil
	}
	_, takes := findColumn(base, &c)
	switch {
	case takes == argNone && bracket:
		return c, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("column %q takes nothing in brackets", clip(name)), Hint: "write " + base}
	case takes == argLanguage && bracket:
		l, err := feed.ParseLanguage(arg)
		if err != nil {
			return c, fmt.Errorf("column %q: %w", clip(name), err)
		}
		c.lang = l
	case takes == argNumber:
		c.n = 1
		if bracket {
			n, err := strconv.ParseInt(arg, 10, 31)
			if err != nil || n < 0 {
				return c, feed.Errorf(feed.KindInvalid, "column %q: %q is not the number of a warehouse", clip(name), clip(arg))
			}
			c.n = int(n)
		}
	case takes == argName:
		if arg == "" {
			return c, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("column %q names no parameter", clip(name)), Hint: "write parameter[Colour]"}
		}
		c.label = arg
	case takes == argWeight && bracket:
		c.unit, c.kilograms = true, strings.EqualFold(arg, "kg")
		if !c.kilograms && !strings.EqualFold(arg, "g") {
			return c, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("column %q: %q is not a unit of weights", clip(name), clip(arg)), Hint: "write " + base + "[g] or " + base + "[kg]"}
		}
	}
	return c, nil
}

// manyLines says whether cells of the column may well have several lines, in which any
// number of separators may stand.
func (c *column) manyLines() bool {
	switch c.kind {
	case cShortDesc, cLongDesc, cMetaTitle, cMetaDescription, cMetaKeywords, cTags, cParameter, cImage:
		return true
	}
	return false
}

// findColumn finds a lower-case name: a listed one, a price with its side, or a
// numbered image.
func findColumn(base string, c *column) (found bool, takes argument) {
	side := cPrice
	price := base
	if p, ok := strings.CutSuffix(base, "_net"); ok {
		price, side = p, cPriceNet
	} else if p, ok := strings.CutSuffix(base, "_gross"); ok {
		price, side = p, cPriceGross
	}
	for point := priceList; point <= priceWasWholesale; point++ {
		if priceNames[point] == price {
			c.kind, c.n = side, point
			return true, argNone
		}
	}
	if n, ok := strings.CutPrefix(base, "image"); ok && isWhole(n) && len(n) <= 3 {
		c.kind = cImage
		return true, argNone
	}
	for i := range columnNames {
		if columnNames[i].name == base {
			c.kind = columnNames[i].kind
			return true, columnNames[i].arg
		}
	}
	return false, 0
}

// hintIgnored says what to do with a column that is not one of ours.
const hintIgnored = "prefix columns that are to be ignored with x_"

// commonNames are what shops and stock systems call columns of ours, where what is
// spelled alike would be another one: the nearest to Waga, a weight, are tags.
var commonNames = map[string]string{
	"sku": "code", "symbol": "code", "indeks": "code", "kod": "code", "reference": "code", "artikelnummer": "code", "item number": "code",
	"ean": "gtin", "ean13": "gtin", "ean-13": "gtin", "barcode": "gtin", "kod ean": "gtin", "kod kreskowy": "gtin", "upc": "gtin",
	"nazwa": "name", "nazwa produktu": "name", "title": "name", "product name": "name", "bezeichnung": "name", "tytuł": "name",
	"kategoria": "category", "kategorie": "category", "categories": "category",
	"producent": "producer", "marka": "producer", "brand": "producer", "manufacturer": "producer", "vendor": "producer", "hersteller": "producer",
	"cena": "price", "preis": "price", "cena netto": "price_net", "netto": "price_net", "cena brutto": "price_gross", "brutto": "price_gross", "cena hurtowa": "wholesale", "wholesale price": "wholesale",
	"stawka vat": "vat", "stawka": "vat", "podatek": "vat", "mwst": "vat", "waluta": "currency", "währung": "currency",
	"stan": "stock", "stan magazynowy": "stock", "ilość": "stock", "ilosc": "stock", "stany": "stock", "quantity": "stock", "qty": "stock", "bestand": "stock", "lager": "stock", "menge": "stock",
	"waga": "weight", "gewicht": "weight", "rozmiar": "size", "größe": "size", "jednostka": "unit", "jm": "unit", "j.m.": "unit", "einheit": "unit",
	"opis": "long_desc", "description": "long_desc", "beschreibung": "long_desc", "krótki opis": "short_desc", "short description": "short_desc", "kurzbeschreibung": "short_desc",
	"zdjęcie": "image", "zdjęcia": "image", "obrazki": "image", "images": "image", "bild": "image", "bilder": "image",
}

// sideOf gives the side of a price that the name of its column tells: two columns of
// prices, of which one is without tax, must not both be told to be the price.
func sideOf(name string) string {
	for _, side := range []struct {
		words  []string
		suffix string
	}{
		{[]string{"excl", "exkl", "without", "netto", " net", "(net", "ohne", "bez vat", "bez podatku"}, "_net"},
		{[]string{"incl", "inkl", "with tax", "with vat", "brutto", "gross", "z vat", "z podatkiem"}, "_gross"},
	} {
		if slices.ContainsFunc(side.words, func(word string) bool { return strings.Contains(name, word) }) {
			return side.suffix
		}
	}
	return ""
}

// begins says whether a name of a column begins with one of some words.
func begins(name string, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(name, word) })
}

// maxUnknown is how many unknown columns an error names.
const maxUnknown = 20

// unknownColumns tells all columns that are not known at once, each with the
// name that was meant, most likely.
func unknownColumns(names []string) error {
	var known []string
	for i := range columnNames {
		known = append(known, columnNames[i].name)
		if columnNames[i].kind == cPrice {
			known = append(known, columnNames[i].name+"_net", columnNames[i].name+"_gross")
		}
	}
	var unknown, told []string
	meant := ""
	for _, name := range names {
		base, _, _ := strings.Cut(name, "[")
		base = strings.ToLower(strings.TrimSpace(base))
		if found, _ := findColumn(base, new(column)); found || base == "" || strings.HasPrefix(base, ignoredPrefix) {
			continue
		}
		if unknown = append(unknown, name); len(unknown) > maxUnknown {
			continue
		}
		text := quote(name)
		if meant = commonNames[base]; meant == "" {
			meant = nearest(base, known)
		}
		if side := sideOf(strings.ToLower(name)); side != "" && (meant == "price" || meant == "" && begins(base, "price", "cena", "preis")) {
			meant = "price" + side
		}
		if kilos := strings.Contains(strings.ToLower(name), "kg"); kilos && (meant == "weight" || meant == "weight_net" || begins(base, "weight", "waga", "gewicht", "masa")) {
			meant = "weight[kg]"
		}
		if meant != "" {
			text += " (" + meant + "?)"
		}
		told = append(told, text)
	}
	switch {
	case len(unknown) == 0:
		return nil
	case len(unknown) == len(names):
		return &feed.Error{Kind: feed.KindInvalid, Message: "none of the columns is known: " + listed(told, len(unknown)), Hint: "the first line names the columns, such as key,name,category,price"}
	case len(unknown) > 1:
		return &feed.Error{Kind: feed.KindInvalid, Message: strconv.Itoa(len(unknown)) + " columns are not known: " + listed(told, len(unknown)), Hint: hintIgnored}
	}
	hint := hintIgnored
	if meant != "" {
		hint = "did you mean " + meant + "? " + hint
	}
	return &feed.Error{Kind: feed.KindInvalid, Message: "column " + quote(unknown[0]) + " is not known", Hint: hint}
}

// listed joins what is told of a list of n.
func listed(told []string, n int) string {
	s := strings.Join(told, ", ")
	if n > len(told) {
		s += " and " + strconv.Itoa(n-len(told)) + " more"
	}
	return s
}
