package rules

const (
	codeDateForm     = "IOF-DATE-FORM"
	codeDateInvalid  = "IOF-DATE-INVALID"
	codeGenerated    = "IOF-GENERATED"
	codeExpired      = "IOF-EXPIRED"
	codeExpiresOrder = "IOF-EXPIRES-ORDER"
	codeVolatile     = "IOF-VOLATILE"

	codeLabelOrder     = "IOF-LABEL-ORDER"
	codeLabelDuplicate = "IOF-LABEL-DUPLICATE"
	codeLabelName      = "IOF-LABEL-NAME"
	codeLabelFuture    = "IOF-LABEL-FUTURE"

	codeHash           = "IOF-HASH"
	codeHashForm       = "IOF-HASH-FORM"
	codeHashLight      = "IOF-HASH-LIGHT"
	codeChangedMissing = "IOF-CHANGED-MISSING"
	codeURLWord        = "IOF-URL-WORD"
	codeURLAmpersand   = "IOF-URL-AMPERSAND"
	codeURLRelative    = "IOF-URL-RELATIVE"
	codeURLPlain       = "IOF-URL-PLAIN"
	codeMeta           = "IOF-META"
	codeMetaTime       = "IOF-META-TIME"
	codeFileMissing    = "IOF-FILE-MISSING"
	codeFileElsewhere  = "IOF-FILE-ELSEWHERE"
	codeFileKind       = "IOF-FILE-KIND"
	codeManifest       = "IOF-MANIFEST"
	codeManifestForm   = "IOF-MANIFEST-FORM"
)

// Codes of what is found while a family is fetched; see [Remark].
const (
	CodeHTTPStatus    = "IOF-HTTP-STATUS"
	CodeHTTPRedirect  = "IOF-HTTP-REDIRECT"
	CodeHTTPType      = "IOF-HTTP-TYPE"
	CodeHTTPGzip      = "IOF-HTTP-GZIP"
	CodeHTTPValidator = "IOF-HTTP-VALIDATOR"
	CodeHTTPSlow      = "IOF-HTTP-SLOW"
	CodeHTTPCut       = "IOF-HTTP-CUT"
	CodeHTTPRefused   = "IOF-HTTP-REFUSED"
	CodeHTTPLimit     = "IOF-HTTP-LIMIT"
)

// timeRules are about times.
func timeRules() []Rule {
	return []Rule{
		{codeDateForm, LevelWarning, "time in another form", "A time is not written YYYY-MM-DD hh:mm:ss: it has a T, a zone, dots or no seconds. gateway and light allow that by schema, and times of pictures are plain text.", "Importers that read the one form that all samples have: they fail, or take the file for old.", "Write YYYY-MM-DD hh:mm:ss in local shop time without a zone.", "IOF 2.4; CONSUMERS 4"},
		{codeDateInvalid, LevelError, "no such time", "A time has the right form and does not exist, such as February 30 or hour 25.", "Importers that turn it into a time: they throw, or silently move to another day.", "Mend the clock or the text that it comes from.", "IOF 2.4"},
		{codeGenerated, LevelWarning, "no time of making", "The root has no generated.", "Partners and importers: there is no way to tell whether the file is fresh.", "Write generated on every file.", "IOF 2.1; IOF 3; IOF 7"},
		{codeExpired, LevelWarning, "expired", "expires of the file, or of the offer in gateway, lies in the past. Times have no zone, so a day is granted.", "Importers that show or obey it: the offer looks dead, and prices are no longer promised.", "Publish anew before half of the validity has passed, also when nothing has changed.", "IOF 2.2; IOF 3"},
		{codeExpiresOrder, LevelError, "expires before it was made", "expires is not later than generated, or than created in gateway.", "Importers that obey it: the offer was never valid.", "Write a time after generated: a day later in files, a week later in gateway.", "IOF 2.2; IOF 3"},
		{codeVolatile, LevelWarning, "time inside a product", "An attribute or text inside a product is a point in time, other than those that the format knows: times of pictures and attachments, promotion, iaiext dates of creation and modification.", "Importers that compare products by hash: every product differs in every file, so the change files hold the whole offer and pictures are loaded anew.", "Write times of making on the root only.", "CONSUMERS 4"},
	}
}

