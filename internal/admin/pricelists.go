package admin

import (
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/internal/auth"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// priceListsView lists the price lists and adds one.
type priceListsView struct {
	Lists             []priceListLine
	Form              *form
	Currencies, Leads []option
	Hold              bool
}

type priceListLine struct {
	ID, Name, Currency, Lead string
	Prices                   int64
	Changed                  time.Time
}

// priceListView is one price list: what it is, its prices, and the ways to change them.
type priceListView struct {
	priceListLine
	Form, Price, File *form
	Currencies, Leads []option
	Unit              feed.Currency
	Rows              []priceRow
	Pager             pager
	Preview           *previewView
	Problems          []catalog.Problem
	Hold              bool
}

// priceRow is one price.
type priceRow struct {
	Product, Code string
	Amount        feed.Amount
}

func priceListsPage() page {
	return page{name: "pricelists", routes: []route{
		get("/price-lists", may(manage.ReadPrices), showPriceLists),
		send("/price-lists", may(manage.WritePrices), addPriceList),
	}, stories: func(s *scene) []story {
		v := priceListsView{Lists: []priceListLine{{"t-aaaaaaaaaaaaaaaa", "Hurt 2026", "PLN", "net", 104_217, s.ago(time.Hour)}, {"t-bbbbbbbbbbbbbbbb", "Export <b>", "EUR", "gross", 0, s.ago(48 * time.Hour)}},
			Form: newForm("currency", "PLN"), Currencies: currencyOptions(), Leads: []option{{"net", "net"}, {"gross", "gross"}}}
		bad := v
		bad.Form = newForm("name", "Hurt 2026", "currency", "PLN")
		bad.Form.fail("name", "form.said", "there is a price list \"Hurt 2026\" already")
		hold := v
		hold.Hold = true
		return []story{{state: "plain", data: v}, {state: "empty", data: priceListsView{Form: newForm(), Currencies: v.Currencies, Leads: v.Leads}}, {state: "wrong", data: bad}, {state: "readonly", role: auth.Readonly, data: hold}}
	}}
}

func priceListPage() page {
	return page{name: "pricelist", routes: []route{
		get("/price-lists/{list}", may(manage.ReadPrices), showPriceList),
		send("/price-lists/{list}", may(manage.WritePrices), changePriceList),
		send("/price-lists/{list}/price", may(manage.WritePrices), setPrice),
		post("/price-lists/{list}/file", may(manage.WritePrices), setPrices),
	}, stories: func(s *scene) []story {
		v := priceListView{priceListLine: priceListLine{"t-aaaaaaaaaaaaaaaa", "Hurt 2026", "PLN", "net", 3, s.ago(time.Hour)}, Unit: feed.MustCurrency("PLN"), Currencies: currencyOptions(), Leads: []option{{"net", "net"}, {"gross", "gross"}},
			Form: newForm("name", "Hurt 2026", "currency", "PLN", "lead", "net", "version", "4"), Price: newForm("version", "4"), File: newForm("version", "4"),
			Rows: []priceRow{{"17", "", samplePrice(140000).Net}, {"17", "RM-28-W-M", samplePrice(145000).Net}, {"99", "", samplePrice(1).Net}}}
		bad := v
		bad.Price = newForm("item", "C-<99>", "price", "12,5O", "version", "4")
		bad.Price.fail("item", "form.said", "no product has the code \"C-<99>\"")
		bad.Price.fail("price", "form.said", "\"12.5O\" is no amount")
		lines := v
		lines.File = newForm("lines", "code,price\nC-1,12\nC-2,x\n", "replace", "on", "version", "4")
		lines.File.fail("lines", "pricelist.refused", 1)
		lines.Problems = []catalog.Problem{{File: "prices.csv", Line: 3, Field: "price", Message: `"x <b>" is not a decimal number (digits with an optional decimal point)`, Hint: "write a decimal of PLN such as 12.50"}, {File: "prices.csv", Line: 4, Message: "names no product", Hint: "give product, key or code"}}
		pre := v
		pre.File, pre.Preview = newForm("lines", "code,price\nC-1,12\n", "version", "4"), samplePreview()
		hold := v
		hold.Hold = true
		none := v
		none.Rows, none.Prices = nil, 0
		return []story{{state: "plain", data: v}, {state: "empty", data: none}, {state: "wrong", data: bad}, {state: "lines", data: lines}, {state: "preview", data: pre}, {state: "readonly", role: auth.Readonly, data: hold}}
	}}
}

// leadOptions are the sides that prices can be.
func (c *call) leadOptions() (list []option) {
	for _, lead := range []string{"net", "gross"} {
		list = append(list, option{lead, c.say("lead." + lead)})
	}
	return list
}

// leadOf reads a side.
func leadOf(f *form) feed.PriceLead {
	if f.choice("lead", "net", "gross") == "gross" {
		return feed.LeadGross
	}
	return feed.LeadNet
}

func leadName(l feed.PriceLead) string {
	if l == feed.LeadGross {
		return "gross"
	}
	return "net"
}

func priceListLineOf(l *partner.PriceList) priceListLine {
	return priceListLine{string(l.ID), l.Name, l.Currency.String(), leadName(l.Lead), l.Prices, l.Changed}
}

func (c *call) priceLists(f *form) (v priceListsView, err error) {
	v = priceListsView{Form: f, Currencies: currencyOptions(), Leads: c.leadOptions(), Hold: !c.may(manage.WritePrices)}
	list, err := c.panel.opt.Manage.PriceLists(c.ctx, c.who)
	for i := range list {
		v.Lists = append(v.Lists, priceListLineOf(&list[i]))
	}
	return v, err
}

func showPriceLists(c *call) (reply, error) {
	v, err := c.priceLists(newForm("currency", c.merchant.Currency.String()))
	return show("pricelists", v), err
}

func addPriceList(c *call, f *form) (reply, error) {
	l := partner.PriceList{Name: f.line("name", 1, 200), Currency: parsed(f, "currency", feed.ParseCurrency), Lead: leadOf(f)}
	if !f.Failed() {
		var err error
		l, err = c.panel.opt.Manage.CreatePriceList(c.ctx, c.who, l)
		if err := takeTaken(f, "name", err); err != nil {
			return reply{}, err
		}
	}
	if f.Failed() {
		v, err := c.priceLists(f)
		return wrong("pricelists", v), err
	}
	return move("/price-lists/"+string(l.ID)).saying("pricelist.added", l.Name), nil
}

// priceList gives the list of the path.
func (c *call) priceList() (partner.PriceList, error) {
	id := feed.PriceListID(c.path("list"))
	if !partner.ValidPriceListID(id) {
		return partner.PriceList{}, notFound("such price list")
	}
	return c.panel.opt.Manage.PriceList(c.ctx, c.who, string(id))
}

// priceListView puts the page of a list together; the forms that are nil are fresh.
func (c *call) priceListView(l *partner.PriceList, settings, price, file *form) (v priceListView, err error) {
	version := strconv.FormatInt(l.Version, 10)
	v = priceListView{priceListLine: priceListLineOf(l), Form: settings, Price: price, File: file, Unit: l.Currency, Currencies: withPresent(currencyOptions(), l.Currency.String()), Leads: c.leadOptions(), Hold: !c.may(manage.WritePrices)}
	if v.Form == nil {
		v.Form = newForm("name", l.Name, "currency", l.Currency.String(), "lead", leadName(l.Lead), "version", version)
	}
	if v.Price == nil {
		v.Price = newForm("version", version)
	}
	if v.File == nil {
		v.File = newForm("version", version)
	}
	var after partner.PriceKey
	if id, code, ok := strings.Cut(c.query("after"), ":"); ok {
		n, _ := strconv.ParseInt(id, 10, 64)
		after = partner.PriceKey{Product: feed.ProductID(max(n, 0)), Code: code}
		v.Pager.Newer = withQuery(c.r.URL, "after", "")
	}
	rows, err := c.panel.opt.Manage.ListPrices(c.ctx, c.who, l.ID, after, perPage+1)
	if len(rows) > perPage {
		rows = rows[:perPage]
		last := rows[perPage-1].PriceKey
		v.Pager.Older = withQuery(c.r.URL, "after", strconv.FormatInt(int64(last.Product), 10)+":"+last.Code)
	}
	for _, r := range rows {
		v.Rows = append(v.Rows, priceRow{strconv.FormatInt(int64(r.Product), 10), r.Code, r.Amount})
	}
	return v, err
}

func showPriceList(c *call) (reply, error) {
	l, err := c.priceList()
	if err != nil {
		return reply{}, err
	}
	v, err := c.priceListView(&l, nil, nil, nil)
	return show("pricelist", v), err
}

// changePriceList stores what a list is, says what another side would change, or
// removes the list.
func changePriceList(c *call, f *form) (reply, error) {
	l, err := c.priceList()
	if err != nil {
		return reply{}, err
	}
	to := l
	to.Version, to.Name = f.version(), f.line("name", 1, 200)
	to.Currency, to.Lead = parsed(f, "currency", feed.ParseCurrency), leadOf(f)
	answer := func() (reply, error) {
		v, err := c.priceListView(&l, f, nil, nil)
		return wrong("pricelist", v), err
	}
	if f.Failed() {
		return answer()
	}
	said := "account.saved"
	switch f.Value("act") {
	case "preview":
		return c.pricePreview(&l, manage.PriceChange{List: l.ID, Lead: &to.Lead}, f, nil, nil)
	case "delete":
		if rep, ok := c.sure(f, "/price-lists/"+string(l.ID), "pricelist.ask", l.Name); !ok {
			return rep, nil
		}
		err = c.panel.opt.Manage.DeletePriceList(c.ctx, c.who, l.ID, to.Version)
		said = "pricelist.deleted"
	default:
		_, err = c.panel.opt.Manage.UpdatePriceList(c.ctx, c.who, to)
	}
	if err := takeTaken(f, "name", err); err != nil {
		return reply{}, err
	}
	if f.Failed() {
		return answer()
	}
	if said == "pricelist.deleted" {
		return move("/price-lists").saying(said, l.Name), nil
	}
	return move("/price-lists/" + string(l.ID)).saying(said), nil
}

// pricePreview shows what a change of a list would do, above the forms as they were sent.
func (c *call) pricePreview(l *partner.PriceList, change manage.PriceChange, settings, price, file *form) (reply, error) {
	p, err := c.panel.opt.Manage.PreviewPrices(c.ctx, c.who, change)
	if err != nil {
		return reply{}, err
	}
	v, err := c.priceListView(l, settings, price, file)
	v.Preview = previewOf(&p)
	return show("pricelist", v), err
}
