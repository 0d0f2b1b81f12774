package feed

// ProductID identifies a product for good: a positive integer (IOF light
// types it so, section 5), below 2^53 so that every importer can hold it.
type ProductID int64

// MaxProductID is the largest id that a double-precision number keeps exact.
const MaxProductID = 1<<53 - 1

// ProductType is product@type (IOF 4.1).
type ProductType uint8

// The product types of IOF 3.0; the zero value is a regular product.
const (
	TypeRegular ProductType = iota
	TypePackaging
	TypeVirtual
	TypeBundle
	TypeCollection
	TypeService
)

// WarehouseID identifies a warehouse: 0 is the supplier's or foreign stock, 1
// the main one, 2 and more the others (IOF 4.8).
type WarehouseID int32

// Product is one product of a merchant's catalog with everything that IOF 3.0
// can say of it. Amounts are in Currency. Strings are clean (see [Clean]).
// Slices and strings of a product that a stream yields are valid until the
// stream goes on, unless the stream says otherwise.
type Product struct {
	ID   ProductID
	Type ProductType
	// Site is the number of the shop inside the merchant's panel; absent when not given.
	Site Int
	// DisplayCode is the code on the product card (product@code_on_card).
	DisplayCode  string
	CodeStandard CodeStandard
	VAT          Percent
	Currency     Currency
	// Tags are the merchant's own words for assortment rules; no file shows them.
	Tags []string

	// References into the dictionaries. Each carries the name that came with the
	// product, for catalogs without dictionaries; a dictionary's name wins.
	Producer Ref
	// Category's names are whole paths joined by "/" (IOF 4.3).
	Category Reference
	// Taxonomy is the node of the common taxonomy (category_idosell), a path
	// joined by " > ".
	Taxonomy Reference
	Unit     Reference
	Series   Reference
	Warranty WarrantyRef

	// URL and MobileURL are the product's page in the merchant's shop (card).
	URL, MobileURL string

	Names      Texts
	ShortDescs Texts
	LongDescs  Texts
	Version    Version
	// Meta are the iaiext texts of description, in the order of the source.
	Meta []MetaText

	// Price is the list price; see [Prices].
	Prices Prices
	// Listed are the prices that the merchant's price lists give, by list and
	// code. They are no part of the product itself: whoever reads a catalog adds
	// those of the lists that he needs, and nothing stores them with it.
	Listed []ListedPrice
	// Promotion is the campaign the product takes part in, nil for none.
	Promotion *Promotion

	// SizeGroup is the group that all sizes belong to (sizes@iaiext:group_id);
	// [OneSizeGroup] for a product without sizes.
	SizeGroup Ref
	// SizeList is sizes@iaiext:sizeList ("full" in every feed seen), "" when not given.
	SizeList string
	// Sizes are the sellable items; a valid product has at least one.
	Sizes []Size

	Images []Image
	// Icon, AuctionIcon and GroupIcon are thumbnails; an empty URL means none.
	Icon, AuctionIcon, GroupIcon Image
	Attachments                  []Attachment
	// Group joins the product to its variants, nil for none.
	Group      *Group
	Parameters []Parameter
	// Bundled lists the components of a bundle or collection, nil for none.
	Bundled *Bundled
	// Responsible is the responsible entity under the GPSR, nil for none.
	Responsible *ResponsibleEntity
	// Attrs are the iaiext attributes of product, sorted by name.
	Attrs []Attr
	// Extensions are further iaiext children of product, verbatim.
	Extensions []Extension
}

// OneSizeGroup is the id of the size group of products without real sizes (IOF 4.7).
const OneSizeGroup = "-1"

// Ref names an entry of a dictionary that has no translations.
type Ref struct{ ID, Name string }

// IsZero says whether nothing is referred to.
func (r Ref) IsZero() bool { return r.ID == "" }

// Reference names an entry of a dictionary, with its name in one or more languages.
type Reference struct {
	ID    string
	Names Texts
}

