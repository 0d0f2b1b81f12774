package admin

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"math/big"
	"net/http"
	"strconv"
	"time"

	"feedmill/feed"
	"feedmill/feed/pricing"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// productsView lists the catalog.
type productsView struct {
	Query string
	Lines []productLine
	Pager pager
	// Count is how many products there are in all, when nothing is looked for.
	Count int64
	Asked bool
}

// productLine is one product of a list.
type productLine struct {
	ID         string
	Name, Code string
	Sizes      int
	Currency   feed.Currency
	Price      feed.Price
	Stock      string
}

func productsPage() page {
	return page{name: "products", routes: []route{get("/products", may(manage.ReadProducts), showProducts)}, stories: func(s *scene) []story {
		lines := []productLine{
			{"17", "Rower miejski „Wisła” 28″", "RM-28-W", 3, feed.MustCurrency("PLN"), samplePrice(189900), "14"},
			{"18", "Dzwonek <mosiądz> & uchwyt", "DZ-1", 1, feed.MustCurrency("PLN"), samplePrice(2499), "∞"},
			{"104217", "Lampka przednia z bardzo długą nazwą, która nie mieści się w jednej linii na telefonie", "5900000000017", 1, feed.MustCurrency("EUR"), feed.Price{}, "0"},
		}
		return []story{
			{state: "plain", data: productsView{Lines: lines, Count: 104_217, Pager: pager{Older: "/panel/products?after=104217"}}},
			{state: "found", role: auth.Readonly, data: productsView{Query: "row<er>", Lines: lines[:1], Asked: true}},
			{state: "so-far", data: productsView{Query: "rare", Asked: true, Pager: pager{Older: "/panel/products?q=rare&after=20000"}}},
			{state: "nothing", data: productsView{Query: "no such thing", Asked: true}},
			{state: "empty", data: productsView{}},
		}
	}}
}

// samplePrice is a price with VAT of 23 %.
func samplePrice(minor int64) feed.Price {
	vat, _ := feed.ParsePercent("23")
	a, _ := feed.AmountOf(minor)
	p, _ := feed.PriceFromNet(a, vat) // a small amount
	return p
}

// searchTime is after how long a search shows what it has, and offers to go on.
const searchTime = 60 * time.Millisecond

func showProducts(c *call) (reply, error) {
	v := productsView{Query: c.query("q")}
	v.Asked = v.Query != ""
	after, _ := strconv.ParseInt(c.query("after"), 10, 64)
	next := feed.ProductID(max(after, 0))
	// A page of a search may come short before the end: more is asked for as long
	// as nobody has to wait for it.
	began := time.Now()
	for len(v.Lines) < perPage && (next == feed.ProductID(max(after, 0)) || time.Since(began) < searchTime) {
		list, err := c.panel.opt.Manage.SearchProducts(c.ctx, c.who, v.Query, next, perPage-len(v.Lines))
		if err != nil {
			return reply{}, err
		}
		for _, p := range list.Products {
			v.Lines = append(v.Lines, productLine{strconv.FormatInt(int64(p.ID), 10), p.Name, p.Code, p.Sizes, p.Currency, p.Price, quantity(p.Stock)})
		}
		if next = list.Next; next == 0 {
			break
		}
	}
	if next > 0 {
		v.Pager.Older = withQuery(c.r.URL, "after", strconv.FormatInt(int64(next), 10))
	}
	if after > 0 {
		v.Pager.Newer = withQuery(c.r.URL, "after", "")
	}
	if !v.Asked && c.panel.opt.Journal != nil {
		var err error
		if v.Count, err = c.panel.kept.products(c.ctx, c.panel.opt.Journal, c.who.Merchant); err != nil {
			return reply{}, err
		}
	}
	return show("products", v), nil
}

// quantity writes a quantity for people.
func quantity(q feed.Quantity) string {
	if q.Unlimited() {
		return "∞"
	}
	return q.String()
}

