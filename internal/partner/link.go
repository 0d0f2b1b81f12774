package partner

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"feedmill/feed"
)

// Link is the secret address of an offer. At most two may be live: while one is
// being rotated out its successor answers beside it.
type Link struct {
	ID       LinkID
	Merchant MerchantID
	Offer    OfferID
	// Name tells people which link it is, such as "shop software".
	Name string
	// Scopes are what it may be used for; see [NewLink].
	Scopes Scopes
	// CIDRs are the networks that it may be used from, none for all. They hold
	// no host bits, and IPv4 stands in its own form.
	CIDRs []netip.Prefix
	// SecretHash is all that is kept of the secret: see [Secret.Hash].
	SecretHash [32]byte
	CreatedAt  time.Time
	// ExpiresAt and RevokedAt are zero for never and not.
	ExpiresAt, RevokedAt time.Time
	// SuspendedAt is when the link was stopped until somebody has looked at it,
	// by hand or by an alarm; zero for not.
	SuspendedAt time.Time
	// LastUsed is when it was last used, zero for never; not every listing has it.
	LastUsed time.Time
	// AlarmAt is when its use last raised an alarm, zero for never or since it
	// was looked at.
	AlarmAt time.Time
	// Replaces is the link that this one was made to rotate out, "" for none.
	Replaces LinkID
	// Version counts the changes; a change names the one it was made from.
	Version int64
}

// MaxLiveLinks is how many links of an offer may be live at a time.
const MaxLiveLinks = 2

// MaxCIDRs is how many networks one link, or one key, may be bound to.
const MaxCIDRs = 64

// NewLink makes a link of an offer and its secret. The secret is not kept
// anywhere: whoever asked for the link is shown it once. A zero expires means never.
func NewLink(merchant MerchantID, offer OfferID, name string, now, expires time.Time) (Link, Secret) {
	id := NewLinkID()
	secret := Secret{newToken(secretPrefix, string(id[2:]))}
	return Link{ID: id, Merchant: merchant, Offer: offer, Name: name, Scopes: ScopeFeedRead, SecretHash: secret.Hash(),
		CreatedAt: now, ExpiresAt: expires, Version: 1}, secret
}

// Live says whether the link is neither revoked nor expired. A suspended one
// counts as live: it can be resumed.
func (l *Link) Live(now time.Time) bool {
	return l.RevokedAt.IsZero() && (l.ExpiresAt.IsZero() || now.Before(l.ExpiresAt))
}

// Admits says whether the link may be used from an address, as far as its
// networks say. An IPv4 address that comes in IPv6 form counts as IPv4. Where
// networks are set an unknown address is refused.
func (l *Link) Admits(a netip.Addr) bool {
	if len(l.CIDRs) == 0 {
		return true
	}
	a = a.Unmap().WithZone("")
	for _, p := range l.CIDRs {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// State tells in a word what has become of the link: "live", "revoked",
// "expired" or "suspended".
func (l *Link) State(now time.Time) string {
	switch {
	case !l.RevokedAt.IsZero():
		return "revoked"
	case !l.Live(now):
		return "expired"
	case !l.SuspendedAt.IsZero():
		return "suspended"
	}
	return "live"
}

// Validate says what is wrong with a link.
func (l *Link) Validate() error {
	switch {
	case !l.ID.Valid():
		return badID("link", string(l.ID))
	case !l.Merchant.Valid():
		return badID("merchant", string(l.Merchant))
	case !l.Offer.Valid():
		return badID("offer", string(l.Offer))
	case l.SecretHash == [32]byte{}:
		return feed.Errorf(feed.KindInvalid, "link %s has no secret", l.ID)
	case l.Scopes != ScopeFeedRead:
		// A credential for orders must never work in an address.
		return feed.Errorf(feed.KindInvalid, "a link is for reading an offer, and for nothing else: %q", l.Scopes)
	}
	if err := checkCIDRs("link", l.CIDRs); err != nil {
		return err
	}
	return checkName("link", l.Name)
}

func checkCIDRs(what string, list []netip.Prefix) error {
	if len(list) > MaxCIDRs {
		return feed.Errorf(feed.KindInvalid, "a %s is bound to at most %d networks, not %d", what, MaxCIDRs, len(list))
	}
	for _, p := range list {
		if q, err := normalCIDR(p); err != nil || p != q {
			return feed.Errorf(feed.KindInvalid, "%s is no network that addresses can be compared with", p)
		}
	}
	return nil
}

// ParseCIDRs reads networks such as "203.0.113.0/24" or "2001:db8::/48",
// separated by commas or blanks; an address alone is the network of it alone.
// Bits behind the prefix are a mistake, and IPv4 in IPv6 form becomes IPv4.
func ParseCIDRs(text string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\t' }) {
		p, err := netip.ParsePrefix(word)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(word); err == nil && a.Zone() == "" {
				p = netip.PrefixFrom(a, a.BitLen())
			} else {
				return nil, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("%.60q is no network", word), Hint: "write 203.0.113.0/24, 2001:db8::/48 or one address"}
			}
		}
		q, err := normalCIDR(p)
		if err != nil {
			return nil, err
		}
		list = append(list, q)
	}
	return list, nil
}

func normalCIDR(p netip.Prefix) (netip.Prefix, error) {
	if !p.IsValid() {
		return p, feed.Errorf(feed.KindInvalid, "%s is no network", p)
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return p, feed.Errorf(feed.KindInvalid, "network %s holds IPv4 and IPv6: write the two apart", p)
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	if m := p.Masked(); m != p {
		return p, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("network %s has bits behind its prefix", p), Hint: "write " + m.String()}
	}
	return p, nil
}

// FormatCIDRs writes what [ParseCIDRs] reads, separated by commas.
func FormatCIDRs(list []netip.Prefix) string {
	var b strings.Builder
	for i, p := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(p.String())
	}
	return b.String()
}
