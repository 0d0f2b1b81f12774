package iof_test

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/feed/iof"

	"github.com/beevik/etree"
)

func (r *reference) attachments(e *etree.Element, files []feed.Attachment) {
	c := e.CreateElement("attachments")
	oneOf := func(n *etree.Element, name, value, list string) {
		if slices.Contains(strings.Fields(list), value) {
			n.CreateAttr(name, value)
		}
	}
	for _, f := range files {
		if !filled(f.URL) {
			continue
		}
		n := c.CreateElement("file")
		oneOf(n, "version", f.Version, "full sample demo")
		set(n, "url", f.URL)
		set(n, "name", f.Name)
		setInt(n, "priority", f.Priority)
		oneOf(n, "enable", f.Enable, "all only_logged ordered wholesaler wholesaler_or_orderer wholesaler_and_ordered")
		oneOf(n, "attachment_file_type", f.FileType, "image audio video doc document other")
		set(n, "attachment_file_extension", f.Extension)
		set(n, "download_log", f.DownloadLog.String())
		r.texts(n, "name", f.Names)
		if len(n.ChildElements()) == 0 {
			if filled(f.Name) {
				r.leaf(n, "name", r.deflt, f.Name)
			} else {
				r.leaf(n, "name", r.deflt, f.URL)
			}
		}
		limit := n.CreateElement("limitation")
		setInt(limit, "downloads", f.Downloads)
		setInt(limit, "days", f.Days)
		if len(limit.Attr) == 0 {
			n.RemoveChild(limit)
		}
	}
	prune(e, c)
}

func (r *reference) group(e *etree.Element, g *feed.Group) {
	if g == nil || !filled(g.ID) {
		return
	}
	c := e.CreateElement("group")
	set(c, "id", g.ID)
	set(c, "first_product_id", g.First)
	set(c, "iaiext:code_external", g.ExternalCode)
	producer, external := g.FirstProducerCode, g.FirstExternalCode
	if r.p.Dialect.SwapCodes {
		producer, external = external, producer
	}
	set(c, "iaiext:first_product_code_external", external)
	set(c, "iaiext:first_product_code_producer", producer)
	set(c, "iaiext:first_product_code_iai", g.FirstCode)
	by := c.CreateElement("group_by_parameter")
	set(by, "id", g.Parameter.ID)
	r.texts(by, "name", g.Parameter.Names)
	v := by.CreateElement("product_value")
	set(v, "id", g.Value.ID)
	r.texts(v, "name", g.Value.Names)
	if len(v.Attr) == 0 && len(v.Child) == 0 {
		by.RemoveChild(v)
	}
}

func (r *reference) parameters(e *etree.Element, list []feed.Parameter) {
	c := e.CreateElement("parameters")
	id := func(x feed.ParameterEntry) string { return x.ID }
	flag := func(f feed.Flag) string { return map[feed.Flag]string{feed.FlagYes: "y", feed.FlagNo: "n"}[f] }
	for _, m := range list {
		from, kind := func(d *feed.Dictionaries) []feed.ParameterEntry { return d.Parameters }, "parameter"
		if m.Section {
			from, kind = func(d *feed.Dictionaries) []feed.ParameterEntry { return d.Sections }, "section"
		}
		known, ok := entry(r, from, m.ID, id)
		chosen := r.choose(r.names(known.Names, ok, m.Names))
		if len(chosen) == 0 || !filled(m.ID) {
			continue
		}
		n := c.CreateElement("parameter")
		n.CreateAttr("type", kind)
		set(n, "id", m.ID)
		set(n, "xml:lang", chosen[0].Lang.String())
		set(n, "name", chosen[0].Value)
		setInt(n, "priority", m.Priority)
		set(n, "distinction", flag(m.Distinction))
		set(n, "group_distinction", flag(m.GroupDistinction))
		set(n, "hide", flag(m.Hide))
		set(n, "auction_template_hide", flag(m.AuctionHide))
		if slices.Contains(feed.ParameterContexts(), m.Context) {
			n.CreateAttr("context_id", m.Context)
		}
		for _, v := range m.Values {
			known, ok := entry(r, func(d *feed.Dictionaries) []feed.ParameterEntry { return d.Values }, v.ID, id)
			chosen := r.choose(r.names(known.Names, ok, v.Names))
			if m.Section || len(chosen) == 0 || !filled(v.ID) {
				continue
			}
			k := n.CreateElement("value")
			set(k, "id", v.ID)
			set(k, "xml:lang", chosen[0].Lang.String())
			set(k, "name", chosen[0].Value)
			setInt(k, "priority", v.Priority)
			if slices.Contains(feed.ValueContexts(), v.Context) {
				k.CreateAttr("context_id", v.Context)
			}
		}
	}
	prune(e, c)
}

