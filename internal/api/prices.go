package api

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// exchangeDoc is an exchange rate of the merchant's.
type exchangeDoc struct {
	From    string    `json:"from"`
	To      string    `json:"to"`
	Rate    decimal   `json:"rate" doc:"what one unit of from costs in to"`
	Since   time.Time `json:"since" doc:"when it was set to what it is"`
	Version int64     `json:"version"`
}

func (d *exchangeDoc) version() int64 { return d.Version }

func showExchange(r *partner.Rate) *exchangeDoc {
	return &exchangeDoc{From: r.From.String(), To: r.To.String(), Rate: decimal(r.Rate.String()), Since: r.Since.UTC(), Version: r.Version}
}

type exchangePath struct {
	From currencyCode `path:"from" doc:"a currency, such as EUR"`
	To   currencyCode `path:"to" doc:"a currency, such as PLN"`
}

// currencyCode is a currency as an address names it.
type currencyCode string

// Valid says whether there is such a currency.
func (c currencyCode) Valid() bool {
	_, err := feed.ParseCurrency(string(c))
	return err == nil
}

func (p *exchangePath) currencies() (from, to feed.Currency) {
	from, _ = feed.ParseCurrency(string(p.From)) // what is not valid does not come here
	to, _ = feed.ParseCurrency(string(p.To))
	return from, to
}

