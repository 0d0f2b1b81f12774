package catalog

import (
	"strconv"
	"strings"

	"feedmill/feed"
)

// intake is what all formats of one stream share: settings, problems, the
// dictionaries and names seen so far, and the product being made.
type intake struct {
	opt Options
	lim Limits
	// def are the defaults of the current file, first those of the catalog.
	def, first Defaults
	journal
	names
	dict  *Collector
	stats Stats
	langs []languageCode
	sites sites
	// replaced counts the characters dropped from the current product.
	replaced int
	// stocked says that a product has a stock above 0, counted that one has a stock.
	stocked, counted bool
	weights          weights
	draft            draft
	removed          []feed.ProductID
}

// languageCode remembers how a code was parsed: codes are few and parsing is slow.
type languageCode struct {
	code string
	lang feed.Language
}

func newIntake(opt Options) *intake {
	in := &intake{opt: opt, lim: opt.Limits.withDefaults(), dict: NewCollector(nil)}
	in.max = opt.MaxErrors
	if in.max <= 0 {
		in.max = 20
	}
	in.dict.OnConflict = func(c Conflict) {
		in.warn(c.Kind+" "+c.ID, "is called "+strconv.Quote(clip(c.Got))+" here and "+strconv.Quote(clip(c.Have))+" before", "the first name is kept; give different entries different ids")
	}
	in.def = in.defaults()
	in.first = in.def
	return in
}

// defaults gives those of the options.
func (in *intake) defaults() Defaults {
	return Defaults{
		Language: in.opt.DefaultLanguage, Currency: in.opt.DefaultCurrency,
		VAT: in.opt.DefaultVAT, HasVAT: in.opt.HasDefaultVAT, NetPrices: in.opt.NetPrices,
	}
}

// startFile makes name the current file.
func (in *intake) startFile(name string) {
	in.file = name
	in.line = 0
	in.def = in.defaults()
}

// startLine begins a line, and with it a product or dictionary entry.
func (in *intake) startLine(line int64) {
	in.begin(line)
	in.replaced = 0
}

// language parses a code and remembers it.
func (in *intake) language(code string) (feed.Language, bool) {
	for i := range in.langs {
		if in.langs[i].code == code {
			return in.langs[i].lang, true
		}
	}
	l, err := feed.ParseLanguage(code)
	if err != nil {
		return l, false
	}
	if len(in.langs) < 64 {
		in.langs = append(in.langs, languageCode{strings.Clone(code), l})
	}
	return l, true
}

// clean makes a text fit for XML and counts what it drops.
func (in *intake) clean(s string) string {
	s, n := feed.Clean(s)
	in.replaced += n
	return s
}

// notUTF8 reports a byte at an offset of the current file.
func (in *intake) notUTF8(offset int64, message string) {
	in.fail("", message+" (byte "+strconv.FormatInt(offset+1, 10)+" of the file)", "save the file as UTF-8")
}

// accept ends the batch of a finished product and says whether it has no errors.
func (in *intake) accept(p *feed.Product, d *draft) bool {
	if !in.bad {
		in.dict.observe(p, &d.noticed)
	}
	if len(in.batch) > 0 && !in.commit(d.label()) {
		return false
	}
	in.count(p)
	return true
}

// remove notes a tombstone.
func (in *intake) remove(id feed.ProductID) {
	in.stats.Removed++
	in.removed = append(in.removed, id)
}

// count adds a finished product to the statistics.
func (in *intake) count(p *feed.Product) {
	in.stats.Products++
	for i := 0; !in.stocked && i < len(p.Sizes); i++ {
		for _, s := range p.Sizes[i].Stock {
			in.counted, in.stocked = true, in.stocked || s.Quantity.InStock()
		}
	}
	if !seen(in.stats.Currencies, p.Currency) {
		in.stats.Currencies = append(in.stats.Currencies, p.Currency)
	}
	for _, list := range [...]feed.Texts{p.Names, p.ShortDescs, p.LongDescs} {
		for i := range list {
			if l := list[i].Lang; !l.IsZero() && !seen(in.stats.Languages, l) {
				in.stats.Languages = append(in.stats.Languages, l)
			}
		}
	}
}

func seen[T comparable](list []T, v T) bool {
	for i := range list {
		if list[i] == v {
			return true
		}
	}
	return false
}

// clip shortens a text for a message.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	n := most
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}

// quote is strconv.Quote of a clipped text.
func quote(s string) string { return strconv.Quote(clip(s)) }

// reason gives the message of a value's error.
func reason(err error) string { return err.Error() }

// item gives a path such as sizes[3].code; without a list, that of a member of
// the product itself.
func item(list string, i int, rest string) string {
	if list == "" {
		return rest
	}
	s := list + "[" + strconv.Itoa(i) + "]"
	if rest != "" {
		s += "." + rest
	}
	return s
}
