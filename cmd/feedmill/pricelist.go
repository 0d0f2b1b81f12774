package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"feedmill/feed"
	"feedmill/internal/config"
	"feedmill/internal/manage"
	"feedmill/internal/partner"
)

// priceListCmd groups what concerns price lists.
type priceListCmd struct {
	List   priceListsCmd      `cmd:"" help:"List the price lists."`
	Create priceListCreateCmd `cmd:"" help:"Make an empty price list."`
	Show   priceListShowCmd   `cmd:"" help:"Print the prices of a price list."`
	Import priceListImportCmd `cmd:"" help:"Take prices from a file."`
	Set    priceListSetCmd    `cmd:"" help:"Set or take away one price."`
	Rename priceListRenameCmd `cmd:"" help:"Give a price list another name."`
	Delete priceListDeleteCmd `cmd:"" help:"Delete a price list that no offer names."`
}

// priceListLine is one line of 'price-list list'.
type priceListLine struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Currency string    `json:"currency"`
	Side     string    `json:"side"`
	Prices   int64     `json:"prices"`
	Changed  time.Time `json:"changed"`
	Version  int64     `json:"version"`
}

func priceListLineOf(l *partner.PriceList) priceListLine {
	line := priceListLine{ID: string(l.ID), Name: l.Name, Currency: l.Currency.String(), Side: "net", Prices: l.Prices, Changed: l.Changed.UTC(), Version: l.Version}
	if l.Lead == feed.LeadGross {
		line.Side = "gross"
	}
	return line
}

// resolveList puts the id of a price list in the place of its name.
func (d *desk) resolveList(ctx context.Context, name *feed.PriceListID) error {
	if name == nil || *name == "" {
		return nil
	}
	l, err := d.priceListNamed(ctx, string(*name))
	if err == nil {
		*name = l.ID
	}
	return err
}

// priceListNamed finds a price list by name or id.
func (d *desk) priceListNamed(ctx context.Context, name string) (partner.PriceList, error) {
	l, err := d.PriceList(ctx, d.who, name)
	if err != nil && feed.KindOf(err) == feed.KindNotFound {
		hint := "see 'feedmill price-list list'"
		lists, err := d.PriceLists(ctx, d.who)
		if err != nil {
			return l, err
		}
		var names []string
		for i := range lists {
			names = append(names, lists[i].Name)
		}
		if near := feed.Nearest(name, slices.Values(names)); near != "" {
			hint = fmt.Sprintf("did you mean %q? %s", near, hint)
		}
		return l, &feed.Error{Kind: feed.KindNotFound, Message: fmt.Sprintf("there is no price list %q", name), Hint: hint}
	}
	return l, err
}

// priceListsCmd lists price lists.
type priceListsCmd struct {
	merchantFlag
	JSON bool `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (priceListsCmd) Help() string {
	return `Lists the price lists by name. An offer takes its prices from one with 'feedmill offer set --price-list'.

Example: feedmill price-list list`
}

// Run implements the command.
func (c *priceListsCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		lists, err := d.PriceLists(ctx, d.who)
		if err != nil {
			return err
		}
		lines := make([]priceListLine, 0, len(lists))
		for i := range lists {
			lines = append(lines, priceListLineOf(&lists[i]))
		}
		if c.JSON {
			return writeJSON(w.stdout, lines)
		}
		return table(w.stdout, "NAME CURRENCY SIDE PRICES CHANGED ID", func(add func(...any)) {
			for _, l := range lines {
				add(l.Name, l.Currency, l.Side, l.Prices, when(&l.Changed), l.ID)
			}
		})
	})
}

// priceListCreateCmd makes a price list.
type priceListCreateCmd struct {
	merchantFlag
	Name     string `arg:"" help:"Name of the list."`
	Currency string `placeholder:"CODE" help:"Currency of its prices; without it the merchant's."`
	Gross    bool   `help:"Its prices are gross; without it they are net."`
	JSON     bool   `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (priceListCreateCmd) Help() string {
	return `Makes an empty price list. Its prices are net or gross as is said here; the other side follows by each
product's VAT.

Example: feedmill price-list create "Export 2027" --currency EUR`
}

// Run implements the command.
func (c *priceListCreateCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	l := partner.PriceList{Name: c.Name}
	if c.Gross {
		l.Lead = feed.LeadGross
	}
	if c.Currency != "" {
		currency, err := feed.ParseCurrency(c.Currency)
		if err != nil {
			return usage("--currency", err)
		}
		l.Currency = currency
	}
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		made, err := d.CreatePriceList(ctx, d.who, l)
		if err != nil {
			return err
		}
		if c.JSON {
			return writeJSON(w.stdout, priceListLineOf(&made))
		}
		fmt.Fprintf(w.stdout, "price list %s: %s, %s %s\n", made.ID, made.Name, priceListLineOf(&made).Side, made.Currency)
		return nil
	})
}

