package partner

import (
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"feedmill/feed"
)

// Outcome is how a request for a file ended.
type Outcome uint8

// The outcomes. OutcomeComplete is a whole body, or the rest of one that was
// broken off, OutcomePart the whole of another range that was asked for, OutcomeUnchanged an answer that the copy at hand is
// still good, OutcomeBroken a body that did not arrive whole, OutcomeRefused an
// answer without a body because the link's holder may not read.
const (
	OutcomeComplete Outcome = iota
	OutcomePart
	OutcomeUnchanged
	OutcomeBroken
	OutcomeRefused
)

var outcomeNames = [...]string{"complete", "part", "unchanged", "broken", "refused"}

// String gives the outcome's name.
func (o Outcome) String() string {
	if int(o) >= len(outcomeNames) {
		return "unknown"
	}
	return outcomeNames[o]
}

// ParseOutcome reads what [Outcome.String] writes.
func ParseOutcome(s string) (Outcome, error) {
	i, err := nameIndex(outcomeNames[:], s, "outcome")
	return Outcome(i), err
}

// Has says whether the recipient has the file as it is after the request.
func (o Outcome) Has() bool { return o == OutcomeComplete || o == OutcomeUnchanged }

// Download is one request for a file of an offer, as the ledger keeps it. It
// holds no secret and no whole address.
type Download struct {
	Merchant MerchantID
	Link     LinkID
	Offer    OfferID
	// Kind and Label name the file, Generation the one that the answer was of;
	// of a gateway it is the generation that it lists, 0 when none was looked up.
	Kind       feed.Kind
	Label      string
	Generation int64
	// Bytes counts the body's bytes that were sent.
	Bytes   int64
	Outcome Outcome
	// Refusal is the reason behind [OutcomeRefused], else [Allowed].
	Refusal Refusal
	// Address is where the request came from; only its network is kept, see
	// [TruncateAddress]. Client is what the program called itself, see [CleanClient].
	Address netip.Addr
	Client  string
	Started time.Time
	Took    time.Duration
	// More counts further requests that ended the same way and have no row of
	// their own: this one stands for them, and Bytes are those of all. The counts
	// of a day know it; the row that is kept does not.
	More int64
}

// MaxClient is how many characters are kept of what a client calls itself.
const MaxClient = 80

// TruncateAddress gives the network that is kept of an address: the first 24
// bits of IPv4, the first 48 of IPv6, and the zero Addr of no address.
func TruncateAddress(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr()
}

