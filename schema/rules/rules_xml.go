package rules

import (
	"feedmill/schema"
	"feedmill/schema/xmltok"
)

const (
	hurtsAll    = "Everybody: an XML reader stops here and the importer has nothing, or the part before this place."
	hurtsSchema = "Importers that validate refuse the whole file; others read past it and miss what was meant."
	limitMeans  = "The document goes beyond what this checker accepts from strangers, so the rest was not read."
	hurtsLimit  = "Importers with limits of their own, which most have: they refuse the file or run out of memory."
)

// xmlRules are the codes of package xmltok: one ends the reading of a file.
func xmlRules() []Rule {
	return []Rule{
		{string(xmltok.CodeSyntax), LevelError, "not XML", "There is markup that is none of what XML knows.", hurtsAll, "Write the file with an XML writer instead of joining strings.", "XML 1.0"},
		{string(xmltok.CodeChar), LevelError, "forbidden character", "XML 1.0 forbids most control characters and a few others, also as references.", hurtsAll, "Drop such characters when writing; texts pasted from spreadsheets and terminals have them.", "XML 1.0, 2.2"},
		{string(xmltok.CodeUTF8), LevelError, "bytes that are not UTF-8", "A byte sequence stands for no character in UTF-8.", hurtsAll, "Write the file in UTF-8; look for texts that were taken over from an older encoding, or cut in the middle of a character.", "XML 1.0, 4.3.3; CONSUMERS 3"},
		{string(xmltok.CodeName), LevelError, "malformed name", "The name of an element, attribute or instruction has a character that names may not have, or begins with one that may not begin it.", hurtsAll, "Names begin with a letter or _ and go on with letters, digits, . - and _.", "XML 1.0, 2.3; Namespaces in XML 1.0, 4"},
		{string(xmltok.CodeTagMismatch), LevelError, "end tag of another element", "An end tag does not close the element that is open.", hurtsAll, "Close elements in the reverse order of opening; often a text holds an unescaped < before this place.", "XML 1.0, 3"},
		{string(xmltok.CodeUnclosed), LevelError, "file ends too early", "The document ends inside markup or before its root is closed.", "Everybody: a file that was cut off in writing or sending looks like a short offer to careless readers, who switch off what is missing.", "Publish a file only when it is complete, and break the connection when it cannot be finished.", "XML 1.0, 2.1; CONSUMERS 20"},
		{string(xmltok.CodeEmpty), LevelError, "no root element", "The document holds no element at all.", "Everybody: an empty answer with status 200 reads as an offer without products at some importers.", "Answer with the last complete file.", "XML 1.0, 2.1; CONSUMERS 20"},
		{string(xmltok.CodeSecondRoot), LevelError, "second root element", "An element follows after the root was closed.", hurtsAll, "Write one root; two files were probably joined.", "XML 1.0, 2.1"},
		{string(xmltok.CodeOutside), LevelError, "text outside the root", "Characters other than white space stand before or after the root.", hurtsAll, "Look for warnings of the program that wrote the file, printed into it.", "XML 1.0, 2.1"},
		{string(xmltok.CodeAttr), LevelError, "malformed attribute", "An attribute lacks its quotes or its equals sign, or holds a <.", hurtsAll, "Write name=\"value\" and escape < and & in the value.", "XML 1.0, 3.1"},
		{string(xmltok.CodeAttrDup), LevelError, "attribute twice", "One tag has the same attribute twice.", hurtsAll, "Write each attribute once.", "XML 1.0, 3.1"},
		{string(xmltok.CodeEntity), LevelError, "unknown entity", "A reference names an entity that XML does not predefine; those of HTML are none of them.", hurtsAll, "Write the character itself, or put HTML into a CDATA section.", "XML 1.0, 4.1; CONSUMERS 7"},
		{string(xmltok.CodeCharRef), LevelError, "malformed character reference", "A character reference is malformed or stands for a character that XML forbids.", hurtsAll, "Write the character itself, and drop control characters.", "XML 1.0, 4.1"},
		{string(xmltok.CodeComment), LevelError, "-- inside a comment", "A comment holds -- before its end.", hurtsAll, "Leave comments out of feeds.", "XML 1.0, 2.5"},
		{string(xmltok.CodePI), LevelError, "malformed processing instruction", "A processing instruction has no target, or a reserved one.", hurtsAll, "Leave processing instructions out of feeds.", "XML 1.0, 2.6"},
		{string(xmltok.CodeDecl), LevelError, "malformed XML declaration", "The XML declaration is malformed, or does not stand at the very beginning.", hurtsAll, "Begin the file with <?xml version=\"1.0\" encoding=\"UTF-8\"?>, without blanks or line ends before it.", "XML 1.0, 2.8; CONSUMERS 3"},
		{string(xmltok.CodeCDataEnd), LevelError, "]]> in text", "The characters ]]> stand in text outside a CDATA section.", hurtsAll, "Write ]]&gt; instead.", "XML 1.0, 2.4; CONSUMERS 7"},
		{string(xmltok.CodePrefix), LevelError, "prefix that nobody declared", "A name has a prefix without a declaration in force.", hurtsAll, "Declare iaiext on the root: xmlns:iaiext=\"" + extensionSpace + "\".", "Namespaces in XML 1.0, 5; CONSUMERS 1"},
		{string(xmltok.CodeNamespace), LevelError, "forbidden namespace declaration", "A declaration binds xml or xmlns, or binds a prefix to nothing.", hurtsAll, "Declare iof and iaiext only.", "Namespaces in XML 1.0, 3"},
		{string(xmltok.CodeDoctype), LevelError, "document type declaration", "The file carries <!DOCTYPE, which this checker refuses, since declared entities are the oldest attack on XML readers.", "Careful importers, who refuse such a file, and careless ones, whose memory it may fill.", "Leave the declaration out and resolve own entities when writing.", "IOF 1; CONSUMERS 3"},
		{string(xmltok.CodeEncoding), LevelError, "another encoding than UTF-8", "The file is declared or recognised to be in an encoding other than UTF-8.", "Importers that read bytes as UTF-8, which is what the format asks for: they stop, or show broken letters.", "Write UTF-8 and declare it.", "IOF 1; CONSUMERS 3"},
		{string(xmltok.CodeLimitDepth), LevelError, "elements nested too deep", limitMeans, hurtsLimit, "Nest categories less deep; nothing else in an offer is deep.", "CONSUMERS 25"},
		{string(xmltok.CodeLimitAttrs), LevelError, "too many attributes", limitMeans, hurtsLimit, "Write only the attributes that the format knows.", "CONSUMERS 25"},
		{string(xmltok.CodeLimitToken), LevelError, "a tag or text of extreme length", limitMeans, hurtsLimit, "Shorten the text; pictures do not belong into descriptions.", "CONSUMERS 25"},
		{string(xmltok.CodeLimitElems), LevelError, "too many elements", limitMeans, hurtsLimit, "Shrink the offer by rules of assortment.", "CONSUMERS 25"},
		{string(xmltok.CodeLimitBytes), LevelError, "file too large", limitMeans, hurtsLimit, "Shrink the offer by rules of assortment.", "CONSUMERS 25"},
		{string(xmltok.CodeLimitSubtree), LevelError, "element too large", limitMeans, hurtsLimit, "Shorten the texts of the element.", "CONSUMERS 25"},
	}
}

