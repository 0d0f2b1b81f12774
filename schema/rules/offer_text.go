package rules

import (
	"bytes"

	"feedmill/schema"
	"feedmill/schema/xmltok"
)

// offerText follows the text of a name, a description or an extension.
type offerText struct {
	on, html, shown bool // being read; may hold HTML; belongs to description
	escaped, cdata  bool
	full            bool
	pieces          int
	links           bool // a relative address was told
}

func (o *offerPass) startText(parent state, local []byte, attrs []xmltok.Attr) {
	o.content(parent)
	o.text = offerText{on: true, shown: parent == inDescription, html: parent == inDescription && local[0] != 'n'}
	lang := o.lang(attrs)
	if parent != inDescription {
		return
	}
	c := &o.cur
	if local[0] == 'n' && c.kids&kidName == 0 {
		c.kids |= kidName
		if len(lang) > 0 && len(o.language) > 0 && languageMeant(lang) != languageMeant(o.language) && string(o.language) != "und" {
			o.flag(codeLangFirst, "the first name is in %s, and the default language is %s", clip(lang), clip(o.language))
		}
	}
	if o.again(local[0], lang) {
		o.flag(codeLangTwice, "%s stands there twice in %s", local, lang)
	}
}

func (o *offerPass) characters(e *schema.Event) {
	t := &o.text
	if !t.on {
		return
	}
	text := e.Text()
	blank := len(trim(text)) == 0
	t.full = t.full || !blank
	if e.Kind == xmltok.CData {
		t.cdata = true
		t.pieces++
	} else if !blank {
		t.escaped = true
	}
	if t.html && !t.links {
		if link := relativeLink(text); link != nil {
			t.links = true
			o.flag(codeTextLink, "the description refers to %s", clip(link))
		}
	}
	if looksLikeTime(trim(text)) {
		o.flag(codeVolatile, "the text is a time, %s", clip(text))
	}
}

func (o *offerPass) endText() {
	t := &o.text
	t.on = false
	switch {
	case !t.full:
		o.flag(codeEmpty, "the text is empty")
	case t.cdata && t.escaped || t.pieces > 1:
		o.flag(codeTextMixed, "the text has several styles or sections")
	case t.shown && !t.cdata:
		o.flag(codeTextEscaped, "the text is not in CDATA")
	}
}

// startExtension judges an element of the extensions (IOF 8).
func (o *offerPass) startExtension(parent state, local []byte, attrs []xmltok.Attr) {
	if parent == inProduct {
		if o.light && o.once(codeLightForeign+string(local)) {
			o.flag(codeLightForeign, "light holds %s", clip(local))
		}
		return
	}
	o.content(parent)
	o.text = offerText{on: true}
	for i := range attrs {
		if a := &attrs[i]; a.Space == xmltok.XMLNamespace && string(a.Local) == "lang" {
			o.code("xml:lang", a.Value)
		}
	}
}

func (o *offerPass) endExtension() {
	t := &o.text
	if t.on && (t.cdata && t.escaped || t.pieces > 1) {
		o.flag(codeTextMixed, "the text has several styles or sections")
	}
	t.on = false
}

// relativeLink finds a src or href in HTML that is not a complete address.
func relativeLink(html []byte) []byte {
	for i := 0; ; {
		j := bytes.IndexByte(html[i:], '=')
		if j < 0 {
			return nil
		}
		i += j + 1
		if !isLinkName(html[:i-1]) {
			continue
		}
		rest := bytes.TrimLeft(html[i:min(len(html), i+2048)], " \t\r\n")
		stop := " \t\r\n>"
		if len(rest) > 0 && (rest[0] == '"' || rest[0] == '\'') {
			stop = string(rest[:1])
			rest = rest[1:]
		}
		if end := bytes.IndexAny(rest, stop); end >= 0 {
			rest = rest[:end]
		}
		if rest = bytes.TrimSpace(rest); len(rest) > 0 && rest[0] != '#' && !hasScheme(rest) {
			return rest
		}
	}
}

// isLinkName reports whether html ends with an attribute name src or href.
func isLinkName(html []byte) bool {
	n := len(html)
	for n > 0 && isSpace(html[n-1]) {
		n--
	}
	for _, name := range [...]string{"src", "href"} {
		if at := n - len(name); at > 0 && bytes.EqualFold(html[at:n], []byte(name)) {
			c := html[at-1]
			return isSpace(c) || c == '"' || c == '\''
		}
	}
	return false
}

