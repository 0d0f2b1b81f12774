package manage

import (
	"feedmill/feed"
)

// PriceText is a price as people and programs write it: one side or both, in
// decimals of the product's currency. The side that is not given follows by the
// product's VAT. Neither side takes the price away.
type PriceText struct {
	Net, Gross string
}

// price gives the price for a product.
func (t PriceText) price(p *feed.Product) (price feed.Price, err error) {
	var net, gross feed.Amount
	if t.Net != "" {
		if net, err = feed.ParseAmount(t.Net, p.Currency); err != nil {
			return price, err
		}
	}
	if t.Gross != "" {
		if gross, err = feed.ParseAmount(t.Gross, p.Currency); err != nil {
			return price, err
		}
	}
	switch {
	case t.Net == "" && t.Gross == "":
		return feed.Price{}, nil
	case t.Gross == "":
		return feed.PriceFromNet(net, p.VAT)
	case t.Net == "":
		return feed.PriceFromGross(gross, p.VAT)
	}
	// One minor unit lies between the two ways to round.
	fromNet, err := feed.PriceFromNet(net, p.VAT)
	if err != nil {
		return price, err
	}
	fromGross, err := feed.PriceFromGross(gross, p.VAT)
	if err != nil {
		return price, err
	}
	if fromNet.Gross != gross && fromGross.Net != net {
		return price, feed.Errorf(feed.KindInvalid, "net %s and gross %s do not agree: with VAT %s %% the gross is %s",
			net.Text(p.Currency), gross.Text(p.Currency), p.VAT, fromNet.Gross.Text(p.Currency))
	}
	return feed.Price{Net: net, Gross: gross}, nil
}

// PriceTexts are prices of a patch; nil leaves one as it is.
type PriceTexts struct {
	List, Wholesale, Minimal, SRP *PriceText
}

// apply sets what is given.
func (t *PriceTexts) apply(p *feed.Product, to *feed.Prices) error {
	for _, f := range []struct {
		text *PriceText
		to   *feed.Price
		name string
	}{{t.List, &to.List, "price"}, {t.Wholesale, &to.Wholesale, "wholesale price"}, {t.Minimal, &to.Minimal, "minimal price"}, {t.SRP, &to.SRP, "suggested price"}} {
		if f.text == nil {
			continue
		}
		price, err := f.text.price(p)
		if err != nil {
			return &feed.Error{Kind: feed.KindInvalid, Message: "the " + f.name + ": " + err.Error(), Hint: feed.HintOf(err)}
		}
		*f.to = price
	}
	return nil
}