// IsZero says whether nothing is referred to.
func (r Reference) IsZero() bool { return r.ID == "" }

// WarrantyKind is who gives a warranty (IOF 4.3).
type WarrantyKind uint8

// The kinds of warranty; the zero value means not given.
const (
	WarrantyUnset WarrantyKind = iota
	WarrantySeller
	WarrantyProducer
	WarrantyNone
)

// WarrantyRef names a warranty with its main terms.
type WarrantyRef struct {
	ID   string
	Kind WarrantyKind
	// Months is the period, absent when not given.
	Months Int
	Names  Texts
}

// IsZero says whether nothing is referred to.
func (r WarrantyRef) IsZero() bool { return r.ID == "" }

// Version is a variant's label inside its group (description/version),
// segments joined by ` \ `.
type Version struct {
	Name  string
	Names Texts
}

// MetaText is one iaiext text of description.
type MetaText struct {
	// Name is the local name: auction_name, auction_long_desc, meta_title,
	// meta_description, meta_keywords or search_keywords.
	Name string
	Lang Language
	// Site is search_keywords@iaiext:site_id, "" when not given.
	Site  string
	Value string
}

// Prices are the price points of a product or of one size. A zero [Price]
// means that there is none; a size without one has its product's.
type Prices struct {
	// List is what everybody pays (price); Wholesale is the base for
	// wholesalers, and Minimal the floor below which no discount goes. The
	// last two are the merchant's own and are never written to retail partners.
	List, Wholesale, Minimal Price
	// SRP is the suggested retail price.
	SRP Price
	// StrikethroughRetail and StrikethroughWholesale are "was" prices.
	StrikethroughRetail, StrikethroughWholesale Price
}

// Promotion is a campaign (IOF 4.6).
type Promotion struct {
	Name string
	// Start and End are dates as the source wrote them (NMTOKEN), "" for open.
	Start, End string
	// Price is the promotional price; the regular ones stand beside it.
	Price, NormalRetail, NormalWholesale Price
	Zones                                Zones
}

// Zones are the places of a shop where a product is shown (shown_in_the_zone).
type Zones struct{ Promotion, Discount, Distinguished, Special, Bestseller, New Flag }

// Flag is a yes or no that may be absent (the zero value).
type Flag uint8

// The values of a [Flag].
const (
	FlagUnset Flag = iota
	FlagNo
	FlagYes
)

// Size is one sellable item of a product (IOF 4.7).
type Size struct {
	// ID is stable and names the size in its group; of the one size of a
	// [OneSizeGroup] product the dialect decides how it is written.
	ID, Name, PanelName string
	// Code is unique in the catalog and without blanks (size@code).
	Code string
	// ProducerCode is a GTIN, an ISBN or an MPN; [Product.CodeStandard] says which.
	ProducerCode string
	// ExternalCode is the code in the merchant's own system (iaiext:code_external).
	ExternalCode                            string
	Weight, WeightNet, WeightMin, WeightMax Weight
	// Priority is the display order (iaiext:priority).
	Priority Int
	Prices   Prices
	Stock    []Stock
}

// Stock is what one warehouse holds of one size (IOF 4.8).
type Stock struct {
	Warehouse WarehouseID
	// Quantity is what is offered, Available what is free to sell, Physical
	// what lies there; the last two are unknown when not given.
	Quantity, Available, Physical Quantity
	// LocationID and Location say where in the warehouse.
	LocationID, Location string
}

// Image is a picture by its address (IOF 4.9).
type Image struct {
	URL string
	// Hash is the MD5 of the picture, Changed when it last changed
	// (`YYYY-MM-DD hh:mm:ss`), Width and Height are pixels; each "" or absent
	// when not known.
	Hash, Changed string
	Width, Height Int
	// Priority is the order of display, from 1; absent takes the position.
	Priority Int
}