// productView is one product and what each partner sees of it.
type productView struct {
	ID, Name  string
	Texts     []textLine
	Producer  string
	Category  string
	VAT       feed.Percent
	Currency  feed.Currency
	List      feed.Price
	Wholesale feed.Price
	Minimal   feed.Price
	SRP       feed.Price
	Tags      []string
	Sizes     []sizeLine
	// Query is what the names of partners are searched for.
	Query string
	Shown []shownLine
	Pager pager
	// May says that whoever looks may remove the product.
	May bool
	// Gone says that the catalog has no such product any more.
	Gone bool
}

// textLine is a name in one language.
type textLine struct{ Lang, Text string }

// sizeLine is one sellable item.
type sizeLine struct {
	Name, Code, Producer, External, Stock string
	Price                                 feed.Price
}

// shownLine is what one partner sees.
type shownLine struct {
	Offer, OfferName, Partner, PartnerID string
	// ClosedBy are words of the family "refusal", and Reason is one of "reason",
	// "" for none.
	ClosedBy    []string
	Reason      string
	Included    bool
	Currency    feed.Currency
	List, Price feed.Price
	Stock       string
}

func productPage() page {
	return page{name: "product", routes: []route{
		get("/products/{product}", may(manage.ReadProducts), showProduct),
		send("/products/{product}/delete", may(manage.WriteProducts), deleteProduct),
	}, stories: func(s *scene) []story {
		v := productView{ID: "17", Name: "Rower miejski „Wisła” 28″", Texts: []textLine{{"pol", "Rower miejski „Wisła” 28″"}, {"eng", "City bike <Wisła>"}}, Producer: "Wisła", Category: "Rowery/Miejskie",
			VAT: feed.Percent{}, Currency: feed.MustCurrency("PLN"), List: samplePrice(189900), Wholesale: samplePrice(140000), Tags: []string{"nowość"},
			Sizes: []sizeLine{{"S", "RM-28-W-S", "5900000000017", "E-1", "4", feed.Price{}}, {"M", "RM-28-W-M", "5900000000024", "", "10", samplePrice(194900)}},
			Shown: []shownLine{
				{"o-aaaaaaaaaaaaaaaa", "Main", "Nord Shop", "p-aaaaaaaaaaaaaaaa", nil, "", true, feed.MustCurrency("EUR"), samplePrice(44000), samplePrice(39600), "14"},
				{"o-bbbbbbbbbbbbbbbb", "Main", "Velo Süd", "p-bbbbbbbbbbbbbbbb", []string{"partner-blocked", "partner-feed-off"}, "", true, feed.MustCurrency("PLN"), samplePrice(189900), samplePrice(170910), "5"},
				{"o-cccccccccccccccc", "Tylko lampki", "Ostrów", "p-cccccccccccccccc", nil, "not-included", false, feed.MustCurrency("PLN"), feed.Price{}, feed.Price{}, ""},
			}}
		bare := productView{ID: "9", Gone: true}
		v.May, v.Pager = true, pager{Older: root + "/products/17?page=1", From: 1, To: 50, Total: 312}
		none := v
		none.Shown, none.May, none.Pager = nil, false, pager{}
		sought := v
		sought.Query, sought.Shown, sought.Pager = "x<y", nil, pager{}
		return []story{{state: "plain", data: v}, {state: "no-partners", role: auth.Readonly, data: none}, {state: "none-found", data: sought}, {state: "gone", data: bare}}
	}}
}

// productID reads the product of the path.
func (c *call) productID() (feed.ProductID, error) {
	n, err := strconv.ParseInt(c.path("product"), 10, 64)
	if err != nil || n <= 0 || n > feed.MaxProductID {
		return 0, notFound("such product")
	}
	return feed.ProductID(n), nil
}

// goneProduct answers for a product that the catalog has not, or no longer:
// imports and bookmarks lead to such.
func goneProduct(id feed.ProductID, err error) (reply, error) {
	if feed.KindOf(err) != feed.KindNotFound {
		return reply{}, err
	}
	return reply{status: http.StatusNotFound, page: "product", data: productView{ID: strconv.FormatInt(int64(id), 10), Gone: true}}, nil
}

