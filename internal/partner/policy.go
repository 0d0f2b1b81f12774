package partner

import "time"

// Refusal says why a request for an offer's files is refused. The merchant is
// told the reason; the outside sees the same answer for all of them.
type Refusal uint8

// The reasons. Allowed is the zero value and refuses nothing.
const (
	Allowed Refusal = iota
	// RefusedUnknown: there is no such link, or it does not lead to an offer.
	RefusedUnknown
	RefusedRevoked
	RefusedExpired
	RefusedSharingOff
	RefusedPartnerBlocked
	RefusedPartnerFeedOff
	RefusedOfferFeedOff
)

var refusalNames = [...]string{"", "unknown", "revoked", "expired", "sharing-off", "partner-blocked", "partner-feed-off", "offer-feed-off"}

// String gives the reason as logs and the merchant's pages write it, "" for [Allowed].
func (r Refusal) String() string {
	if int(r) >= len(refusalNames) {
		return "unknown"
	}
	return refusalNames[r]
}

// SwitchedOff says that the link is live and a switch stands on off: only then
// may its holder be told that there is something to switch on again.
func (r Refusal) SwitchedOff() bool { return r >= RefusedSharingOff }

// Decide is the one rule of who may read an offer's files. The caller has found
// the link and checked its secret; a nil argument is something that does not
// exist. It changes nothing and asks nobody: a switch turned back on makes the
// same link lead to the same offer again.
//
// The first reason that holds is given, in the order of the constants.
func Decide(m *Merchant, p *Partner, o *Offer, l *Link, now time.Time) Refusal {
	switch {
	case m == nil || p == nil || o == nil || l == nil:
		return RefusedUnknown
	case l.Offer != o.ID || o.Partner != p.ID || l.Merchant != m.ID || o.Merchant != m.ID || p.Merchant != m.ID:
		return RefusedUnknown
	case !l.RevokedAt.IsZero():
		return RefusedRevoked
	case !l.ExpiresAt.IsZero() && !now.Before(l.ExpiresAt):
		return RefusedExpired
	case !m.SharingEnabled:
		return RefusedSharingOff
	case p.State != StateActive:
		return RefusedPartnerBlocked
	case !p.FeedEnabled:
		return RefusedPartnerFeedOff
	case !o.FeedEnabled:
		return RefusedOfferFeedOff
	}
	return Allowed
}
