package rules

import (
	"cmp"
	"net/url"
	"strings"

	"feedmill/schema"
	"feedmill/schema/xmltok"
)

// Pointer is what a gateway says of one file (IOF 2.3).
type Pointer struct {
	Kind    schema.Kind
	URL     string // as written
	Hash    string // as written; "" without
	Changed string // YYYY-MM-DD hh:mm:ss; "" without

	when string // Changed, or the stamp of the address of a change file without it
	pos  xmltok.Pos
	path string
}

// maxPointers bounds what is remembered of a gateway.
const maxPointers = 10_000

// gatewayPass reads a gateway (IOF 2).
type gatewayPass struct {
	*pass
	pointers []Pointer
	kinds    map[string]schema.Kind // by address
	times    map[string]bool        // of change files
	stack    []string
	text     textNode
	filled   map[string]bool // children of meta that hold text
	created  string
	expires  string
	began    bool // created is said, whatever it is
	ends     bool // so is expires
	metaPos  xmltok.Pos
	hasMeta  bool
	offers   int
	pos      xmltok.Pos
}

// metaChildren are those that importers show or use as a key.
var metaChildren = [...]string{"long_name", "short_name", "email", "city", "country"}

func (g *gatewayPass) start(name xmltok.Name, core bool, attrs []xmltok.Attr) {
	local := string(name.Local)
	parent := ""
	if n := len(g.stack); n > 0 {
		parent = g.stack[n-1]
	}
	g.stack = append(g.stack, local)
	switch {
	case !core:
	case g.depth == 1:
		g.pos = g.e.Pos()
		g.root(attrs)
		g.version(attrs)
	case parent == "meta" && g.depth == 3 || parent == "address":
		g.text.begin()
		g.checkName(local)
	case local == "meta" && g.depth == 2:
		g.hasMeta, g.metaPos = true, g.e.Pos()
		g.filled = map[string]bool{}
	case parent == "time" && local == "offer":
		g.validity(attrs)
	case local == "changes", local == "time":
	case g.depth == 2 || parent == "changes":
		kind := schema.Kind(local)
		if parent == "changes" {
			kind = schema.FullChange
		}
		g.pointer(kind, attrs)
	}
}

// version judges what the gateway says it is, which its schema leaves open (IOF 2.1).
func (g *gatewayPass) version(attrs []xmltok.Attr) {
	for i := range attrs {
		a := &attrs[i]
		switch {
		case len(a.Prefix) > 0:
		case string(a.Local) == "file_format" && string(trim(a.Value)) != "IOF":
			g.flag(codeVersion, "file_format is %s", clip(a.Value))
		case string(a.Local) == "version":
			if n := parseNumber(a.Value); n.ok && n.v != 3*scale {
				g.flag(codeVersion, "version is %s", clip(a.Value))
			}
		}
	}
}

// checkName starts over for each child of meta; text is judged at its end.
func (g *gatewayPass) checkName(local string) {
	if g.filled == nil {
		g.filled = map[string]bool{}
	}
	g.filled[local] = false
}

// validity reads created and expires of the offer (IOF 2.2).
func (g *gatewayPass) validity(attrs []xmltok.Attr) {
	g.offers++
	for i := range attrs {
		switch a := &attrs[i]; string(a.Local) {
		case "created":
			if g.offers == 1 {
				g.created, g.began = g.time("created", a.Value), len(trim(a.Value)) > 0
			}
		case "expires":
			if g.offers == 2 {
				g.expires, g.ends = g.time("expires", a.Value), len(trim(a.Value)) > 0
				g.expiry("expires of the offer", g.expires)
				if g.created != "" && g.expires != "" && g.expires <= g.created {
					g.flag(codeExpiresOrder, "expires %s is not after created %s", g.expires, g.created)
				}
			}
		}
	}
}

