package partner

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"feedmill/feed"
)

// Facts are what the audit tells of an object, by name. Secrets and their
// hashes are never among them.
type Facts map[string]any

// FactsOf gives the facts of a *Merchant, *Shop, *Partner, *Offer, *Link, *Rate, *PriceList or *Key,
// and nil of anything else.
func FactsOf(object any) Facts {
	switch o := object.(type) {
	case *Merchant:
		return Facts{
			"name": o.Name, "sharing": o.SharingEnabled, "reveal": o.RevealDisabled, "supplier": o.Supplier,
			"language": o.Language.String(), "currency": o.Currency.String(), "vat": o.VATText(),
			"base_url": o.BaseURL, "zone_minutes": int64(o.ZoneOffset / time.Minute),
			"alarm_addresses": o.Alarm.Addresses, "alarm_suspends": o.Alarm.Suspend, "stale_after": o.StaleAfter.String(),
		}
	case *Shop:
		return Facts{"number": o.Number, "name": o.Name}
	case *Partner:
		return Facts{
			"name": o.Name, "email": o.Email, "phone": o.Phone, "language": o.Language.String(), "currency": o.Currency.String(),
			"wholesaler": o.Wholesaler, "discounts": discountFacts(&o.Discounts), "tags": o.Tags, "notes": o.Notes, "state": o.State.String(),
			"feed": o.FeedEnabled, "orders": o.OrdersEnabled, "schedule": scheduleFacts(o.Schedule),
		}
	case *Offer:
		// The profile has been validated before; an error here would have shown there.
		profile, _ := EncodeProfile(&o.Profile)
		return Facts{
			"partner": string(o.Partner), "shop": string(o.Shop), "name": o.Name, "profile": json.RawMessage(profile),
			"partner_discounts": o.PartnerDiscounts, "files": o.Files.String(), "feed": o.FeedEnabled, "orders": o.OrdersEnabled,
			"schedule": scheduleFacts(o.Schedule),
		}
	case *Link:
		return Facts{
			"offer": string(o.Offer), "name": o.Name, "replaces": string(o.Replaces), "scopes": o.Scopes.String(), "cidrs": FormatCIDRs(o.CIDRs),
			"expires": timeFact(o.ExpiresAt), "revoked": timeFact(o.RevokedAt), "suspended": timeFact(o.SuspendedAt),
		}
	case *Rate:
		return Facts{"from": o.From.String(), "to": o.To.String(), "rate": o.Rate.String()}
	case *PriceList:
		return Facts{"name": o.Name, "currency": o.Currency.String(), "gross": o.Lead == feed.LeadGross}
	case *Key:
		return Facts{"name": o.Name, "scopes": o.Scopes.String(), "cidrs": FormatCIDRs(o.CIDRs), "expires": timeFact(o.ExpiresAt), "revoked": timeFact(o.RevokedAt)}
	}
	return nil
}

func discountFacts(d *feed.Discounts) json.RawMessage {
	b, _ := EncodeDiscounts(d) // plain strings always encode
	return json.RawMessage(b)
}

func scheduleFacts(s Schedule) []string {
	var list []string
	for _, p := range s {
		word := "off"
		if p.On {
			word = "on"
		}
		list = append(list, word+" at "+p.At.UTC().Format(time.RFC3339))
	}
	return list
}