// Attachment is a file that belongs to a product (IOF 4.10).
type Attachment struct {
	URL   string
	Name  string
	Names Texts
	// Version is full, sample or demo; Enable says who may download; FileType
	// is image, audio, video, doc, document or other; "" when not given.
	Version, Enable, FileType, Extension string
	Priority                             Int
	DownloadLog                          Flag
	// Downloads and Days limit the downloads, absent for no limit.
	Downloads, Days Int
}

// Group joins variants, which are products of their own (IOF 4.11).
type Group struct {
	ID string
	// First is the leading variant's id; the codes are of its first size.
	First, FirstCode, FirstProducerCode, FirstExternalCode, ExternalCode string
	// Parameter is what the variants differ in, Value this product's value of it.
	Parameter, Value GroupName
}

// GroupName is a name with an id inside a variant group.
type GroupName struct {
	ID    string
	Names Texts
}

// Parameter is a section heading or a parameter with values, in display order
// (IOF 4.12).
type Parameter struct {
	ID      string
	Names   Texts
	Section bool
	// Priority is the display order.
	Priority Int
	// Distinction highlights it on the card, GroupDistinction tells variants
	// apart, Hide keeps it off the card, AuctionHide off auction templates.
	Distinction, GroupDistinction, Hide, AuctionHide Flag
	// Context is the machine meaning, one of [ParameterContexts], or "".
	Context string
	Values  []ParameterValue
	// Mark stands for everything above but the values; nil for none.
	Mark *Mark
}

// ParameterValue is one value of a parameter.
type ParameterValue struct {
	ID       string
	Names    Texts
	Priority Int
	// Context is one of [ValueContexts], or "".
	Context string
	// Mark stands for everything above; nil for none.
	Mark *Mark
}

// Bundled is the composition of a bundle or collection (IOF 4.13).
type Bundled struct {
	// Specified says that the composition is fixed (bundled@type).
	Specified  bool
	Components []Component
}

// ComponentChoice is what the buyer chooses of a component (bundled/product@type).
type ComponentChoice uint8

// The choices of IOF 4.13.
const (
	ChooseSize ComponentChoice = iota
	ChooseVariant
	ChooseDefinedSize
	ChooseDefinedSizeSeparately
)

// Component is one part of a bundle. The same product may occur again, a node per size.
type Component struct {
	ID       string
	Quantity Quantity
	Choice   ComponentChoice
	Sizes    []ComponentSize
}

// ComponentSize is a size that is permitted of a component.
type ComponentSize struct{ ID, Name, Code, ProducerCode, ExternalCode string }

// ResponsibleEntity is the GPSR block (IOF 8.3).
type ResponsibleEntity struct {
	Producer Contact
	Persons  []Contact
}

// Contact is a producer or person of a [ResponsibleEntity].
type Contact struct {
	ID, Code, Name, Country, Street, Number, City, Zipcode, Mail, Phone string
}

// Attr is an iaiext attribute kept as it came; Name is the local name.
type Attr struct{ Name, Value string }

// Extension is an iaiext child of product kept verbatim: well-formed XML that
// uses the prefixes iaiext and xml alone.
type Extension struct {
	// Name is the local name of the element.
	Name string
	XML  string
}

// Reset empties p for the next decode and keeps the memory of its slices.
func (p *Product) Reset() {
	sizes, images, params := p.Sizes[:0], p.Images[:0], p.Parameters[:0]
	names, shorts, longs, tags := p.Names[:0], p.ShortDescs[:0], p.LongDescs[:0], p.Tags[:0]
	atts, exts, attrs, meta := p.Attachments[:0], p.Extensions[:0], p.Attrs[:0], p.Meta[:0]
	listed := p.Listed[:0]
	*p = Product{Sizes: sizes, Images: images, Parameters: params,
		Names: names, ShortDescs: shorts, LongDescs: longs, Tags: tags,
		Attachments: atts, Extensions: exts, Attrs: attrs, Meta: meta, Listed: listed}
}