// schemaRules are the codes of package schema.
func schemaRules() []Rule {
	return []Rule{
		{schema.RuleRoot, LevelError, "not the root of the kind", "The root element is that of another kind of file, or of none.", "Everybody: the file is not what its place in the gateway or its name says. Often it is an error page of a web server.", "Answer every address with the file of its kind.", "IOF 1; IOF 3"},
		{schema.RuleNotAllowed, LevelError, "element not allowed", "The format knows no such element at this place.", hurtsSchema, "Look for a slip in the name, a wrong parent, or a missing iaiext prefix.", "IOF 2 to 8"},
		{schema.RuleRepeated, LevelError, "element too often", "An element occurs more often than the format allows.", hurtsSchema, "Write it once; readers take the first or the last, nobody takes both.", "IOF 2 to 7"},
		{schema.RuleOrder, LevelError, "element at a wrong place", "An element should have come earlier.", hurtsSchema, "Write the elements in the order of the schema: feedmill schema prints it.", "IOF 2 to 7"},
		{schema.RuleMissing, LevelError, "element missing", "A required element is absent.", hurtsSchema, "Write the element; what is required is what readers fail without.", "IOF 2 to 7"},
		{schema.RuleText, LevelError, "text not allowed", "Text stands where only elements may stand.", hurtsSchema, "Put the text into the element that it belongs to; sometimes it is a warning of the program that wrote the file.", "IOF 2 to 7"},
		{schema.RuleValue, LevelError, "value of the wrong form", "An attribute or a text does not have the form of its type.", "Importers that validate, and all typed readers: they throw at this value and lose the product or the file.", "Write the form that the message names.", "IOF 2 to 8; CONSUMERS 4, 5, 8, 9"},
		{schema.RuleAttrMissing, LevelError, "attribute missing", "A required attribute is absent.", hurtsSchema, "Write the attribute.", "IOF 2 to 8"},
		{schema.RuleAttrForbidden, LevelError, "attribute not allowed", "The format knows no such attribute here.", hurtsSchema, "Look for a slip in the name or a missing iaiext prefix.", "IOF 2 to 8; CONSUMERS 17"},
		{schema.RuleNil, LevelError, "xsi:nil misused", "xsi:nil stands on an element that may not be nil, or beside content.", hurtsSchema, "Leave xsi attributes out.", "XML Schema 1, 2.6.2"},
		{schema.RuleType, LevelError, "xsi:type misused", "xsi:type names no type, or one that does not fit.", hurtsSchema, "Leave xsi attributes out.", "XML Schema 1, 2.6.1"},
	}
}

