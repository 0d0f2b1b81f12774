package catalog

import (
	"strconv"

	"feedmill/feed"
)

func (w *writer) attachments(list []feed.Attachment) {
	if len(list) == 0 {
		return
	}
	w.key("attachments")
	w.open('[')
	for i := range list {
		a := &list[i]
		w.comma()
		w.open('{')
		w.text("url", a.URL)
		w.optional("name", a.Name)
		w.texts("names", a.Names)
		w.optional("version", a.Version)
		w.optional("enable", a.Enable)
		w.optional("file_type", a.FileType)
		w.optional("extension", a.Extension)
		w.integer("priority", a.Priority)
		w.flag("download_log", a.DownloadLog)
		w.integer("downloads", a.Downloads)
		w.integer("days", a.Days)
		w.shut('}')
	}
	w.shut(']')
}

func (w *writer) group(g *feed.Group) {
	if g == nil {
		return
	}
	w.key("group")
	w.open('{')
	w.text("id", g.ID)
	w.optional("first", g.First)
	w.optional("first_code", g.FirstCode)
	w.optional("first_producer_code", g.FirstProducerCode)
	w.optional("first_external_code", g.FirstExternalCode)
	w.optional("external_code", g.ExternalCode)
	w.groupName("parameter", &g.Parameter)
	w.groupName("value", &g.Value)
	w.shut('}')
}

func (w *writer) groupName(name string, g *feed.GroupName) {
	if g.ID == "" && len(g.Names) == 0 {
		return
	}
	w.key(name)
	w.open('{')
	w.optional("id", g.ID)
	w.texts("name", g.Names)
	w.shut('}')
}

func (w *writer) parameters(list []feed.Parameter) {
	if len(list) == 0 {
		return
	}
	w.key("parameters")
	w.open('[')
	for i := range list {
		q := &list[i]
		w.comma()
		w.open('{')
		w.optional("id", q.ID)
		w.texts("name", q.Names)
		if q.Section {
			w.key("section")
			w.b = append(w.b, "true"...)
		}
		w.integer("priority", q.Priority)
		w.flag("distinction", q.Distinction)
		w.flag("group_distinction", q.GroupDistinction)
		w.flag("hide", q.Hide)
		w.flag("auction_hide", q.AuctionHide)
		w.optional("context", q.Context)
		if len(q.Values) > 0 {
			w.key("values")
			w.open('[')
			for k := range q.Values {
				v := &q.Values[k]
				w.comma()
				w.open('{')
				w.optional("id", v.ID)
				w.texts("name", v.Names)
				w.integer("priority", v.Priority)
				w.optional("context", v.Context)
				w.shut('}')
			}
			w.shut(']')
		}
		w.shut('}')
	}
	w.shut(']')
}

func (w *writer) bundled(b *feed.Bundled) {
	if b == nil {
		return
	}
	w.key("bundled")
	w.open('{')
	w.key("specified")
	w.b = strconv.AppendBool(w.b, b.Specified)
	w.key("components")
	w.open('[')
	for i := range b.Components {
		c := &b.Components[i]
		w.comma()
		w.open('{')
		w.text("id", c.ID)
		w.quantity("quantity", c.Quantity)
		w.text("choice", c.Choice.String())
		if len(c.Sizes) > 0 {
			w.key("sizes")
			w.open('[')
			for k := range c.Sizes {
				s := &c.Sizes[k]
				w.comma()
				w.open('{')
				for n, v := range [...]string{s.ID, s.Name, s.Code, s.ProducerCode, s.ExternalCode} {
					w.optional(componentSizeMembers.names[n], v)
				}
				w.shut('}')
			}
			w.shut(']')
		}
		w.shut('}')
	}
	w.shut(']')
	w.shut('}')
}

func (w *writer) responsible(r *feed.ResponsibleEntity) {
	if r == nil {
		return
	}
	w.key("responsible")
	w.open('{')
	if r.Producer != (feed.Contact{}) {
		w.key("producer")
		w.contact(&r.Producer)
	}
	if len(r.Persons) > 0 {
		w.key("persons")
		w.open('[')
		for i := range r.Persons {
			w.comma()
			w.contact(&r.Persons[i])
		}
		w.shut(']')
	}
	w.shut('}')
}

