package catalog

// The members of every object of the native format, in the order in which they
// are best written: machine-made lines keep one order, so the decoder expects
// the next name first. schema/catalog.schema.json describes the same members.

// members are the names of the members of objects of one kind.
type members struct {
	names []string
	// number tells the kinds apart, from 0 on.
	number int
}

// memberKinds counts the kinds there are.
var memberKinds int

func membersOf(names ...string) *members {
	memberKinds++
	return &members{names, memberKinds - 1}
}

// Members of a product.
const (
	pRecord = iota // only to say that it must come first
	pID
	pKey
	pRemoved
	pType
	pSite
	pDisplayCode
	pCodeStandard
	pVAT
	pCurrency
	pTags
	pProducer
	pCategory
	pTaxonomy
	pUnit
	pSeries
	pWarranty
	pURL
	pMobileURL
	pName
	pShortDesc
	pLongDesc
	pVersion
	pMeta
	pPrice
	pWholesale
	pMinimal
	pSRP
	pWasRetail
	pWasWholesale
	pPromotion
	pSizeGroup
	pSizeList
	pSizes
	pCode
	pGTIN
	pProducerCode
	pExternalCode
	pWeight
	pWeightNet
	pWeightMin
	pWeightMax
	pStock
	pImages
	pIcon
	pAuctionIcon
	pGroupIcon
	pAttachments
	pGroup
	pParameters
	pBundled
	pResponsible
	pAttrs
	pExtensions
)

var productMembers = membersOf("record", "id", "key", "removed", "type", "site", "display_code", "code_standard", "vat", "currency", "tags",
	"producer", "category", "taxonomy", "unit", "series", "warranty", "url", "mobile_url", "name", "short_desc", "long_desc", "version", "meta",
	"price", "wholesale", "minimal", "srp", "strikethrough_retail", "strikethrough_wholesale", "promotion", "size_group", "size_list", "sizes",
	"code", "gtin", "producer_code", "external_code", "weight", "weight_net", "weight_min", "weight_max", "stock",
	"images", "icon", "auction_icon", "group_icon", "attachments", "group", "parameters", "bundled", "responsible", "attrs", "extensions")

// Members of a size; those from zCode to zStock are also members of a product
// without sizes, in the same order.
const (
	zID = iota
	zName
	zPanelName
	zCode
	zGTIN
	zProducerCode
	zExternalCode
	zWeight
	zWeightNet
	zWeightMin
	zWeightMax
	zStock
	zPriority
	zPrice
	zWholesale
	zMinimal
	zSRP
	zWasRetail
	zWasWholesale
)

var sizeMembers = membersOf("id", "name", "panel_name", "code", "gtin", "producer_code", "external_code", "weight", "weight_net", "weight_min", "weight_max",
	"stock", "priority", "price", "wholesale", "minimal", "srp", "strikethrough_retail", "strikethrough_wholesale")

const (
	tWarehouse = iota
	tQuantity
	tAvailable
	tPhysical
	tLocationID
	tLocation
)

var stockMembers = membersOf("warehouse", "quantity", "available", "physical", "location_id", "location")

const (
	priceNet = iota
	priceGross
)

var priceMembers = membersOf("net", "gross")

// Members of a reference with an id and a name.
var refMembers = membersOf("id", "name")

var warrantyMembers = membersOf("id", "name", "kind", "months")

var versionMembers = membersOf("name", "names")

var metaMembers = membersOf("name", "lang", "site", "value")

const (
	mName = iota
	mStart
	mEnd
	mPrice
	mNormalRetail
	mNormalWholesale
	mZones
)

var promotionMembers = membersOf("name", "start", "end", "price", "normal_retail", "normal_wholesale", "zones")

var zoneMembers = membersOf("promotion", "discount", "distinguished", "special", "bestseller", "new")

const (
	iURL = iota
	iHash
	iChanged
	iWidth
	iHeight
	iPriority
)

var imageMembers = membersOf("url", "hash", "changed", "width", "height", "priority")

const (
	aURL = iota
	aName
	aNames
	aVersion
	aEnable
	aFileType
	aExtension
	aPriority
	aDownloadLog
	aDownloads
	aDays
)

var attachmentMembers = membersOf("url", "name", "names", "version", "enable", "file_type", "extension", "priority", "download_log", "downloads", "days")

const (
	gID = iota
	gFirst
	gFirstCode
	gFirstProducerCode
	gFirstExternalCode
	gExternalCode
	gParameter
	gValue
)

var groupMembers = membersOf("id", "first", "first_code", "first_producer_code", "first_external_code", "external_code", "parameter", "value")

const (
	qID = iota
	qName
	qSection
	qPriority
	qDistinction
	qGroupDistinction
	qHide
	qAuctionHide
	qContext
	qValues
)

var parameterMembers = membersOf("id", "name", "section", "priority", "distinction", "group_distinction", "hide", "auction_hide", "context", "values")

var valueMembers = membersOf("id", "name", "priority", "context")

var bundledMembers = membersOf("specified", "components")

var componentMembers = membersOf("id", "quantity", "choice", "sizes")

var componentSizeMembers = membersOf("id", "name", "code", "producer_code", "external_code")

var responsibleMembers = membersOf("producer", "persons")

var contactMembers = membersOf("id", "code", "name", "country", "street", "number", "city", "zipcode", "mail", "phone")

// Members of the dictionary lines, each behind "record".
var (
	catalogRecordMembers   = membersOf("record", "language", "currency", "vat", "prices")
	categoryRecordMembers  = membersOf("record", "id", "parent", "name")
	producerRecordMembers  = membersOf("record", "id", "name")
	unitRecordMembers      = membersOf("record", "id", "name", "precision")
	warrantyRecordMembers  = membersOf("record", "id", "kind", "months", "name", "description")
	warehouseRecordMembers = membersOf("record", "id", "name")
	sizeGroupRecordMembers = membersOf("record", "id", "name", "sizes")
	sizeEntryMembers       = membersOf("id", "name")
	parameterRecordMembers = membersOf("record", "id", "name", "description", "card_icon", "list_icon")
)

// recordNames are the values of "record".
var recordNames = [...]string{"catalog", "category", "producer", "unit", "series", "warranty", "warehouse", "size_group", "section", "parameter", "value"}