// gatewayRules are about the gateway, its labels and what it promises.
func gatewayRules() []Rule {
	return []Rule{
		{codeLabelOrder, LevelError, "change files not newest first", "The entries of changes do not stand with the newest first.", "Importers that apply them in reverse order of the list: old prices and stock replace new ones.", "Sort by time, newest first, and let labels grow by at least a second whatever the clock does.", "IOF 6; CONSUMERS 22"},
		{codeLabelDuplicate, LevelError, "two change files of one label", "Two entries of changes have the same time or the same address.", "Importers that remember what they applied by its label: one of the two is never read.", "Let labels grow by at least a second.", "IOF 6; CONSUMERS 22"},
		{codeLabelName, LevelWarning, "label, name and time disagree", "The stamp in the name of a change file, its changed in gateway and its own generated are not the same time, or the name has no stamp.", "Importers that order files by the one and remember them by the other: a change is applied twice or never.", "Use one label for all three: full_change2026-03-02T10-00-00 and 2026-03-02 10:00:00.", "IOF 2.3; IOF 6"},
		{codeLabelFuture, LevelWarning, "file newer than its gateway", "changed of a file is later than generated of the gateway that names it.", "Importers that compare with the time of the gateway: they wait for a file that they have already.", "Take all times from one clock, and make the gateway last.", "IOF 2.1; IOF 2.3"},
		{codeHash, LevelError, "hash is not that of the file", "The MD5 of the file's bytes, without compression, is not the hash that gateway gives.", "Importers that compare: they load the file again and again, or refuse it as damaged. It may also mean that files of two generations are mixed.", "Compute the hash over the bytes that are served, and publish gateway last.", "IOF 2.3; CONSUMERS 23"},
		{codeHashForm, LevelWarning, "hash is no MD5", "A hash in gateway is not 32 hexadecimal digits in lower case.", "Importers that verify with MD5 in lower case, as the format says.", "Write the MD5 of the file's bytes, 32 digits in lower case.", "IOF 2.3; CONSUMERS 23"},
		{codeHashLight, LevelHint, "light without a hash", "gateway gives no hash of light. The format allows that.", "Importers that fetch only what differs: they have to load light every time, and cannot tell whether it arrived whole.", "Write hash and changed of light too.", "IOF 2.3; CONSUMERS 22"},
		{codeChangedMissing, LevelWarning, "pointer without changed", "A pointer in gateway has no changed, or an empty one; light may go without.", "Importers that fetch only what is newer: they fetch all or nothing.", "Write changed on every pointer.", "IOF 2.3; CONSUMERS 22"},
		{codeURLWord, LevelWarning, "address without the word of its kind", "An address in gateway does not contain the word of its kind behind its host: full, light, full_change, categories and so on.", "Importers that tell files apart by the words in their addresses, ignoring the elements around them.", "Put the name of the kind into the path: /12/light.xml.", "IOF 2.3; CONSUMERS 22"},
		{codeURLAmpersand, LevelWarning, "ampersand in an address", "An address in gateway holds an &.", "Importers that search the text of gateway and do not undo &amp;: they ask for another address and get nothing.", "Use addresses without a query of several parts.", "CONSUMERS 22"},
		{codeURLRelative, LevelHint, "relative address", "An address in gateway is not complete.", "Importers that fetch it as it stands, which is all of them; relative addresses serve local folders only.", "Write complete addresses.", "IOF 2.3; CONSUMERS 22"},
		{codeURLPlain, LevelHint, "address without https", "An address in gateway begins with http://.", "The supplier: prices and the secret in the address travel in the clear.", "Serve over https.", "IOF 2.3"},
		{codeMeta, LevelWarning, "supplier not told completely", "long_name, short_name, email, or city and country of the address are empty in meta, or the short name has blanks.", "Importers that show the supplier or use the short name as a key: they refuse the gateway, or mix up two suppliers.", "Fill meta; names in ASCII letters, digits, blanks, _ and -, the short name without blanks.", "IOF 2.2; CONSUMERS 22"},
		{codeMetaTime, LevelWarning, "times of the offer missing", "meta/time does not say created in its first and expires in its second offer element.", "Importers that show until when an offer is valid.", "Write both, expires a week after created.", "IOF 2.2"},
		{codeFileMissing, LevelError, "file that gateway names is not there", "gateway names a file that cannot be found: its address is empty, it is not in the folder, or cannot be opened.", "Everybody who follows the link: the import stops, often for all files.", "Publish the files first and gateway last, and keep replaced files for three days.", "IOF 2.3; CONSUMERS 22"},
		{codeFileElsewhere, LevelHint, "file lies elsewhere", "gateway names a file by a complete address, and the folder holds no copy of it. It was not checked. Where the folder holds others under the paths of their addresses, it is missing.", "You, if you take silence for agreement.", "Check the address of the gateway itself to check all its files.", "IOF 2.3"},
		{codeFileKind, LevelError, "address leads to another kind of file", "What an address of gateway leads to is a file of another kind than the pointer says, for full also one whose products have nothing but what light holds, or two pointers name one address.", "Everybody who follows the link.", "Mend the address in gateway.", "IOF 2.3"},
		{codeManifest, LevelError, "file is not what manifest.json says", "A file differs from manifest.json in size or digest, or is not there.", "Integrators who verify downloads by it: they refuse the file. It may also mean that files of two generations are mixed.", "Publish manifest.json together with the files that it describes.", "docs/consumer.md; CONSUMERS 23"},
		{codeManifestForm, LevelWarning, "manifest.json cannot be read", "manifest.json is not the document that it should be, so files were not compared with it.", "Integrators who verify downloads by it.", "Write a JSON object with files, each with url, size, md5 and sha256.", "docs/consumer.md"},
	}
}

