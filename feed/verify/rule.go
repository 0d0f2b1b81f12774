package verify

import (
	"fmt"
	"strings"
)

// Severity is the weight of a rule.
type Severity string

// The severities. Only errors keep a report from being clean.
const (
	// SeverityError is something that a partner, or the next run, stumbles over.
	SeverityError Severity = "error"
	// SeverityWarning is something that should not be so and hurts nobody yet.
	SeverityWarning Severity = "warning"
)

// Rule says what an id means. Every text is one or more whole sentences.
type Rule struct {
	ID       string   `json:"id"` // stable: "VER-…"
	Severity Severity `json:"severity"`
	Title    string   `json:"title"` // what was found, in a few words
	Means    string   `json:"means"` // what is judged
	Mend     string   `json:"mend"`  // what to do
}

// group is a chapter of the table.
type group struct {
	title string
	rules []Rule
}

const (
	mendAnew   = "Publish anew with every file made again (generate --full, publish --full); keep the damaged file aside to find out what wrote over it."
	mendStore  = "Look at the medium, then publish with every file made again (generate --full, publish --full); where there are records, 'feedmill scrub' tells what else is damaged."
	mendFormat = "Two products of the catalog that have the same code (IOF-CODE-DUPLICATE) are told apart there. Anything else is a fault of the program that published: keep the offer as it is and report it; a new full file (generate --full, publish --full) starts over."
	mendReport = "This is a fault of the program that published: keep the offer as it is and report it; a new full file (generate --full, publish --full) starts over."
	mendHands  = "Do not edit published files by hand; publish again to write them all as one."
	mendServer = "Look at what stands between feedmill and the partner: a proxy that caches, compresses, redirects or cuts."
)

func groups() []group {
	return []group{
		{"Pointer: gateway.xml and manifest.json", pointerRules()},
		{"Bytes", byteRules()},
		{"Content", contentRules()},
		{"Chain of change files", chainRules()},
		{"Sets of products", setRules()},
		{"Times", timeRules()},
		{"Records and store", storeRules()},
		{"Delivery over HTTP", deliveryRules()},
	}
}

func pointerRules() []Rule {
	return []Rule{
		{ruleGatewayMissing, SeverityError, "no gateway", "There is no gateway.xml, or it is not answered.", "Publish; a folder is made by 'feedmill generate', an address is served once its offer is published and switched on."},
		{ruleGatewayInvalid, SeverityError, "gateway not valid", "gateway.xml is not well-formed, not valid by its schema, or breaks a rule of the format that is an error.", mendHands},
		{ruleGatewayIncomplete, SeverityError, "gateway does not name a file", "The manifest lists a file that gateway.xml does not name.", mendHands},
		{ruleGatewayFile, SeverityError, "gateway names another file", "gateway.xml and the manifest name different files of one kind, such as an older full, or the gateway names one that the manifest does not list.", "Publish again: gateway and manifest are written together."},
		{ruleGatewayHash, SeverityError, "hash in the gateway is wrong", "The hash that gateway.xml gives is not the MD5 of the file.", "Publish again: gateway and manifest are written together."},
		{ruleGatewayTime, SeverityError, "time in the gateway is wrong", "generated, expires or changed in gateway.xml is another time than the manifest tells, apart from the fixed offset of the offer, or of a file that tells the same of itself.", "Publish again: gateway and manifest are written together."},
		{ruleManifestMissing, SeverityError, "no manifest", "There is no manifest.json beside the gateway.", "Publish again with feedmill; foreign offers have none, 'feedmill validate' judges those."},
		{ruleManifestForm, SeverityError, "manifest not readable", "manifest.json is not JSON of the form feedmill-manifest/1, or a field of it has a value that no offer can have.", mendHands},
		{ruleManifestFile, SeverityError, "manifest contradicts itself about a file", "An entry of the manifest has an address that does not say its kind, label and generation, or the manifest lists one file twice.", mendHands},
		{ruleManifestSequence, SeverityError, "sequence or epoch is wrong", "sequence is not the number of the newest generation, or epoch is not that of the folder's notes.", "Publish again: gateway and manifest are written together."},
		{ruleManifestRetention, SeverityError, "retention shorter than promised", "The manifest promises less than 72 hours for replaced files, or less than 2 for light.", mendHands},
		{ruleManifestLocale, SeverityError, "language or currency is wrong", "The manifest's first language or its currency is not that of the files.", mendHands},
		{ruleStatedSize, SeverityError, "stated size is wrong", "The size that manifest or records give is not that of the file, whose digests are right.", mendHands},
		{ruleStatedMD5, SeverityError, "stated MD5 is wrong", "The MD5 that manifest or records give is not that of the file, whose size and SHA-256 are right.", mendHands},
		{ruleStatedSHA256, SeverityError, "stated SHA-256 is wrong", "The SHA-256 that manifest or records give is not that of the file, whose size and MD5 are right.", mendHands},
	}
}