// priceListShowCmd prints prices.
type priceListShowCmd struct {
	merchantFlag
	PriceList string `arg:"" help:"Name or id of the list."`
	JSON      bool   `help:"Print lines of JSON, which 'feedmill price-list import' reads."`
}

// Help implements kong.HelpProvider.
func (priceListShowCmd) Help() string {
	return `Prints the prices of a list by product and code, as a table that 'feedmill price-list import' reads.

Example: feedmill price-list show "Export 2027" > export.csv`
}

// Run implements the command.
func (c *priceListShowCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		l, err := d.priceListNamed(ctx, c.PriceList)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if !c.JSON {
			b.WriteString("product,code,price\n")
		}
		var after partner.PriceKey
		for {
			prices, err := d.ListPrices(ctx, d.who, l.ID, after, 1000)
			if err != nil {
				return err
			}
			for _, p := range prices {
				if c.JSON {
					code := ""
					if p.Code != "" {
						code = `,"code":` + strconv.Quote(p.Code)
					}
					fmt.Fprintf(&b, "{\"product\":%d%s,\"price\":\"%s\"}\n", p.Product, code, p.Amount.Text(l.Currency))
				} else {
					fmt.Fprintf(&b, "%d,%s,%s\n", p.Product, csvCell(p.Code), p.Amount.Text(l.Currency))
				}
			}
			if _, err := b.WriteTo(w.stdout); err != nil {
				return err
			}
			if len(prices) < 1000 {
				return nil
			}
			after = prices[len(prices)-1].PriceKey
		}
	})
}

// csvCell writes a code as a cell that spreadsheets take for no formula.
func csvCell(s string) string {
	if s != "" && bytes.IndexByte([]byte("=+-@"), s[0]) >= 0 {
		s = "'" + s
	}
	if bytes.ContainsAny([]byte(s), ",;\"\t\n") {
		return `"` + string(bytes.ReplaceAll([]byte(s), []byte(`"`), []byte(`""`))) + `"`
	}
	return s
}

