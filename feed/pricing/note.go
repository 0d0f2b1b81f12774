package pricing

import (
	"fmt"
	"strings"

	"feedmill/feed"
)

// NoteCode names a remark in an explanation, so that it can be told in any
// language. Codes are stable.
type NoteCode string

// Note is a remark in an explanation: what it says, and what about. Args are
// texts, whole numbers (int), a [Number], or a [NameKind].
type Note struct {
	Code NoteCode
	Args []any
}

// Number is a decimal in an argument of a note, with a point before its decimals.
type Number string

// noteText gives the remarks in English. Those that go on from the one before
// start with a comma or a blank.
func noteText(c NoteCode) string {
	switch c {
	// What became of the product.
	case "in":
		return "in the offer"
	case "not-included":
		return "left out: no include rule matches"
	case "excluded":
		return "left out: exclude rule %d matches (%s %q)"
	case "excluded-some":
		return "left out: an exclude rule matches"
	case "no-sizes":
		return "left out: the product has no size"
	case "no-currency":
		return "left out: the product has no currency"
	case "no-rate":
		return "left out: no rate from %s to %s"
	case "no-rate-list":
		return "left out: no rate from %s, the currency of price list %q, to %s"
	case "no-price":
		return "left out: the product has no price"
	case "no-price-size":
		return "left out: size %q has no price"
	case "not-listed":
		return "left out: price list %q has no price for the product"
	case "not-listed-size":
		return "left out: price list %q has no price for size %q"
	case "vanishes":
		return "left out: the price of the product is less than half a minor unit of %s"
	case "vanishes-size":
		return "left out: the price of size %q is less than half a minor unit of %s"
	case "overflow":
		return "left out: an amount of the product is too large"
	case "overflow-size":
		return "left out: an amount of size %q is too large"
	case "out-of-stock":
		return "left out: nothing in stock"
	case "other":
		return "left out: %s"
	// The assortment.
	case "include":
		return "include rule %d of %d matches: %s %q"
	case "include-none":
		return "none of %d include rules matches"
	case "exclude":
		return "exclude rule %d of %d matches: %s %q"
	case "exclude-none":
		return "none of %d exclude rules matches"
	case "all-in":
		return "no assortment rules: every product is in"
	// Where a price starts.
	case "list-price":
		return "list price"
	case "wholesale-price":
		return "wholesale price"
	case "price-list":
		return "price list %q"
	case "for-product":
		return ", price of the product"
	case "of-product":
		return " of the product"
	case "want-list":
		return ", for want of a list price"
	case "want-wholesale":
		return ", for want of a wholesale price"
	case "want-listed":
		return ", for want of one in price list %q"
	case "by-sizes":
		return ", by sizes: that of the first one %q"
	case "first-size":
		return "the product has no price of its own: that of its first size %q"
	case "list-has-none":
		return "price list %q has no price"
	case "price-none":
		return "no price"
	case "free":
		return "free of charge (product_free)"
	case "net":
		return ", net"
	case "gross":
		return ", gross"
	// What is done to it.
	case "rate":
		return "1 %s = %s %s"
	case "rate-offer":
		return ", the offer's own rate"
	case "rate-merchant":
		return ", the merchant's rate"
	case "rate-since":
		return ", the merchant's rate since %s"
	case "less-product":
		return "less %s %% for product %q"
	case "less-category":
		return "less %s %% for category %q"
	case "less-producer":
		return "less %s %% for producer %q"
	case "less-all":
		return "less %s %% on everything"
	case "less-none":
		return "less none"
	case "raised":
		return "raised to the minimal price"
	case "floor":
		return "not below the minimal price %s"
	case "kept":
		return "nothing changed the price: both sides stay as they came"
	case "rounded":
		return "half up to %d decimals"
	case "vat-net":
		return "net at %s %%"
	case "vat-gross":
		return "gross at %s %%"
	// Stock.
	case "stock-other":
		return "warehouse %d: %s, not counted"
	case "stock-unlimited":
		return "warehouse %d: unlimited"
	case "stock":
		return "warehouse %d: %s"
	case "stock-unknown":
		return "no stock is known"
	case "buffer":
		return "%s are kept back"
	case "buffer-each":
		return "%s are kept back in each warehouse"
	case "cap":
		return "at most %s are shown"
	case "cap-each":
		return "at most %s are shown in each warehouse"
	case "shown":
		return "shown in warehouse %d: %s"
	}
	return string(c)
}

// NoteCodes lists every code.
func NoteCodes() []NoteCode {
	return []NoteCode{"in", "not-included", "excluded", "excluded-some", "no-sizes", "no-currency", "no-rate", "no-rate-list", "no-price", "no-price-size", "not-listed", "not-listed-size",
		"vanishes", "vanishes-size", "overflow", "overflow-size", "out-of-stock", "other", "include", "include-none", "exclude", "exclude-none", "all-in",
		"list-price", "wholesale-price", "price-list", "for-product", "of-product", "want-list", "want-wholesale", "want-listed", "by-sizes", "first-size", "list-has-none", "price-none", "free", "net", "gross",
		"rate", "rate-offer", "rate-merchant", "rate-since", "less-product", "less-category", "less-producer", "less-all", "less-none", "raised", "floor", "kept", "rounded", "vat-net", "vat-gross",
		"stock-other", "stock-unlimited", "stock", "stock-unknown", "buffer", "buffer-each", "cap", "cap-each", "shown"}
}

// String tells the note in English.
func (n Note) String() string { return fmt.Sprintf(noteText(n.Code), n.Args...) }

func note(c NoteCode, args ...any) Note { return Note{c, args} }

// english tells notes that belong together as one text.
func english(notes []Note) string {
	var b strings.Builder
	for _, n := range notes {
		b.WriteString(n.String())
	}
	return b.String()
}

// kindOf names the field of a rule.
func kindOf(f feed.RuleField) NameKind { return NameKind(fieldName(f)) }
