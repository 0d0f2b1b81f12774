package catalog

import (
	"strconv"
	"strings"

	"feedmill/feed"
	"feedmill/feed/internal/scan"
	"feedmill/feed/iof"
)

// maxCategoryDepth bounds the levels of a category path.
const maxCategoryDepth = 32

// hintPercentage says how rates are written.
const hintPercentage = "VAT is a percentage such as 23"

// hintPath says how paths of categories are written.
const hintPath = "write names with / between them: \"Kitchen/Mugs\""

// check holds a finished product of any format against the rules that every
// writer relies on. path names parts of lists as the format calls them.
func (in *intake) check(p *feed.Product, path func(list string, i int, rest string) string) {
	if p.ID < 1 || p.ID > feed.MaxProductID {
		if p.ID != 0 { // 0 was reported as missing
			in.fail("id", strconv.FormatInt(int64(p.ID), 10)+" is out of range", "ids go from 1 to 9007199254740991; use a key for other identifiers")
		}
	}
	if !hasText(p.Names) {
		in.fail(path("", 0, "name"), "is missing", "a product has a name in at least one language")
	}
	for i := range p.Names {
		if e := entity(p.Names[i].Value); e != "" {
			in.warnOnce("entity", path("", 0, "name"), "holds "+quote(e)+", which partners see as it stands", "names are plain text: write the sign itself")
		}
		if e := tag(p.Names[i].Value); e != "" {
			in.warnOnce("tag", path("", 0, "name"), "holds "+quote(e)+", which partners see as it stands", hintTags)
		}
		in.tellText(path("", 0, "name"), p.Names[i].Value)
	}
	// What the dictionaries know already was looked at when they got it.
	known := &in.draft.noticed
	if !known.producer {
		in.tellText("producer", p.Producer.Name)
	}
	if !known.category {
		in.checkCategory(&p.Category)
	}
	if list, base := p.Prices.List.Net, p.Prices.Wholesale.Net; base.Minor() > list.Minor() && !list.IsZero() {
		in.warnOnce("wholesale", path("", 0, "wholesale"), base.Text(p.Currency)+" net is above the price of "+list.Text(p.Currency), "are the two the wrong way round? all partners are shown the price")
	}
	if r := p.VAT.Millionths(); r > 0 && r < 10_000 {
		// No rate is that low, and 0.23 for 23 would make wrong prices of all.
		in.fail("vat", quote(p.VAT.String())+" is less than one per cent", hintPercentage)
	}
	if r := p.VAT.Millionths(); r >= 10_000 && r < 20_000 || r > 500_000 {
		// 1.23 is what prices are multiplied by, 1 the number of a rate, 230 has lost its point.
		in.warnOnce("vat "+p.VAT.String(), "vat", quote(p.VAT.String())+" is a rate of VAT that hardly any country has", hintPercentage)
	}
	in.checkSizes(p, path)
	for i := range p.Images {
		if p.Images[i].URL == "" && in.bad {
			continue // reported where it was read
		}
		in.checkURL(func() string { return path("images", i, "url") }, &p.Images[i].URL)
	}
	for i := range p.Attachments {
		in.checkURL(func() string { return path("attachments", i, "url") }, &p.Attachments[i].URL)
	}
	in.checkOptionalURL("url", &p.URL)
	in.checkOptionalURL("mobile_url", &p.MobileURL)
	in.checkOptionalURL("icon", &p.Icon.URL)
	in.checkOptionalURL("auction_icon", &p.AuctionIcon.URL)
	in.checkOptionalURL("group_icon", &p.GroupIcon.URL)
	if p.Promotion != nil && p.Promotion.Price.IsZero() && !in.bad {
		in.fail("promotion.price", "is missing", "a promotion has a price")
	}
	if p.Bundled != nil {
		for i := range p.Bundled.Components {
			if id, err := strconv.ParseInt(p.Bundled.Components[i].ID, 10, 64); err == nil && feed.ProductID(id) == p.ID {
				in.fail(path("bundled.components", i, "id"), "is the set itself", "a set does not hold itself: name the products that it is made of")
			}
		}
	}
	if in.def.Language.IsZero() {
		for i := range p.Names {
			if p.Names[i].Lang.IsZero() {
				in.warnOnce("language", "name", "names no language", "name the language of the catalog (--language), or write texts by language")
			}
		}
	}
}

func hasText(t feed.Texts) bool {
	for i := range t {
		if t[i].Value != "" {
			return true
		}
	}
	return false
}

func (in *intake) checkCategory(c *feed.Reference) {
	for i := range c.Names {
		name := c.Names[i].Value
		in.tellText("category", name)
		if strings.Contains(name, " > ") {
			in.warnOnce("category >", "category", quote(name)+" is one category", hintPath)
		}
		if strings.Count(name, "/") >= maxCategoryDepth {
			in.fail("category", "has more than "+strconv.Itoa(maxCategoryDepth)+" levels", "")
			return
		}
	}
}

// entity gives the first sign of a plain text that is written as HTML or XML writes
// it, "" for none: such texts come from exports that escaped them once too often.
func entity(s string) string {
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			return ""
		}
		s = s[i:]
		if n := strings.IndexByte(s, ';'); n > 2 && n < 9 {
			switch name := s[1:n]; {
			case name == "amp", name == "quot", name == "apos", name == "lt", name == "gt", name == "nbsp", name[0] == '#':
				return s[:n+1]
			}
		}
		s = s[1:]
	}
}