func showProduct(c *call) (reply, error) {
	id, err := c.productID()
	if err != nil {
		return reply{}, err
	}
	p, err := c.panel.opt.Manage.Product(c.ctx, c.who, id)
	if err != nil {
		return goneProduct(id, err)
	}
	v := productView{ID: strconv.FormatInt(int64(id), 10), Producer: p.Producer.Name, Category: p.Category.Names.Pick(nil), VAT: p.VAT, Currency: p.Currency,
		List: p.Prices.List, Wholesale: p.Prices.Wholesale, Minimal: p.Prices.Minimal, SRP: p.Prices.SRP, Tags: p.Tags}
	if v.Producer == "" {
		v.Producer = p.Producer.ID
	}
	if v.Category == "" {
		v.Category = p.Category.ID
	}
	for _, t := range p.Names {
		v.Texts = append(v.Texts, textLine{t.Lang.String(), t.Value})
	}
	if v.Name = p.Names.Pick(nil); v.Name == "" {
		v.Name = v.ID
	}
	for i := range p.Sizes {
		z := &p.Sizes[i]
		var list []string
		for _, st := range z.Stock {
			list = append(list, fmt.Sprintf("M%d: %s", st.Warehouse, quantity(st.Quantity)))
		}
		line := sizeLine{Name: z.Name, Code: z.Code, Producer: z.ProducerCode, External: z.ExternalCode, Stock: joined(list), Price: z.Prices.List}
		if line.Name == "" {
			line.Name = z.ID
		}
		v.Sizes = append(v.Sizes, line)
	}
	v.Query, v.May = c.query("q"), c.may(manage.WriteProducts)
	from, _ := strconv.Atoi(c.query("page"))
	from = min(max(from, 0), 1_000_000) * perPage
	shown, total, err := c.panel.opt.Manage.ShownTo(c.ctx, c.who, id, v.Query, from, perPage)
	if err != nil {
		return reply{}, err
	}
	for i := range shown {
		v.Shown = append(v.Shown, shownLineOf(&shown[i]))
	}
	v.Pager = pager{From: min(from+1, total), To: from + len(shown), Total: total}
	if from > 0 {
		v.Pager.Newer = withQuery(c.r.URL, "page", strconv.Itoa(from/perPage-1))
	}
	if from+len(shown) < total {
		v.Pager.Older = withQuery(c.r.URL, "page", strconv.Itoa(from/perPage+1))
	}
	return show("product", v), nil
}

// deleteProduct removes a product from the catalog, and so from all offers.
func deleteProduct(c *call, f *form) (reply, error) {
	id, err := c.productID()
	if err != nil {
		return reply{}, err
	}
	p, err := c.panel.opt.Manage.Product(c.ctx, c.who, id)
	if err != nil {
		return goneProduct(id, err)
	}
	name := cmp.Or(p.Names.Pick(nil), strconv.FormatInt(int64(id), 10))
	if rep, ok := c.sure(f, fmt.Sprintf("/products/%d", id), "product.delete.ask", name); !ok {
		return rep, nil
	}
	if _, err := c.panel.opt.Manage.DeleteProducts(c.ctx, c.who, []feed.ProductID{id}); err != nil {
		return reply{}, err
	}
	return move("/products").saying("product.deleted", name), nil
}

// joined writes a list with commas.
func joined(list []string) (s string) {
	for i, one := range list {
		if i > 0 {
			s += ", "
		}
		s += one
	}
	return s
}

// refusalWords gives the words of the family "refusal".
func refusalWords(list []partner.Refusal) (words []string) {
	for _, r := range list {
		words = append(words, r.String())
	}
	return words
}