func byteRules() []Rule {
	return []Rule{
		{ruleFileMissing, SeverityError, "file missing", "A file that gateway, manifest, the folder's notes or the records name is not there.", mendAnew},
		{ruleFileLength, SeverityError, "file of another length", "A file is shorter or longer than what was published.", mendStore},
		{ruleFileDigest, SeverityError, "file damaged", "The bytes of a file are not those that were published: its digests differ.", mendStore},
		{ruleGzipBroken, SeverityError, "compressed twin cannot be read", "A .gz file is not a gzip member that can be inflated to its end.", mendAnew},
		{ruleGzipTwin, SeverityError, "compressed twin holds something else", "A .gz file inflates to other bytes than the plain file has.", mendAnew},
		{ruleGzipMembers, SeverityError, "more than one gzip member", "A .gz file has a second member; readers that stop after the first one exist.", mendReport},
		{ruleGzipTrailing, SeverityError, "bytes after the gzip member", "Something follows the end of a .gz file's member.", mendAnew},
		{rulePlainName, SeverityError, "plain name shows another file", "The copy of a file under its plain name (full.xml) is missing or is not the file that the gateway names (12/full.xml).", "Run 'feedmill generate' again over the folder."},
		{ruleFolderState, SeverityError, "notes of the folder are wrong", "The notes for the next run (.feedmill/offer.json) cannot be read, name other files than the manifest, or go on from an older generation.", "Generate into a new folder; its first full file starts over."},
		{ruleOrphan, SeverityWarning, "file that nothing names", "A file in the folder or an object in the store is named by nothing and was not made lately.", "It costs space alone. In a store the sweep removes what a killed run left; in a folder remove it by hand."},
	}
}

func contentRules() []Rule {
	return []Rule{
		{ruleXML, SeverityError, "not well-formed", "An XML file stops being XML at the place named, or is compressed under its plain name.", mendReport},
		{ruleSchema, SeverityError, "not valid", "A file is not valid by the schema of its kind.", mendReport},
		{ruleFormat, SeverityError, "rule of the format broken", "A file breaks a rule of the format that is an error; 'feedmill validate --explain' tells about the code that the message names.", mendFormat},
		{ruleReference, SeverityError, "open reference", "A product names a category, producer, unit, size, parameter, warehouse, series, warranty, leading variant or component that the files of the same gateway do not have.", mendReport},
		{ruleProductID, SeverityError, "product without a usable id", "The id of a product is not a number from 1 to 2^53-1.", mendReport},
		{ruleProductPartial, SeverityError, "partial product", "A node of a full or change file is not complete: it lacks description, price or sizes and is no tombstone (removed=\"yes\" in a change file).", mendReport},
		{ruleProductTwice, SeverityError, "product twice in a file", "A full, light or change file holds two nodes of one product.", mendReport},
		{ruleProductOrder, SeverityError, "products not in order", "The products of a file do not ascend by id, which merging readers rely on. It is told once for a file.", mendReport},
		{ruleCount, SeverityError, "number of products is wrong", "The number of products that manifest or records give is not what the file holds, or the offer's is not what full and change files make.", mendReport},
		{ruleCSV, SeverityError, "CSV file not readable", "A CSV file cannot be parsed, or its first column is not @id.", mendReport},
		{ruleCSVProducts, SeverityError, "CSV twin has other products", "full.csv or light.csv does not hold the same products as its XML twin.", mendReport},
	}
}