func timeFact(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Changed leaves of two sets of facts what differs. A nil set stays as it is.
func Changed(before, after Facts) (Facts, Facts) {
	if before == nil || after == nil {
		return before, after
	}
	b, a := Facts{}, Facts{}
	for k, v := range before {
		if !reflect.DeepEqual(v, after[k]) {
			b[k], a[k] = v, after[k]
		}
	}
	for k, v := range after {
		if _, ok := before[k]; !ok {
			a[k] = v
		}
	}
	return b, a
}

// personal are the facts that are about a person. The audit is kept for good and
// exported, so it tells that they have changed, and not what they are.
var personal = [...]string{"email", "phone"}

// Audited gives what the audit is told of a change: what differs, and of what is
// about a person as much as tells one value from another.
func Audited(before, after Facts) (Facts, Facts) {
	before, after = Changed(before, after)
	return before.veiled(), after.veiled()
}

func (f Facts) veiled() Facts {
	out := maps.Clone(f)
	for _, name := range personal {
		text, ok := f[name].(string)
		if !ok || text == "" {
			continue
		}
		sum := sha256.Sum256([]byte(text))
		out[name] = fmt.Sprintf("%.1s… (%x)", text, sum[:2])
	}
	return out
}

// Text gives the facts as a JSON object, sorted by name; "" for nil.
func (f Facts) Text() (string, error) {
	if f == nil {
		return "", nil
	}
	b, err := json.Marshal(f)
	return string(b), err
}

// Difference is one fact that stands otherwise than somebody wants it.
type Difference struct {
	Name string `json:"name"`
	// Stands and Sent are JSON: what the record holds, and what was sent.
	Stands string `json:"stands"`
	Sent   string `json:"sent"`
}

// ConflictError says that a change was made from a version that is no longer
// the present one. It stands behind errors of kind KindConflict.
type ConflictError struct {
	// What and ID name the object: "partner", "p-…".
	What, ID string
	// From is the version that the change was made from, Now the present one.
	From, Now int64
	// Differences lie between the record as it stands and what was sent, in the
	// order of their names.
	Differences []Difference
	// Same says that both were compared and there are none: what was sent stands.
	Same bool
}

// Error implements error.
func (e *ConflictError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the change was made from version %d, it is at %d", e.From, e.Now)
	for i, d := range e.Differences {
		if i == 0 {
			b.WriteString(";")
		} else {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, " %s stands at %s, sent was %s", d.Name, shorten(d.Stands), shorten(d.Sent))
	}
	return b.String()
}

func shorten(s string) string {
	if len(s) > 120 {
		return strings.ToValidUTF8(s[:117], "") + "..."
	}
	return s
}

// Conflict makes the error of a change that was made from a version that is no
// longer the present one; stands is the record, sent what it should have become.
func Conflict(what, id string, from, now int64, stands, sent Facts) error {
	c := &ConflictError{What: what, ID: id, From: from, Now: now}
	compared := stands != nil && sent != nil
	stands, sent = Changed(stands, sent)
	names := slices.Collect(maps.Keys(stands))
	for name := range sent {
		if _, ok := stands[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		c.Differences = append(c.Differences, Difference{name, factText(stands[name]), factText(sent[name])})
	}
	c.Same = compared && len(c.Differences) == 0
	return &feed.Error{Kind: feed.KindConflict, Message: what + " " + id + " has changed", Hint: "look at it again and repeat the change", Err: c}
}

// Missing makes the error of a record that is not there.
func Missing(what, id string) error {
	return feed.Errorf(feed.KindNotFound, "there is no %s %.40q", what, id)
}

// Stale makes the error of a change that was made from a version that is no
// longer the present one, of something whose parts nobody wants to see.
func Stale(what, id string, from, now int64) error {
	return &feed.Error{
		Kind:    feed.KindConflict,
		Message: fmt.Sprintf("%s %s has changed: the change was made from version %d, it is at %d", what, id, from, now),
		Hint:    "look at it again and repeat the change",
	}
}

func factText(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(b)
}

// ErrTaken stands behind errors of kind KindConflict that say that a name, a
// number or a login is taken already.
var ErrTaken = errors.New("it is taken already")

// Taken marks an error as [ErrTaken]; its text and kind stay.
func Taken(err error) error { return &takenError{err} }

type takenError struct{ error }

func (e *takenError) Unwrap() error        { return e.error }
func (e *takenError) Is(target error) bool { return target == ErrTaken }