// hasScheme reports whether an address begins with a scheme, such as https:.
func hasScheme(address []byte) bool {
	for i, c := range address {
		switch c |= 0x20; {
		case c >= 'a' && c <= 'z', i > 0 && (c >= '0' && c <= '9' || c == '+'|0x20 || c == '-'|0x20 || c == '.'|0x20):
		default:
			return i > 0 && address[i] == ':'
		}
	}
	return false
}

// startPart judges parts that have few rules.
func (o *offerPass) startPart(s state, local []byte, attrs []xmltok.Attr) {
	var id, kind []byte
	for i := range attrs {
		a := &attrs[i]
		switch {
		case a.Space == xmltok.XMLNamespace && string(a.Local) == "lang":
			o.code("xml:lang", a.Value)
		case len(a.Prefix) > 0:
		case string(a.Local) == "id":
			id = trim(a.Value)
		case string(a.Local) == "type":
			kind = trim(a.Value)
		case string(a.Local) == "url" && s == inFile:
			o.link(a.Value)
		}
	}
	switch s {
	case inLarge:
		o.images = gallery{}
	case inParameter:
		k := o.c.keys.of(id)
		if string(local) == "section" || string(kind) == "section" {
			o.resolve(kindSection, codeRefSection, "section", id, k)
		} else {
			o.resolve(schema.Parameters, codeRefParameter, "parameter", id, k)
		}
	case inValue:
		o.resolve(kindValue, codeRefValue, "value", id, o.c.keys.of(id))
	}
}

// gallery follows the pictures of a product.
type gallery struct {
	n   int
	bad bool
}

func (o *offerPass) startImage(s state, attrs []xmltok.Attr) {
	g := &o.images
	var hashed, dated bool
	priority := -1
	for i := range attrs {
		a := &attrs[i]
		switch string(a.Local) {
		case "url":
			o.picture(a.Value)
		case "hash":
			hashed = len(trim(a.Value)) > 0
		case "changed", "date_changed":
			dated = len(trim(a.Value)) > 0
			m, fault := parseTime(a.Value)
			if fault != timeFine {
				o.timeFault(string(a.Local), a.Value, m, fault)
			}
		case "priority":
			if n := parseNumber(a.Value); n.ok {
				priority = int(n.v / scale)
			}
		}
	}
	if s != inImage {
		return
	}
	if g.n++; priority != g.n {
		g.bad = true
	}
	if !hashed && !dated {
		o.flag(codeImageHash, "the picture has neither hash nor changed")
	}
}

func (g *gallery) end(o *offerPass) {
	if g.bad {
		o.flag(codeImagePriority, "the pictures are not numbered 1 to %d in order", g.n)
	}
}

// picture judges the address of a picture (CONSUMERS 24).
func (o *offerPass) picture(address []byte) {
	address = trim(address)
	if !bytes.HasPrefix(address, []byte("https://")) {
		o.flag(codeImageURL, "the address is %s", clip(address))
	}
	if bytes.IndexByte(address, '&') >= 0 {
		o.flag(codeImageAmpersand, "the address is %s", clip(address))
	}
}

// link judges the address of a page or an attachment.
func (o *offerPass) link(address []byte) {
	if address = trim(address); !bytes.HasPrefix(address, []byte("https://")) && !bytes.HasPrefix(address, []byte("http://")) {
		o.flag(codeLinkURL, "the address is %s", clip(address))
	}
}

// volatile finds points in time where none belongs (CONSUMERS 4).
func (o *offerPass) volatile(s state, attrs []xmltok.Attr) {
	for i := range attrs {
		v := attrs[i].Value
		if len(v) < 16 || v[4] != '-' || !looksLikeTime(v) {
			continue
		}
		switch string(attrs[i].Local) {
		case "changed", "date_changed":
			if s == inImage || s == inIcon || s == inFile || s == inOther {
				continue
			}
		case "start_date", "ending_date":
			if s == inPromotion || s == inOther {
				continue
			}
		}
		if name := o.e.Name(); name.Space == extensionSpace && (string(name.Local) == "date_created" || string(name.Local) == "modification_date") {
			continue
		}
		o.flag(codeVolatile, "%s is a time, %s", attrs[i].Name, clip(v))
	}
}
