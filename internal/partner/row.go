package partner

import "encoding/json"

// PartnerRow is what records hold of a partner in a form of its own.
type PartnerRow struct {
	// Tags is a JSON array, "null" for none, so that no tags come back as none.
	Tags string
	// Discounts and Schedule are "" for none.
	Discounts, Schedule string
}

// EncodePartner gives the stored forms of a partner's parts.
func EncodePartner(p *Partner) (r PartnerRow, err error) {
	r.Tags = "null"
	if len(p.Tags) > 0 {
		b, err := json.Marshal(p.Tags)
		if err != nil {
			return r, err
		}
		r.Tags = string(b)
	}
	discounts, err := EncodeDiscounts(&p.Discounts)
	if err != nil {
		return r, err
	}
	if r.Discounts = string(discounts); r.Discounts == "{}" {
		r.Discounts = ""
	}
	r.Schedule, err = EncodeSchedule(p.Schedule)
	return r, err
}

// OfferRow is what records hold of an offer in a form of its own.
type OfferRow struct{ Profile, Schedule string }

// EncodeOffer gives the stored forms of an offer's parts.
func EncodeOffer(o *Offer) (r OfferRow, err error) {
	b, err := EncodeProfile(&o.Profile)
	if err != nil {
		return r, err
	}
	r.Profile = string(b)
	r.Schedule, err = EncodeSchedule(o.Schedule)
	return r, err
}

// SwitchAction names for the audit what moving a switch is: "offer.feed.on".
func SwitchAction(name string, on bool) string {
	if on {
		return name + ".on"
	}
	return name + ".off"
}
