package partner

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"time"

	"feedmill/feed"
)

// KeyID is the public name of a merchant's key for the API ("k-…"). Its 16
// characters stand in the key's secret too.
type KeyID string

// NewKeyID makes an id that nobody has.
func NewKeyID() KeyID { return KeyID(newID('k')) }

// Valid says whether the id has the form of one that this package makes.
func (id KeyID) Valid() bool { return validID(string(id), 'k') }

// Scopes is what a credential may be used for: a set of [Scope] values. A
// credential of one sort never serves as one of another: a link reads its offer
// and nothing else, a key calls the API and reads no offer.
type Scopes uint32

// Scope is one thing that a credential may be used for.
type Scope = Scopes

// The scopes. ScopeFeedRead is a link's; orders have credentials of their own
// that never stand in an address; the others are those of keys.
const (
	ScopeFeedRead Scope = 1 << iota
	ScopeOrdersRead
	ScopeOrdersWrite
	ScopeProductsRead
	ScopeProductsWrite
	ScopeAccountsRead
	ScopeAccountsWrite
	ScopeLinksWrite
	ScopePublish
	ScopeLedgerRead
	ScopeAuditRead
	ScopeMerchantWrite
)

var scopeNames = [...]string{"feed:read", "orders:read", "orders:write", "products:read", "products:write", "accounts:read",
	"accounts:write", "links:write", "publish", "ledger:read", "audit:read", "merchant:write"}

// KeyScopes are the scopes that a key may have.
const KeyScopes = ScopeProductsRead | ScopeProductsWrite | ScopeAccountsRead | ScopeAccountsWrite | ScopeLinksWrite | ScopePublish | ScopeLedgerRead | ScopeAuditRead | ScopeMerchantWrite

// Has says whether all of want are in the set.
func (s Scopes) Has(want Scopes) bool { return want != 0 && s&want == want }

// String gives the names, joined by commas.
func (s Scopes) String() string { return strings.Join(s.Names(), ",") }

// Names gives the names of the scopes in the set.
func (s Scopes) Names() []string {
	var names []string
	for i, name := range scopeNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// ParseScopes reads what [Scopes.String] writes.
func ParseScopes(text string) (Scopes, error) {
	var s Scopes
	if text == "" {
		return 0, nil
	}
	for name := range strings.SplitSeq(text, ",") {
		i, err := nameIndex(scopeNames[:], strings.TrimSpace(name), "scope")
		if err != nil {
			return 0, &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("%.40q is no scope", name), Hint: "the scopes are " + strings.Join(scopeNames[:], ", ")}
		}
		s |= 1 << i
	}
	return s, nil
}

// Key is a merchant's credential for the API.
type Key struct {
	ID       KeyID
	Merchant MerchantID
	Name     string
	Scopes   Scopes
	// CIDRs are the networks that it may be used from, none for all, as a link's are.
	CIDRs []netip.Prefix
	// SecretHash is all that is kept of the secret: see [KeySecret.Hash].
	SecretHash [32]byte
	CreatedAt  time.Time
	// ExpiresAt, RevokedAt and LastUsed are zero for never.
	ExpiresAt, RevokedAt, LastUsed time.Time
}

// NewKey makes a key and its secret, which is shown once and kept nowhere. A
// zero expires means never.
func NewKey(merchant MerchantID, name string, scopes Scopes, now, expires time.Time) (Key, KeySecret) {
	id := NewKeyID()
	secret := KeySecret{newToken(keyPrefix, string(id[2:]))}
	return Key{ID: id, Merchant: merchant, Name: name, Scopes: scopes, SecretHash: secret.Hash(), CreatedAt: storedTime(now), ExpiresAt: storedTime(expires)}, secret
}

// Live says whether the key may be used.
func (k *Key) Live(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// Admits says whether the key may be used from an address, as [Link.Admits] does.
func (k *Key) Admits(a netip.Addr) bool { return (&Link{CIDRs: k.CIDRs}).Admits(a) }

// Validate says what is wrong with a key.
func (k *Key) Validate() error {
	switch {
	case !k.ID.Valid():
		return badID("key", string(k.ID))
	case !k.Merchant.Valid():
		return badID("merchant", string(k.Merchant))
	case k.SecretHash == [32]byte{}:
		return feed.Errorf(feed.KindInvalid, "key %s has no secret", k.ID)
	case k.Scopes == 0 || k.Scopes&^KeyScopes != 0:
		return &feed.Error{Kind: feed.KindInvalid, Message: fmt.Sprintf("%q is no set of scopes of a key", k.Scopes), Hint: "a key may have " + KeyScopes.String()}
	}
	if err := checkCIDRs("key", k.CIDRs); err != nil {
		return err
	}
	return checkName("key", k.Name)
}

// KeySecret is the secret of a key, in clear, with the form of a [Secret] but
// for its prefix. Printing or logging it gives the public id only.
type KeySecret struct{ text string }

const keyPrefix = "fmk_"

// ParseKeySecret reads a key's secret as a request carries it; ok is false when
// it cannot be one, its checksum included.
func ParseKeySecret(s string) (secret KeySecret, ok bool) {
	if !validToken(keyPrefix, s) {
		return KeySecret{}, false
	}
	return KeySecret{s}, true
}

// Key gives the public id of the key that the secret is of.
func (s KeySecret) Key() KeyID {
	if s.text == "" {
		return ""
	}
	return KeyID("k-" + tokenID(s.text))
}

// Hash gives what is stored of a secret.
func (s KeySecret) Hash() [32]byte { return Secret(s).Hash() }

// Matches says, in constant time, whether the secret has this hash.
func (s KeySecret) Matches(hash [32]byte) bool { return Secret(s).Matches(hash) }

// Reveal gives the text. It belongs into an answer to its owner and nowhere else.
func (s KeySecret) Reveal() string { return s.text }

// String gives the public id, so that no log tells the secret by mistake.
func (s KeySecret) String() string { return string(s.Key()) }

// GoString is [KeySecret.String], for %#v.
func (s KeySecret) GoString() string { return s.String() }

// LogValue implements slog.LogValuer as [KeySecret.String] does.
func (s KeySecret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText gives the public id: a secret never leaves by way of JSON.
func (s KeySecret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// storedTime gives a time as records keep it.
func storedTime(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}
