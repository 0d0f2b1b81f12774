package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"feedmill/feed"
	"feedmill/feed/catalog"
	"feedmill/internal/config"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// productCmd groups what concerns single products.
type productCmd struct {
	Get    productGetCmd    `cmd:"" help:"Print a product, whole."`
	Search productSearchCmd `cmd:"" help:"Find products by id, code, GTIN or name."`
	Stock  productStockCmd  `cmd:"" help:"Set what a warehouse holds."`
	Price  productPriceCmd  `cmd:"" help:"Set or take away a price."`
	Delete productDeleteCmd `cmd:"" help:"Remove products."`
}

// productGetCmd prints a product.
type productGetCmd struct {
	merchantFlag
	Product string `arg:"" help:"Id of the product, or a code of one of its sizes."`
}

// Help implements kong.HelpProvider.
func (productGetCmd) Help() string {
	return `Prints a product as a line of feedmill's own JSON, which 'feedmill import' reads.

Example: feedmill product get 5901234123457`
}

// Run implements the command.
func (c *productGetCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		id, err := d.productNamed(ctx, c.Product)
		if err != nil {
			return err
		}
		p, err := d.Product(ctx, d.who, id)
		if err != nil {
			return err
		}
		_, err = w.stdout.Write(catalog.AppendJSON(nil, p))
		return err
	})
}

// productNamed finds the one product that a word names: by its id, else by a code.
func (d *desk) productNamed(ctx context.Context, word string) (feed.ProductID, error) {
	if n, err := strconv.ParseInt(word, 10, 64); err == nil && n > 0 && n <= feed.MaxProductID {
		switch _, err := d.Product(ctx, d.who, feed.ProductID(n)); {
		case err == nil:
			return feed.ProductID(n), nil
		case feed.KindOf(err) != feed.KindNotFound:
			return 0, err
		}
	}
	// A whole code counts before the beginnings of others: A-1 is not A-10.
	ids, err := d.ProductsOfCode(ctx, d.who, word)
	if err != nil {
		return 0, err
	}
	if len(ids) == 0 {
		list, err := d.SearchProducts(ctx, d.who, word, 0, 3)
		if err != nil {
			return 0, err
		}
		for i := range list.Products {
			ids = append(ids, list.Products[i].ID)
		}
	}
	switch len(ids) {
	case 1:
		return ids[0], nil
	case 0:
		return 0, feed.Errorf(feed.KindNotFound, "there is no product %q", word)
	}
	return 0, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("several products answer to %q", word), Hint: "name one by its id, see 'feedmill product search'"}
}