const (
	codeNSDefault    = "IOF-NS-DEFAULT"
	codeNSPrefix     = "IOF-NS-PREFIX"
	codeExtensions   = "IOF-EXTENSIONS"
	codeBOM          = "IOF-BOM"
	codeGZIP         = "IOF-GZIP"
	codeGZIPMembers  = "IOF-GZIP-MEMBERS"
	codeWebPage      = "IOF-WEB-PAGE"
	codeVersion      = "IOF-VERSION"
	codeDeclaration  = "IOF-DECLARATION"
	codeFileLarge    = "IOF-FILE-LARGE"
	codeEmpty        = "IOF-EMPTY"
	codeNumberForm   = "IOF-NUMBER-FORM"
	codeCheckPartial = "IOF-CHECK-PARTIAL"
)

// shapeRules are about files as such.
func shapeRules() []Rule {
	return []Rule{
		{codeNSDefault, LevelError, "elements in a default namespace",
			"The root declares a namespace without a prefix, so no element stands where the format has it: in none.",
			"About half of the importers: they look for offer/products/product without a namespace and find an empty offer. The published schemas refuse the file.",
			"Remove xmlns=\"…\" from the root and keep the prefixed declarations. An importer made for 2.x that needs it wants a feed of its own.",
			"IOF 3; CONSUMERS 1"},
		{codeNSPrefix, LevelError, "extension prefix is not iaiext",
			"The namespace of the extensions is bound to another prefix than iaiext, or iaiext to another namespace.",
			"Importers that read the prefix as text; with another one a known reader lost every EAN and every external code without a word.",
			"Bind exactly the prefix iaiext to " + extensionSpace + ".",
			"IOF 3; CONSUMERS 2"},
		{codeExtensions, LevelWarning, "extensions in use but not declared",
			"The file holds iaiext elements or attributes while offer@extensions is absent or says no. Attributes that the core shares with the extensions count too.",
			"Importers that look at the switch first: they skip size groups, external codes and picture order.",
			"Write extensions=\"yes\" on offer.",
			"IOF 3; IOF 8"},
		{codeBOM, LevelWarning, "byte order mark",
			"The file begins with the three bytes EF BB BF.",
			"Importers that look for <?xml at the first byte, or hand the bytes to a reader that does: the first character is an error to them.",
			"Write UTF-8 without a mark.",
			"CONSUMERS 3"},
		{codeGZIP, LevelError, "damaged compressed file",
			"A compressed file cannot be unpacked to its end: it is cut off or damaged, or other bytes follow. What could be unpacked was judged.",
			"Everybody who takes the compressed file: unpackers fail, or hand on the beginning as if it were all.",
			"Write the compressed file whole, and give it its name when it is complete.",
			"CONSUMERS 20"},
		{codeGZIPMembers, LevelError, "more than one gzip member",
			"A compressed file is made of several gzip members, one behind the other. That is legal, and all of them together were judged.",
			"Importers whose unpacker stops at the end of the first member: they have the beginning of the file and take it for all, or fail.",
			"Compress the whole file as one member instead of joining compressed parts.",
			"RFC 1952, 2.2; CONSUMERS 20"},
		{codeWebPage, LevelError, "web page instead of a file",
			"The file begins as a page of HTML does. Nothing else of it was judged.",
			"Everybody: an XML reader stops here. Those who read on all the same find an offer without products.",
			"Read the page: it is what the web server answers in place of the file, mostly an error or a sign-in. Answer with the last complete file.",
			"CONSUMERS 20"},
		{codeVersion, LevelWarning, "another format or version",
			"gateway says another file_format than IOF, or another version than 3.0. All other files may say nothing else by schema.",
			"Importers that look at the version first: they take an offer of 3.0 for one of 2.x, where prices and stock stand elsewhere, or refuse it.",
			"Write file_format=\"IOF\" and version=\"3.0\".",
			"IOF 2.1; IOF 10"},
		{codeDeclaration, LevelHint, "no XML declaration",
			"The file does not begin with an XML declaration. XML allows that and takes UTF-8 for granted.",
			"Importers that guess the encoding without it, by the locale of the machine.",
			"Begin with <?xml version=\"1.0\" encoding=\"UTF-8\"?>.",
			"CONSUMERS 3"},
		{codeFileLarge, LevelWarning, "file larger than importers take",
			"The file has more than 200 MB, 2,000,000 elements or 200,000 products.",
			"Importers with size limits, which refuse it, and those that hold it in memory, which takes 10 to 28 times its size. The number of elements hits limits before the bytes do.",
			"Shrink the offer by rules of assortment: by category, producer, stock. Leave out parameters and languages that nobody asked for.",
			"IOF 11.1; CONSUMERS 25"},
		{codeEmpty, LevelWarning, "written but empty",
			"An element or an id or name that must say something is there and empty: description, images, attachments, parameters, texts, producer, category, unit.",
			"Importers that ask only whether it is there: they create a producer without a name or overwrite a description with nothing.",
			"Leave the element out; unit, producer and category need both id and name.",
			"IOF 4.3; CONSUMERS 6"},
		{codeNumberForm, LevelWarning, "number in an unusual form",
			"A number is legal for its type and yet written with blanks, a plus sign, an exponent, leading zeros, or without a digit before or after the point.",
			"Typed readers, which throw, and readers that cut the text at the first odd character.",
			"Write digits, at most one point, and digits: 1299.00.",
			"CONSUMERS 5"},
		{codeCheckPartial, LevelHint, "not everything was compared",
			"The family is too large for the memory that this check may use, or a file in it could not be read to its end, so some ids and prices were not compared across files. What is reported is right; something may be missing from it.",
			"You, if you take silence for agreement.",
			"Mend the broken file first; for very large families give the check more memory.",
			"IOF 1"},
	}
}
