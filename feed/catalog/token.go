package catalog

import (
	"slices"
	"strings"
	"unicode/utf8"

	"feedmill/feed"
	"feedmill/feed/internal/scan"
)

// isNMTOKEN says whether s is an NMTOKEN of XML 1.0: one or more name
// characters, so no blanks (size@code, IOF 4.7).
func isNMTOKEN(s string) bool {
	if scan.Token(s) {
		return s != ""
	}
	for _, r := range s {
		if r < utf8.RuneSelf && !scan.Token(string(r)) || r >= utf8.RuneSelf && !isNameRune(r) {
			return false
		}
	}
	return true
}

// isNameRune says whether a character beyond ASCII is a NameChar (production 4a).
func isNameRune(r rune) bool {
	switch {
	case r == 0xB7, r >= 0xC0 && r <= 0x37D && r != 0xD7 && r != 0xF7,
		r >= 0x37F && r <= 0x1FFF, r == 0x200C, r == 0x200D, r == 0x203F, r == 0x2040,
		r >= 0x2070 && r <= 0x218F, r >= 0x2C00 && r <= 0x2FEF, r >= 0x3001 && r <= 0xD7FF,
		r >= 0xF900 && r <= 0xFDCF, r >= 0xFDF0 && r <= 0xFFFD, r >= 0x10000 && r <= 0xEFFFF:
		return true
	}
	return false
}

// isName says whether s may be the local name of an attribute or element.
func isName(s string) bool {
	if !isNMTOKEN(s) || strings.IndexByte(s, ':') >= 0 {
		return false
	}
	r, _ := utf8.DecodeRuneInString(s)
	return !(r >= '0' && r <= '9' || r == '-' || r == '.' || r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040)
}

// isID says whether s may be the id of a dictionary entry: no blanks, not long.
func isID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' && (c == ' ' || c == '\t' || c == '\n') || c == 0xA0 && i > 0 && s[i-1] == 0xC2 {
			return false
		}
	}
	return s != "" && len(s) <= 255
}

// nearest gives the name that is closest to s by single-character edits, and ""
// when none is close.
func nearest(s string, among []string) string {
	if len(s) > 64 {
		return ""
	}
	s = strings.ToLower(s)
	if n := elsewhere(s); n != "" && slices.Contains(among, n) {
		return n
	}
	best, bestDistance := "", max(2, len(s)/3)+1
	if len(s) < 4 {
		bestDistance = 2 // two edits make any short name of any other
	}
	for _, n := range among {
		if n == "" {
			continue
		}
		if d := editDistance(s, n); d < bestDistance {
			best, bestDistance = n, d
		}
	}
	if best == "" {
		for _, n := range among {
			if len(s) >= 4 && len(n) >= 4 && (strings.Contains(n, s) || strings.Contains(s, n)) {
				return n
			}
		}
	}
	return best
}

// elsewhere gives our name of what tables of other programs call so, "" for none.
func elsewhere(name string) string {
	switch strings.NewReplacer(" ", "_", "-", "_").Replace(name) {
	case "ean", "ean13", "barcode", "upc", "isbn", "gtin13":
		return "gtin"
	case "sku", "symbol", "item_number", "article":
		return "code"
	case "mpn":
		return "producer_code"
	case "title", "product_name":
		return "name"
	case "description":
		return "long_desc"
	case "short_description":
		return "short_desc"
	case "brand", "manufacturer", "vendor":
		return "producer"
	case "categories", "product_type":
		return "category"
	case "qty", "quantity", "inventory", "amount", "in_stock":
		return "stock"
	case "tax", "tax_rate", "vat_rate":
		return "vat"
	case "net_price", "price_netto":
		return "price_net"
	case "gross_price", "price_brutto":
		return "price_gross"
	case "msrp", "rrp":
		return "srp"
	case "picture", "photo", "image_url", "image_link":
		return "image"
	case "link", "product_url":
		return "url"
	}
	return ""
}

// editDistance counts insertions, deletions, replacements and swaps of
// neighbours.
func editDistance(a, b string) int {
	two, one, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		two, one, row = one, row, two
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(one[j]+1, row[j-1]+1, one[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], two[j-2]+1)
			}
		}
	}
	return row[len(b)]
}

// didYouMean makes the hint for an unknown name.
func didYouMean(s string, among []string, prefix string) string {
	if n := nearest(s, among); n != "" {
		return "did you mean " + prefix + n + "?"
	}
	return ""
}

// memberHint helps with a member that nobody knows: a member of a near name, or
// where texts by language belong.
func memberHint(member string, among []string) string {
	if _, err := feed.ParseLanguage(member); err == nil && slices.Contains(among, "id") && slices.Contains(among, "name") {
		return `texts by language are the name: {"name": {"` + member + `": …}}`
	}
	return didYouMean(member, among, "")
}