// CleanClient gives what is kept of a client's name for itself: one line of at
// most [MaxClient] characters, without a secret in it (see [Redact]).
func CleanClient(s string) string {
	if len(s) > 8*MaxClient {
		s = s[:8*MaxClient]
	}
	var b strings.Builder
	n := 0
	for _, r := range Redact(s) {
		if r < ' ' || r == 0x7f || r == utf8.RuneError || r >= 0x80 && r < 0xa0 || r == 0xFFFE || r == 0xFFFF {
			r = '?'
		}
		if n++; n > MaxClient {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Clean gives the download as it is kept: address and client cut to what may
// be stored, times in whole microseconds. It is the same when done twice.
func (d Download) Clean() Download {
	d.Address, d.Client = TruncateAddress(d.Address), CleanClient(d.Client)
	d.Started, d.Took = d.Started.UTC().Truncate(time.Microsecond), d.Took.Truncate(time.Microsecond)
	if len(d.Label) > 64 {
		d.Label = d.Label[:64]
	}
	return d
}

// LedgerEntry is a download as the ledger gives it back.
type LedgerEntry struct {
	// Number increases; a listing goes on after it.
	Number int64
	Download
}

// LedgerFilter narrows a listing of downloads. The zero filter is everything.
type LedgerFilter struct {
	Offer OfferID
	Link  LinkID
	// Before is the number that the listing goes on below, 0 for the newest.
	Before int64
}

// DownloadDay is one day's downloads of one kind of file of an offer.
type DownloadDay struct {
	Offer OfferID
	// Day is its midnight in UTC.
	Day  time.Time
	Kind feed.Kind
	// Requests counts all; the others count by outcome, whole parts as complete.
	Requests, Complete, Unchanged, Broken, Refused int64
	Bytes                                          int64
}

// DownloadSum is what was fetched of an offer over some days.
type DownloadSum struct {
	Offer OfferID
	// Requests counts all, Broken those that ended before the file did.
	Requests, Broken, Bytes int64
}

// LinkDay is from how many places one link was used on one day.
type LinkDay struct {
	Link LinkID
	// Day is its midnight in UTC.
	Day      time.Time
	Requests int64
	// Addresses counts networks (see [TruncateAddress]), Clients programs;
	// both stop counting at [MaxLinkClients].
	Addresses, Clients int
	// AlarmAt is when the addresses passed the merchant's threshold, zero for not.
	AlarmAt time.Time
}

// MaxLinkClients is how many addresses, and how many clients, of a link are
// told apart on one day.
const MaxLinkClients = 1000

// LinkAlarm is what a merchant wants to happen when a link is used from many
// addresses, which a link that has got out is.
type LinkAlarm struct {
	// Addresses is how many different networks a link may be used from on one
	// day (UTC); 0 is 25, -1 never raises an alarm.
	Addresses int
	// Suspend also stops the link until somebody has looked at it.
	Suspend bool
}

// defaultAlarmAddresses is the threshold of a merchant who has set none.
const defaultAlarmAddresses = 25

// Threshold gives the number of addresses above which there is an alarm, and
// false when there never is one.
func (a LinkAlarm) Threshold() (int, bool) {
	switch {
	case a.Addresses < 0:
		return 0, false
	case a.Addresses == 0:
		return defaultAlarmAddresses, true
	}
	return a.Addresses, true
}

// FileUse is what a partner fetched last of one kind of file.
type FileUse struct {
	// At is when he last had the file complete or was told that his is still
	// good, Generation the one it was of. Zero for never.
	At         time.Time
	Generation int64
}

// Freshness is how far the recipient of an offer is behind.
type Freshness struct {
	Offer                OfferID
	Partner              ID
	Gateway, Full, Light FileUse
	// Change is the newest change file.
	Change FileUse
	// Seen is when anything was last fetched.
	Seen time.Time
	// BehindFull and BehindLight count the generations of the offer's feeds
	// that were published after the one he has; of those whose records are
	// gone already none counts, so they may be more. BehindSince is when the
	// first of them was published, zero when he is up to date.
	BehindFull, BehindLight int64
	BehindSince             time.Time
	// Nothing says that there is no full or no light file to show, so that whoever
	// asks is answered 503: neither was published yet, or runs went on without the
	// offer for a day and none has brought it up to date since.
	Nothing bool
	// Held is the run that holds the next generation of the offer's feeds until
	// somebody decides about it, "" when none does. With Nothing, the recipient
	// waits for that decision.
	Held string
	// Stale says that the offer may be read, that something newer has been there
	// for longer than the merchant's StaleAfter, and that nothing was fetched
	// for as long.
	Stale bool
}

// defaultStaleAfter is when a partner counts as stale unless the merchant has
// set another time.
const defaultStaleAfter = 24 * time.Hour

// Readable says whether switches let an offer be read at now, whatever its links say.
func Readable(m *Merchant, p *Partner, o *Offer, now time.Time) bool {
	return m.SharingEnabled && p.State == StateActive && p.FeedOn(now) && o.FeedOn(now)
}

// Judge sets Seen from the uses, and Stale by the merchant's rule.
func (f *Freshness) Judge(m *Merchant, readable bool, now time.Time) {
	for _, u := range []FileUse{f.Gateway, f.Full, f.Light, f.Change} {
		if u.At.After(f.Seen) {
			f.Seen = u.At
		}
	}
	after := m.StaleAfter
	if after == 0 {
		after = defaultStaleAfter
	}
	f.Stale = readable && !f.Seen.IsZero() && !f.BehindSince.IsZero() && now.Sub(f.Seen) > after && now.Sub(f.BehindSince) > after
}

// Note takes in what the recipient has of one kind of file.
func (f *Freshness) Note(kind feed.Kind, use FileUse) {
	switch kind {
	case feed.KindGateway:
		f.Gateway = use
	case feed.KindFull:
		f.Full = use
	case feed.KindFullChange:
		f.Change = use
	case feed.KindLight:
		f.Light = use
	}
}

// AlarmActor is who the audit names for what an alarm does.
func AlarmActor() Actor { return Actor{Name: "link alarm", Role: "system"} }
