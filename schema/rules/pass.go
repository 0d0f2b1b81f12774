package rules

import (
	"bytes"
	"fmt"

	"feedmill/schema"
	"feedmill/schema/xmltok"
)

// pass is one reading of one file.
type pass struct {
	c     *checker
	x     *offer
	m     *member
	sheet *sheet // of this reading
	home  *sheet // of the file
	e     *schema.Event

	core     string // namespace of the core elements; "" where all is well
	depth    int
	foreign  bool            // the root is not that of the kind
	bare     bool            // the file begins without an XML declaration
	told     map[string]bool // what is told once a file
	extended bool            // iaiext is in use
	declared bool            // offer@extensions says yes
	products int64
	pending  int // references that were open before

	generated string // of the root, in the one form
	language  []byte // of the root or of products

	gw   *gatewayPass
	dict *dictPass
	off  *offerPass
}

func (c *checker) newPass(m *member) *pass {
	p := &pass{c: c, x: c.x, m: m, sheet: newSheet(m.Name, c.opt.PerRule), told: map[string]bool{}}
	if n := len(c.sheets); n > 0 {
		p.home, p.pending = c.sheets[n-1], len(c.x.pending)
	}
	switch m.kind {
	case schema.Gateway:
		p.gw = &gatewayPass{pass: p, kinds: map[string]schema.Kind{}, times: map[string]bool{}}
	case schema.Full, schema.FullChange, schema.Light:
		p.off = newOfferPass(p)
	case schema.Preset, "":
	default:
		p.dict = newDictPass(p)
	}
	return p
}

// flag reports something about the current element.
func (p *pass) flag(code, format string, args ...any) {
	if p.sheet.want(code) {
		p.sheet.add(p.c.rules[code], p.e.Pos(), p.e.Path(), fmt.Sprintf(format, args...))
	}
}

// flagAt reports something about a place seen before.
func (p *pass) flagAt(code string, pos xmltok.Pos, path, format string, args ...any) {
	if p.sheet.want(code) {
		p.sheet.add(p.c.rules[code], pos, path, fmt.Sprintf(format, args...))
	}
}

// once reports whether something is to be told for the first time in the file.
func (p *pass) once(what string) bool {
	if p.told[what] {
		return false
	}
	p.told[what] = true
	return true
}

// first looks at the first bytes of the file (CONSUMERS 3).
func (p *pass) first(head []byte) {
	start := xmltok.Pos{Line: 1, Column: 1}
	rest, marked := bytes.CutPrefix(head, []byte(bom))
	if marked {
		p.flagAt(codeBOM, start, "/", "the file begins with a byte order mark")
	}
	p.bare = !bytes.HasPrefix(rest, []byte("<?xml")) || len(rest) > 5 && !isSpace(rest[5])
}

// event is the rule that package schema calls.
func (p *pass) event(e *schema.Event) {
	p.e = e
	if p.foreign {
		return // the schema says so, and no rule has anything to say about it
	}
	switch e.Kind {
	case xmltok.StartElement:
		p.depth++
		name, attrs := e.Name(), e.Attrs()
		if p.depth == 1 {
			if p.foreign = string(name.Local) != p.m.kind.Root() || len(name.Prefix) > 0; p.foreign {
				return
			}
			if p.bare {
				p.flagAt(codeDeclaration, xmltok.Pos{Line: 1, Column: 1}, "/", "the file begins without an XML declaration")
			}
		}
		p.names(name, attrs)
		core := name.Space == p.core
		switch {
		case p.off != nil:
			p.off.start(name, core, attrs)
		case p.dict != nil:
			p.dict.start(name, core, attrs)
		case p.gw != nil:
			p.gw.start(name, core, attrs)
		}
	case xmltok.EndElement:
		switch {
		case p.off != nil:
			p.off.end()
		case p.dict != nil:
			p.dict.end()
		case p.gw != nil:
			p.gw.end()
		}
		p.depth--
	case xmltok.Text, xmltok.CData:
		switch {
		case p.off != nil:
			p.off.characters(e)
		case p.dict != nil:
			p.dict.text.characters(e)
		case p.gw != nil:
			p.gw.text.characters(e)
		}
	}
}

// names judges namespaces and prefixes (IOF 3).
func (p *pass) names(name xmltok.Name, attrs []xmltok.Attr) {
	if len(name.Prefix) > 0 {
		p.prefix(name)
	} else if name.Space != p.core {
		if p.depth == 1 {
			p.core = name.Space
		}
		if p.once(codeNSDefault) {
			p.flag(codeNSDefault, "<%s> stands in the default namespace %s", name.Local, clip(name.Space))
		}
	}
	for i := range attrs {
		if len(attrs[i].Prefix) > 0 && attrs[i].Space != xmltok.XMLNamespace {
			p.prefix(attrs[i].Name)
		}
	}
}