func (r *reference) bundled(e *etree.Element, b *feed.Bundled) {
	c := e.CreateElement("bundled")
	c.CreateAttr("type", map[bool]string{true: "specified", false: "unspecified"}[b.Specified])
	for _, k := range b.Components {
		if !filled(k.ID) {
			continue
		}
		n := c.CreateElement("product")
		set(n, "id", k.ID)
		q := k.Quantity.String()
		if !k.Quantity.Known() {
			q = "1"
		}
		n.CreateAttr("quantity", q)
		n.CreateAttr("type", k.Choice.String())
		sizes := n.CreateElement("sizes")
		for _, s := range k.Sizes {
			z := sizes.CreateElement("size")
			id := s.ID
			if id == "uniw" || id == "0" {
				id = map[bool]string{true: "0", false: "uniw"}[r.p.Dialect.OneSizeZero]
			}
			producer, external := s.ProducerCode, s.ExternalCode
			if r.p.Dialect.SwapCodes {
				producer, external = external, producer
			}
			set(z, "id", id)
			set(z, "name", s.Name)
			set(z, "iaiext:code_external", external)
			set(z, "iaiext:code_producer", producer)
			set(z, "iaiext:code", token(s.Code))
		}
		prune(n, sizes)
	}
	prune(e, c)
}

func (r *reference) responsible(e *etree.Element, x *feed.ResponsibleEntity) {
	if x == nil {
		return
	}
	c := e.CreateElement("iaiext:responsible_entity")
	contact := func(parent *etree.Element, tag string, k feed.Contact) {
		n := parent.CreateElement(tag)
		for _, f := range []struct{ tag, value string }{{"id", k.ID}, {"code", k.Code}, {"name", k.Name}, {"country", k.Country}, {"street", k.Street},
			{"number", k.Number}, {"city", k.City}, {"zipcode", k.Zipcode}, {"mail", k.Mail}, {"phone", k.Phone}} {
			if filled(f.value) {
				r.leaf(n, f.tag, feed.Language{}, f.value)
			}
		}
		prune(parent, n)
	}
	contact(c, "producer", x.Producer)
	persons := c.CreateElement("persons")
	for _, k := range x.Persons {
		contact(persons, "person", k)
	}
	prune(c, persons)
	prune(e, c)
}

// root builds the root of a file that is no offer.
func (r *reference) root(tag string, by bool, lang bool, times ...time.Time) *etree.Element {
	e := etree.NewElement(tag)
	if r.p.Dialect.DefaultNamespace {
		e.CreateAttr("xmlns", "http://www.iai-shop.com/developers/iof.phtml")
	}
	e.CreateAttr("file_format", "IOF")
	e.CreateAttr("version", "3.0")
	if by {
		e.CreateAttr("generated_by", "feedmill")
	}
	if lang {
		e.CreateAttr("language", r.main())
	}
	for i, t := range times {
		e.CreateAttr([]string{"generated", "expires"}[i], t.Format("2006-01-02 15:04:05"))
	}
	return e
}

// named adds the name attribute, of the first text or else.
func (r *reference) named(e *etree.Element, ts feed.Texts, otherwise string) {
	if chosen := r.choose(ts); len(chosen) > 0 {
		otherwise = chosen[0].Value
	}
	set(e, "name", otherwise)
}

// node is an entry of a tree for [reference.tree].
type node struct {
	id, parent string
	names      feed.Texts
}