func shownLineOf(s *manage.Shown) shownLine {
	l := shownLine{Offer: string(s.Offer.ID), OfferName: s.Offer.Name, Partner: s.Partner, PartnerID: string(s.Offer.Partner), ClosedBy: refusalWords(s.ClosedBy),
		Included: s.Included, Reason: s.Reason.String(), Currency: s.Currency, List: s.List, Price: s.Price}
	if s.Included {
		l.Stock = quantity(s.Stock)
	}
	return l
}

// whyView tells why one partner sees a product as he does.
type whyView struct {
	Product, Name, Offer, OfferName, Partner, PartnerID string
	Known, Included                                     bool
	// ClosedBy are words of the family "refusal", Reason is one of "reason".
	ClosedBy []string
	Reason   string
	// Summary is the verdict.
	Summary     pricing.Note
	Assortment  []pricing.Note
	Derivations []derivationView
	Full, Light sentView
	// Unread says that what was sent cannot be read now.
	Unread bool
}

// derivationView is how prices and stock of a product or a size came about.
type derivationView struct {
	Code                 string
	List, Partner, Stock []stepLine
	Full, Light          feed.Price
	Currency             feed.Currency
}

// stepLine is one step of a derivation.
type stepLine struct {
	// Kind is a word of the family "step".
	Kind   string
	Told   []pricing.Note
	Amount string
}

// sentView is what was sent.
type sentView struct {
	// Kind is "full" or "light".
	Kind       string
	Generation int64
	Time       time.Time
	File       string
	Made       int64
	XML        template.HTML
	Removed    bool
	Differs    bool
	Cut        bool
	// Held says that the next generation is held, and Left that light shows a
	// product which has left the offer, as sold out.
	Held, Left bool
}

func whyPage() page {
	return page{name: "why", routes: []route{get("/products/{product}/why/{offer}", may(manage.ReadProducts), showWhy)}, stories: func(s *scene) []story {
		xml, cut := highlight(`<product id="17" currency="EUR"><producer id="3" name="Wisła"/><price gross="541.20" net="440.00"/>` + "\n" + `<description><name xml:lang="pol"><![CDATA[Rower <miejski>]]></name><!-- x --></description></product>`)
		said := func(code pricing.NoteCode, args ...any) pricing.Note { return pricing.Note{Code: code, Args: args} }
		step := func(kind, amount string, told ...pricing.Note) stepLine { return stepLine{kind, told, amount} }
		v := whyView{Product: "17", Name: "Rower miejski", Offer: "o-aaaaaaaaaaaaaaaa", OfferName: "Main", Partner: "Nord Shop", PartnerID: "p-aaaaaaaaaaaaaaaa", Known: true, Included: true,
			Summary: said("in"), Assortment: []pricing.Note{said("include-none", 2), said("exclude", 1, 3, pricing.NameTag, "old")},
			Derivations: []derivationView{{"", []stepLine{step("base", "1899.00", said("list-price"), said("net")), step("rate", "440.00", said("rate", "PLN", pricing.Number("0.2317"), "EUR"), said("rate-since", "2026-11-01"))},
				[]stepLine{step("base", "1899.00", said("list-price"), said("want-wholesale"), said("of-product"), said("gross")), step("discount", "396.00", said("less-category", pricing.Number("10.5"), "Rowery <miejskie>")), step("VAT", "", said("vat-gross", pricing.Number("23.0")))}, nil, samplePrice(44000), samplePrice(39600), feed.MustCurrency("EUR")},
				{"RM-28-W-S", nil, nil, []stepLine{step("stock", "", said("stock", 1, pricing.Number("4.5"))), step("stock", "", said("cap-each", pricing.Number("50"))), step("stock", "", said("shown", 1, pricing.Number("4")))}, feed.Price{}, feed.Price{}, feed.MustCurrency("EUR")}},
			Full:  sentView{"full", 812, s.ago(2 * time.Hour), "full.xml", 800, xml, false, false, cut, false, false},
			Light: sentView{"light", 813, s.ago(time.Minute), "light.xml", 813, xml, false, true, true, false, false}}
		out := v
		out.Summary = said("excluded", 1, pricing.NameTag, "old")
		out.Included, out.Reason, out.ClosedBy, out.Full, out.Light = false, "excluded", []string{"sharing-off", "offer-feed-off"}, sentView{Kind: "full"}, sentView{Kind: "light", Generation: 9, Time: s.ago(time.Hour)}
		gone := whyView{Product: "17", Name: "17", Offer: v.Offer, OfferName: "Main", Partner: "Nord Shop", PartnerID: v.PartnerID, Full: sentView{"full", 812, s.ago(time.Hour), "full_change2026-11-21T14-00-00.xml", 812, xml, true, false, false, false, false}, Light: sentView{Kind: "light"}}
		left := out
		left.Light = sentView{"light", 813, s.ago(time.Minute), "light.xml", 813, xml, false, false, false, false, true}
		unread := v
		unread.Unread = true
		held := v
		held.Full, held.Light.Held = sentView{Kind: "full", Held: true}, true
		return []story{{state: "in", data: v}, {state: "out", role: auth.Readonly, data: out}, {state: "gone", data: gone}, {state: "unread", data: unread}, {state: "held", data: held}, {state: "left", data: left}}
	}}
}