func chainRules() []Rule {
	return []Rule{
		{ruleChainBase, SeverityError, "base or target is wrong", "A change file's target is not its own generation, its base is missing or not before its target, or a file that is no change file has them.", mendReport},
		{ruleChainGap, SeverityError, "gap in the chain", "Between two change files, or between the listed full and the first change after it, generations are missing.", "Partners have to take the full; publish with every file made again so that they are told to."},
		{ruleChainOverlap, SeverityError, "chain forks", "Two change files lead from one place: the base of one lies before the target of the one before it.", mendReport},
		{ruleChainContent, SeverityError, "full + changes is another product", "A product as the change files leave it is not byte for byte that of the next full file.", mendReport},
		{ruleChainLost, SeverityError, "change file lacks a product", "A full file has a product that the full before it and the change files between do not give.", mendReport},
		{ruleChainGone, SeverityError, "change file lacks a tombstone", "A full file no longer has a product that the full before it and the change files between still give.", mendReport},
		{ruleChangeEmpty, SeverityError, "change file without products", "A change file holds no product.", mendReport},
		{ruleChangeIdle, SeverityWarning, "change that changes nothing", "A change file repeats a product byte for byte as it was, or removes one that was not there.", mendReport},
		{ruleLabelName, SeverityError, "label is not the time of its file", "The stamp of a change file is not its time of making, or is malformed.", mendReport},
		{ruleLabelOrder, SeverityError, "labels do not ascend", "Of two files of one feed the newer one has a label or time that is not later as text.", mendReport},
	}
}

func setRules() []Rule {
	return []Rule{
		{ruleLightMissing, SeverityError, "product missing from light", "A product of full and the change files after it is not in light.", mendReport},
		{ruleLightUnknown, SeverityError, "unknown product in light", "light sells a product that neither full nor a change file after it has. With quantity 0 it is one that has left the offer and may stay.", mendReport},
	}
}

func timeRules() []Rule {
	return []Rule{
		{ruleExpired, SeverityError, "expired", "The offer's time of expiry has passed.", "Publish, and see to it that the schedule runs: validity is renewed before half of it has passed."},
		{ruleExpiresSoon, SeverityWarning, "about to expire", "Less than a quarter of the offer's validity is left, although it is renewed before half of it has passed.", "Publish, and see to it that the schedule runs."},
		{ruleFuture, SeverityWarning, "made in the future", "A time in the offer is more than five minutes ahead of the clock of this machine.", "Compare the clocks. After a clock was set back, labels run ahead until it has caught up; that is meant and harmless."},
		{ruleTimeOrder, SeverityError, "times contradict each other", "A file is younger than the offer that lists it, the offer expires before it was made, or a file's own generated is another time than manifest or records tell.", mendReport},
	}
}

func storeRules() []Rule {
	return []Rule{
		{ruleGenerationBase, SeverityError, "history of a feed broken", "A generation's base is not the generation before it, or its number or epoch does not grow.", "Restore the records from a backup and publish: a new epoch starts over."},
		{ruleGenerationFiles, SeverityError, "generation incomplete", "A generation lists no full (or light) file, or not all dictionaries, or two of one kind.", mendAnew},
		{ruleGenerationPointer, SeverityError, "pointer leads nowhere", "An offer's feed has generations and none of them is current, or more than one is.", "Restore the records from a backup and publish."},
		{ruleBlobState, SeverityError, "file in use is marked for deletion", "A blob that the current generation lists is condemned or being deleted.", "Stop the sweep and publish with every file made again."},
		{ruleKey, SeverityWarning, "key of unknown form", "An object of the store has a key that feedmill does not build.", "Keep other things out of feedmill's bucket or folder; feedmill never deletes what it did not name."},
	}
}

func deliveryRules() []Rule {
	return []Rule{
		{ruleHTTPStatus, SeverityError, "answer other than 200", "An address of the offer is not answered with status 200, or with a redirect.", mendServer},
		{ruleHTTPBroken, SeverityError, "transfer broke", "The transfer of a file ended early, stood still for a minute or never began.", mendServer},
		{ruleHTTPEncoding, SeverityError, "wrong content coding", "An answer is compressed though nobody asked, or is not what its Content-Encoding says.", mendServer},
		{ruleHTTPLimit, SeverityError, "too much to fetch", "The offer goes beyond the bytes that this check allows, so the rest was not judged.", "Raise --max-bytes, or check a folder."},
		{ruleHTTPMoving, SeverityWarning, "offer changed while it was read", "Gateway and manifest never fitted together in several tries, because publications followed each other faster than both could be read; they were compared as they came.", "Check again, or with the feed at rest."},
	}
}

// All gives the rules in the order of the documentation.
func All() []Rule {
	var all []Rule
	for _, g := range groups() {
		all = append(all, g.rules...)
	}
	return all
}

// Lookup finds a rule by its id, in capitals or not.
func Lookup(id string) (Rule, bool) {
	for _, r := range All() {
		if strings.EqualFold(r.ID, id) {
			return r, true
		}
	}
	return Rule{}, false
}

// Explain gives everything that is known about a rule, in plain text.
func (r Rule) Explain() string {
	return fmt.Sprintf("%s (%s): %s\n\nWhat it means\n  %s\n\nWhat to do\n  %s\n", r.ID, r.Severity, r.Title, r.Means, r.Mend)
}