func (r *reference) tree(parent *etree.Element, tag string, nodes []node, fit func(string) string) {
	made := make([]*etree.Element, len(nodes))
	for i, n := range nodes {
		under := parent
		for j := range nodes { // the last of an id is meant, and only if it came before
			if nodes[j].id == n.parent && n.parent != "" {
				if j < i {
					under = made[j]
				} else {
					under = parent
				}
			}
		}
		e := under.CreateElement(tag)
		made[i] = e
		if filled(strings.Trim(n.id, " \t\r\n")) {
			set(e, "id", fit(n.id))
		}
		r.named(e, n.names, n.id)
		r.texts(e, "name", n.names)
	}
}

// dictionaries builds every dictionary by the name of its file.
func (r *reference) dictionaries(d *feed.Dictionaries, generated, expires time.Time) map[string]*etree.Element {
	out := make(map[string]*etree.Element)
	e := r.root("categories", true, true, generated, expires)
	var nodes []node
	for _, c := range d.Categories {
		nodes = append(nodes, node{c.ID, c.Parent, c.Names})
	}
	r.tree(e, "category", nodes, func(s string) string { return s })
	out["categories"] = e

	e = r.root("series", true, true, generated, expires)
	nodes = nil
	for _, c := range d.Series {
		nodes = append(nodes, node{c.ID, c.Parent, c.Names})
	}
	r.tree(e, "series", nodes, token)
	out["series"] = e

	e = r.root("producers", true, true, generated, expires)
	for _, p := range d.Producers {
		if filled(p.ID) {
			c := e.CreateElement("producer")
			set(c, "id", p.ID)
			r.named(c, feed.Texts{{Value: p.Name}}, p.ID)
		}
	}
	out["producers"] = e

	e = r.root("units", true, true, generated, expires)
	for _, u := range d.Units {
		c := e.CreateElement("unit")
		set(c, "id", u.ID)
		if chosen := r.choose(u.Names); len(chosen) > 0 && filled(strings.TrimSpace(chosen[0].Value)) {
			set(c, "name", unitName(chosen[0].Value))
		}
		c.CreateAttr("precision", strconv.Itoa(int(u.Precision)))
		r.texts(c, "name", u.Names)
	}
	out["units"] = e

	e = r.root("stocks", true, true, generated, expires)
	for _, s := range d.Warehouses {
		c := e.CreateElement("stock")
		c.CreateAttr("id", strconv.Itoa(int(s.ID)))
		r.named(c, s.Names, strconv.Itoa(int(s.ID)))
		r.texts(c, "name", s.Names)
	}
	out["stocks"] = e

	e = r.root("warranties", true, true, generated, expires)
	for _, g := range d.Warranties {
		c := e.CreateElement("warranty")
		set(c, "id", g.ID)
		r.named(c, g.Names, g.ID)
		months, ok := g.Months.Get()
		if g.Kind != feed.WarrantyUnset && (ok || g.Kind == feed.WarrantyNone) {
			t := c.CreateElement("terms")
			t.CreateAttr("type", g.Kind.String())
			t.CreateAttr("period_number", strconv.Itoa(int(months)))
			t.CreateAttr("period_unit", "month")
		}
		r.texts(c, "name", g.Names)
		r.texts(c, "description", g.Descriptions)
	}
	out["warranties"] = e

	e = r.root("parameters", true, true, generated, expires)
	for _, x := range []struct {
		list []feed.ParameterEntry
		tag  string
	}{{d.Sections, "section"}, {d.Parameters, "parameter"}, {d.Values, "value"}} {
		wrapper := e.CreateElement(x.tag + "s")
		for _, p := range x.list {
			if !filled(p.ID) {
				continue
			}
			c := wrapper.CreateElement(x.tag)
			set(c, "id", p.ID)
			r.named(c, p.Names, p.ID)
			r.texts(c, "name", p.Names)
			if len(c.Child) == 0 {
				r.leaf(c, "name", r.deflt, p.ID)
			}
			r.texts(c, "description", p.Descriptions)
			icons := c.CreateElement("icons")
			for _, t := range r.choose(p.CardIcons) {
				n := icons.CreateElement("card")
				set(n, "xml:lang", t.Lang.String())
				set(n, "url", t.Value)
			}
			for _, t := range r.choose(p.ListIcons) {
				n := icons.CreateElement("list")
				lang := t.Lang.String()
				if lang == "" {
					lang = r.main()
				}
				set(n, "xml:lang", lang)
				set(n, "url", t.Value)
			}
			prune(c, icons)
		}
		prune(e, wrapper)
	}
	out["parameters"] = e

	e = r.root("sizes", false, true, generated)
	groups := slices.Clone(d.SizeGroups)
	if !slices.ContainsFunc(groups, func(g feed.SizeGroup) bool { return g.ID == "-1" }) {
		groups = append([]feed.SizeGroup{{ID: "-1"}}, groups...)
	}
	oneID := map[bool]string{true: "0", false: "uniw"}[r.p.Dialect.OneSizeZero]
	for _, g := range groups {
		if !filled(g.ID) {
			continue
		}
		one := g.ID == "-1" && len(g.Sizes) < 2
		sizes := slices.Clone(g.Sizes)
		name := g.Name
		if one {
			if len(sizes) == 0 {
				sizes = []feed.SizeEntry{{}}
			}
			sizes[0].ID = oneID
			if !filled(name) {
				name = "One size"
			}
		}
		if !filled(name) {
			name = g.ID
		}
		c := e.CreateElement("group")
		set(c, "id", g.ID)
		set(c, "name", name)
		for _, s := range sizes {
			if !filled(s.ID) {
				s.ID = oneID
			}
			n := c.CreateElement("size")
			set(n, "id", s.ID)
			otherwise := s.ID
			if one {
				otherwise = "one size"
			}
			r.named(n, s.Names, otherwise)
			r.texts(n, "name", s.Names)
		}
	}
	out["sizes"] = e
	return out
}