func showWhy(c *call) (reply, error) {
	id, err := c.productID()
	if err != nil {
		return reply{}, err
	}
	a, err := c.panel.opt.Manage.Why(c.ctx, c.who, manage.Question{Offer: partner.OfferID(c.path("offer")), Product: id})
	var unread *manage.UnreadError
	if errors.As(err, &unread) {
		c.panel.opt.Log.WarnContext(c.ctx, "what was sent cannot be read", slog.Any("error", err))
	} else if err != nil {
		return reply{}, err
	}
	v := whyView{Unread: unread != nil,
		Product: strconv.FormatInt(int64(id), 10), Name: a.Name, Offer: string(a.Offer.ID), OfferName: a.Offer.Name, Partner: a.Partner.Name, PartnerID: string(a.Partner.ID),
		Known: a.Explanation != nil, Included: a.Included, ClosedBy: refusalWords(a.ClosedBy), Full: sentViewOf("full", &a.Full), Light: sentViewOf("light", &a.Light)}
	if v.Name == "" {
		v.Name = v.Product
	}
	if e := a.Explanation; e != nil {
		v.Reason, v.Summary, v.Assortment = e.Verdict.Reason.String(), e.SummaryTold, e.AssortmentTold
		for _, d := range append([]pricing.Derivation{e.Whole}, e.Sizes...) {
			one := derivationView{Code: d.Code, List: steps(d.List, e.Currency), Partner: steps(d.Partner, e.Currency), Stock: steps(d.Stock, e.Currency), Full: d.Full, Light: d.Light, Currency: e.Currency}
			v.Derivations = append(v.Derivations, one)
		}
	}
	return show("why", v), nil
}

// steps writes the steps of a derivation.
func steps(list []pricing.Step, cur feed.Currency) (lines []stepLine) {
	for _, s := range list {
		l := stepLine{Kind: s.Kind.String(), Told: s.Told}
		if s.Amount != nil {
			l.Amount = exact(s.Amount, cur)
		}
		lines = append(lines, l)
	}
	return lines
}

// exact writes an amount with as many decimals as it takes, up to two more than
// the currency has.
func exact(r *big.Rat, cur feed.Currency) string {
	places := 2
	if !cur.IsZero() {
		places = cur.Exponent()
	}
	for extra := range 3 {
		text := r.FloatString(places + extra)
		if back, ok := new(big.Rat).SetString(text); ok && back.Cmp(r) == 0 || extra == 2 {
			return text
		}
	}
	return ""
}

func sentViewOf(kind string, s *manage.Sent) sentView {
	v := sentView{Kind: kind, Generation: s.Generation, Time: s.Time, File: s.File, Made: s.Made, Removed: s.Removed, Differs: s.Differs, Held: s.Held != "", Left: s.Left}
	v.XML, v.Cut = highlight(s.XML)
	return v
}