// productSearchCmd finds products.
type productSearchCmd struct {
	merchantFlag
	Query string `arg:"" optional:"" help:"An id, a code, a GTIN, the beginning of a code, or part of a name; without it all products."`
	After int64  `placeholder:"ID" help:"Go on behind this product, the last of a listing before."`
	Limit int    `default:"100" placeholder:"N" help:"Greatest number of products, up to 1000. Default 100."`
	JSON  bool   `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (productSearchCmd) Help() string {
	return `Lists products in the order of their ids, with list price and stock.

Example: feedmill product search kubek`
}

// productFound is one line of a search.
type productFound struct {
	ID       int64  `json:"id"`
	Code     string `json:"code"`
	Name     string `json:"name"`
	Sizes    int    `json:"sizes"`
	Net      string `json:"net,omitempty"`
	Gross    string `json:"gross,omitempty"`
	Currency string `json:"currency"`
	Stock    string `json:"stock"`
}

// Run implements the command.
func (c *productSearchCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		found, after := []productFound{}, feed.ProductID(c.After)
		for limit := min(max(c.Limit, 1), 1000); limit > len(found); {
			list, err := d.SearchProducts(ctx, d.who, c.Query, after, limit-len(found))
			if err != nil {
				return err
			}
			for i := range list.Products {
				found = append(found, productFoundOf(&list.Products[i]))
			}
			if after = list.Next; after == 0 {
				break
			}
		}
		if c.JSON {
			return writeJSON(w.stdout, found)
		}
		return table(w.stdout, "ID CODE SIZES GROSS STOCK NAME", func(add func(...any)) {
			for _, f := range found {
				add(f.ID, f.Code, f.Sizes, strings.TrimSpace(f.Gross+" "+f.Currency), f.Stock, oneLine(f.Name))
			}
		})
	})
}

func productFoundOf(p *manage.ProductSummary) productFound {
	f := productFound{ID: int64(p.ID), Code: p.Code, Name: p.Name, Sizes: p.Sizes, Currency: p.Currency.String(), Stock: "0"}
	switch {
	case p.Stock.Unlimited():
		f.Stock = "unlimited"
	case p.Stock.Known():
		f.Stock = p.Stock.String()
	}
	if !p.Price.IsZero() {
		f.Net, f.Gross = p.Price.Net.Text(p.Currency), p.Price.Gross.Text(p.Currency)
	}
	return f
}

// productPlace names what a patch is for.
type productPlace struct {
	Code string `arg:"" help:"Code of a size, the merchant's own code of it, or its GTIN; with --id the id of a product."`
	ID   bool   `name:"id" help:"CODE is the id of a product."`
}

func (c *productPlace) patch() (manage.ProductPatch, error) {
	if !c.ID {
		return manage.ProductPatch{Code: c.Code}, nil
	}
	n, err := strconv.ParseInt(c.Code, 10, 64)
	if err != nil || n <= 0 || n > feed.MaxProductID {
		return manage.ProductPatch{}, feed.Errorf(feed.KindInvalid, "%q is no id of a product", c.Code)
	}
	return manage.ProductPatch{ID: feed.ProductID(n)}, nil
}

// productStockCmd sets stock.
type productStockCmd struct {
	merchantFlag
	productPlace
	Quantity  string `arg:"" help:"What there is, with at most three decimals; 'unlimited' never runs out."`
	Warehouse int32  `default:"1" placeholder:"N" help:"Number of the warehouse. Default 1."`
}

// Help implements kong.HelpProvider.
func (productStockCmd) Help() string {
	return `Sets what one warehouse holds of a size; other warehouses keep theirs. For many products at once
use the API: an import, with --keep too, replaces whole products.

Example: feedmill product stock MUG-1 25`
}

// Run implements the command.
func (c *productStockCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	p, err := c.patch()
	if err != nil {
		return err
	}
	q := feed.Unlimited()
	if c.Quantity != "unlimited" {
		if q, err = feed.ParseQuantity(c.Quantity); err != nil {
			return err
		}
	}
	p.Stock = []manage.StockValue{{Warehouse: feed.WarehouseID(c.Warehouse), Quantity: q}}
	return patchOne(ctx, w, cfg, c.Merchant, p)
}

// productPriceCmd sets a price.
type productPriceCmd struct {
	merchantFlag
	productPlace
	Net   string `placeholder:"AMOUNT" help:"Price without tax; the other side follows by VAT."`
	Gross string `placeholder:"AMOUNT" help:"Price with tax."`
	None  bool   `help:"Take the price away."`
	Price string `default:"list" enum:"list,wholesale,minimal,srp" help:"Which price: list, wholesale, minimal or srp. Default list."`
}

// Help implements kong.HelpProvider.
func (productPriceCmd) Help() string {
	return `Sets a price of a size, or with --id of the product, of both where there is one size, in the product's currency.

Example: feedmill product price MUG-1 --gross 12.30`
}

// Run implements the command.
func (c *productPriceCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	if c.None == (c.Net != "" || c.Gross != "") {
		return misused("give --net, --gross or both, or else --none", "")
	}
	p, err := c.patch()
	if err != nil {
		return err
	}
	text := &manage.PriceText{Net: c.Net, Gross: c.Gross}
	switch c.Price {
	case "wholesale":
		p.Texts.Wholesale = text
	case "minimal":
		p.Texts.Minimal = text
	case "srp":
		p.Texts.SRP = text
	default:
		p.Texts.List = text
	}
	return patchOne(ctx, w, cfg, c.Merchant, p)
}

func patchOne(ctx context.Context, w *world, cfg *config.Config, merchant string, p manage.ProductPatch) error {
	return w.manage(ctx, cfg, merchant, func(d *desk) error {
		r, err := d.PatchProducts(ctx, d.who, []manage.ProductPatch{p})
		if err != nil {
			return err
		}
		return tellPut(w, &r)
	})
}

func tellPut(w *world, r *partner.PutResult) error {
	_, err := fmt.Fprintf(w.stdout, "%d changed, %d removed, %d unchanged\n", r.Changed, r.Removed, r.Unchanged)
	return err
}

// productDeleteCmd removes products.
type productDeleteCmd struct {
	merchantFlag
	IDs []int64 `arg:"" name:"id" help:"Ids of the products."`
}

// Help implements kong.HelpProvider.
func (productDeleteCmd) Help() string {
	return `Removes products from the catalog. Partners are told with the next change file; one that is not
there is no error.

Example: feedmill product delete 1041 1042`
}

// Run implements the command.
func (c *productDeleteCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	ids := make([]feed.ProductID, len(c.IDs))
	for i, id := range c.IDs {
		if id <= 0 || id > feed.MaxProductID {
			return feed.Errorf(feed.KindInvalid, "%d is no id of a product", id)
		}
		ids[i] = feed.ProductID(id)
	}
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		r, err := d.DeleteProducts(ctx, d.who, ids)
		if err != nil {
			return err
		}
		return tellPut(w, &r)
	})
}
