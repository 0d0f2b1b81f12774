package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

type productPath struct {
	Product int64 `path:"product" doc:"id of the product" schema:"min=1,max=9007199254740991"`
}

// productLine is one line of a list of products.
type productLine struct {
	ID       int64     `json:"id"`
	Name     string    `json:"name"`
	Code     string    `json:"code"`
	Sizes    int       `json:"sizes"`
	Currency string    `json:"currency"`
	Price    *priceDoc `json:"price,omitempty" doc:"the list price"`
	Stock    string    `json:"stock" doc:"over sizes and warehouses, or unlimited"`
}

// priceDoc is a price. One side may be left out: it follows by VAT.
type priceDoc struct {
	Net   decimal `json:"net,omitempty"`
	Gross decimal `json:"gross,omitempty"`
}

type productFilter struct {
	paging
	Q string `query:"q" doc:"an id, a code, a GTIN, the beginning of a code, or part of a name" schema:"max=200"`
}

func (a *API) products(c *call, in *productFilter) (*page[productLine], error) {
	after, err := c.numberPlace(&in.paging)
	if err != nil {
		return nil, err
	}
	list, err := a.manage.SearchProducts(c.ctx, c.who, in.Q, feed.ProductID(after), in.limit())
	if err != nil {
		return nil, err
	}
	out := &page[productLine]{Items: []productLine{}}
	for i := range list.Products {
		p := &list.Products[i]
		line := productLine{ID: int64(p.ID), Name: p.Name, Code: p.Code, Sizes: p.Sizes, Currency: p.Currency.String(), Stock: quantityText(p.Stock)}
		if !p.Price.IsZero() {
			line.Price = &priceDoc{decimal(p.Price.Net.Text(p.Currency)), decimal(p.Price.Gross.Text(p.Currency))}
		}
		out.Items = append(out.Items, line)
	}
	if list.Next > 0 {
		out.Next = c.cursor(strconv.FormatInt(int64(list.Next), 10))
	}
	return out, nil
}

func quantityText(q feed.Quantity) string {
	switch {
	case q.Unlimited():
		return "unlimited"
	case !q.Known():
		return "0"
	}
	return q.String()
}

func (a *API) product(c *call, in *productPath) (*reply, error) {
	p, err := a.manage.Product(c.ctx, c.who, feed.ProductID(in.Product))
	if err != nil {
		return nil, err
	}
	return &reply{status: http.StatusOK, media: "application/json", body: catalog.AppendJSON(nil, p)}, nil
}

// writtenDoc is what a write to the catalog did.
type writtenDoc struct {
	Added     int64        `json:"added"`
	Changed   int64        `json:"changed"`
	Removed   int64        `json:"removed"`
	Unchanged int64        `json:"unchanged"`
	Change    *changeDoc   `json:"change,omitempty" doc:"left out when nothing was changed"`
	Warnings  []fieldError `json:"warnings,omitempty" doc:"what was taken although something is odd about it"`
}

// changeDoc names a change.
type changeDoc struct {
	Queue  int64 `json:"queue" doc:"its number in the queue of changes"`
	Number int64 `json:"number,omitempty" doc:"its number in feeds: a feed whose cursor is as large shows it; left out when it has none yet"`
}

func (a *API) written(c *call, r *partner.PutResult) (*writtenDoc, error) {
	out := &writtenDoc{Added: r.Added, Changed: r.Changed, Removed: r.Removed, Unchanged: r.Unchanged}
	if r.Queue > 0 {
		out.Change = &changeDoc{Queue: r.Queue}
		number, ok, err := a.manage.ChangeNumber(c.ctx, c.who, r.Queue, max(a.opt.ChangeWait, 0))
		if err != nil {
			// The write is done and must be told; its number can be asked for again.
			a.opt.Log.WarnContext(c.ctx, "the number of a change is not to be had", "error", err)
		} else if ok {
			out.Change.Number = number
		}
	}
	return out, nil
}

func (a *API) upsertProducts(c *call, in *struct {
	Prices string `query:"prices" doc:"what a price of one number is; default gross" schema:"enum=gross|net"`
	Body   lines  `body:""`
}) (*writtenDoc, error) {
	result, err := a.manage.UpsertLines(c.ctx, c.who, in.Body, in.Prices == "net")
	if err != nil {
		return nil, err
	}
	out, err := a.written(c, &result.PutResult)
	if err != nil {
		return nil, err
	}
	for i := range result.Warnings {
		if i == maxFieldErrors {
			break
		}
		out.Warnings = append(out.Warnings, lineError(&result.Warnings[i]))
	}
	return out, nil
}