func (a *API) exchanges(c *call, in *paging) (*page[*exchangeDoc], error) {
	list, err := a.manage.Rates(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	return pageOf(c, in, list, (*partner.Rate).Name, showExchange)
}

func (a *API) exchange(c *call, in *exchangePath) (*exchangeDoc, error) {
	from, to := in.currencies()
	r, err := a.manage.Rate(c.ctx, c.who, from, to)
	if err != nil {
		return nil, err
	}
	return showExchange(&r), nil
}

type exchangeChange struct {
	Rate    decimal    `json:"rate"`
	Version opt[int64] `json:"version,omitzero" doc:"the one that the change was made from, 0 for a new rate; without it the rate is set whatever stands there"`
}

func (a *API) putExchange(c *call, in *struct {
	exchangePath
	Body exchangeChange `body:""`
}) (*exchangeDoc, error) {
	var r reading
	from, to := in.currencies()
	next := partner.Rate{From: from, To: to, Rate: parsed(&r, "/rate", string(in.Body.Rate), feed.ParseRate)}
	if in.Body.Rate == "" {
		r.errs = append(r.errs, fieldError{"/rate", "is missing"})
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	set, err := retried(c, in.Body.Version, func() (partner.Rate, int64, error) {
		old, err := a.manage.Rate(c.ctx, c.seeingPrices(), from, to)
		if isMissing(err) {
			return next, 0, nil
		}
		return old, old.Version, err
	}, func(_ partner.Rate, version int64) (partner.Rate, error) {
		next.Version = version
		return a.manage.SetRate(c.ctx, c.who, next)
	})
	if err != nil {
		return nil, err
	}
	return showExchange(&set), nil
}

// seeingPrices is the caller with the right to look at the prices that he may
// change.
func (c *call) seeingPrices() manage.Identity {
	who := c.who
	if manage.Allow(who, manage.WritePrices, who.Merchant) {
		who.Scopes |= partner.ScopeProductsRead
	}
	return who
}

func (a *API) deleteExchange(c *call, in *struct {
	exchangePath
	deletePath
}) (*none, error) {
	from, to := in.currencies()
	old, err := a.manage.Rate(c.ctx, c.seeingPrices(), from, to)
	if err != nil {
		return nil, err
	}
	version, err := c.version(in.Version, old.Version)
	if err != nil {
		return nil, err
	}
	return nil, a.manage.DeleteRate(c.ctx, c.who, from, to, version)
}

type exchangePreview struct {
	Rates []exchangeOne `json:"rates" schema:"min=1,max=200"`
}

type exchangeOne struct {
	From string       `json:"from" schema:"min=3,max=3"`
	To   string       `json:"to" schema:"min=3,max=3"`
	Rate opt[decimal] `json:"rate,omitzero" doc:"null removes it" schema:"null"`
}

// pricePreviewDoc is what a change of prices would do to what partners receive.
type pricePreviewDoc struct {
	At       time.Time      `json:"at" doc:"switches are read as they stand then"`
	Products int64          `json:"products" doc:"how many the catalog has"`
	Unseen   int            `json:"unseen" doc:"offers that take something from it and would show no difference"`
	Offers   []offerPreview `json:"offers"`
}

func (a *API) showPrices(c *call, change manage.PriceChange) (*pricePreviewDoc, error) {
	p, err := a.manage.PreviewPrices(c.ctx, c.who, change)
	if err != nil {
		return nil, err
	}
	return &pricePreviewDoc{At: p.At.UTC(), Products: p.Products, Unseen: p.Unseen, Offers: showPreviews(p.Offers)}, nil
}

func (a *API) previewExchanges(c *call, in *struct {
	Body exchangePreview `body:""`
}) (*pricePreviewDoc, error) {
	var r reading
	var change manage.PriceChange
	for i, d := range in.Body.Rates {
		at := "/rates/" + strconv.Itoa(i)
		one := partner.Rate{From: parsed(&r, at+"/from", d.From, feed.ParseCurrency), To: parsed(&r, at+"/to", d.To, feed.ParseCurrency)}
		if d.Rate.Null || !d.Rate.Set {
			change.Dropped = append(change.Dropped, one)
			continue
		}
		one.Rate = parsed(&r, at+"/rate", string(d.Rate.Value), feed.ParseRate)
		change.Rates = append(change.Rates, one)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	return a.showPrices(c, change)
}

// priceListDoc is a price list without its prices.
type priceListDoc struct {
	ID       string    `json:"id"`
	Version  int64     `json:"version" doc:"counts the changes of the list and of its prices"`
	Name     string    `json:"name"`
	Currency string    `json:"currency"`
	Side     string    `json:"side" doc:"what its prices are; the other side follows by VAT" schema:"enum=net|gross"`
	Prices   int64     `json:"prices" doc:"how many it has"`
	Changed  time.Time `json:"changed"`
}

func (d *priceListDoc) version() int64   { return d.Version }
func (d *priceListDoc) location() string { return "/price-lists/" + d.ID }

func showPriceList(l *partner.PriceList) *priceListDoc {
	d := &priceListDoc{ID: string(l.ID), Version: l.Version, Name: l.Name, Currency: l.Currency.String(), Side: "net", Prices: l.Prices, Changed: l.Changed.UTC()}
	if l.Lead == feed.LeadGross {
		d.Side = "gross"
	}
	return d
}

type priceListPath struct {
	List priceListID `path:"list" doc:"id of the price list"`
}

// priceListID is the id of a price list as an address names it.
type priceListID string

// Valid says whether it has the form of one.
func (id priceListID) Valid() bool { return partner.ValidPriceListID(feed.PriceListID(id)) }

func (p *priceListPath) id() feed.PriceListID { return feed.PriceListID(p.List) }

func (a *API) priceLists(c *call, in *paging) (*page[*priceListDoc], error) {
	list, err := a.manage.PriceLists(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	return pageOf(c, in, list, func(l *partner.PriceList) string { return string(l.ID) }, showPriceList)
}

func (a *API) priceList(c *call, in *priceListPath) (*priceListDoc, error) {
	l, err := a.manage.PriceList(c.ctx, c.who, string(in.List))
	if err != nil {
		return nil, err
	}
	return showPriceList(&l), nil
}

type newPriceList struct {
	Name     string `json:"name" schema:"min=1,max=200"`
	Currency string `json:"currency,omitempty" doc:"default the merchant's" schema:"max=3"`
	Side     string `json:"side,omitempty" doc:"what its prices are; default net" schema:"enum=net|gross"`
}

func leadOf(side string) feed.PriceLead {
	if side == "gross" {
		return feed.LeadGross
	}
	return feed.LeadNet
}

func (a *API) createPriceList(c *call, in *struct {
	Body newPriceList `body:""`
}) (*priceListDoc, error) {
	var r reading
	l := partner.PriceList{Name: in.Body.Name, Currency: parsed(&r, "/currency", in.Body.Currency, feed.ParseCurrency), Lead: leadOf(in.Body.Side)}
	if err := r.err(); err != nil {
		return nil, err
	}
	l, err := a.manage.CreatePriceList(c.ctx, c.who, l)
	if err != nil {
		return nil, err
	}
	return showPriceList(&l), nil
}

type priceListPatch struct {
	Version  opt[int64]       `json:"version,omitzero"`
	Name     opt[string]      `json:"name,omitzero" schema:"min=1,max=200"`
	Currency opt[string]      `json:"currency,omitzero" doc:"only while the list has no prices" schema:"max=3"`
	Side     opt[accountText] `json:"side,omitzero" schema:"enum=net|gross"`
}

func (a *API) patchPriceList(c *call, in *struct {
	priceListPath
	Body priceListPatch `body:""`
}) (*priceListDoc, error) {
	l, err := a.manage.PriceList(c.ctx, c.seeingPrices(), string(in.List))
	if err != nil {
		return nil, err
	}
	var r reading
	take(&l.Name, in.Body.Name.pointer())
	take(&l.Currency, parsedOpt(&r, "/currency", in.Body.Currency, feed.ParseCurrency))
	if in.Body.Side.Set {
		l.Lead = leadOf(string(in.Body.Side.Value))
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	if l.Version, err = c.version(in.Body.Version, l.Version); err != nil {
		return nil, err
	}
	if l, err = a.manage.UpdatePriceList(c.ctx, c.who, l); err != nil {
		return nil, err
	}
	return showPriceList(&l), nil
}

func (a *API) deletePriceList(c *call, in *struct {
	priceListPath
	deletePath
}) (*none, error) {
	l, err := a.manage.PriceList(c.ctx, c.seeingPrices(), string(in.List))
	if err != nil {
		return nil, err
	}
	version, err := c.version(in.Version, l.Version)
	if err != nil {
		return nil, err
	}
	return nil, a.manage.DeletePriceList(c.ctx, c.who, in.id(), version)
}

// listPriceDoc is one price of a price list.
type listPriceDoc struct {
	Product int64   `json:"product"`
	Code    string  `json:"code,omitempty" doc:"of the size; none is the product as a whole"`
	Price   decimal `json:"price"`
}

func (a *API) listPrices(c *call, in *struct {
	priceListPath
	paging
}) (*page[listPriceDoc], error) {
	l, err := a.manage.PriceList(c.ctx, c.who, string(in.List))
	if err != nil {
		return nil, err
	}
	var after partner.PriceKey
	place, err := c.place(&in.paging)
	if err != nil {
		return nil, err
	}
	if place != "" {
		product, code, ok := strings.Cut(place, " ")
		n, err := strconv.ParseInt(product, 10, 64)
		if err != nil || !ok {
			return nil, refuse(problemCursor, "ask from the beginning")
		}
		after = partner.PriceKey{Product: feed.ProductID(n), Code: code}
	}
	list, err := a.manage.ListPrices(c.ctx, c.who, l.ID, after, in.limit())
	if err != nil {
		return nil, err
	}
	out := &page[listPriceDoc]{Items: []listPriceDoc{}}
	for _, p := range list {
		out.Items = append(out.Items, listPriceDoc{int64(p.Product), p.Code, decimal(p.Amount.Text(l.Currency))})
	}
	if len(list) == in.limit() {
		last := list[len(list)-1]
		out.Next = c.cursor(strconv.FormatInt(int64(last.Product), 10) + " " + last.Code)
	}
	return out, nil
}

type replaceQuery struct {
	Replace bool `query:"replace" doc:"prices that no line names are removed"`
}

func (a *API) readPrices(c *call, id feed.PriceListID, body lines, replace bool) (partner.PriceEdit, error) {
	if bytes.HasPrefix(body, []byte{0x1F, 0x8B}) { // files are looked through, bodies are not
		return partner.PriceEdit{}, &refusal{kind: problemMedia, hint: "send the body uncompressed"}
	}
	return a.manage.ReadPriceFile(c.ctx, c.seeingPrices(), id, manage.PriceFile{Body: bytes.NewReader(body), Replace: replace})
}

// putPricesDoc is what a write of prices did.
type putPricesDoc struct {
	writtenDoc
	Version int64 `json:"version" doc:"the list's"`
}

func (a *API) putListPrices(c *call, in *struct {
	priceListPath
	replaceQuery
	Version opt[int64] `query:"version" doc:"the list's, that the change was made from; or If-Match; without it the list is taken as it is"`
	Body    lines      `body:""`
}) (*putPricesDoc, error) {
	edit, err := a.readPrices(c, in.id(), in.Body, in.Replace)
	if err != nil {
		return nil, err
	}
	version := in.Version.Value
	if c.ifMatch != "" && c.ifMatch != "*" {
		if version, err = c.version(in.Version, 0); err != nil {
			return nil, err
		}
	}
	l, put, err := a.manage.PutListPrices(c.ctx, c.who, in.id(), edit, version)
	if err != nil {
		return nil, err
	}
	done, err := a.written(c, &partner.PutResult{Added: put.Added, Changed: put.Changed, Removed: put.Removed, Unchanged: put.Unchanged, Queue: put.Queue})
	if err != nil {
		return nil, err
	}
	return &putPricesDoc{*done, l.Version}, nil
}

func (a *API) previewListPrices(c *call, in *struct {
	priceListPath
	replaceQuery
	Body lines `body:""`
}) (*pricePreviewDoc, error) {
	edit, err := a.readPrices(c, in.id(), in.Body, in.Replace)
	if err != nil {
		return nil, err
	}
	return a.showPrices(c, manage.PriceChange{List: in.id(), Edit: edit})
}

func priceOperations(a *API) []*operation {
	const format = "Lines of JSON such as {\"product\": 7, \"price\": \"12.50\"}, {\"code\": \"TENT-2\", \"price\": 129.9} or {\"product\": 7, \"remove\": true}, or an array of them. " +
		"A code is a size's own, its external code or its GTIN; without one the price is the product's and that of all sizes that have none. "
	return []*operation{
		op("rates", "GET", "/rates", "listRates", manage.ReadPrices, "List the exchange rates", a.exchanges),
		op("rates", "POST", "/rates/preview", "previewRates", manage.ReadPrices, "Tell what other rates would do to what partners receive", a.previewExchanges, also(manage.ReadAccounts, manage.ReadProducts)),
		op("rates", "GET", "/rates/{from}/{to}", "getRate", manage.ReadPrices, "One exchange rate", a.exchange),
		op("rates", "PUT", "/rates/{from}/{to}", "setRate", manage.WritePrices, "Set an exchange rate", a.putExchange, versioned(),
			detail("Offers in the currency to that have no rate of their own follow with the next run: what changes comes in their change files.")),
		op("rates", "DELETE", "/rates/{from}/{to}", "deleteRate", manage.WritePrices, "Remove an exchange rate", a.deleteExchange, versioned(),
			detail("Products that need it leave the offers that have no rate of their own.")),
		op("price-lists", "GET", "/price-lists", "listPriceLists", manage.ReadPrices, "List the price lists", a.priceLists),
		op("price-lists", "POST", "/price-lists", "createPriceList", manage.WritePrices, "Add an empty price list", a.createPriceList, status(201)),
		op("price-lists", "GET", "/price-lists/{list}", "getPriceList", manage.ReadPrices, "One price list, without its prices", a.priceList),
		op("price-lists", "PATCH", "/price-lists/{list}", "updatePriceList", manage.WritePrices, "Change a price list's name and what its prices are", a.patchPriceList, versioned()),
		op("price-lists", "DELETE", "/price-lists/{list}", "deletePriceList", manage.WritePrices, "Remove a price list that no offer names", a.deletePriceList, versioned()),
		op("price-lists", "GET", "/price-lists/{list}/prices", "listPrices", manage.ReadPrices, "List the prices of a price list, by product and code", a.listPrices),
		op("price-lists", "POST", "/price-lists/{list}/prices", "putPrices", manage.WritePrices, "Set and remove prices of a price list", a.putListPrices, heavy(bulkLimit), versioned(),
			detail(format+"All in one transaction, or none, and then the answer names the lines that are wrong.")),
		op("price-lists", "POST", "/price-lists/{list}/prices/preview", "previewPrices", manage.ReadPrices, "Tell what putPrices with the same body would do to what partners receive", a.previewListPrices, heavy(bulkLimit),
			also(manage.ReadAccounts, manage.ReadProducts)),
	}
}