func (g *gatewayPass) pointer(kind schema.Kind, attrs []xmltok.Attr) {
	p := Pointer{Kind: kind, pos: g.e.Pos(), path: g.e.Path()}
	addressed, dated := false, false
	for i := range attrs {
		a := &attrs[i]
		if len(a.Prefix) > 0 {
			continue
		}
		switch string(a.Local) {
		case "url":
			p.URL, addressed = strings.TrimSpace(string(a.Value)), true
		case "hash":
			p.Hash = strings.TrimSpace(string(a.Value))
		case "changed":
			p.Changed, dated = g.time("changed", a.Value), len(trim(a.Value)) > 0
		}
	}
	if len(g.pointers) == maxPointers {
		return
	}
	if p.URL == "" && addressed { // which is a URL to the schema
		g.flag(codeFileMissing, "%s has an empty address", kind)
	}
	g.address(&p)
	switch {
	case p.Hash == "" && kind == schema.Light:
		g.flag(codeHashLight, "light has no hash")
	case p.Hash != "" && (!isMD5(p.Hash) || strings.ToLower(p.Hash) != p.Hash):
		g.flag(codeHashForm, "hash is %s", clip(p.Hash))
	}
	if !dated && kind != schema.Light {
		g.flag(codeChangedMissing, "%s has no changed", kind)
	}
	if g.generated != "" && p.Changed > g.generated {
		g.flag(codeLabelFuture, "changed %s is later than the gateway's generated %s", p.Changed, g.generated)
	}
	if kind == schema.FullChange {
		g.label(&p)
	}
	if other, named := g.kinds[p.URL]; named && other != kind {
		g.flag(codeFileKind, "%s has the address of %s", kind, other)
	} else if p.URL != "" && !named {
		g.kinds[p.URL] = kind
	}
	g.pointers = append(g.pointers, p)
}

// address judges an address (CONSUMERS 22).
func (g *gatewayPass) address(p *Pointer) {
	u, err := url.Parse(p.URL)
	switch {
	case p.URL == "" || err != nil:
		return // the schema says so
	case !u.IsAbs():
		g.flag(codeURLRelative, "the address is %s", clip(p.URL))
	case u.Scheme == "http":
		g.flag(codeURLPlain, "the address is %s", clip(p.URL))
	}
	if strings.Contains(p.URL, "&") {
		g.flag(codeURLAmpersand, "the address is %s", clip(p.URL))
	}
	if way := u.EscapedPath() + "?" + u.RawQuery; !strings.Contains(way, string(p.Kind)) {
		g.flag(codeURLWord, "the address does not contain %s behind its host", clip(p.Kind))
	}
}

// label judges the place and name of a change file (IOF 6).
func (g *gatewayPass) label(p *Pointer) {
	stamp := labelStamp(labelOf(p.URL))
	switch {
	case stamp == "":
		g.flag(codeLabelName, "the address has no stamp as in full_change2026-03-02T10-00-00")
	case p.Changed != "" && stamp != p.Changed:
		g.flag(codeLabelName, "the stamp of the address is %s, and changed is %s", stamp, p.Changed)
	}
	p.when = cmp.Or(p.Changed, stamp)
	again := g.kinds[p.URL] == schema.FullChange || g.times[p.when]
	if p.when != "" {
		g.times[p.when] = true
	}
	if again {
		g.flag(codeLabelDuplicate, "an entry before it has the same label")
		return
	}
	if n := len(g.pointers); n > 0 && p.when != "" && g.pointers[n-1].when != "" && g.pointers[n-1].when < p.when {
		g.flag(codeLabelOrder, "%s follows the older %s", p.when, g.pointers[n-1].when)
	}
}

func (g *gatewayPass) end() {
	local := g.stack[len(g.stack)-1]
	g.stack = g.stack[:len(g.stack)-1]
	if !g.text.on {
		return
	}
	g.text.on = false
	if g.text.full {
		g.filled[local] = true
	}
	if g.text.mixed() {
		g.flag(codeTextMixed, "the text has several styles or sections")
	}
	if local == "short_name" && g.text.blank {
		g.flag(codeMeta, "the short name has blanks")
	}
}

// finish judges what had to come, and hands the pointers on.
func (g *gatewayPass) finish() {
	if g.hasMeta {
		var empty []string
		for _, name := range metaChildren {
			if !g.filled[name] {
				empty = append(empty, name)
			}
		}
		if len(empty) > 0 {
			g.flagAt(codeMeta, g.metaPos, "/provider_description/meta", "nothing is said in %s", strings.Join(empty, ", "))
		}
		switch {
		case !g.began && !g.ends:
			g.flagAt(codeMetaTime, g.metaPos, "/provider_description/meta/time", "created and expires are missing")
		case !g.began:
			g.flagAt(codeMetaTime, g.metaPos, "/provider_description/meta/time", "created is missing")
		case !g.ends:
			g.flagAt(codeMetaTime, g.metaPos, "/provider_description/meta/time", "expires is missing")
		}
	}
	g.c.pointers, g.c.gateway = g.pointers, g.home
}
