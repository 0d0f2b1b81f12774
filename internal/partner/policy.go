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
	// RefusedSuspended: the link was stopped until somebody has looked at it.
	RefusedSuspended
	// RefusedScope: the credential is for something else.
	RefusedScope
	// RefusedAddress: the link may not be used from there. [Decide] does not
	// know where a request comes from: see [Link.Admits].
	RefusedAddress
	// RefusedLimit: the link is used more than is allowed. [Decide] does not count:
	// the file server does.
	RefusedLimit
	RefusedSharingOff
	RefusedPartnerBlocked
	RefusedPartnerFeedOff
	RefusedOfferFeedOff
)

var refusalNames = [...]string{"", "unknown", "revoked", "expired", "suspended", "scope", "address", "limit", "sharing-off", "partner-blocked", "partner-feed-off", "offer-feed-off"}

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
// same link lead to the same offer again. Switches stand where they stand at
// now, so a timed one moves at its moment, whoever has or has not written that
// down by then.
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
	case !l.SuspendedAt.IsZero():
		return RefusedSuspended
	case !l.Scopes.Has(ScopeFeedRead):
		return RefusedScope
	}
	if off := ClosedBy(m, p, o, now); len(off) > 0 {
		return off[0]
	}
	return Allowed
}

// ClosedBy gives every switch that keeps an offer from being read at now, in the
// order of the constants: all of them have to be turned on before it opens.
func ClosedBy(m *Merchant, p *Partner, o *Offer, now time.Time) (off []Refusal) {
	for _, s := range [...]struct {
		on  bool
		why Refusal
	}{{m.SharingEnabled, RefusedSharingOff}, {p.State == StateActive, RefusedPartnerBlocked}, {p.FeedOn(now), RefusedPartnerFeedOff}, {o.FeedOn(now), RefusedOfferFeedOff}} {
		if !s.on {
			off = append(off, s.why)
		}
	}
	return off
}

// ParseRefusal reads what [Refusal.String] writes; what it does not know is
// [RefusedUnknown].
func ParseRefusal(name string) Refusal {
	for i, n := range refusalNames {
		if n == name {
			return Refusal(i)
		}
	}
	return RefusedUnknown
}