// deliveryRules are about how files come over HTTP.
func deliveryRules() []Rule {
	return []Rule{
		{CodeHTTPStatus, LevelError, "answer other than 200", "An address that gateway names, or gateway itself, was not answered with status 200.", "Every importer tried: it treats 202, 429, 503 and all others as an outage, and nobody honours Retry-After.", "Answer 200 with the last complete file, always.", "CONSUMERS 20, 22"},
		{CodeHTTPRedirect, LevelError, "redirect", "An address is answered with a redirect. It was not followed.", "Importers that do not follow redirects, and all that send the secret on to wherever it points.", "Answer the addresses in gateway directly.", "CONSUMERS 20"},
		{CodeHTTPType, LevelWarning, "content type is not XML", "The answer is declared as something other than text/xml or application/xml.", "Importers that look at the type first and take the answer for an error page.", "Send application/xml; charset=utf-8.", "CONSUMERS 3"},
		{CodeHTTPGzip, LevelError, "compressed without being asked", "The answer is compressed although the request did not ask for it, with or without saying so; or a file of a folder is compressed under a plain name.", "Every HTTP client tried: it hands compressed bytes to the XML reader, which fails at the first one.", "Compress only when Accept-Encoding asks for it.", "CONSUMERS 19"},
		{CodeHTTPValidator, LevelHint, "no ETag and no Last-Modified", "The answer cannot be asked for conditionally later. It is told once for a family.", "Careful importers that would save you the transfer of what has not changed.", "Send a strong ETag and Last-Modified, and answer 304 where they match.", "CONSUMERS 21"},
		{CodeHTTPSlow, LevelWarning, "slow answer", "The first byte took more than 10 seconds, or a whole file more than 5 minutes.", "Importers with timeouts, which are commonly 30 seconds for the first byte and 5 minutes for all of it.", "Make files ahead of the request and serve them from a store.", "CONSUMERS 20"},
		{CodeHTTPCut, LevelError, "connection broke", "The transfer ended before the announced length, broke, or stood still for a minute. Refusing to end a file cleanly that cannot be completed is right; having to is not.", "Everybody: the import fails, and is tried again from the start.", "Look for timeouts and limits in proxies before the server.", "CONSUMERS 20"},
		{CodeHTTPRefused, LevelError, "address not reachable from here", "The address could not be fetched: the name does not resolve, the host is not reachable, or it is one that this checker does not call (no https, an unusual port, a private network).", "Importers that stand outside of your network.", "Use https on port 443 and a public host.", "IOF 2.3; CONSUMERS 22"},
		{CodeHTTPLimit, LevelError, "too much to fetch", "The family goes beyond the bytes, files or time that this check allows, so the rest of it was not judged.", "Importers with limits of their own.", "Shrink the offer; or check a copy in a folder.", "CONSUMERS 25"},
	}
}
