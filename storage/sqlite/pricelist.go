package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"feedmill/feed"
	"feedmill/internal/partner"
)

const priceListColumns = `list_id, name, currency, gross, prices, changed, version`

const (
	sqlPriceLists      = `SELECT ` + priceListColumns + ` FROM price_list WHERE merchant_id = ? ORDER BY list_id`
	sqlPriceList       = `SELECT ` + priceListColumns + ` FROM price_list WHERE merchant_id = ? AND list_id = ?`
	sqlInsertPriceList = `INSERT INTO price_list (merchant_id, list_id, name, currency, gross, prices, changed, version) VALUES (?, ?, ?, ?, ?, 0, ?, 1)`
	sqlUpdatePriceList = `UPDATE price_list SET name = ?, currency = ?, gross = ?, prices = ?, changed = ?, version = version + 1 WHERE merchant_id = ? AND list_id = ?`
	sqlDeletePriceList = `DELETE FROM price_list WHERE merchant_id = ? AND list_id = ?`
	sqlDropListPrices  = `DELETE FROM list_price WHERE merchant_id = ? AND list_id = ?`
	sqlCountListOffers = `SELECT count(*) FROM offer_list WHERE merchant_id = ? AND list_id = ?`

	sqlForgetList = `DELETE FROM offer_list WHERE merchant_id = ? AND offer_id = ?`
	sqlNameList   = `INSERT INTO offer_list (merchant_id, offer_id, list_id) VALUES (?, ?, ?)`

	sqlListPrices   = `SELECT product_id, code, amount FROM list_price WHERE merchant_id = ? AND list_id = ? ORDER BY product_id, code`
	sqlListPage     = `SELECT product_id, code, amount FROM list_price WHERE merchant_id = ? AND list_id = ? AND (product_id, code) > (?, ?) ORDER BY product_id, code LIMIT ?`
	sqlSomeOfList   = `SELECT x.product_id, x.code, x.amount FROM json_each(?) AS j CROSS JOIN list_price AS x ON x.merchant_id = ? AND x.list_id = ? AND x.product_id = j.value ORDER BY x.product_id, x.code`
	sqlPutListPrice = `INSERT INTO list_price (merchant_id, list_id, product_id, code, amount)
		SELECT ?, ?, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?) WHERE true
		ON CONFLICT (merchant_id, list_id, product_id, code) DO UPDATE SET amount = excluded.amount`
	sqlDropListPrice = `DELETE FROM list_price WHERE merchant_id = ? AND list_id = ? AND (product_id, code) IN
		(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))`

	sqlListedBetween = `SELECT x.product_id, x.list_id, x.code, x.amount FROM json_each(?) AS l CROSS JOIN list_price AS x
		ON x.merchant_id = ? AND x.list_id = l.value AND x.product_id BETWEEN ? AND ?`
	sqlListedOf = `SELECT x.product_id, x.list_id, x.code, x.amount FROM json_each(?) AS l CROSS JOIN json_each(?) AS j CROSS JOIN list_price AS x
		ON x.merchant_id = ? AND x.list_id = l.value AND x.product_id = j.value`
)

// putPrices is how many prices one statement writes.
const putPrices = 2000

// PriceLists gives a merchant's price lists, in the order of their ids.
func (d *DB) PriceLists(ctx context.Context, merchant partner.MerchantID) (list []partner.PriceList, err error) {
	err = d.read(ctx, "list price lists", func(ctx context.Context, t *tx) error {
		list, err = t.priceLists(ctx, sqlPriceLists, merchant)
		return err
	})
	return list, err
}

// PriceList gives one price list.
func (d *DB) PriceList(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID) (l partner.PriceList, err error) {
	err = d.read(ctx, "read price list "+string(id), func(ctx context.Context, t *tx) error {
		l, err = t.priceList(ctx, merchant, id)
		return err
	})
	return l, err
}

func (t *tx) priceList(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID) (partner.PriceList, error) {
	list, err := t.priceLists(ctx, sqlPriceList, merchant, id)
	if err != nil {
		return partner.PriceList{}, err
	}
	if len(list) == 0 {
		return partner.PriceList{}, missing("price list", string(id))
	}
	return list[0], nil
}

