package partner

import (
	"cmp"
	"slices"
	"time"

	"feedmill/feed"
)

// DayOf counts the days from 1970 to t in UTC.
func DayOf(t time.Time) int64 {
	day := t.Unix() / 86400
	if t.Unix()%86400 < 0 {
		day--
	}
	return day
}

// DayTime gives the midnight of a day that [DayOf] counts.
func DayTime(day int64) time.Time { return time.Unix(day*86400, 0).UTC() }

// LedgerBatch is a list of downloads put together for the records: what is
// counted is counted once for each, in one order for all writers, so that
// writers who meet wait for each other and never in a circle.
type LedgerBatch struct {
	Downloads []Download
	Links     []LinkBatch
	Offers    []OfferBatch
	Uses      []UseBatch
}

// LinkBatch is what a batch tells of one link on one day.
type LinkBatch struct {
	Merchant           MerchantID
	Link               LinkID
	Day                int64
	Requests           int64
	Last               time.Time
	Addresses, Clients []string
}

// OfferBatch is what a batch tells of one offer's files of a kind on one day;
// Count's Offer, Day and Kind say which.
type OfferBatch struct {
	Merchant MerchantID
	Count    DownloadDay
}

// UseBatch is what the recipient of an offer has of a kind of file after a batch.
type UseBatch struct {
	Merchant MerchantID
	Offer    OfferID
	Kind     feed.Kind
	Use      FileUse
}

// NewLedgerBatch puts downloads together, cleaned. Those that name no merchant,
// link or offer are left out: nobody could be shown them.
func NewLedgerBatch(list []Download) *LedgerBatch {
	b := &LedgerBatch{Downloads: make([]Download, 0, len(list))}
	type linkKey struct {
		merchant MerchantID
		link     LinkID
		day      int64
	}
	type offerKey struct {
		merchant MerchantID
		offer    OfferID
		day      int64
		kind     feed.Kind
	}
	links, offers, uses := map[linkKey]int{}, map[offerKey]int{}, map[offerKey]int{}
	for _, d := range list {
		if !d.Merchant.Valid() || !d.Link.Valid() || !d.Offer.Valid() {
			continue
		}
		d = d.Clean()
		b.Downloads = append(b.Downloads, d)
		day := DayOf(d.Started)
		lk := linkKey{d.Merchant, d.Link, day}
		i, ok := links[lk]
		if !ok {
			i = len(b.Links)
			links[lk] = i
			b.Links = append(b.Links, LinkBatch{Merchant: d.Merchant, Link: d.Link, Day: day})
		}
		l := &b.Links[i]
		l.Requests += 1 + d.More
		if d.Started.After(l.Last) {
			l.Last = d.Started
		}
		if d.Address.IsValid() {
			l.Addresses = append(l.Addresses, d.Address.String())
		}
		if d.Client != "" {
			l.Clients = append(l.Clients, d.Client)
		}
		key := offerKey{d.Merchant, d.Offer, day, d.Kind}
		if i, ok = offers[key]; !ok {
			i = len(b.Offers)
			offers[key] = i
			b.Offers = append(b.Offers, OfferBatch{d.Merchant, DownloadDay{Offer: d.Offer, Day: DayTime(day), Kind: d.Kind}})
		}
		b.Offers[i].Count.add(&d)
		if !d.Outcome.Has() {
			continue
		}
		key.day = 0
		if i, ok = uses[key]; !ok {
			i = len(b.Uses)
			uses[key] = i
			b.Uses = append(b.Uses, UseBatch{Merchant: d.Merchant, Offer: d.Offer, Kind: d.Kind})
		}
		if u := &b.Uses[i].Use; !d.Started.Before(u.At) {
			*u = FileUse{d.Started, d.Generation}
		}
	}
	for i := range b.Links {
		for _, values := range []*[]string{&b.Links[i].Addresses, &b.Links[i].Clients} {
			slices.Sort(*values)
			*values = slices.Compact(*values)
		}
	}
	slices.SortFunc(b.Links, func(a, c LinkBatch) int {
		return cmp.Or(cmp.Compare(a.Merchant, c.Merchant), cmp.Compare(a.Link, c.Link), cmp.Compare(a.Day, c.Day))
	})
	slices.SortFunc(b.Offers, func(a, c OfferBatch) int {
		return cmp.Or(cmp.Compare(a.Merchant, c.Merchant), cmp.Compare(a.Count.Offer, c.Count.Offer), a.Count.Day.Compare(c.Count.Day), cmp.Compare(a.Count.Kind, c.Count.Kind))
	})
	slices.SortFunc(b.Uses, func(a, c UseBatch) int {
		return cmp.Or(cmp.Compare(a.Merchant, c.Merchant), cmp.Compare(a.Offer, c.Offer), cmp.Compare(a.Kind, c.Kind))
	})
	return b
}

func (c *DownloadDay) add(d *Download) {
	n := 1 + d.More
	c.Requests += n
	c.Bytes += d.Bytes
	switch d.Outcome {
	case OutcomeComplete, OutcomePart:
		c.Complete += n
	case OutcomeUnchanged:
		c.Unchanged += n
	case OutcomeBroken:
		c.Broken += n
	case OutcomeRefused:
		c.Refused += n
	}
}