// priceListImportCmd takes prices from a file.
type priceListImportCmd struct {
	merchantFlag
	PriceList string `arg:"" help:"Name or id of the list."`
	File      string `arg:"" help:"Table (CSV) or lines of JSON; '-' for standard input."`
	Replace   bool   `help:"Remove the prices that the file does not name."`
	Preview   bool   `help:"Say what partners would see, and change nothing."`
	MaxErrors int    `default:"20" help:"Problems after which reading ends."`
	JSON      bool   `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (priceListImportCmd) Help() string {
	return `Takes prices from a table with the columns product (an id) or key, code, price and remove, or from lines
of JSON with members of these names. A code is a size's own, its external code or its GTIN; without one
the price is the product's and that of all sizes that have none. All is taken, or nothing: problems are
printed with their lines.

Example: feedmill price-list import "Export 2027" export.csv --replace --preview`
}

// Run implements the command.
func (c *priceListImportCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) (err error) {
		l, err := d.priceListNamed(ctx, c.PriceList)
		if err != nil {
			return err
		}
		var in io.Reader = w.stdin
		if c.File != "-" {
			f, err := openInput("prices", c.File)
			if err != nil {
				return err
			}
			defer f.Close()
			in = f
		}
		edit, err := d.ReadPriceFile(ctx, d.who, l.ID, manage.PriceFile{Body: in, Name: c.File, Replace: c.Replace, MaxErrors: c.MaxErrors})
		var lines *manage.LinesError
		if errors.As(err, &lines) {
			for _, p := range lines.Problems {
				fmt.Fprintln(w.stderr, p)
			}
			stopped := ""
			if n := len(lines.Problems); n > 0 && n >= c.MaxErrors {
				stopped = fmt.Sprintf(", and perhaps more behind line %d", lines.Problems[n-1].Line)
			}
			return feed.Errorf(feed.KindInvalid, "%s: no price was changed; problems listed: %d%s", c.File, len(lines.Problems), stopped)
		}
		if err != nil {
			return err
		}
		if len(edit.Put)+len(edit.Remove) == 0 {
			fmt.Fprintf(w.stderr, "%s: warning: no line says a price, so nothing is changed (was the export cut off?)\n", c.File)
		}
		return d.putPrices(ctx, &l, edit, c.Preview, c.JSON)
	})
}

// putPrices changes prices, or says what that would do.
func (d *desk) putPrices(ctx context.Context, l *partner.PriceList, edit partner.PriceEdit, preview, json bool) error {
	if preview {
		return d.previewPrices(ctx, manage.PriceChange{List: l.ID, Edit: edit}, json)
	}
	_, put, err := d.PutListPrices(ctx, d.who, l.ID, edit, l.Version)
	if err != nil {
		return err
	}
	if json {
		return writeJSON(d.w.stdout, struct {
			Added     int64 `json:"added"`
			Changed   int64 `json:"changed"`
			Removed   int64 `json:"removed"`
			Unchanged int64 `json:"unchanged"`
		}{put.Added, put.Changed, put.Removed, put.Unchanged})
	}
	_, err = fmt.Fprintf(d.w.stdout, "%d added, %d changed, %d removed, %d unchanged\n", put.Added, put.Changed, put.Removed, put.Unchanged)
	return err
}

// priceListSetCmd sets one price.
type priceListSetCmd struct {
	merchantFlag
	PriceList string `arg:"" help:"Name or id of the list."`
	Code      string `arg:"" help:"Code of a size, the merchant's own code of it, or its GTIN; with --id the id of a product."`
	Price     string `arg:"" optional:"" help:"The price, a decimal of the list's currency."`
	ID        bool   `name:"id" help:"CODE is the id of a product."`
	None      bool   `help:"Take the price away."`
	Preview   bool   `help:"Say what partners would see, and change nothing."`
	JSON      bool   `help:"Print as JSON."`
}

// Help implements kong.HelpProvider.
func (priceListSetCmd) Help() string {
	return `Sets one price of a list, or takes it away with --none. For many use 'feedmill price-list import'.

Example: feedmill price-list set "Export 2027" MUG-1 12.30`
}

// Run implements the command.
func (c *priceListSetCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	if c.None == (c.Price != "") {
		return misused("give a price, or else --none", "")
	}
	// As a file of one line: its reader and its checks are the ones that count.
	column := "code"
	if c.ID {
		column = "product"
	}
	line := column + ",price,remove\n" + csvCell(c.Code) + "," + csvCell(c.Price) + ",\n"
	if c.None {
		line = column + ",remove\n" + csvCell(c.Code) + ",yes\n"
	}
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		l, err := d.priceListNamed(ctx, c.PriceList)
		if err != nil {
			return err
		}
		edit, err := d.ReadPriceFile(ctx, d.who, l.ID, manage.PriceFile{Body: bytes.NewReader([]byte(line))})
		var lines *manage.LinesError
		if errors.As(err, &lines) {
			p := &lines.Problems[0]
			return &feed.Error{Kind: feed.KindInvalid, Message: p.Field + ": " + p.Message, Hint: p.Hint}
		}
		if err != nil {
			return err
		}
		return d.putPrices(ctx, &l, edit, c.Preview, c.JSON)
	})
}

// priceListRenameCmd renames a price list.
type priceListRenameCmd struct {
	merchantFlag
	PriceList string `arg:"" help:"Name or id of the list."`
	Name      string `arg:"" help:"Its new name."`
}

// Help implements kong.HelpProvider.
func (priceListRenameCmd) Help() string {
	return `Gives a price list another name. Offers that name it go on doing so.

Example: feedmill price-list rename "Export 2027" Export`
}

// Run implements the command.
func (c *priceListRenameCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		l, err := d.priceListNamed(ctx, c.PriceList)
		if err != nil {
			return err
		}
		l.Name = c.Name
		if l, err = d.UpdatePriceList(ctx, d.who, l); err != nil {
			return err
		}
		fmt.Fprintf(w.stdout, "price list %s: %s\n", l.ID, l.Name)
		return nil
	})
}

// priceListDeleteCmd deletes a price list.
type priceListDeleteCmd struct {
	merchantFlag
	PriceList string `arg:"" help:"Name or id of the list."`
}

// Help implements kong.HelpProvider.
func (priceListDeleteCmd) Help() string {
	return `Deletes a price list with all its prices. One that offers take their prices from is not deleted.

Example: feedmill price-list delete "Export 2026"`
}

// Run implements the command.
func (c *priceListDeleteCmd) Run(ctx context.Context, w *world, cfg *config.Config) error {
	return w.manage(ctx, cfg, c.Merchant, func(d *desk) error {
		l, err := d.priceListNamed(ctx, c.PriceList)
		if err != nil {
			return err
		}
		if err := d.DeletePriceList(ctx, d.who, l.ID, l.Version); err != nil {
			return err
		}
		fmt.Fprintf(w.stdout, "price list %s is deleted\n", l.Name)
		return nil
	})
}
