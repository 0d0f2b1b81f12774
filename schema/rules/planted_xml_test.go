package rules

import (
	"feedmill/schema"
	"feedmill/schema/xmltok"
)

// cutBy are the rules that cannot be judged, and say so, when full is not
// read to its end.
var cutBy = []string{codeCheckPartial}

// plantedXML breaks XML in units.xml, or in another file where it must be.
func plantedXML() []planted {
	const units = "units.xml"
	start := `<?xml version="1.0" encoding="UTF-8"?>`
	item := `<unit id="0" name="szt." precision="0">`
	bad := func(code xmltok.Code, old, new string) planted {
		return planted{code: string(code), edits: one(units, old, new)}
	}
	limited := func(code xmltok.Code, lim xmltok.Limits) planted {
		return planted{code: string(code), only: []string{units}, opt: Options{Limits: lim}}
	}
	return []planted{
		bad(xmltok.CodeSyntax, item, item+"<!b>"),
		bad(xmltok.CodeChar, "szt.]]>", "szt.\x01]]>"),
		bad(xmltok.CodeUTF8, "szt.]]>", "szt.\xC3(]]>"),
		bad(xmltok.CodeName, item, item+"<-a/>"),
		bad(xmltok.CodeTagMismatch, "</unit>", "</unity>"),
		bad(xmltok.CodeUnclosed, "</units>", ""),
		{code: string(xmltok.CodeUnclosed), edits: one(full, "  </products>\n</offer>\n", ""), also: cutBy, where: "full.xml:"},
		{code: string(xmltok.CodeEmpty), add: map[string]string{"preset.xml": ""}},
		bad(xmltok.CodeSecondRoot, "</units>", "</units><units/>"),
		bad(xmltok.CodeOutside, "</units>", "</units>done"),
		bad(xmltok.CodeAttr, `precision="0"`, `precision=0`),
		bad(xmltok.CodeAttrDup, `precision="0"`, `precision="0" precision="0"`),
		bad(xmltok.CodeEntity, "<![CDATA[szt.]]>", "&nbsp;"),
		bad(xmltok.CodeCharRef, "<![CDATA[szt.]]>", "&#1;"),
		bad(xmltok.CodeComment, item, "<!-- a -- b -->"+item),
		bad(xmltok.CodePI, item, "<?xMl a?>"+item),
		bad(xmltok.CodeDecl, start, "<?xml version=\"1.0\""),
		bad(xmltok.CodeCDataEnd, "<![CDATA[szt.]]>", "szt.]]>"),
		bad(xmltok.CodePrefix, item, "<iaiext:a/>"+item),
		bad(xmltok.CodeNamespace, item, `<a xmlns:b=""/>`+item),
		bad(xmltok.CodeDoctype, start, start+"<!DOCTYPE units>"),
		bad(xmltok.CodeEncoding, "UTF-8", "ISO-8859-2"),
		{code: string(xmltok.CodeEncoding), edits: one(units, "UTF-8", "UTF8"), where: `only "UTF-8", spelled so`},
		limited(xmltok.CodeLimitDepth, xmltok.Limits{Depth: 2}),
		limited(xmltok.CodeLimitAttrs, xmltok.Limits{Attrs: 2}),
		limited(xmltok.CodeLimitToken, xmltok.Limits{Token: 40}),
		limited(xmltok.CodeLimitElems, xmltok.Limits{Elements: 3}),
		limited(xmltok.CodeLimitBytes, xmltok.Limits{Bytes: 100}),
	}
}

// plantedSchema breaks each rule of the schemas.
func plantedSchema() []planted {
	xsi := ` xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"`
	return []planted{
		{code: schema.RuleRoot, edits: one("stocks.xml", "<stocks ", "<stores "), also: []string{string(xmltok.CodeTagMismatch)}},
		{code: schema.RuleRoot, edits: both(one(light, "<offer ", "<iof:offer "), one(light, "</offer>", "</iof:offer>"))},
		{code: schema.RuleNotAllowed, edits: one(full, "<card ", "<colour/><card ")},
		{code: schema.RuleRepeated, edits: one(gateway, "<fax/>", "<fax/><fax/>")},
		{code: schema.RuleOrder, edits: one(full, `<price gross="55.35" net="45.00"/>`, `<price gross="55.35" net="45.00"><normal_wholesale_price gross="12.30" net="10.00"/><normal_retail_price gross="12.30" net="10.00"/></price>`), also: []string{schema.RuleMissing}},
		{code: schema.RuleMissing, edits: one(gateway, "<fax/>", "")},
		{code: schema.RuleText, edits: one(full, "<card ", "warning: division by zero<card ")},
		{code: schema.RuleValue, edits: one(full, `weight="420"`, `weight="heavy"`), where: "full.xml:30:150"},
		{code: schema.RuleAttrMissing, edits: one(full, ` extensions="yes"`, ""), also: []string{codeExtensions}},
		{code: schema.RuleAttrForbidden, edits: one(light, `<stock id="1" quantity="21"/>`, `<stock id="1" quantity="21" stock_quantity="21"/>`)},
		{code: schema.RuleNil, edits: both(one(full, "<offer ", "<offer"+xsi+" "), one(full, "<card ", `<card xsi:nil="true" `))},
		{code: schema.RuleType, edits: both(one(full, "<offer ", "<offer"+xsi+" "), one(full, "<card ", `<card xsi:type="nothing" `))},
	}
}

