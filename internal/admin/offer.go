package admin

import (
	"slices"
	"strconv"
	"strings"

	"feedmill/feed"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// offerView edits what an offer shows.
type offerView struct {
	partnerHead
	Form              *form
	Offer             partner.OfferID // "" for a new one
	Shops, Currencies []option
	Bases, Leads      []option
	Kinds, Dialects   []option
	PriceLists        []option
	Preview           *previewView
	Unmatched         *unmatchedView
}

func offerPage() page {
	return page{name: "offer", routes: []route{
		get("/partners/{partner}/offers/new", may(manage.WriteAccounts), showNewOffer),
		send("/partners/{partner}/offers/new", may(manage.WriteAccounts), createOffer),
		get("/offers/{offer}", may(manage.WriteAccounts), showOffer),
		send("/offers/{offer}", may(manage.WriteAccounts), saveOffer),
	}, stories: func(s *scene) []story {
		v := offerView{partnerHead: partnerHead{ID: "p-bbbbbbbbbbbbbbbb", Name: "Nord Shop", Tab: "offer"}, Shops: []option{{"s-aaaaaaaaaaaaaaaa", "1 · Main"}},
			Currencies: withNone(currencyOptions()), Bases: []option{{"retail", "retail"}, {"wholesale", "wholesale"}}, Leads: []option{{"net", "net"}, {"gross", "gross"}},
			PriceLists: withNone([]option{{"t-aaaaaaaaaaaaaaaa", "Hurt 2026"}}), Kinds: []option{{"full", "full"}, {"light", "light"}}, Dialects: []option{{"escaped_text", "escaped_text"}, {"no_bundles", "no_bundles"}}}
		fresh := v
		fresh.Form = newForm("name", "Nord Shop", "partner-discounts", "on")
		edit := v
		edit.Offer = "o-bbbbbbbbbbbbbbbb"
		edit.Form = newForm("name", "Main", "languages", "nor, eng", "currency", "NOK", "rates", "EUR = 11.6", "include", "category: Bikes\ntag: winter", "version", "2", "dialect", "no_bundles")
		bad := edit
		bad.Form = newForm("name", "", "rates", "EUR 11", "include", "colour: red", "version", "2")
		bad.Form.fail("name", "form.needed")
		bad.Form.fail("rates", "form.line", "EUR 11")
		bad.Form.fail("include", "offer.rule", "colour: red")
		preview := edit
		preview.Preview = samplePreview()
		unmatched := edit
		unmatched.Unmatched = sampleUnmatched()
		unsure, right := edit, edit
		unsure.Unmatched = sampleUnmatched()
		unsure.Unmatched.Unsure, unsure.Unmatched.Looked, unsure.Unmatched.Whole = []string{"sale <b>", "nor"}, 20_000, root+"/offers/o-aaaaaaaaaaaaaaaa?compare=all"
		right.Unmatched = &unmatchedView{Right: true}
		return []story{{state: "unmatched", data: unmatched}, {state: "unsure", data: unsure}, {state: "right", data: right}, {state: "new", data: fresh}, {state: "edit", data: edit}, {state: "wrong", data: bad}, {state: "preview", data: preview}}
	}}
}

// dialectSwitch is one choice of a dialect.
type dialectSwitch struct {
	name string
	of   func(d *feed.Dialect) *bool
}

func dialectSwitches() []dialectSwitch {
	return []dialectSwitch{
		{"default_namespace", func(d *feed.Dialect) *bool { return &d.DefaultNamespace }},
		{"escaped_text", func(d *feed.Dialect) *bool { return &d.EscapedText }},
		{"single_language", func(d *feed.Dialect) *bool { return &d.SingleLanguage }},
		{"one_size_zero", func(d *feed.Dialect) *bool { return &d.OneSizeZero }},
		{"swap_codes", func(d *feed.Dialect) *bool { return &d.SwapCodes }},
		{"no_bundles", func(d *feed.Dialect) *bool { return &d.NoBundles }},
		{"full_without_stock", func(d *feed.Dialect) *bool { return &d.FullWithoutStock }},
		{"all_extensions", func(d *feed.Dialect) *bool { return &d.AllExtensions }},
	}
}

// ruleFields are the words of assortment rules.
var ruleFields = map[string]feed.RuleField{"category": feed.RuleCategory, "producer": feed.RuleProducer, "product": feed.RuleProduct, "tag": feed.RuleTag}

func formOfOffer(o *partner.Offer) *form {
	p := &o.Profile
	var rates []string
	for _, r := range p.Rates {
		rates = append(rates, r.From.String()+" = "+r.Rate.String())
	}
	f := newForm("name", o.Name, "shop", string(o.Shop), "languages", languagesOf(p), "currency", p.Currency.String(), "rates", strings.Join(rates, "\n"),
		"base", "retail", "lead", leadName(p.Lead), "include", rulesText(p.Assortment.Include), "exclude", rulesText(p.Assortment.Exclude),
		"buffer", quantityText(p.Stock.Buffer), "cap", quantityText(p.Stock.Cap), "unlimited", quantityText(p.Stock.Unlimited), "version", strconv.FormatInt(o.Version, 10))
	if p.Base == feed.BaseWholesale {
		f.set("base", "wholesale")
	}
	var houses []string
	for _, w := range p.Stock.Warehouses {
		houses = append(houses, strconv.Itoa(int(w)))
	}
	f.set("warehouses", strings.Join(houses, ", "))
	f.setFlag("partner-discounts", o.PartnerDiscounts).setFlag("in-stock", p.Assortment.InStockOnly).setFlag("per-warehouse", p.Stock.PerWarehouse).setFlag("csv", p.CSV).setFlag("only-listed", p.OnlyListed).set("price-list", string(p.PriceList))
	if files := o.Files.String(); files != "" {
		f.setAll("files", strings.Split(files, ","))
	}
	var on []string
	for _, d := range dialectSwitches() {
		if *d.of(&p.Dialect) {
			on = append(on, d.name)
		}
	}
	f.setAll("dialect", on)
	if !o.PartnerDiscounts {
		setDiscounts(f, &p.Discounts)
	}
	return f
}

func quantityText(q feed.Quantity) string {
	if !q.Known() {
		return ""
	}
	return q.String()
}

func rulesText(rules []feed.Rule) string {
	var lines []string
	for _, r := range rules {
		for word, field := range ruleFields {
			if field == r.Field {
				lines = append(lines, word+": "+r.Value)
			}
		}
	}
	return strings.Join(lines, "\n")
}

func readRules(f *form, name string) (rules []feed.Rule) {
	for line := range f.lines(name, maxRules) {
		word, value, ok := strings.Cut(line, ":")
		field, known := ruleFields[strings.ToLower(strings.TrimSpace(word))]
		if value = strings.TrimSpace(value); !ok || !known || value == "" {
			f.fail(name, "offer.rule", shorten(line, 40))
			return nil
		}
		rules = append(rules, feed.Rule{Field: field, Value: value})
	}
	return rules
}

// readOffer reads the form into an offer; what it does not show stays.
func readOffer(f *form, o *partner.Offer, shops, lists []option) {
	o.Name = f.line("name", 1, 200)
	o.Shop = partner.ShopID(f.option("shop", shops))
	p := &o.Profile
	p.Languages = nil
	for _, word := range f.words("languages", 20, 40) {
		l, err := feed.ParseLanguage(word)
		if err != nil {
			f.fail("languages", "form.said", message(err))
			break
		}
		p.Languages = append(p.Languages, l)
	}
	p.Currency = parsed(f, "currency", feed.ParseCurrency)
	p.Rates = readRates(f)
	p.PriceList = ""
	if f.Value("price-list") != "" {
		p.PriceList = feed.PriceListID(f.option("price-list", lists))
	}
	if p.OnlyListed = f.flag("only-listed"); p.OnlyListed && p.PriceList == "" {
		f.fail("only-listed", "offer.onlylisted.which")
	}
	p.Base, p.Lead = feed.BaseRetail, leadOf(f)
	if f.choice("base", "retail", "wholesale") == "wholesale" {
		p.Base = feed.BaseWholesale
	}
	p.Assortment = feed.Assortment{Include: readRules(f, "include"), Exclude: readRules(f, "exclude"), InStockOnly: f.flag("in-stock")}
	p.Stock.Warehouses = nil
	for _, word := range f.words("warehouses", 10, 1000) {
		n, err := strconv.ParseInt(word, 10, 32)
		if err != nil || n < 0 {
			f.fail("warehouses", "form.range", 0, 1<<31-1)
			break
		}
		p.Stock.Warehouses = append(p.Stock.Warehouses, feed.WarehouseID(n))
	}
	p.Stock.PerWarehouse, p.CSV = f.flag("per-warehouse"), f.flag("csv")
	p.Stock.Buffer, p.Stock.Cap, p.Stock.Unlimited = parsed(f, "buffer", typedQuantity), parsed(f, "cap", typedQuantity), parsed(f, "unlimited", typedQuantity)
	var names []string
	for _, d := range dialectSwitches() {
		names = append(names, d.name)
	}
	on := f.choices("dialect", names...)
	for _, d := range dialectSwitches() {
		*d.of(&p.Dialect) = slices.Contains(on, d.name)
	}
	o.Files = readFiles(f)
	// Discounts that do not count have to be right all the same: a form is
	// refused rather than read in part.
	discounts := readDiscounts(f)
	if o.PartnerDiscounts = f.flag("partner-discounts"); !o.PartnerDiscounts {
		p.Discounts = discounts
	}
}

func readRates(f *form) (rates []feed.ExchangeRate) {
	for line := range f.lines("rates", 4000) {
		code, value, ok := strings.Cut(line, "=")
		if !ok {
			f.fail("rates", "form.line", shorten(line, 40))
			return nil
		}
		from, err := feed.ParseCurrency(strings.TrimSpace(code))
		if err == nil {
			var rate feed.Rate
			if rate, err = feed.ParseRate(strings.TrimSpace(decimalPoint(value))); err == nil {
				rates = append(rates, feed.ExchangeRate{From: from, Rate: rate})
				continue
			}
		}
		f.fail("rates", "form.said.line", shorten(line, 40), message(err))
		return nil
	}
	return rates
}

// fileKinds are the files that an offer can be restricted to.
func fileKinds() []feed.Kind {
	return []feed.Kind{feed.KindFull, feed.KindLight, feed.KindCategories, feed.KindSizes, feed.KindProducers, feed.KindUnits, feed.KindParameters, feed.KindStocks, feed.KindSeries, feed.KindWarranties, feed.KindPreset}
}

func readFiles(f *form) partner.KindSet {
	var names []string
	for _, k := range fileKinds() {
		names = append(names, k.String())
	}
	set, err := partner.ParseKindSet(strings.Join(f.choices("files", names...), ","))
	if err != nil {
		f.fail("files", "form.said", message(err))
	}
	return set
}

// offerFormView puts the page around a form.
func (c *call) offerFormView(p *partner.Partner, f *form, id partner.OfferID) (v offerView, err error) {
	v = offerView{partnerHead: c.head(p, "offer"), Form: f, Offer: id, Currencies: withPresent(withNone(currencyOptions()), f.Value("currency")), Leads: c.leadOptions()}
	for _, base := range []string{"retail", "wholesale"} {
		v.Bases = append(v.Bases, option{base, c.say("base." + base)})
	}
	for _, d := range dialectSwitches() {
		v.Dialects = append(v.Dialects, option{d.name, c.say("dialect." + d.name)})
	}
	s := c.speaker()
	for _, k := range fileKinds() {
		v.Kinds = append(v.Kinds, option{k.String(), s.word("kind", k.String())})
	}
	lists, err := c.panel.opt.Manage.PriceLists(c.ctx, c.who)
	if err != nil {
		return v, err
	}
	v.PriceLists = []option{{"", "–"}}
	for i := range lists {
		v.PriceLists = append(v.PriceLists, option{string(lists[i].ID), lists[i].Name + " · " + lists[i].Currency.String()})
	}
	v.Shops, err = c.shopOptions()
	return v, err
}

func showNewOffer(c *call) (reply, error) {
	p, err := c.partner()
	if err != nil {
		return reply{}, err
	}
	o := partner.Offer{Name: p.Name, PartnerDiscounts: true, Version: 1, Profile: feed.Profile{Currency: p.Currency}}
	if !p.Language.IsZero() {
		o.Profile.Languages = []feed.Language{p.Language}
	}
	if p.Wholesaler {
		o.Profile.Base = feed.BaseWholesale
	}
	v, err := c.offerFormView(&p, formOfOffer(&o), "")
	return show("offer", v), err
}

func createOffer(c *call, f *form) (reply, error) {
	p, err := c.partner()
	if err != nil {
		return reply{}, err
	}
	v, err := c.offerFormView(&p, f, "")
	if err != nil {
		return reply{}, err
	}
	o := partner.Offer{Partner: p.ID, FeedEnabled: true}
	readOffer(f, &o, v.Shops, v.PriceLists)
	if !f.Failed() {
		_, err := c.panel.opt.Manage.CreateOffer(c.ctx, c.who, o)
		if err := takeTaken(f, "name", err); err != nil {
			return reply{}, err
		}
	}
	if f.Failed() {
		return wrong("offer", v), nil
	}
	return move("/partners/"+string(p.ID)).saying("offer.created", o.Name), nil
}

// offerAndPartner gives the offer of the path and whose it is.
func (c *call) offerAndPartner() (o partner.Offer, p partner.Partner, err error) {
	if o, err = c.offer(); err == nil {
		p, err = c.panel.opt.Manage.Partner(c.ctx, c.who, string(o.Partner))
	}
	return o, p, err
}

func showOffer(c *call) (reply, error) {
	o, p, err := c.offerAndPartner()
	if err != nil {
		return reply{}, err
	}
	v, err := c.offerFormView(&p, formOfOffer(&o), o.ID)
	if err != nil {
		return reply{}, err
	}
	found, err := c.unmatched([]partner.Offer{o}, c.query("compare") == "all")
	v.Unmatched = found[o.ID]
	return show("offer", v), err
}

// saveOffer stores what the form says, or shows what that would change.
func saveOffer(c *call, f *form) (reply, error) {
	o, p, err := c.offerAndPartner()
	if err != nil {
		return reply{}, err
	}
	v, err := c.offerFormView(&p, f, o.ID)
	if err != nil {
		return reply{}, err
	}
	o.Version = f.version()
	readOffer(f, &o, v.Shops, v.PriceLists)
	if o.PartnerDiscounts {
		o.Profile.Discounts = p.Discounts
	}
	view := func(preview *previewView) any {
		v.Preview = preview
		return v
	}
	return c.settle(f, o.Validate(), "offer", view, partner.Changeset{Offers: []partner.Offer{o}}, func() error {
		_, err := c.panel.opt.Manage.UpdateOffer(c.ctx, c.who, o)
		return err
	}, "/partners/"+string(p.ID))
}