// productPatch changes stock and prices of one product or one size.
type productPatch struct {
	ID        int64           `json:"id,omitempty" doc:"the product" schema:"min=1,max=9007199254740991"`
	Code      string          `json:"code,omitempty" doc:"a size's code, its external code or its GTIN; with it prices are the size's own, and the product's too where it has one size" schema:"min=1,max=200"`
	Stock     []stockValue    `json:"stock,omitempty" doc:"what warehouses hold of the size; others stay" schema:"max=1000"`
	Price     opt[patchPrice] `json:"price,omitzero" doc:"the list price; null takes it away" schema:"null"`
	Wholesale opt[patchPrice] `json:"wholesale,omitzero" schema:"null"`
	Minimal   opt[patchPrice] `json:"minimal,omitzero" schema:"null"`
	SRP       opt[patchPrice] `json:"srp,omitzero" schema:"null"`
}

type stockValue struct {
	Warehouse int32   `json:"warehouse,omitempty" doc:"default 1" schema:"min=0,max=2147483647"`
	Quantity  decimal `json:"quantity" doc:"at most three decimals; unlimited or -1 never runs out"`
}

type patchPrice struct {
	Net   decimal `json:"net,omitempty" doc:"the other side follows by VAT"`
	Gross decimal `json:"gross,omitempty"`
}

type productPatches struct {
	Patches []productPatch `json:"patches" schema:"min=1,max=10000"`
}

