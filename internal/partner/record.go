package partner

import (
	"time"

	"feedmill/feed"
)

// Version tells whether anything has changed that a file server must see. The
// numbers only grow, as long as the same database answers.
type Version struct {
	// Source tells databases apart: one that takes the place of another, such as a
	// standby that was promoted, may have seen less, and counted up to the same
	// numbers with other changes.
	Source int64
	// Accounts counts changes of merchants, shops, partners, offers and links.
	Accounts int64
	// Pointers counts publications.
	Pointers int64
}

// Attachment says that an offer took a kind of feed from the feed with this key
// from Since until Until, which is zero while it still does.
type Attachment struct {
	Offer        OfferID
	Kind         feed.Kind
	Key          string
	Since, Until time.Time
	// Pending says that no run has brought the feed up to date since the offer
	// came to it, so that it is not shown: what the offer showed before is.
	Pending bool
}

// EdgeBehind is how far file servers may be behind the records: a gateway that
// they hand out may name what the records have replaced that long ago.
const EdgeBehind = 2 * time.Minute

// Accounts is everything that decides who may read what, of all merchants, as
// one transaction saw it.
type Accounts struct {
	Version   Version
	Merchants []Merchant
	Shops     []Shop
	Partners  []Partner
	Offers    []Offer
	// Links leaves out those that were revoked or have expired more than
	// [LedgerAge] ago: until then it is told who goes on using them.
	Links []Link
	// Attachments holds the present ones and those ended less than 72 hours
	// ago; of one offer and kind the newest stands first.
	Attachments []Attachment
}

// Actor is who makes a change, for the audit.
type Actor struct {
	// Name is a login or the name of a program, Role what he acted as.
	Name, Role string
	// Address is where the request came from, Request its id; "" outside of one.
	Address, Request string
}

// AuditEntry is one line of a merchant's audit. Entries are only ever added.
type AuditEntry struct {
	// Number increases within the merchant.
	Number   int64
	Merchant MerchantID
	Time     time.Time
	Actor    Actor
	// Action is what was done, such as "partner.feed.off", Object the id it was done to.
	Action, Object string
	// Before and After are JSON objects of what changed, "" for nothing. They
	// never hold a secret or its hash.
	Before, After string
	// Place is the line's place in the merchant's chain from 1, and Hash ties it
	// to all lines before it (see [AuditHead]); zero in lines that were written
	// before there was a chain.
	Place int64
	Hash  [32]byte
}

// Change is one row of the queue of changes that can alter a feed: a product,
// or a scope that many products lie in. It says where to look, never what to
// publish.
type Change struct {
	// Seq identifies the row.
	Seq int64
	// Product is the product, 0 when Scope is set.
	Product feed.ProductID
	// Scope is "catalog", "dictionaries", "merchant", "rates" or the id of an offer
	// or of a price list.
	Scope string
	// Cause is what was done, such as "import" or "offer".
	Cause string
	Time  time.Time
}

// StagedProduct is a product on its way into the catalog.
type StagedProduct struct {
	ID feed.ProductID
	// Codes are the codes under which it is found.
	Codes []string
	// Doc is its encoding, Digest what tells two encodings apart. The receiver
	// does not keep Doc.
	Doc    []byte
	Digest [32]byte
}

// CodeHolder is a product that is found by a code.
type CodeHolder struct {
	Code    string
	Product feed.ProductID
}

// MergeMode says what an import means for products that it does not name.
type MergeMode uint8

// The modes of a merge.
const (
	// MergeUpsert adds and changes what was staged, and removes what is named.
	MergeUpsert MergeMode = iota
	// MergeReplace makes the catalog what was staged: all else is removed.
	MergeReplace
)

// MergePlan says what a merge does, or did.
type MergePlan struct {
	Added, Changed, Removed, Unchanged int64
	// The examples are the first few ids of each, in ascending order.
	AddedExamples, ChangedExamples, RemovedExamples []feed.ProductID
	// Clashes are codes that products come to share with others, in mode [MergeUpsert].
	Clashes []CodeClash
}

// CodeClash is a code that an added or changed product did not have before and that
// a product has which the import does not name. It may be one of those that a product
// is merely found by; what it is in both the documents tell.
type CodeClash struct {
	Code           string
	Product, Other feed.ProductID
	Doc, OtherDoc  []byte
}

// Bounds of [MergePlan.Clashes]: how many there are, and the bytes of their documents.
const (
	MaxClashes    = 500
	MaxClashBytes = 8 << 20
)

// AddClash adds a clash that is not there yet, within the bounds.
func (p *MergePlan) AddClash(c CodeClash) {
	size := len(c.Doc) + len(c.OtherDoc)
	for i := range p.Clashes {
		had := &p.Clashes[i]
		if had.Code == c.Code && had.Product == c.Product && had.Other == c.Other {
			return
		}
		size += len(had.Doc) + len(had.OtherDoc)
	}
	if len(p.Clashes) < MaxClashes && size <= MaxClashBytes {
		p.Clashes = append(p.Clashes, c)
	}
}

// Document is the one document of all dictionaries of a merchant.
type Document struct {
	Doc []byte
	// Version counts the changes; 0 means that there is none yet.
	Version int64
}

// StoredProduct is a product as a snapshot yields it; Doc is valid until the
// next one is asked for.
type StoredProduct struct {
	ID  feed.ProductID
	Doc []byte
}