// gateway builds gateway.xml, names already folded.
func (r *reference) gateway(g iof.Gateway, longName, shortName string) *etree.Element {
	e := r.root("provider_description", true, false, g.Generated)
	meta := e.CreateElement("meta")
	s := g.Supplier
	present := func(parent *etree.Element, tag, value string) { parent.CreateElement(tag).SetText(r.nodeText(value)) }
	present(meta, "long_name", longName)
	present(meta, "short_name", shortName)
	set(meta.CreateElement("showcase_image"), "url", s.LogoURL)
	present(meta, "email", s.Email)
	present(meta, "tel", s.Phone)
	present(meta, "fax", s.Fax)
	present(meta, "www", s.Website)
	address := meta.CreateElement("address")
	present(address, "street", s.Street)
	present(address, "zipcode", s.Zipcode)
	present(address, "city", s.City)
	present(address, "country", s.Country)
	present(address, "province", s.Province)
	times := meta.CreateElement("time")
	times.CreateElement("offer").CreateAttr("created", g.Created.Format("2006-01-02 15:04:05"))
	times.CreateElement("offer").CreateAttr("expires", g.Expires.Format("2006-01-02 15:04:05"))
	pointer := func(parent *etree.Element, tag string, p iof.Pointer) *etree.Element {
		c := parent.CreateElement(tag)
		c.CreateAttr("url", attrText(p.URL))
		set(c, "hash", token(p.Hash))
		c.CreateAttr("changed", p.Changed.Format("2006-01-02 15:04:05"))
		return c
	}
	full := pointer(e, "full", g.Full)
	changes := full.CreateElement("changes")
	list := slices.Clone(g.Changes)
	slices.SortStableFunc(list, func(a, b iof.Pointer) int { return b.Changed.Compare(a.Changed) })
	for _, p := range list {
		pointer(changes, "change", p)
	}
	prune(full, changes)
	pointer(e, "light", g.Light)
	pointer(e, "categories", g.Categories)
	pointer(e, "sizes", g.Sizes)
	for _, x := range []struct {
		tag string
		p   iof.Pointer
	}{{"producers", g.Producers}, {"units", g.Units}, {"parameters", g.Parameters}, {"stocks", g.Stocks}, {"series", g.Series}, {"warranties", g.Warranties}, {"preset", g.Preset}} {
		if filled(x.p.URL) {
			pointer(e, x.tag, x.p)
		}
	}
	return e
}
