package partner

import (
	"crypto/rand"
	"strings"
)

// Ids are opaque: a letter that says what they name, "-", and 16 random
// characters of base32 in lower case (80 bits). They are fit for object keys
// and addresses, and say nothing about how many of a kind there are.
type (
	// MerchantID names a merchant ("m-…").
	MerchantID string
	// ShopID names a shop ("s-…").
	ShopID string
	// ID names a partner ("p-…").
	ID string
	// OfferID names an offer ("o-…").
	OfferID string
	// LinkID is the public name of a link ("l-…"). Its 16 characters stand in
	// the link's secret too, so logs can name a link without telling the secret.
	LinkID string
	// ImportID names one import of a catalog ("i-…").
	ImportID string
)

const (
	idDigits = "abcdefghijklmnopqrstuvwxyz234567"
	idRandom = 16
)

// Randomness is the system's on purpose and cannot be injected: an id or a
// secret that a caller can foresee is one that somebody else can.

// NewMerchantID makes an id that nobody has.
func NewMerchantID() MerchantID { return MerchantID(newID('m')) }

// NewShopID makes an id that nobody has.
func NewShopID() ShopID { return ShopID(newID('s')) }

// NewID makes an id for a partner that nobody has.
func NewID() ID { return ID(newID('p')) }

// NewOfferID makes an id that nobody has.
func NewOfferID() OfferID { return OfferID(newID('o')) }

// NewLinkID makes an id that nobody has.
func NewLinkID() LinkID { return LinkID(newID('l')) }

// NewImportID makes an id that nobody has.
func NewImportID() ImportID { return ImportID(newID('i')) }

func newID(kind byte) string {
	var random [idRandom]byte
	rand.Read(random[:]) // never fails
	b := make([]byte, 0, 2+idRandom)
	b = append(b, kind, '-')
	for _, r := range random {
		b = append(b, idDigits[r%32])
	}
	return string(b)
}

// Valid says whether the id has the form of one that this package makes.
func (id MerchantID) Valid() bool { return validID(string(id), 'm') }

// Valid says whether the id has the form of one that this package makes.
func (id ShopID) Valid() bool { return validID(string(id), 's') }

// Valid says whether the id has the form of one that this package makes.
func (id ID) Valid() bool { return validID(string(id), 'p') }

// Valid says whether the id has the form of one that this package makes.
func (id OfferID) Valid() bool { return validID(string(id), 'o') }

// Valid says whether the id has the form of one that this package makes.
func (id LinkID) Valid() bool { return validID(string(id), 'l') }

// Valid says whether the id has the form of one that this package makes.
func (id ImportID) Valid() bool { return validID(string(id), 'i') }

func validID(id string, kind byte) bool {
	return len(id) == 2+idRandom && id[0] == kind && id[1] == '-' && onlyOf(id[2:], idDigits)
}

func onlyOf(s, digits string) bool {
	for i := range len(s) {
		if strings.IndexByte(digits, s[i]) < 0 {
			return false
		}
	}
	return true
}
