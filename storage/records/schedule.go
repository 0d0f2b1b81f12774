package records

import (
	"context"

	"feedmill/internal/partner"
)

// ApplySchedules writes down what the schedules of a merchant's switches have
// done by now, with a line in the audit for each, and gives the number of
// records that it changed. Whoever decides by the schedules sees no difference.
func (d *DB) ApplySchedules(ctx context.Context, merchant partner.MerchantID) (n int, err error) {
	due := false
	err = d.read(ctx, "look at schedules", func(ctx context.Context, t *Tx) error {
		due, err = t.schedulesDue(ctx, merchant)
		return err
	})
	if err != nil || !due {
		return 0, err
	}
	err = d.writeAs(ctx, "apply schedules", How{Again: true}, func(ctx context.Context, t *Tx) error {
		n, err = t.applySchedules(ctx, merchant)
		return err
	})
	return n, err
}

func (t *Tx) schedulesDue(ctx context.Context, merchant partner.MerchantID) (bool, error) {
	now := FromMicros(t.Now)
	partners, err := t.partners(ctx, sqlTimedPartners, merchant)
	if err != nil {
		return false, err
	}
	for i := range partners {
		if partners[i].Schedule.Due(now) {
			return true, nil
		}
	}
	offers, err := t.offers(ctx, sqlTimedOffers, merchant)
	if err != nil {
		return false, err
	}
	for i := range offers {
		if offers[i].Schedule.Due(now) {
			return true, nil
		}
	}
	return false, nil
}

func (t *Tx) applySchedules(ctx context.Context, merchant partner.MerchantID) (n int, err error) {
	now := FromMicros(t.Now)
	partners, err := t.partners(ctx, sqlLockTimedPartners, merchant)
	if err != nil {
		return 0, err
	}
	for i := range partners {
		p := &partners[i]
		if !p.Schedule.Due(now) {
			continue
		}
		settled, err := t.settlePartner(*p)
		if err != nil {
			return n, err
		}
		schedule, err := partner.EncodeSchedule(settled.Schedule)
		if err != nil {
			return n, err
		}
		if err := t.exec(ctx, sqlSettlePartner, settled.FeedEnabled, schedule, merchant, p.ID); err != nil {
			return n, err
		}
		t.Tell(merchant)
		n++
	}
	offers, err := t.offers(ctx, sqlLockTimedOffers, merchant)
	if err != nil {
		return n, err
	}
	for i := range offers {
		o := &offers[i]
		if !o.Schedule.Due(now) {
			continue
		}
		settled, err := t.settleOffer(*o)
		if err != nil {
			return n, err
		}
		schedule, err := partner.EncodeSchedule(settled.Schedule)
		if err != nil {
			return n, err
		}
		if err := t.exec(ctx, sqlSettleOffer, settled.FeedEnabled, schedule, merchant, o.ID); err != nil {
			return n, err
		}
		t.Tell(merchant)
		n++
	}
	return n, nil
}

const (
	sqlSettlePartner = `UPDATE partner SET feed_on = $1, schedule = $2, version = version + 1 WHERE merchant_id = $3 AND partner_id = $4`
	sqlSettleOffer   = `UPDATE offer SET feed_on = $1, schedule = $2, version = version + 1 WHERE merchant_id = $3 AND offer_id = $4`
)

// ChangeAll stores several accounts in one act, or none of them: switches,
// schedules and settings alike. It gives them with their new versions, and fails
// with KindConflict unless each was made from the present version. The same
// account must not stand in it twice.
func (d *DB) ChangeAll(ctx context.Context, actor partner.Actor, merchant partner.MerchantID, set partner.Changeset) (done partner.Changeset, err error) {
	err = d.write(ctx, "change accounts", func(ctx context.Context, t *Tx) error {
		done = partner.Changeset{}
		for _, want := range set.Partners {
			p, err := t.changePartner(ctx, actor, merchant, want.ID, want.Version, "", set.Offers, func(partner.Partner) partner.Partner { return want })
			if err != nil {
				return err
			}
			done.Partners = append(done.Partners, p)
		}
		for _, want := range set.Offers {
			o, err := t.changeOffer(ctx, actor, merchant, want.ID, want.Version, "", func(partner.Offer) partner.Offer { return want })
			if err != nil {
				return err
			}
			done.Offers = append(done.Offers, o)
		}
		return nil
	})
	return done, err
}
