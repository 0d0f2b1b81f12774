package manage

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/pricing"
	"feedmill/feed/publish"
	"feedmill/internal/partner"
)

// Question asks why a partner sees a product as he does. It names the offer, and
// the product by its id or by a code of one of its sizes: its own, the
// merchant's, or a GTIN.
type Question struct {
	Offer   partner.OfferID
	Product feed.ProductID
	Code    string
}

// Answer tells why.
type Answer struct {
	Offer   partner.Offer
	Partner partner.Partner
	// Product is 0 when the catalog has none of that name: then only what was
	// sent of it can be told, and Name is "".
	Product feed.ProductID
	Name    string
	// ClosedBy are the switches that keep the partner from reading the offer now,
	// none where it is open. His links are another matter.
	ClosedBy []partner.Refusal
	// Included says whether the product is in the offer as the catalog stands
	// now, and Explanation how its prices and stock come about.
	Included    bool
	Explanation *pricing.Explanation
	// Full and Light are what was sent.
	Full, Light Sent
}

// Sent is what the published files of a feed say of a product.
type Sent struct {
	// Generation is the feed's current one, 0 when none has been published, and
	// Time its time.
	Generation int64
	Time       time.Time
	// File is the name of the file that the node stands in, and Made the
	// generation that made it; "" and 0 when no file has the product.
	File string
	Made int64
	// XML is the node exactly as it was sent, "" for none. A change file's node
	// counts before that of the full file it follows.
	XML string
	// Removed says that the node is a tombstone.
	Removed bool
	// Differs says that the feed was made from a catalog in which the product
	// was in while it is out now, or the other way round.
	Differs bool
	// Left says that the product has left the offer, and that light goes on showing
	// it as sold out for a time, as it is meant to: see feeds.gone_keep.
	Left bool
	// Held is the run that has made the next generation, which is held: until
	// somebody decides no run brings what differs. "" when none is.
	Held string
}

// UnreadError says that published files cannot be read. An [Answer] comes beside
// it that holds all but what was sent.
type UnreadError struct{ Err error }

// Error implements error.
func (e *UnreadError) Error() string { return e.Err.Error() }

// Unwrap gives what kept the files from being read.
func (e *UnreadError) Unwrap() error { return e.Err }

// Why answers. The catalog and the offer are read as they stand now, the files
// as they are published; where the two disagree, a run is still to come, or what
// one has made is held. The
// error is an [UnreadError] where only the files cannot be read.
func (s *Service) Why(ctx context.Context, who Identity, q Question) (a Answer, err error) {
	for _, do := range []Action{ReadAccounts, ReadProducts} {
		if err := allow(who, do); err != nil {
			return a, err
		}
	}
	m, err := s.db.Merchant(ctx, who.Merchant)
	if err != nil {
		return a, err
	}
	if a.Offer, err = s.db.Offer(ctx, who.Merchant, q.Offer); err != nil {
		return a, err
	}
	if a.Partner, err = s.db.Partner(ctx, who.Merchant, a.Offer.Partner); err != nil {
		return a, err
	}
	a.ClosedBy = partner.ClosedBy(&m, &a.Partner, &a.Offer, s.now())
	if a.Product, err = s.asked(ctx, who, q); err != nil {
		return a, err
	}
	p, err := s.product(ctx, who, a.Product)
	switch {
	case err == nil:
		if err := s.explain(ctx, who, p, &a); err != nil {
			return a, err
		}
	case feed.KindOf(err) != feed.KindNotFound:
		return a, err
	}
	held, err := s.db.HeldGenerations(ctx, who.Merchant)
	if err != nil {
		return a, err
	}
	var unread error
	for _, f := range []struct {
		kind feed.Kind
		key  string
		to   *Sent
	}{{feed.KindFull, a.Offer.Profile.FullKey(), &a.Full}, {feed.KindLight, a.Offer.Profile.LightKey(), &a.Light}} {
		ref := publish.FeedRef{Merchant: string(who.Merchant), Kind: f.kind, Key: f.key}
		*f.to, err = s.sent(ctx, ref, a.Product)
		for i := range held {
			if held[i].Generation.Feed == ref {
				f.to.Held = held[i].Run
			}
		}
		if err != nil {
			var files *UnreadError
			if !errors.As(err, &files) || ctx.Err() != nil {
				return a, err
			}
			unread = err
			continue
		}
		shown := f.to.XML != "" && !f.to.Removed
		f.to.Differs = f.to.Generation > 0 && shown != a.Included
	}
	if unread != nil {
		return a, unread
	}
	if l := &a.Light; l.Differs && !a.Included && a.Full.Generation > 0 && (a.Full.XML == "" || a.Full.Removed) && soldOut(l.XML) {
		l.Left, l.Differs = true, false
	}
	if p == nil && a.Full.XML == "" && a.Light.XML == "" {
		return a, feed.Errorf(feed.KindNotFound, "there is no product %d, and no published file of the offer has one", a.Product)
	}
	return a, nil
}