// Markdown gives the table of rules as docs/verify.md shows it.
func Markdown() string {
	var b strings.Builder
	for i, g := range groups() {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "### %s\n\n| rule | severity | found | what it means | what to do |\n|---|---|---|---|---|\n", g.title)
		for _, r := range g.rules {
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.ID, r.Severity, r.Title, r.Means, r.Mend)
		}
	}
	return b.String()
}

// The ids.
const (
	ruleGatewayMissing    = "VER-GATEWAY-MISSING"
	ruleGatewayInvalid    = "VER-GATEWAY-INVALID"
	ruleGatewayIncomplete = "VER-GATEWAY-INCOMPLETE"
	ruleGatewayFile       = "VER-GATEWAY-FILE"
	ruleGatewayHash       = "VER-GATEWAY-HASH"
	ruleGatewayTime       = "VER-GATEWAY-TIME"
	ruleManifestMissing   = "VER-MANIFEST-MISSING"
	ruleManifestForm      = "VER-MANIFEST-FORM"
	ruleManifestFile      = "VER-MANIFEST-FILE"
	ruleManifestSequence  = "VER-MANIFEST-SEQUENCE"
	ruleManifestRetention = "VER-MANIFEST-RETENTION"
	ruleManifestLocale    = "VER-MANIFEST-LOCALE"
	ruleStatedSize        = "VER-STATED-SIZE"
	ruleStatedMD5         = "VER-STATED-MD5"
	ruleStatedSHA256      = "VER-STATED-SHA256"

	ruleFileMissing  = "VER-FILE-MISSING"
	ruleFileLength   = "VER-FILE-LENGTH"
	ruleFileDigest   = "VER-FILE-DIGEST"
	ruleGzipBroken   = "VER-GZIP-BROKEN"
	ruleGzipTwin     = "VER-GZIP-TWIN"
	ruleGzipMembers  = "VER-GZIP-MEMBERS"
	ruleGzipTrailing = "VER-GZIP-TRAILING"
	rulePlainName    = "VER-PLAIN-NAME"
	ruleFolderState  = "VER-FOLDER-STATE"
	ruleOrphan       = "VER-ORPHAN"

	ruleXML            = "VER-XML"
	ruleSchema         = "VER-SCHEMA"
	ruleFormat         = "VER-FORMAT"
	ruleReference      = "VER-REFERENCE"
	ruleProductID      = "VER-PRODUCT-ID"
	ruleProductPartial = "VER-PRODUCT-PARTIAL"
	ruleProductTwice   = "VER-PRODUCT-TWICE"
	ruleProductOrder   = "VER-PRODUCT-ORDER"
	ruleCount          = "VER-COUNT"
	ruleCSV            = "VER-CSV"
	ruleCSVProducts    = "VER-CSV-PRODUCTS"

	ruleChainBase    = "VER-CHAIN-BASE"
	ruleChainGap     = "VER-CHAIN-GAP"
	ruleChainOverlap = "VER-CHAIN-OVERLAP"
	ruleChainContent = "VER-CHAIN-CONTENT"
	ruleChainLost    = "VER-CHAIN-LOST"
	ruleChainGone    = "VER-CHAIN-GONE"
	ruleChangeEmpty  = "VER-CHANGE-EMPTY"
	ruleChangeIdle   = "VER-CHANGE-IDLE"
	ruleLabelName    = "VER-LABEL-NAME"
	ruleLabelOrder   = "VER-LABEL-ORDER"

	ruleLightMissing = "VER-LIGHT-MISSING"
	ruleLightUnknown = "VER-LIGHT-UNKNOWN"

	ruleExpired     = "VER-EXPIRED"
	ruleExpiresSoon = "VER-EXPIRES-SOON"
	ruleFuture      = "VER-FUTURE"
	ruleTimeOrder   = "VER-TIME-ORDER"

	ruleGenerationBase    = "VER-GENERATION-BASE"
	ruleGenerationFiles   = "VER-GENERATION-FILES"
	ruleGenerationPointer = "VER-GENERATION-POINTER"
	ruleBlobState         = "VER-BLOB-STATE"
	ruleKey               = "VER-KEY"

	ruleHTTPStatus   = "VER-HTTP-STATUS"
	ruleHTTPBroken   = "VER-HTTP-BROKEN"
	ruleHTTPEncoding = "VER-HTTP-ENCODING"
	ruleHTTPLimit    = "VER-HTTP-LIMIT"
	ruleHTTPMoving   = "VER-HTTP-MOVING"
)