func (in *intake) checkOptionalURL(field string, url *string) {
	if *url != "" {
		in.checkURL(func() string { return field }, url)
	}
}

// checkURL holds an address against what the files may have (xs:anyURI).
func (in *intake) checkURL(field func() string, url *string) {
	if in.sites.plain(*url) {
		return
	}
	clean, ok := webURL(*url)
	if ok {
		in.sites.learn(clean)
	}
	switch {
	case !ok:
		in.fail(field(), quote(*url)+" is not an address", "give an absolute one that starts with https:// and has no blanks")
	case clean == feed.LowerScheme(*url):
		*url = clean
	default:
		in.warn(field(), quote(*url)+" has signs that stand for something else in addresses", "it is written as "+clean)
		*url = clean
	}
}

// checkSizes holds codes and ids of sizes against IOF 4.7: codes are NMTOKENs,
// and both are unique in the product, codes as files will have them.
func (in *intake) checkSizes(p *feed.Product, path func(list string, i int, rest string) string) {
	if len(p.Sizes) == 0 {
		in.fail("sizes", "are missing", "a product has at least one size")
		return
	}
	priced := !p.Prices.List.IsZero() || !p.Prices.Wholesale.IsZero()
	altered := false // a code is written otherwise than it stands here
	for i := range p.Sizes {
		s := &p.Sizes[i]
		priced = priced || !s.Prices.List.IsZero() || !s.Prices.Wholesale.IsZero()
		if s.Code == "" && in.bad {
			continue // the size has no id, which was reported
		}
		if s.Code == "" || !scan.Token(s.Code) { // a token is written as it stands
			altered = in.checkCode(s.Code, func() string { return path("sizes", i, "code") }) || altered
		}
		for k := range i {
			if p.Sizes[k].Code == s.Code {
				in.fail(path("sizes", i, "code"), quote(s.Code)+" occurs twice", "each size has its own code")
				break
			}
			if altered && iof.WrittenCode(p.Sizes[k].Code) == iof.WrittenCode(s.Code) {
				in.fail(path("sizes", i, "code"), quote(s.Code)+" is written as "+quote(p.Sizes[k].Code)+" is", "each size has its own code")
				break
			}
		}
		for k := range i {
			if p.Sizes[k].ID == s.ID && s.ID != "" {
				in.fail(path("sizes", i, "id"), quote(s.ID)+" occurs twice", "each size of a product has its own id")
				break
			}
		}
		for _, c := range [...]struct{ field, code string }{{"code", s.Code}, {"producer_code", s.ProducerCode}, {"external_code", s.ExternalCode}} {
			if noValue(c.code) {
				in.tellNoValue(path("sizes", i, c.field), c.code)
			}
		}
		in.checkWeight(s.Weight, func() string { return path("sizes", i, "weight") })
		in.checkWeight(s.WeightNet, func() string { return path("sizes", i, "weight_net") })
		if err := feed.CheckCode(p.CodeStandard, s.ProducerCode); err != nil {
			in.warn(path("sizes", i, "producer_code"), reason(err), "the code is kept as it is")
		}
		for k := range s.Stock {
			for m := range k {
				if s.Stock[m].Warehouse == s.Stock[k].Warehouse {
					in.fail(path("sizes", i, item("stock", k, "warehouse")), strconv.Itoa(int(s.Stock[k].Warehouse))+" occurs twice", "give each warehouse once")
					break
				}
			}
		}
	}
	if !priced && !in.bad {
		in.warn(path("", 0, "price"), "is missing or 0", "a product without a price is in no offer")
	}
}

// checkCode holds a code against IOF 4.7 and says whether files have it otherwise.
func (in *intake) checkCode(code string, field func() string) (altered bool) {
	if !isNMTOKEN(code) {
		in.fail(field(), quote(code)+" is not a code", "codes hold letters, digits and . - _ : without blanks")
		return false
	}
	written := iof.WrittenCode(code)
	if written == code {
		return false
	}
	in.warn(field(), quote(code)+" has signs that not every reader takes in codes", "it is written as "+written)
	return true
}

// fineWeight is the milligrams above which a fraction of a gram is nothing odd, and
// below which all weights of a catalog are one that is likely in kilograms.
const fineWeight = 100_000

// weights is what is known of those whose unit the file does not say.
type weights struct {
	said bool
	// column is the one of the file that holds them, "" in formats without columns.
	column string
	// file and the heaviest of them that are not 0.
	file     string
	heaviest feed.Weight
}

// checkWeight tells once of a weight that is likely one of kilograms: grams have no
// fractions on most scales, and files tell whole ones.
func (in *intake) checkWeight(w feed.Weight, field func() string) {
	n := w.Milligrams()
	if n == 0 || in.weights.said {
		return
	}
	if in.weights.file == "" {
		in.weights.file = in.file
	}
	if n > in.weights.heaviest.Milligrams() {
		in.weights.heaviest = w
	}
	if n >= fineWeight || n%1000 == 0 || in.told["weight"] {
		return
	}
	hint := "if it is meant in kilograms, write " + strconv.FormatInt(n, 10)
	if in.weights.column != "" {
		hint += " or name the column " + in.weights.named("kg")
	}
	in.warnOnce("weight", field(), quote(w.String())+" is taken for grams", hint)
}

// named writes the column with a unit.
func (w *weights) named(unit string) string {
	base, _, _ := strings.Cut(w.column, "[")
	return strings.TrimSpace(base) + "[" + unit + "]"
}
