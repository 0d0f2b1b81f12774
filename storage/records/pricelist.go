package records

import (
	"context"
	"fmt"
	"slices"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const priceListColumns = `list_id, name, currency, gross, prices, changed, version`

const (
	sqlPriceLists      = `SELECT ` + priceListColumns + ` FROM price_list WHERE merchant_id = $1 ORDER BY list_id`
	sqlPriceList       = `SELECT ` + priceListColumns + ` FROM price_list WHERE merchant_id = $1 AND list_id = $2`
	sqlLockPriceList   = sqlPriceList + ` FOR NO KEY UPDATE`
	sqlEndPriceList    = sqlPriceList + ` FOR UPDATE`
	sqlSharePriceList  = sqlPriceList + ` FOR KEY SHARE`
	sqlInsertPriceList = `INSERT INTO price_list (merchant_id, list_id, name, currency, gross, prices, changed, version) VALUES ($1, $2, $3, $4, $5, 0, $6, 1)`
	sqlUpdatePriceList = `UPDATE price_list SET name = $1, currency = $2, gross = $3, prices = $4, changed = $5, version = version + 1 WHERE merchant_id = $6 AND list_id = $7`
	sqlDeletePriceList = `DELETE FROM price_list WHERE merchant_id = $1 AND list_id = $2`
	sqlDropListPrices  = `DELETE FROM list_price WHERE merchant_id = $1 AND list_id = $2`
	sqlCountListOffers = `SELECT count(*) FROM offer_list WHERE merchant_id = $1 AND list_id = $2`

	sqlForgetList = `DELETE FROM offer_list WHERE merchant_id = $1 AND offer_id = $2`
	sqlNameList   = `INSERT INTO offer_list (merchant_id, offer_id, list_id) VALUES ($1, $2, $3)`

	sqlListPrices    = `SELECT product_id, code, amount FROM list_price WHERE merchant_id = $1 AND list_id = $2 ORDER BY product_id, code`
	sqlListPage      = `SELECT product_id, code, amount FROM list_price WHERE merchant_id = $1 AND list_id = $2 AND (product_id, code) > ($3, $4) ORDER BY product_id, code LIMIT $5`
	sqlSomeOfList    = `SELECT product_id, code, amount FROM list_price WHERE merchant_id = $1 AND list_id = $2 AND product_id = ANY ($3) ORDER BY product_id, code`
	sqlListedBetween = `SELECT product_id, list_id, code, amount FROM list_price WHERE merchant_id = $1 AND list_id = ANY ($2) AND product_id BETWEEN $3 AND $4`
	sqlListedOf      = `SELECT x.product_id, x.list_id, x.code, x.amount FROM unnest($2::text[]) AS l (value) CROSS JOIN unnest($3::bigint[]) AS p (value)
		CROSS JOIN list_price AS x WHERE x.merchant_id = $1 AND x.list_id = l.value AND x.product_id = p.value`
)

// putPrices is how many prices one statement writes.
const putPrices = 2000

// PriceLists gives a merchant's price lists, in the order of their ids.
func (d *DB) PriceLists(ctx context.Context, merchant partner.MerchantID) (list []partner.PriceList, err error) {
	err = d.read(ctx, "list price lists", func(ctx context.Context, t *Tx) error {
		list, err = t.priceLists(ctx, sqlPriceLists, merchant)
		return err
	})
	return list, err
}

// PriceList gives one price list.
func (d *DB) PriceList(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID) (l partner.PriceList, err error) {
	err = d.read(ctx, "read price list "+string(id), func(ctx context.Context, t *Tx) error {
		l, err = t.priceList(ctx, sqlPriceList, merchant, id)
		return err
	})
	return l, err
}

func (t *Tx) priceList(ctx context.Context, query string, merchant partner.MerchantID, id feed.PriceListID) (partner.PriceList, error) {
	list, err := t.priceLists(ctx, query, merchant, id)
	if err != nil {
		return partner.PriceList{}, err
	}
	if len(list) == 0 {
		return partner.PriceList{}, partner.Missing("price list", string(id))
	}
	return list[0], nil
}

func (t *Tx) priceLists(ctx context.Context, query string, merchant partner.MerchantID, args ...any) (list []partner.PriceList, err error) {
	err = t.each(ctx, query, append([]any{merchant}, args...), func(row Row) error {
		l := partner.PriceList{Merchant: merchant}
		var currency string
		var gross bool
		var changed int64
		err := row.Scan(&l.ID, &l.Name, &currency, &gross, &l.Prices, &changed, &l.Version)
		if err == nil {
			l.Currency, err = feed.ParseCurrency(currency)
		}
		if err != nil {
			return fmt.Errorf("record of price list %s: %w", l.ID, err)
		}
		if l.Changed = FromMicros(changed); gross {
			l.Lead = feed.LeadGross
		}
		list = append(list, l)
		return nil
	})
	return list, err
}

// CreatePriceList adds an empty price list; l.Version is ignored and becomes 1.
func (d *DB) CreatePriceList(ctx context.Context, actor partner.Actor, l partner.PriceList) (partner.PriceList, error) {
	if err := l.Validate(); err != nil {
		return partner.PriceList{}, err
	}
	err := d.write(ctx, "create price list "+l.Name, func(ctx context.Context, t *Tx) error {
		l.Prices, l.Version, l.Changed = 0, 1, FromMicros(t.Now)
		if err := t.exec(ctx, sqlInsertPriceList, l.Merchant, l.ID, l.Name, l.Currency.String(), l.Lead == feed.LeadGross, t.Now); err != nil {
			return err
		}
		return t.Audit(actor, l.Merchant, "pricelist.create", string(l.ID), nil, partner.FactsOf(&l))
	})
	return l, err
}

// UpdatePriceList changes a price list's name and what its amounts are: the
// currency only while it has no prices. It fails with KindConflict unless
// l.Version is the present one.
func (d *DB) UpdatePriceList(ctx context.Context, actor partner.Actor, l partner.PriceList) (partner.PriceList, error) {
	if err := l.Validate(); err != nil {
		return partner.PriceList{}, err
	}
	wanted := l
	err := d.write(ctx, "change price list "+string(l.ID), func(ctx context.Context, t *Tx) error {
		l = wanted
		old, err := t.priceList(ctx, sqlLockPriceList, l.Merchant, l.ID)
		if err != nil {
			return err
		}
		if err := partner.CheckPriceList(&old, &l); err != nil {
			return err
		}
		l.Prices, l.Version, l.Changed = old.Prices, old.Version+1, FromMicros(t.Now)
		if err := t.savePriceList(ctx, &l); err != nil {
			return err
		}
		if old.Lead != l.Lead || old.Currency != l.Currency {
			t.Queue(l.Merchant, string(l.ID), "pricelist.update")
		}
		return t.Audit(actor, l.Merchant, "pricelist.update", string(l.ID), partner.FactsOf(&old), partner.FactsOf(&l))
	})
	return l, err
}

func (t *Tx) savePriceList(ctx context.Context, l *partner.PriceList) error {
	return t.exec(ctx, sqlUpdatePriceList, l.Name, l.Currency.String(), l.Lead == feed.LeadGross, l.Prices, t.Now, l.Merchant, l.ID)
}

// DeletePriceList removes a price list that no offer names, with its prices. It
// fails with KindConflict unless version is the present one.
func (d *DB) DeletePriceList(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id feed.PriceListID, version int64) error {
	return d.writeAs(ctx, "delete price list "+string(id), How{Long: true}, func(ctx context.Context, t *Tx) error {
		old, err := t.priceList(ctx, sqlEndPriceList, merchant, id)
		if err != nil {
			return err
		}
		if old.Version != version {
			return partner.Conflict("price list", string(id), version, old.Version, nil, nil)
		}
		var offers int64
		if _, err := t.one(ctx, sqlCountListOffers, []any{merchant, id}, &offers); err != nil {
			return err
		}
		if offers > 0 {
			return partner.ListInUse(&old, offers)
		}
		for _, query := range []string{sqlDropListPrices, sqlDeletePriceList} {
			if err := t.exec(ctx, query, merchant, id); err != nil {
				return err
			}
		}
		return t.Audit(actor, merchant, "pricelist.delete", string(id), partner.FactsOf(&old), nil)
	})
}

// PutListPrices changes the prices of a list, all of them or none. Version 0
// takes the list as it is, any other must be the present one. Prices that stand
// there already change nothing.
func (d *DB) PutListPrices(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id feed.PriceListID, edit partner.PriceEdit, version int64) (l partner.PriceList, r partner.PricePut, err error) {
	if err := edit.Normalize(); err != nil {
		return l, r, err
	}
	ctx, receipt := partner.EnsureReceipt(ctx)
	// To do it twice is the same as to do it once: the second time changes nothing.
	err = d.writeAs(ctx, "change prices of list "+string(id), How{Long: true, Again: version == 0}, func(ctx context.Context, t *Tx) error {
		old, err := t.priceList(ctx, sqlLockPriceList, merchant, id)
		if err != nil {
			return err
		}
		if version != 0 && version != old.Version {
			return partner.Conflict("price list", string(id), version, old.Version, nil, nil)
		}
		stands, err := t.standing(ctx, merchant, id, &edit)
		if err != nil {
			return err
		}
		changes := edit.Against(stands)
		l, r = old, changes.PricePut
		if len(changes.Products) == 0 {
			return nil
		}
		if err := t.writePrices(ctx, merchant, id, &changes); err != nil {
			return err
		}
		l.Prices, l.Version, l.Changed = old.Prices+r.Added-r.Removed, old.Version+1, FromMicros(t.Now)
		if err := t.savePriceList(ctx, &l); err != nil {
			return err
		}
		if err := t.queueListed(ctx, &l, &changes); err != nil {
			return err
		}
		return t.Audit(actor, merchant, "pricelist.prices", string(id), nil, partner.PutPriceFacts(&changes, l.Currency))
	})
	if err != nil {
		return partner.PriceList{}, partner.PricePut{}, err
	}
	r.Queue = receipt.Queue
	return l, r, nil
}

// standing reads the prices that an edit has to do with.
func (t *Tx) standing(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID, edit *partner.PriceEdit) (list []partner.ListPrice, err error) {
	take := func(row Row) error {
		p, err := scanListPrice(row)
		list = append(list, p)
		return err
	}
	products := edit.Products()
	if edit.Replace || len(products) > QueueScope {
		return list, t.each(ctx, sqlListPrices, []any{merchant, id}, take)
	}
	return list, t.each(ctx, sqlSomeOfList, []any{merchant, id, t.list(products)}, take)
}

func scanListPrice(row Row) (p partner.ListPrice, err error) {
	var amount int64
	if err := row.Scan(&p.Product, &p.Code, &amount); err != nil {
		return p, err
	}
	p.Amount, err = feed.AmountOf(amount)
	return p, err
}

func (t *Tx) writePrices(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID, c *partner.PriceChanges) error {
	for some := range slices.Chunk(c.Remove, putPrices) {
		if err := t.DropListPrices(ctx, merchant, id, some); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(c.Put, putPrices) {
		if err := t.PutListPrices(ctx, merchant, id, some); err != nil {
			return err
		}
	}
	return nil
}

// queueListed notes where a change of prices shows: at the products, or the
// whole list when they are many.
func (t *Tx) queueListed(ctx context.Context, l *partner.PriceList, c *partner.PriceChanges) error {
	if len(c.Products) > partner.FewListed {
		t.Queue(l.Merchant, string(l.ID), "pricelist.prices")
		return nil
	}
	return t.QueueProducts(ctx, l.Merchant, c.Products, "pricelist.prices")
}

// ListPrices gives up to limit prices of a list after a key, in the order of keys.
func (d *DB) ListPrices(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID, after partner.PriceKey, limit int) (list []partner.ListPrice, err error) {
	err = d.read(ctx, "read price list "+string(id), func(ctx context.Context, t *Tx) error {
		list = nil
		if _, err := t.priceList(ctx, sqlPriceList, merchant, id); err != nil {
			return err
		}
		return t.each(ctx, sqlListPage, []any{merchant, id, after.Product, after.Code, limit}, func(row Row) error {
			p, err := scanListPrice(row)
			list = append(list, p)
			return err
		})
	})
	return list, err
}

// nameList notes which price list an offer's profile names, and refuses one that
// does not exist.
func (t *Tx) nameList(ctx context.Context, o *partner.Offer) error {
	if err := t.exec(ctx, sqlForgetList, o.Merchant, o.ID); err != nil || o.Profile.PriceList == "" {
		return err
	}
	if _, err := t.priceList(ctx, sqlSharePriceList, o.Merchant, o.Profile.PriceList); err != nil {
		return err
	}
	return t.exec(ctx, sqlNameList, o.Merchant, o.ID, o.Profile.PriceList)
}

// ListedOf gives what price lists say of some products.
func (d *DB) ListedOf(ctx context.Context, merchant partner.MerchantID, lists []feed.PriceListID, products []feed.ProductID) (list []partner.ListedAt, err error) {
	err = d.read(ctx, "read listed prices", func(ctx context.Context, t *Tx) error {
		list, err = t.listedOf(ctx, merchant, lists, products)
		return err
	})
	return list, err
}

func (t *Tx) listedOf(ctx context.Context, merchant partner.MerchantID, lists []feed.PriceListID, products []feed.ProductID) ([]partner.ListedAt, error) {
	return t.listed(ctx, sqlListedOf, merchant, t.list(lists), t.list(products))
}

func (t *Tx) listed(ctx context.Context, query string, args ...any) (list []partner.ListedAt, err error) {
	err = t.each(ctx, query, args, func(row Row) error {
		var r partner.ListedAt
		var amount int64
		if err := row.Scan(&r.Product, &r.List, &r.Code, &amount); err != nil {
			return err
		}
		r.Amount, err = feed.AmountOf(amount)
		list = append(list, r)
		return err
	})
	return list, err
}
