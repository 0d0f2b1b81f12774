package partner

import (
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"feedmill/feed"
)

// Merchant is the owner of a catalog: the tenant that everything else belongs to.
type Merchant struct {
	ID   MerchantID
	Name string
	// SharingEnabled is the switch of all sharing. Off, nobody receives anything,
	// and all other switches keep their positions.
	SharingEnabled bool
	// RevealDisabled lets the holder of a live link learn that sharing is
	// switched off, instead of being told that nothing is there.
	RevealDisabled bool
	// Supplier is what offers say of the merchant (gateway meta, IOF 2.2).
	Supplier feed.Supplier
	// Language, Currency and VAT are taken where a product or partner has none.
	Language feed.Language
	Currency feed.Currency
	VAT      feed.Percent
	// ZeroVAT says that a VAT of 0 is the merchant's rate. Without it 0 is none that
	// he has said; with another rate it means nothing.
	ZeroVAT bool
	// BaseURL begins the addresses that his partners are given, without a slash
	// at the end, such as "https://feeds.example.com"; "" means the server's own.
	BaseURL string
	// ZoneOffset is east of UTC, in whole minutes: times in files are local and
	// tell no zone (IOF 2.4), so one offset holds the whole year.
	ZoneOffset time.Duration
	// Alarm says when the use of a link is suspicious.
	Alarm LinkAlarm
	// StaleAfter is when a partner who fetches nothing counts as stale; 0 is
	// a day.
	StaleAfter time.Duration
	// Version counts the changes; a change names the one it was made from.
	Version int64
}

// Zone gives the fixed zone of times in files.
func (m *Merchant) Zone() *time.Location {
	if m.ZoneOffset == 0 {
		return time.UTC
	}
	return time.FixedZone("", int(m.ZoneOffset/time.Second))
}

// RateVAT gives the merchant's rate of VAT, and whether he has said one.
func (m *Merchant) RateVAT() (rate feed.Percent, said bool) {
	return m.VAT, m.ZeroVAT || !m.VAT.IsZero()
}

// VATText writes the rate that the merchant has said, "" for none.
func (m *Merchant) VATText() string {
	if rate, said := m.RateVAT(); said {
		return rate.String()
	}
	return ""
}

// SayVAT sets the rate of VAT; without said there is none.
func (m *Merchant) SayVAT(rate feed.Percent, said bool) {
	if m.VAT, m.ZeroVAT = (feed.Percent{}), false; said {
		m.VAT, m.ZeroVAT = rate, rate.IsZero()
	}
}

// Validate says what is wrong with a merchant.
func (m *Merchant) Validate() error {
	if !m.ID.Valid() {
		return badID("merchant", string(m.ID))
	}
	if m.ZoneOffset%time.Minute != 0 || m.ZoneOffset < -14*time.Hour || m.ZoneOffset > 14*time.Hour {
		return feed.Errorf(feed.KindInvalid, "zone offset %s is not whole minutes between -14h and 14h", m.ZoneOffset)
	}
	if m.Alarm.Addresses < -1 || m.Alarm.Addresses > MaxLinkClients {
		return feed.Errorf(feed.KindInvalid, "an alarm at %d addresses: give 1 to %d, 0 for the default, -1 for none", m.Alarm.Addresses, MaxLinkClients)
	}
	if m.StaleAfter < 0 || m.StaleAfter%time.Second != 0 {
		return feed.Errorf(feed.KindInvalid, "stale after %s is not whole seconds", m.StaleAfter)
	}
	if m.BaseURL != "" {
		u, err := url.Parse(m.BaseURL)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil ||
			u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(m.BaseURL, "/") || strings.ContainsAny(m.BaseURL, "?#&") {
			return &feed.Error{Kind: feed.KindInvalid, Message: "the base address is not one that addresses can begin with",
				Hint: "give scheme and host, such as https://feeds.example.com, without a slash at the end"}
		}
		if err := feed.CheckASCII(m.BaseURL); err != nil {
			return err
		}
	}
	return checkName("merchant", m.Name)
}

// Shop is one of a merchant's storefronts.
type Shop struct {
	ID       ShopID
	Merchant MerchantID
	// Number is what IOF calls site; it is unique within the merchant.
	Number int32
	Name   string
	// Version counts the changes; a change names the one it was made from.
	Version int64
}

// Validate says what is wrong with a shop.
func (s *Shop) Validate() error {
	if !s.ID.Valid() {
		return badID("shop", string(s.ID))
	}
	if s.Number < 0 {
		return feed.Errorf(feed.KindInvalid, "shop number %d is negative", s.Number)
	}
	return checkName("shop", s.Name)
}

// State says whether an account may be used at all.
type State uint8

// The states of an account.
const (
	StateActive State = iota
	StateBlocked
)

// String gives "active" or "blocked".
func (s State) String() string {
	if s == StateBlocked {
		return "blocked"
	}
	return "active"
}

// ParseState reads what [State.String] writes.
func ParseState(s string) (State, error) {
	switch s {
	case "active":
		return StateActive, nil
	case "blocked":
		return StateBlocked, nil
	}
	return 0, feed.Errorf(feed.KindInvalid, "%.40q is no state (active, blocked)", s)
}