func (t *tx) priceLists(ctx context.Context, query string, merchant partner.MerchantID, args ...any) (list []partner.PriceList, err error) {
	err = t.each(ctx, query, append([]any{merchant}, args...), func(rows *sql.Rows) error {
		l := partner.PriceList{Merchant: merchant}
		var currency string
		var gross bool
		var changed int64
		err := rows.Scan(&l.ID, &l.Name, &currency, &gross, &l.Prices, &changed, &l.Version)
		if err == nil {
			l.Currency, err = feed.ParseCurrency(currency)
		}
		if err != nil {
			return fmt.Errorf("record of price list %s: %w", l.ID, err)
		}
		if l.Changed = fromMicros(changed); gross {
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
	err := d.write(ctx, "create price list "+l.Name, func(ctx context.Context, t *tx) error {
		l.Prices, l.Version, l.Changed = 0, 1, fromMicros(t.now)
		if err := t.exec(ctx, sqlInsertPriceList, l.Merchant, l.ID, l.Name, l.Currency.String(), l.Lead == feed.LeadGross, t.now); err != nil {
			return err
		}
		return t.audit(ctx, actor, l.Merchant, "pricelist.create", string(l.ID), nil, partner.FactsOf(&l))
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
	err := d.write(ctx, "change price list "+string(l.ID), func(ctx context.Context, t *tx) error {
		old, err := t.priceList(ctx, l.Merchant, l.ID)
		if err != nil {
			return err
		}
		if err := partner.CheckPriceList(&old, &l); err != nil {
			return err
		}
		l.Prices, l.Version, l.Changed = old.Prices, old.Version+1, fromMicros(t.now)
		if err := t.savePriceList(ctx, &l); err != nil {
			return err
		}
		if old.Lead != l.Lead || old.Currency != l.Currency {
			if err := t.queue(ctx, l.Merchant, 0, string(l.ID), "pricelist.update"); err != nil {
				return err
			}
		}
		return t.audit(ctx, actor, l.Merchant, "pricelist.update", string(l.ID), partner.FactsOf(&old), partner.FactsOf(&l))
	})
	return l, err
}

func (t *tx) savePriceList(ctx context.Context, l *partner.PriceList) error {
	return t.exec(ctx, sqlUpdatePriceList, l.Name, l.Currency.String(), l.Lead == feed.LeadGross, l.Prices, t.now, l.Merchant, l.ID)
}

// DeletePriceList removes a price list that no offer names, with its prices. It
// fails with KindConflict unless version is the present one.
func (d *DB) DeletePriceList(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, id feed.PriceListID, version int64) error {
	return d.writeLong(ctx, "delete price list "+string(id), func(ctx context.Context, t *tx) error {
		old, err := t.priceList(ctx, merchant, id)
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
		return t.audit(ctx, actor, merchant, "pricelist.delete", string(id), partner.FactsOf(&old), nil)
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
	err = d.writeLong(ctx, "change prices of list "+string(id), func(ctx context.Context, t *tx) error {
		old, err := t.priceList(ctx, merchant, id)
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
		l.Prices, l.Version, l.Changed = old.Prices+r.Added-r.Removed, old.Version+1, fromMicros(t.now)
		if err := t.savePriceList(ctx, &l); err != nil {
			return err
		}
		if err := t.queueListed(ctx, &l, &changes); err != nil {
			return err
		}
		return t.audit(ctx, actor, merchant, "pricelist.prices", string(id), nil, partner.PutPriceFacts(&changes, l.Currency))
	})
	if err != nil {
		return partner.PriceList{}, partner.PricePut{}, err
	}
	r.Queue = receipt.Queue
	return l, r, nil
}

// standing reads the prices that an edit has to do with.
func (t *tx) standing(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID, edit *partner.PriceEdit) (list []partner.ListPrice, err error) {
	take := func(rows *sql.Rows) error {
		p, err := scanListPrice(rows)
		list = append(list, p)
		return err
	}
	products := edit.Products()
	if edit.Replace || len(products) > queueScope {
		return list, t.each(ctx, sqlListPrices, []any{merchant, id}, take)
	}
	for some := range slices.Chunk(products, someProducts) {
		text, err := json.Marshal(some)
		if err == nil {
			err = t.each(ctx, sqlSomeOfList, []any{string(text), merchant, id}, take)
		}
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

func scanListPrice(rows *sql.Rows) (p partner.ListPrice, err error) {
	var amount int64
	if err := rows.Scan(&p.Product, &p.Code, &amount); err != nil {
		return p, err
	}
	p.Amount, err = feed.AmountOf(amount)
	return p, err
}

func (t *tx) writePrices(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID, c *partner.PriceChanges) error {
	for some := range slices.Chunk(c.Remove, putPrices) {
		rows := make([][2]any, len(some))
		for i, k := range some {
			rows[i] = [2]any{k.Product, k.Code}
		}
		text, err := json.Marshal(rows)
		if err == nil {
			err = t.exec(ctx, sqlDropListPrice, merchant, id, string(text))
		}
		if err != nil {
			return err
		}
	}
	for some := range slices.Chunk(c.Put, putPrices) {
		rows := make([][3]any, len(some))
		for i, p := range some {
			rows[i] = [3]any{p.Product, p.Code, p.Amount.Minor()}
		}
		text, err := json.Marshal(rows)
		if err == nil {
			err = t.exec(ctx, sqlPutListPrice, merchant, id, string(text))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// queueListed notes where a change of prices shows: at the products, or the
// whole list when they are many.
func (t *tx) queueListed(ctx context.Context, l *partner.PriceList, c *partner.PriceChanges) error {
	if len(c.Products) > partner.FewListed {
		return t.queue(ctx, l.Merchant, 0, string(l.ID), "pricelist.prices")
	}
	for _, id := range c.Products {
		if err := t.queue(ctx, l.Merchant, id, "", "pricelist.prices"); err != nil {
			return err
		}
	}
	return nil
}

// ListPrices gives up to limit prices of a list after a key, in the order of keys.
func (d *DB) ListPrices(ctx context.Context, merchant partner.MerchantID, id feed.PriceListID, after partner.PriceKey, limit int) (list []partner.ListPrice, err error) {
	err = d.read(ctx, "read price list "+string(id), func(ctx context.Context, t *tx) error {
		if _, err := t.priceList(ctx, merchant, id); err != nil {
			return err
		}
		return t.each(ctx, sqlListPage, []any{merchant, id, after.Product, after.Code, limit}, func(rows *sql.Rows) error {
			p, err := scanListPrice(rows)
			list = append(list, p)
			return err
		})
	})
	return list, err
}

// nameList notes which price list an offer's profile names, and refuses one that
// does not exist.
func (t *tx) nameList(ctx context.Context, o *partner.Offer) error {
	if err := t.exec(ctx, sqlForgetList, o.Merchant, o.ID); err != nil || o.Profile.PriceList == "" {
		return err
	}
	if _, err := t.priceList(ctx, o.Merchant, o.Profile.PriceList); err != nil {
		return err
	}
	return t.exec(ctx, sqlNameList, o.Merchant, o.ID, o.Profile.PriceList)
}

// ListedOf gives what price lists say of some products.
func (d *DB) ListedOf(ctx context.Context, merchant partner.MerchantID, lists []feed.PriceListID, products []feed.ProductID) (list []partner.ListedAt, err error) {
	err = d.read(ctx, "read listed prices", func(ctx context.Context, t *tx) error {
		list, err = t.listedOf(ctx, merchant, lists, products)
		return err
	})
	return list, err
}

func (t *tx) listedOf(ctx context.Context, merchant partner.MerchantID, lists []feed.PriceListID, products []feed.ProductID) ([]partner.ListedAt, error) {
	names, err := json.Marshal(lists)
	if err != nil {
		return nil, err
	}
	ids, err := json.Marshal(products)
	if err != nil {
		return nil, err
	}
	return t.listed(ctx, sqlListedOf, string(names), string(ids), merchant)
}

func (t *tx) listed(ctx context.Context, query string, args ...any) (list []partner.ListedAt, err error) {
	err = t.each(ctx, query, args, func(rows *sql.Rows) error {
		var r partner.ListedAt
		var amount int64
		if err := rows.Scan(&r.Product, &r.List, &r.Code, &amount); err != nil {
			return err
		}
		r.Amount, err = feed.AmountOf(amount)
		list = append(list, r)
		return err
	})
	return list, err
}

// ListedBetween gives what price lists say of the products of a stretch of ids,
// both ends included, in no order.
func (s *Snapshot) ListedBetween(ctx context.Context, lists []feed.PriceListID, from, to feed.ProductID) ([]partner.ListedAt, error) {
	names, err := json.Marshal(lists)
	if err != nil {
		return nil, err
	}
	list, err := s.t.listed(ctx, sqlListedBetween, string(names), s.merchant, from, to)
	return list, fault("read listed prices", ended(ctx, err))
}

// ListedOf gives what price lists say of some products, in no order.
func (s *Snapshot) ListedOf(ctx context.Context, lists []feed.PriceListID, products []feed.ProductID) ([]partner.ListedAt, error) {
	list, err := s.t.listedOf(ctx, s.merchant, lists, products)
	return list, fault("read listed prices", ended(ctx, err))
}

// Terms gives the merchant's exchange rates and the heads of his price lists.
func (s *Snapshot) Terms(ctx context.Context) (feed.Terms, error) {
	rates, err := s.t.rates(ctx, s.merchant)
	var lists []partner.PriceList
	if err == nil {
		lists, err = s.t.priceLists(ctx, sqlPriceLists, s.merchant)
	}
	return feed.Terms{Rates: partner.RatesOf(rates), Lists: partner.HeadsOf(lists)}, fault("read rates and price lists", ended(ctx, err))
}