func (p *pass) prefix(name xmltok.Name) {
	ours := name.Space == extensionSpace
	p.extended = p.extended || ours
	if ours != (string(name.Prefix) == "iaiext") && p.once(codeNSPrefix+string(name.Prefix)) {
		if ours {
			p.flag(codeNSPrefix, "%s has the prefix %s instead of iaiext", name.Local, clip(name.Prefix))
		} else {
			p.flag(codeNSPrefix, "iaiext is bound to %s", clip(name.Space))
		}
	}
}

// root judges what all roots have: generated, expires, language.
func (p *pass) root(attrs []xmltok.Attr) {
	var expires string
	for i := range attrs {
		a := &attrs[i]
		if len(a.Prefix) > 0 {
			continue
		}
		switch string(a.Local) {
		case "generated":
			p.generated = p.time("generated", a.Value)
		case "expires":
			expires = p.time("expires", a.Value)
		case "language":
			p.language = append(p.language[:0], a.Value...)
			p.code("language", a.Value)
		case "extensions":
			p.declared = string(a.Value) == "yes"
		}
	}
	if p.generated == "" {
		if !hasAttr(attrs, "generated") {
			p.flag(codeGenerated, "the root has no generated")
		}
	} else if expires != "" && expires <= p.generated {
		p.flag(codeExpiresOrder, "expires %s is not after generated %s", expires, p.generated)
	}
	p.expiry("expires", expires)
}

func hasAttr(attrs []xmltok.Attr, local string) bool {
	for i := range attrs {
		if len(attrs[i].Prefix) == 0 && string(attrs[i].Local) == local {
			return true
		}
	}
	return false
}

// expiry reports a time of expiry that has passed. Times have no zone, hence
// the day's grace.
func (p *pass) expiry(what, stamp string) {
	if now := p.c.opt.Now; stamp != "" && !now.IsZero() && stamp < now.UTC().AddDate(0, 0, -1).Format(stampLayout) {
		p.flag(codeExpired, "%s was %s", what, stamp)
	}
}

// time judges a time and gives it in the one form, "" when it is none.
func (p *pass) time(what string, value []byte) string {
	m, fault := parseTime(value)
	p.timeFault(what, value, m, fault)
	if fault == timeNone || fault == timeInvalid {
		return ""
	}
	return m.String()
}

func (p *pass) timeFault(what string, value []byte, m moment, fault timeFault) {
	switch fault {
	case timeForm:
		p.flag(codeDateForm, "%s is %s instead of %s", what, clip(value), m)
	case timeInvalid:
		p.flag(codeDateInvalid, "%s is %s, which does not exist", what, clip(value))
	case timeNone:
		if len(trim(value)) > 0 {
			p.flag(codeDateForm, "%s is %s, which is no time", what, clip(value))
		}
	}
}

// code judges a language code (CONSUMERS 8).
func (p *pass) code(what string, value []byte) {
	meant, bad := languageFault(value)
	switch {
	case bad && meant != "":
		p.flag(codeLangCode, "%s is %s instead of %s", what, clip(value), meant)
	case bad:
		p.flag(codeLangCode, "%s is %s, which is no code of three lower-case letters", what, clip(value))
	}
}

// Limits that importers are known to have (CONSUMERS 25, IOF 11.1).
const (
	largeBytes    = 200_000_000
	largeElements = 2_000_000
	largeProducts = 200_000
)

// finish closes a reading; cut says that the file was not read to its end.
func (p *pass) finish(got schema.Report, cut bool) {
	cut = cut || p.foreign
	start := xmltok.Pos{Line: 1, Column: 1}
	switch {
	case got.Bytes > largeBytes:
		p.flagAt(codeFileLarge, start, "/", "the file has %d MB", got.Bytes/1_000_000)
	case got.Elements > largeElements:
		p.flagAt(codeFileLarge, start, "/", "the file has %d elements", got.Elements)
	case p.products > largeProducts:
		p.flagAt(codeFileLarge, start, "/", "the file has %d products", p.products)
	}
	if cut {
		p.x.cut(p.m.kind)
	}
	switch {
	case p.gw != nil:
		p.gw.finish()
	case p.dict != nil && p.dict.right && !cut:
		p.x.have[p.m.kind] = true
	case p.off != nil:
		p.off.finish(cut)
	}
}

// textNode follows the text of one element.
type textNode struct {
	on                   bool
	escaped, cdata, full bool // kinds of pieces, and whether there is any text
	pieces               int
	blank                bool // white space inside the text
}

func (t *textNode) begin() { *t = textNode{on: true} }

// characters takes a piece of text.
func (t *textNode) characters(e *schema.Event) {
	if !t.on {
		return
	}
	text := trim(e.Text())
	if len(text) > 0 {
		t.blank = t.blank || bytes.ContainsAny(text, " \t\r\n")
		t.full = true
	}
	if e.Kind == xmltok.CData {
		t.cdata = true
		t.pieces++
	} else if len(text) > 0 {
		t.escaped = true
	}
}

// mixed reports text in more than one style or section (CONSUMERS 7).
func (t *textNode) mixed() bool { return t.cdata && t.escaped || t.pieces > 1 }