var quantities = regexp.MustCompile(`\squantity="([^"]*)"`)

// soldOut says whether a node of light shows no stock at all.
func soldOut(node string) bool {
	for _, m := range quantities.FindAllStringSubmatch(node, -1) {
		if strings.Trim(m[1], "0.") != "" {
			return false
		}
	}
	return true
}

// asked finds the product that a question is about.
func (s *Service) asked(ctx context.Context, who Identity, q Question) (feed.ProductID, error) {
	if q.Code == "" {
		if q.Product <= 0 || q.Product > feed.MaxProductID {
			return 0, feed.Errorf(feed.KindInvalid, "ask for a product by its id or by a code")
		}
		return q.Product, nil
	}
	ids, err := s.db.ProductsByCode(ctx, who.Merchant, q.Code)
	if err != nil {
		return 0, err
	}
	if len(ids) == 0 {
		// A number may be meant as an id.
		if n, err := strconv.ParseInt(q.Code, 10, 64); err == nil && n > 0 && n <= feed.MaxProductID {
			return feed.ProductID(n), nil
		}
		return 0, feed.Errorf(feed.KindNotFound, "no product has the code %.80q", q.Code)
	}
	if len(ids) > 1 {
		return 0, &feed.Error{Kind: feed.KindConflict, Message: fmt.Sprintf("%d products have the code %.80q: %v", len(ids), q.Code, ids[:min(len(ids), 5)]), Hint: "ask for one by its id"}
	}
	return ids[0], nil
}

func (s *Service) explain(ctx context.Context, who Identity, p *feed.Product, a *Answer) error {
	index, err := dictionaryIndex(ctx, merchantDictionaries{s, who.Merchant})
	if err != nil {
		return err
	}
	terms, err := s.terms(ctx, who.Merchant)
	if err != nil {
		return err
	}
	if err := s.join(ctx, who.Merchant, p, partner.ListsOf([]feed.Profile{a.Offer.Profile})); err != nil {
		return err
	}
	rules, err := pricing.Compile(&a.Offer.Profile, index, &terms)
	if err != nil {
		return err
	}
	e := rules.Explain(p)
	if e.Verdict.Included && p.Bundled != nil {
		missing, err := s.missingComponent(ctx, who, p, a.Offer.Profile, rules)
		if err != nil {
			return err
		}
		if missing != "" {
			e.Assortment = append(e.Assortment, "shown as a regular product and not as a set: the offer does not have its component "+missing)
		}
	}
	a.Name, a.Explanation, a.Included = nameOf(p), &e, e.Verdict.Included
	return nil
}

// missingComponent gives the first component of a set that the offer does not
// show, "" for none.
func (s *Service) missingComponent(ctx context.Context, who Identity, set *feed.Product, profile feed.Profile, rules *pricing.Rules) (string, error) {
	var item feed.Item
	for i := range set.Bundled.Components {
		name := set.Bundled.Components[i].ID
		id, err := strconv.ParseInt(name, 10, 64)
		if err != nil || id < 1 || id > feed.MaxProductID || feed.ProductID(id) == set.ID {
			continue // nothing is known of what is no product's id
		}
		p, err := s.product(ctx, who, feed.ProductID(id))
		if feed.KindOf(err) == feed.KindNotFound {
			return name, nil
		}
		if err == nil {
			err = s.join(ctx, who.Merchant, p, partner.ListsOf([]feed.Profile{profile}))
		}
		if err != nil {
			return "", err
		}
		if !rules.Apply(&item, p).Included {
			return name, nil
		}
	}
	return "", nil
}

type merchantDictionaries struct {
	s        *Service
	merchant partner.MerchantID
}

// Dictionaries reads the present ones.
func (d merchantDictionaries) Dictionaries(ctx context.Context) (partner.Document, error) {
	return d.s.db.Dictionaries(ctx, d.merchant)
}

// sent finds a product's node in the published files of a feed: change files are
// listed newest first, and the newest that has the product is what counts.
func (s *Service) sent(ctx context.Context, ref publish.FeedRef, id feed.ProductID) (sent Sent, err error) {
	g, ok, err := s.db.Current(ctx, ref)
	if err != nil || !ok {
		return sent, err
	}
	if sent, err = s.sentIn(ctx, &g, id); err != nil {
		err = &UnreadError{err}
	}
	return sent, err
}