func (w *writer) contact(c *feed.Contact) {
	w.open('{')
	for i, v := range [...]string{c.ID, c.Code, c.Name, c.Country, c.Street, c.Number, c.City, c.Zipcode, c.Mail, c.Phone} {
		w.optional(contactMembers.names[i], v)
	}
	w.shut('}')
}

// AppendDefaults appends the line that says once what holds for all products.
// It must be the first line of a file.
func AppendDefaults(dst []byte, d Defaults) []byte {
	w := dictionaryLine(dst, "catalog")
	w.optional("language", d.Language.String())
	w.optional("currency", d.Currency.String())
	if d.HasVAT {
		w.key("vat")
		w.b = d.VAT.Append(w.b)
	}
	if d.NetPrices {
		w.text("prices", "net")
	}
	return w.end()
}

// AppendDictionaries appends the dictionaries, one entry a line. They stand
// behind the line of [AppendDefaults] and before the products. An entry without
// a name is called by its id.
func AppendDictionaries(dst []byte, d *feed.Dictionaries) []byte {
	for i := range d.Producers {
		w := dictionaryLine(dst, "producer")
		w.text("id", d.Producers[i].ID)
		w.text("name", orID(d.Producers[i].Name, d.Producers[i].ID))
		dst = w.end()
	}
	for i := range d.Categories {
		w := dictionaryLine(dst, "category")
		w.node(d.Categories[i].ID, d.Categories[i].Parent, d.Categories[i].Names)
		dst = w.end()
	}
	for i := range d.Units {
		w := dictionaryLine(dst, "unit")
		w.text("id", d.Units[i].ID)
		w.named(d.Units[i].Names, d.Units[i].ID)
		if d.Units[i].Precision > 0 {
			w.integer("precision", feed.IntOf(int32(d.Units[i].Precision)))
		}
		dst = w.end()
	}
	for i := range d.Series {
		w := dictionaryLine(dst, "series")
		w.node(d.Series[i].ID, d.Series[i].Parent, d.Series[i].Names)
		dst = w.end()
	}
	for i := range d.Warranties {
		v := &d.Warranties[i]
		w := dictionaryLine(dst, "warranty")
		w.text("id", v.ID)
		w.optional("kind", v.Kind.String())
		w.integer("months", v.Months)
		w.named(v.Names, v.ID)
		w.texts("description", v.Descriptions)
		dst = w.end()
	}
	for i := range d.Warehouses {
		w := dictionaryLine(dst, "warehouse")
		w.integer("id", feed.IntOf(int32(d.Warehouses[i].ID)))
		w.named(d.Warehouses[i].Names, strconv.Itoa(int(d.Warehouses[i].ID)))
		dst = w.end()
	}
	for i := range d.SizeGroups {
		g := &d.SizeGroups[i]
		w := dictionaryLine(dst, "size_group")
		w.text("id", g.ID)
		w.text("name", orID(g.Name, g.ID))
		w.key("sizes")
		w.open('[')
		for k := range g.Sizes {
			w.comma()
			w.open('{')
			w.text("id", g.Sizes[k].ID)
			w.named(g.Sizes[k].Names, g.Sizes[k].ID)
			w.shut('}')
		}
		w.shut(']')
		dst = w.end()
	}
	for i, list := range [...][]feed.ParameterEntry{d.Sections, d.Parameters, d.Values} {
		for k := range list {
			w := dictionaryLine(dst, [...]string{"section", "parameter", "value"}[i])
			w.text("id", list[k].ID)
			w.named(list[k].Names, list[k].ID)
			w.texts("description", list[k].Descriptions)
			w.texts("card_icon", list[k].CardIcons)
			w.texts("list_icon", list[k].ListIcons)
			dst = w.end()
		}
	}
	return dst
}

// dictionaryLine starts a dictionary line.
func dictionaryLine(dst []byte, kind string) *writer {
	w := &writer{b: dst}
	w.open('{')
	w.text("record", kind)
	return w
}

func (w *writer) end() []byte {
	w.shut('}')
	return append(w.b, '\n')
}

func (w *writer) node(id, parent string, names feed.Texts) {
	w.text("id", id)
	w.optional("parent", parent)
	w.named(names, id)
}

// named writes the names of an entry.
func (w *writer) named(names feed.Texts, id string) {
	if len(names) == 0 {
		w.text("name", id)
		return
	}
	w.texts("name", names)
}

func orID(name, id string) string {
	if name == "" {
		return id
	}
	return name
}
