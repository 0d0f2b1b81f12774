package catalog

import (
	"strings"

	"feedmill/feed"
)

// Columns of Shopify's product export.
type shopifyColumn uint8

const (
	shHandle shopifyColumn = iota
	shTitle
	shBody
	shVendor
	shCategory // Shopify's taxonomy: "A > B > C"
	shType
	shTags
	shPublished
	shStatus
	shOption1Name
	shOption1Value
	shOption2Name
	shOption2Value
	shOption3Name
	shOption3Value
	shSKU
	shGrams
	shTracker
	shQuantity
	shPolicy
	shPrice
	shCompareAt
	shShipping
	shTaxable
	shBarcode
	shImage
	shPosition
	shVariantImage
	shSEOTitle
	shSEODescription
	shGender
	shAgeGroup
	shCondition
	shopifyColumns
)

// shopifyNames are the lower-case names of the columns that are read: those of
// the old export and those of the new one.
var shopifyNames = [shopifyColumns][2]string{
	shHandle:         {"handle", "url handle"},
	shTitle:          {"title"},
	shBody:           {"body (html)", "description"},
	shVendor:         {"vendor"},
	shCategory:       {"product category"},
	shType:           {"type", "custom product type"},
	shTags:           {"tags"},
	shPublished:      {"published", "published on online store"},
	shStatus:         {"status"},
	shOption1Name:    {"option1 name"},
	shOption1Value:   {"option1 value"},
	shOption2Name:    {"option2 name"},
	shOption2Value:   {"option2 value"},
	shOption3Name:    {"option3 name"},
	shOption3Value:   {"option3 value"},
	shSKU:            {"variant sku", "sku"},
	shGrams:          {"variant grams", "weight value (grams)"},
	shTracker:        {"variant inventory tracker", "inventory tracker"},
	shQuantity:       {"variant inventory qty", "inventory quantity"},
	shPolicy:         {"variant inventory policy", "continue selling when out of stock"},
	shPrice:          {"variant price", "price"},
	shCompareAt:      {"variant compare at price", "compare-at price"},
	shShipping:       {"variant requires shipping", "requires shipping"},
	shTaxable:        {"variant taxable", "charge tax"},
	shBarcode:        {"variant barcode", "barcode"},
	shImage:          {"image src", "product image url"},
	shPosition:       {"image position"},
	shVariantImage:   {"variant image", "variant image url"},
	shSEOTitle:       {"seo title"},
	shSEODescription: {"seo description"},
	shGender:         {"google shopping / gender"},
	shAgeGroup:       {"google shopping / age group"},
	shCondition:      {"google shopping / condition"},
}

// shopifyIgnored are columns that are known and say nothing that an offer carries.
var shopifyIgnored = []string{
	"standardized product type", "variant fulfillment service", "fulfillment service", "image alt text", "gift card",
	"google shopping / google product category", "google shopping / mpn", "google shopping / adwords grouping", "google shopping / adwords labels",
	"google shopping / custom product", "google shopping / custom label 0", "google shopping / custom label 1", "google shopping / custom label 2",
	"google shopping / custom label 3", "google shopping / custom label 4", "google: custom product",
	"variant weight unit", "weight unit for display", "variant tax code", "tax code", "cost per item", "collection",
	"option1 linked to", "option2 linked to", "option3 linked to",
	"unit price total measure", "unit price total measure unit", "unit price base measure", "unit price base measure unit",
}

// shopifyIgnoredPrefixes begin the names of columns for single markets.
var shopifyIgnoredPrefixes = []string{"included / ", "price / ", "compare at price / ", "compare-at price / ", "unit price / "}

// findShopify finds the column of a header name; known says whether it is one
// of Shopify's at all.
func findShopify(name string) (c shopifyColumn, read, known bool) {
	low := strings.ToLower(name)
	for i := range shopifyNames {
		if low == shopifyNames[i][0] || low == shopifyNames[i][1] {
			return shopifyColumn(i), true, true
		}
	}
	for _, n := range shopifyIgnored {
		if n == low {
			return 0, false, true
		}
	}
	for _, p := range shopifyIgnoredPrefixes {
		if strings.HasPrefix(low, p) {
			return 0, false, true
		}
	}
	return 0, false, strings.Contains(low, "metafields.") || strings.HasPrefix(low, ignoredPrefix)
}

// shopifyMeaning is a word of a Google Shopping column with its machine meaning.
type shopifyMeaning struct{ word, context string }

// shopifyParameters are the Google Shopping columns that are told to partners
// as parameters with contexts (IOF 4.12).
var shopifyParameters = []struct {
	column  shopifyColumn
	name    string
	context string
	values  []shopifyMeaning
}{
	{shGender, "Gender", "CONTEXT_SEX", []shopifyMeaning{{"male", "CONTEXT_SEX_MAN"}, {"female", "CONTEXT_SEX_WOMAN"}, {"unisex", "CONTEXT_SEX_UNISEX"}}},
	{shAgeGroup, "Age group", "CONTEXT_AGE_GROUP", []shopifyMeaning{{"adult", "CONTEXT_AGE_GROUP_ADULT"}, {"kids", "CONTEXT_AGE_GROUP_MINOR"},
		{"toddler", "CONTEXT_AGE_GROUP_MINOR"}, {"infant", "CONTEXT_AGE_GROUP_MINOR"}, {"newborn", "CONTEXT_AGE_GROUP_MINOR"}}},
	{shCondition, "Condition", "CONTEXT_STATE", []shopifyMeaning{{"new", "CONTEXT_STATE_NEW"}, {"used", "CONTEXT_STATE_USED"}, {"refurbished", "CONTEXT_STATE_REFURBISHED_BY_SELLER"}}},
}

// shopifyParameter adds the parameter of a Google Shopping column.
func (in *intake) shopifyParameter(n int, v string) {
	def := &shopifyParameters[n]
	p := &in.draft.p
	var q *feed.Parameter
	p.Parameters, q = extend(p.Parameters)
	*q = feed.Parameter{Names: append(q.Names[:0], feed.Text{Lang: in.def.Language, Value: def.name}), Context: def.context, Values: q.Values[:0]}
	var value *feed.ParameterValue
	q.Values, value = extend(q.Values)
	*value = feed.ParameterValue{Names: append(value.Names[:0], feed.Text{Lang: in.def.Language, Value: v})}
	for _, m := range def.values {
		if strings.EqualFold(m.word, v) {
			value.Context = m.context
			return
		}
	}
	// A word that the format has no meaning for stays a plain parameter.
	q.Context = ""
}