func (a *API) patchProducts(c *call, in *struct {
	Body productPatches `body:""`
}) (*writtenDoc, error) {
	var r reading
	patches := make([]manage.ProductPatch, len(in.Body.Patches))
	for i := range in.Body.Patches {
		patches[i] = in.Body.Patches[i].read(&r, "/patches/"+strconv.Itoa(i))
		if len(r.errs) >= maxFieldErrors {
			break
		}
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	result, err := a.manage.PatchProducts(c.ctx, c.who, patches)
	if err != nil {
		var patch *manage.PatchError
		if isMissing(err) && errors.As(err, &patch) {
			// It is the body that names what is not there.
			return nil, invalid(patchError(patch))
		}
		return nil, err
	}
	return a.written(c, &result)
}

// patchError names the place of a patch.
func patchError(e *manage.PatchError) fieldError {
	return fieldError{"/patches/" + strconv.Itoa(e.Index), said(e.Err)}
}

func (p *productPatch) read(r *reading, at string) manage.ProductPatch {
	out := manage.ProductPatch{ID: feed.ProductID(p.ID), Code: p.Code}
	if p.ID == 0 && p.Code == "" {
		r.errs = append(r.errs, fieldError{at, "names nothing: give an id or a code"})
	}
	for k, v := range p.Stock {
		place := at + "/stock/" + strconv.Itoa(k) + "/quantity"
		q, err := parseQuantity(string(v.Quantity))
		r.fail(place, err)
		warehouse := feed.WarehouseID(v.Warehouse)
		if v.Warehouse == 0 {
			warehouse = 1
		}
		out.Stock = append(out.Stock, manage.StockValue{Warehouse: warehouse, Quantity: q})
	}
	for _, f := range []struct {
		from *opt[patchPrice]
		to   **manage.PriceText
		name string
	}{{&p.Price, &out.Texts.List, "/price"}, {&p.Wholesale, &out.Texts.Wholesale, "/wholesale"}, {&p.Minimal, &out.Texts.Minimal, "/minimal"}, {&p.SRP, &out.Texts.SRP, "/srp"}} {
		switch {
		case !f.from.Set:
		case f.from.Null:
			*f.to = &manage.PriceText{}
		case f.from.Value == patchPrice{}:
			r.errs = append(r.errs, fieldError{at + f.name, "has neither net nor gross; null takes the price away"})
		default:
			*f.to = &manage.PriceText{Net: string(f.from.Value.Net), Gross: string(f.from.Value.Gross)}
		}
	}
	return out
}

func parseQuantity(s string) (feed.Quantity, error) {
	if s == "unlimited" || s == "-1" {
		return feed.Unlimited(), nil
	}
	q, err := feed.ParseQuantity(s)
	if err == nil && !q.Known() {
		err = fmt.Errorf("a quantity is needed")
	}
	return q, err
}

func (a *API) deleteProduct(c *call, in *productPath) (*writtenDoc, error) {
	result, err := a.manage.DeleteProducts(c.ctx, c.who, []feed.ProductID{feed.ProductID(in.Product)})
	if err != nil {
		return nil, err
	}
	return a.written(c, &result)
}

type productIDs struct {
	IDs []int64 `json:"ids" schema:"min=1,max=10000,each,min=1,max=9007199254740991"`
}

func (a *API) deleteProducts(c *call, in *struct {
	Body productIDs `body:""`
}) (*writtenDoc, error) {
	ids := make([]feed.ProductID, len(in.Body.IDs))
	for i, id := range in.Body.IDs {
		ids[i] = feed.ProductID(id)
	}
	result, err := a.manage.DeleteProducts(c.ctx, c.who, ids)
	if err != nil {
		return nil, err
	}
	return a.written(c, &result)
}

// entriesDoc is the dictionaries, as entries of the native format.
type entriesDoc struct {
	Version int64             `json:"version" doc:"counts the changes; 0 when there are none yet"`
	Entries []json.RawMessage `json:"entries" doc:"lines of the native format whose member record names the dictionary"`
}

func (d *entriesDoc) version() int64 { return d.Version }

func (a *API) showEntries(text []byte, version int64) *entriesDoc {
	out := &entriesDoc{Version: version, Entries: []json.RawMessage{}}
	for line := range bytes.Lines(text) {
		out.Entries = append(out.Entries, bytes.TrimSpace(line))
	}
	return out
}

func (a *API) dictionaries(c *call, _ *struct{}) (*entriesDoc, error) {
	text, version, err := a.manage.Dictionaries(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	return a.showEntries(text, version), nil
}

type entriesVersion struct {
	Version int64 `json:"version"`
}

func (d *entriesVersion) version() int64 { return d.Version }

func (a *API) upsertDictionaries(c *call, in *struct {
	Version opt[int64] `query:"version" doc:"the one that the change was made from, 0 for the first; or If-Match"`
	Body    lines      `body:""`
}) (*entriesVersion, error) {
	_, current, err := a.manage.Dictionaries(c.ctx, c.who)
	if err != nil {
		return nil, err
	}
	from, err := c.version(in.Version, current)
	if err != nil {
		return nil, err
	}
	now, err := a.manage.UpsertDictionaries(c.ctx, c.who, in.Body, from)
	if err != nil {
		return nil, err
	}
	return &entriesVersion{now}, nil
}

func productOperations(a *API) []*operation {
	return []*operation{
		op("products", "GET", "/products", "listProducts", manage.ReadProducts, "List products, or search them by id, code, GTIN or name", a.products,
			detail("A page may be short, or empty, before the end of a search by name: as long as there is a next there may be more.")),
		op("products", "POST", "/products", "upsertProducts", manage.WriteProducts, "Add and change products", a.upsertProducts, heavy(bulkLimit),
			detail("Takes up to 10,000 products of feedmill's own JSON, one a line or as an array; each is whole, and replaces the product before. "+
				"A line {\"id\": 7, \"removed\": true} removes one. All are written in one transaction, or none is, and then the answer names line and member of all that is wrong.")),
		op("products", "PATCH", "/products", "patchProducts", manage.WriteProducts, "Set stock and prices of many products", a.patchProducts, heavy(patchLimit),
			detail("Up to 10,000 patches in one transaction, all or none.")),
		op("products", "POST", "/products/delete", "deleteProducts", manage.WriteProducts, "Remove many products", a.deleteProducts,
			detail("One that is not there is no error.")),
		raw("products", "GET", "/products/{product}", "getProduct", manage.ReadProducts, "One product, whole", "application/json", a.product),
		op("products", "DELETE", "/products/{product}", "deleteProduct", manage.WriteProducts, "Remove a product", a.deleteProduct,
			detail("One that is not there is no error.")),
		op("dictionaries", "GET", "/dictionaries", "getDictionaries", manage.ReadProducts, "The dictionaries: producers, categories, units and so on", a.dictionaries),
		op("dictionaries", "POST", "/dictionaries", "upsertDictionaries", manage.WriteProducts, "Add and change entries of dictionaries", a.upsertDictionaries, heavy(bulkLimit), versioned(), also(manage.ReadProducts)),
	}
}