// Partner is a customer of a merchant who receives offers.
type Partner struct {
	ID       ID
	Merchant MerchantID
	Name     string
	Email    string
	Phone    string
	// Language and Currency are his; zero ones mean the merchant's.
	Language feed.Language
	Currency feed.Currency
	// Wholesaler says that his prices start from the wholesale price.
	Wholesaler bool
	// Discounts are his, and those of each of his offers that does not have its own.
	Discounts feed.Discounts
	// Tags are the merchant's own words, Notes his own text; no partner sees them.
	Tags  []string
	Notes string
	State State
	// FeedEnabled and OrdersEnabled are the partner's switches. Off, nothing of
	// the account or its links is touched: on again, the same addresses answer.
	FeedEnabled, OrdersEnabled bool
	// Schedule is what the feed switch will do by itself.
	Schedule Schedule
	// Version counts the changes; a change names the one it was made from.
	Version int64
}

// SwitchFeed moves the feed switch by hand at now: points of its schedule that
// have passed are gone, those to come stay.
func (p *Partner) SwitchFeed(on bool, now time.Time) {
	_, p.Schedule = p.Schedule.Settle(p.FeedEnabled, now)
	p.FeedEnabled = on
}

// FeedOn gives the position of the feed switch at now, its schedule considered.
func (p *Partner) FeedOn(now time.Time) bool { return p.Schedule.Feed(p.FeedEnabled, now) }

// Validate says what is wrong with a partner.
func (p *Partner) Validate() error {
	if !p.ID.Valid() {
		return badID("partner", string(p.ID))
	}
	if !p.Merchant.Valid() {
		return badID("merchant", string(p.Merchant))
	}
	if p.State > StateBlocked {
		return feed.Errorf(feed.KindInvalid, "%d is no state of a partner", p.State)
	}
	if p.Email != "" && (strings.Count(p.Email, "@") != 1 || strings.ContainsAny(p.Email, " \t\r\n<>,;")) {
		return feed.Errorf(feed.KindInvalid, "%.60q is not an e-mail address", p.Email)
	}
	for i, t := range p.Tags {
		if strings.TrimSpace(t) != t || t == "" || len(t) > 60 || !feed.IsClean(t) || strings.ContainsAny(t, "\n\t,") {
			return feed.Errorf(feed.KindInvalid, "%.70q is no tag: a tag is up to 60 bytes without commas and without blanks around it", t)
		}
		for _, u := range p.Tags[:i] {
			if t == u {
				return feed.Errorf(feed.KindInvalid, "tag %q stands twice", t)
			}
		}
	}
	if err := p.Schedule.Validate(); err != nil {
		return err
	}
	if err := (&feed.Profile{Discounts: p.Discounts}).Validate(); err != nil {
		return err
	}
	if !feed.IsClean(p.Notes) || len(p.Notes) > 20_000 {
		return feed.Errorf(feed.KindInvalid, "the notes are longer than 20000 bytes or hold characters that no text may hold")
	}
	return checkName("partner", p.Name)
}

// Offer is what one partner receives from one shop.
type Offer struct {
	ID       OfferID
	Merchant MerchantID
	Partner  ID
	Shop     ShopID
	Name     string
	// Profile decides the bytes.
	Profile feed.Profile
	// PartnerDiscounts says that Profile.Discounts are always those of the
	// partner: whoever stores the offer puts them there, and again when the
	// partner's change.
	PartnerDiscounts bool
	// Files are the kinds that are listed and served; none means all.
	Files KindSet
	// FeedEnabled and OrdersEnabled are the offer's own switches, beside the partner's.
	FeedEnabled, OrdersEnabled bool
	// Schedule is what the feed switch will do by itself.
	Schedule Schedule
	// Version counts the changes; a change names the one it was made from.
	Version int64
}

// SwitchFeed moves the feed switch by hand at now: points of its schedule that
// have passed are gone, those to come stay.
func (o *Offer) SwitchFeed(on bool, now time.Time) {
	_, o.Schedule = o.Schedule.Settle(o.FeedEnabled, now)
	o.FeedEnabled = on
}

// FeedOn gives the position of the feed switch at now, its schedule considered.
func (o *Offer) FeedOn(now time.Time) bool { return o.Schedule.Feed(o.FeedEnabled, now) }

// Validate says what is wrong with an offer.
func (o *Offer) Validate() error {
	switch {
	case !o.ID.Valid():
		return badID("offer", string(o.ID))
	case !o.Merchant.Valid():
		return badID("merchant", string(o.Merchant))
	case !o.Partner.Valid():
		return badID("partner", string(o.Partner))
	case !o.Shop.Valid():
		return badID("shop", string(o.Shop))
	}
	if err := o.Profile.Validate(); err != nil {
		return err
	}
	if err := o.Schedule.Validate(); err != nil {
		return err
	}
	return checkName("offer", o.Name)
}

func badID(what, id string) error {
	return feed.Errorf(feed.KindInvalid, "%.80q is not the id of a %s", id, what)
}

func checkName(what, name string) error {
	if name == "" || strings.TrimSpace(name) != name || utf8.RuneCountInString(name) > 200 || !feed.IsClean(name) || strings.ContainsAny(name, "\n\t") {
		return feed.Errorf(feed.KindInvalid, "the name of a %s is one line of 1 to 200 characters without blanks around it, not %.60q", what, name)
	}
	return nil
}