// plantedShape breaks the rules about files as such.
func plantedShape() []planted {
	const start = `<?xml version="1.0" encoding="UTF-8"?>`
	const spaces = `xmlns:iof="http://www.iai-shop.com/developers/iof.phtml" xmlns:iaiext="`
	return []planted{
		{code: codeNSDefault, edits: one("units.xml", "<units ", `<units xmlns="http://www.iai-shop.com/developers/iof.phtml" `), also: []string{schema.RuleRoot}},
		{code: codeNSDefault, edits: one(light, "<offer ", `<offer xmlns="http://www.iai-shop.com/developers/iof.phtml" `), also: []string{schema.RuleRoot}},
		{code: codeNSPrefix, edits: both(every(light, "iaiext:", "ext:"), one(light, "xmlns:iaiext=", "xmlns:ext=")), where: "light.xml:"},
		{code: codeNSPrefix, edits: one(change, spaces+extensionSpace, spaces+"http://example.com/ext"), also: []string{schema.RuleAttrForbidden, codeSizeGroup}},
		{code: codeExtensions, edits: one(light, ` extensions="yes"`, "")},
		{code: codeExtensions, edits: one(full, `extensions="yes"`, `extensions="no"`)},
		{code: codeBOM, edits: one("units.xml", "<?xml", bom+"<?xml"), where: "units.xml:1:1"},
		// A page in place of a file is one fault, and nothing is held against it.
		{code: codeWebPage, add: map[string]string{full: "<!doctype html>\n<html><head><title>502\n Bad &amp; Gateway</title></head><body><br>\x01"}, where: `web page with the title "502 Bad & Gateway"`},
		{code: codeWebPage, add: map[string]string{full: `<html><body>Sign in</body></html>`}, where: "full.xml:1:1"},
		{code: codeWebPage, add: map[string]string{"stocks.xml": bom + start + "<!-- x --><!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0 Strict//EN\" \"x\"><html/>"}},
		{code: codeWebPage, add: map[string]string{gateway: "<HTML lang=pl>"}},
		{code: codeDeclaration, edits: one("units.xml", `<?xml version="1.0" encoding="UTF-8"?>`+"\n", ""), where: "units.xml:1:1"},
		{code: codeDeclaration, edits: one("units.xml", start, `<?xml-stylesheet href="units.css"?>`)},
		{code: codeEmpty, edits: one(full, name101, `<name xml:lang="pol"></name>`)},
		{code: codeEmpty, edits: one(full, `<producer id="11" name="Wierzbowa Spiżarnia"/>`, `<producer id="11" name=""/>`)},
		{code: codeEmpty, edits: one(full, `<images>`, `<attachments/><images>`), also: []string{codeChildTwice}},
		{code: codeEmpty, edits: one("units.xml", "<![CDATA[szt.]]>", "<![CDATA[ ]]>")},
		{code: codeNumberForm, edits: one(full, `weight="420"`, `weight="4.2e2"`)},
		{code: codeNumberForm, edits: one(full, `available_stock_quantity="21"`, `available_stock_quantity="021"`)},
		{code: codeNumberForm, edits: one(full, `stock_quantity="21"/>`, `stock_quantity="2.1e1"/>`)},
		{code: codeNumberForm, edits: every(full, `gross="61.50" net="50.00"`, `gross="+61.50" net="50.00"`)},
		{code: codeNumberForm, edits: one(light, `vat="23.0"`, `vat=" 23.0"`)},
		{code: codeNumberForm, edits: one(full, `stock id="1" quantity="21" `, `stock id="1" quantity="021" `)},
	}
}
