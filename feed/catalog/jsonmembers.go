package catalog

// The members of every object of the native format, in the order in which they
// are best written: machine-made lines keep one order, so the decoder expects
// the next name first. schema/catalog.schema.json describes the same members.

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

var productMembers = [...]string{"record", "id", "key", "removed", "type", "site", "display_code", "code_standard", "vat", "currency", "tags",
	"producer", "category", "taxonomy", "unit", "series", "warranty", "url", "mobile_url", "name", "short_desc", "long_desc", "version", "meta",
	"price", "wholesale", "minimal", "srp", "strikethrough_retail", "strikethrough_wholesale", "promotion", "size_group", "size_list", "sizes",
	"code", "gtin", "producer_code", "external_code", "weight", "weight_net", "weight_min", "weight_max", "stock",
	"images", "icon", "auction_icon", "group_icon", "attachments", "group", "parameters", "bundled", "responsible", "attrs", "extensions"}

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

var sizeMembers = [...]string{"id", "name", "panel_name", "code", "gtin", "producer_code", "external_code", "weight", "weight_net", "weight_min", "weight_max",
	"stock", "priority", "price", "wholesale", "minimal", "srp", "strikethrough_retail", "strikethrough_wholesale"}

const (
	tWarehouse = iota
	tQuantity
	tAvailable
	tPhysical
	tLocationID
	tLocation
)

var stockMembers = [...]string{"warehouse", "quantity", "available", "physical", "location_id", "location"}

const (
	priceNet = iota
	priceGross
)

var priceMembers = [...]string{"net", "gross"}

// Members of a reference with an id and a name.
var refMembers = [...]string{"id", "name"}

var warrantyMembers = [...]string{"id", "name", "kind", "months"}

var versionMembers = [...]string{"name", "names"}

var metaMembers = [...]string{"name", "lang", "site", "value"}

const (
	mName = iota
	mStart
	mEnd
	mPrice
	mNormalRetail
	mNormalWholesale
	mZones
)

var promotionMembers = [...]string{"name", "start", "end", "price", "normal_retail", "normal_wholesale", "zones"}

var zoneMembers = [...]string{"promotion", "discount", "distinguished", "special", "bestseller", "new"}

const (
	iURL = iota
	iHash
	iChanged
	iWidth
	iHeight
	iPriority
)

var imageMembers = [...]string{"url", "hash", "changed", "width", "height", "priority"}

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

var attachmentMembers = [...]string{"url", "name", "names", "version", "enable", "file_type", "extension", "priority", "download_log", "downloads", "days"}

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

var groupMembers = [...]string{"id", "first", "first_code", "first_producer_code", "first_external_code", "external_code", "parameter", "value"}

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

var parameterMembers = [...]string{"id", "name", "section", "priority", "distinction", "group_distinction", "hide", "auction_hide", "context", "values"}

var valueMembers = [...]string{"id", "name", "priority", "context"}

var bundledMembers = [...]string{"specified", "components"}

var componentMembers = [...]string{"id", "quantity", "choice", "sizes"}

var componentSizeMembers = [...]string{"id", "name", "code", "producer_code", "external_code"}

var responsibleMembers = [...]string{"producer", "persons"}

var contactMembers = [...]string{"id", "code", "name", "country", "street", "number", "city", "zipcode", "mail", "phone"}

// Members of the dictionary lines, each behind "record".
var (
	catalogRecordMembers   = [...]string{"record", "language", "currency", "vat", "prices"}
	categoryRecordMembers  = [...]string{"record", "id", "parent", "name"}
	producerRecordMembers  = [...]string{"record", "id", "name"}
	unitRecordMembers      = [...]string{"record", "id", "name", "precision"}
	warrantyRecordMembers  = [...]string{"record", "id", "kind", "months", "name", "description"}
	warehouseRecordMembers = [...]string{"record", "id", "name"}
	sizeGroupRecordMembers = [...]string{"record", "id", "name", "sizes"}
	sizeEntryMembers       = [...]string{"id", "name"}
	parameterRecordMembers = [...]string{"record", "id", "name", "description", "card_icon", "list_icon"}
)

// recordNames are the values of "record".
var recordNames = [...]string{"catalog", "category", "producer", "unit", "series", "warranty", "warehouse", "size_group", "section", "parameter", "value"}
