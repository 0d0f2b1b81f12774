package tabular

import (
	"math"

	"feedmill/feed"
)

// appendSizeID writes a size's id as every file of the dialect does (IOF 4.7).
func (w *Writer) appendSizeID(dst []byte, it *feed.Item, i int) []byte {
	p := it.Product
	if id := p.Sizes[i].ID; id != "" && (p.SizeGroup.ID != feed.OneSizeGroup || len(p.Sizes) > 1) {
		return appendText(dst, id)
	}
	return append(dst, w.dialect.OneSizeID()...)
}

// appendProducerCode writes a producer's code, without the hyphens and blanks
// of its printed form where the standard is one of digits (CONSUMERS 10).
func appendProducerCode(dst []byte, p *feed.Product, i int) []byte {
	if dst, ok := p.CodeStandard.AppendDigits(dst, p.Sizes[i].ProducerCode); ok {
		return dst
	}
	return appendText(dst, p.Sizes[i].ProducerCode)
}

// standard gives the code standard to write: AUTO where none was given, OTHER
// where codes are swapped and code_producer holds no GTIN.
func (w *Writer) standard(s feed.CodeStandard) feed.CodeStandard {
	switch {
	case s == feed.StandardNone:
		return feed.StandardAuto
	case w.dialect.SwapCodes && s != feed.StandardAuto:
		return feed.StandardOther
	}
	return s
}

func (w *Writer) producerName(ref feed.Ref) string {
	if w.x != nil {
		if name, ok := w.x.Producer(ref.ID); ok && name != "" {
			return name
		}
	}
	return ref.Name
}

func (w *Writer) categoryNames(ref feed.Reference) feed.Texts {
	if w.x != nil {
		if path, ok := w.x.CategoryPath(ref.ID); ok {
			return preferred(path, ref.Names)
		}
	}
	return ref.Names
}

func (w *Writer) unitNames(ref feed.Reference) feed.Texts {
	if w.x != nil {
		if u, ok := w.x.Unit(ref.ID); ok {
			return preferred(u.Names, ref.Names)
		}
	}
	return ref.Names
}

// precision gives the decimals of quantities in a unit (IOF 7.4).
func (w *Writer) precision(unit string) int {
	if w.x != nil {
		if u, ok := w.x.Unit(unit); ok {
			return int(min(u.Precision, 3))
		}
	}
	return 0
}

func (w *Writer) seriesNames(ref feed.Reference) feed.Texts {
	if w.x != nil {
		if s, ok := w.x.Series(ref.ID); ok {
			return preferred(s.Names, ref.Names)
		}
	}
	return ref.Names
}

func (w *Writer) warranty(ref *feed.WarrantyRef) (feed.WarrantyKind, feed.Int, feed.Texts) {
	kind, months, names := ref.Kind, ref.Months, ref.Names
	if w.x != nil {
		if d, ok := w.x.Warranty(ref.ID); ok {
			names = preferred(d.Names, names)
			if d.Kind != feed.WarrantyUnset {
				kind = d.Kind
			}
			if _, ok := d.Months.Get(); ok {
				months = d.Months
			}
		}
	}
	return kind, months, names
}

// pictureColumns are images, in the order of display, and attachments.
func pictureColumns() []column {
	image := func(name string, get func(m *feed.Image) string) column {
		return column{name: name, lines: func(_ *Writer, it *feed.Item) int { return len(it.Product.Images) },
			write: func(_ *Writer, dst []byte, it *feed.Item, i, _ int) []byte {
				return appendText(dst, get(imageAt(it.Product.Images, i)))
			}}
	}
	files := func(_ *Writer, it *feed.Item) int { return len(it.Product.Attachments) }
	return []column{
		image("/images/large/image@url", func(m *feed.Image) string { return m.URL }),
		image("/images/large/image@hash", func(m *feed.Image) string { return m.Hash }),
		image("/images/large/image@changed", func(m *feed.Image) string { return m.Changed }),
		str("/images/icons/icon@url", func(p *feed.Product) string { return p.Icon.URL }),
		str("/images/icons/auction_icon@url", func(p *feed.Product) string { return p.AuctionIcon.URL }),
		str("/images/icons/group_icon@url", func(p *feed.Product) string { return p.GroupIcon.URL }),
		{name: "/attachments/file@url", lines: files, write: func(_ *Writer, dst []byte, it *feed.Item, i, _ int) []byte {
			return appendText(dst, it.Product.Attachments[i].URL)
		}},
		{name: "/attachments/file/name[]", lines: files, write: func(w *Writer, dst []byte, it *feed.Item, i, lang int) []byte {
			a := &it.Product.Attachments[i]
			if s := w.text(a.Names, lang); s != "" || lang > 0 {
				return appendText(dst, s)
			}
			return appendText(dst, a.Name)
		}},
	}
}

// imageAt gives the image that is shown at place n: by priority, an absent one
// being its place in the list, and by that place where priorities are equal.
func imageAt(images []feed.Image, n int) *feed.Image {
	pri, at := int32(math.MinInt32), -1
	for range n + 1 {
		best, bestAt := int32(math.MaxInt32), -1
		for i := range images {
			p := images[i].Priority.Or(int32(i) + 1)
			if p < pri || p == pri && i <= at {
				continue
			}
			if bestAt < 0 || p < best {
				best, bestAt = p, i
			}
		}
		pri, at = best, bestAt
	}
	return &images[at]
}

// groupColumns are the variant group.
func groupColumns() []column {
	group := func(name string, get func(g *feed.Group) string) column {
		return str(name, func(p *feed.Product) string {
			if p.Group == nil {
				return ""
			}
			return get(p.Group)
		})
	}
	groupText := func(name string, get func(g *feed.Group) feed.Texts) column {
		return text(name, func(_ *Writer, p *feed.Product) feed.Texts {
			if p.Group == nil {
				return nil
			}
			return get(p.Group)
		})
	}
	return []column{
		group("/group@id", func(g *feed.Group) string { return g.ID }),
		group("/group@first_product_id", func(g *feed.Group) string { return g.First }),
		group("/group/group_by_parameter@id", func(g *feed.Group) string { return g.Parameter.ID }),
		groupText("/group/group_by_parameter@name[]", func(g *feed.Group) feed.Texts { return g.Parameter.Names }),
		group("/group/group_by_parameter/product_value@id", func(g *feed.Group) string { return g.Value.ID }),
		groupText("/group/group_by_parameter/product_value@name[]", func(g *feed.Group) feed.Texts { return g.Value.Names }),
	}
}

// parameterColumns are sections and parameters, and their values, each of
// which names its parameter.
func parameterColumns() []column {
	parameters := func(_ *Writer, it *feed.Item) int { return len(it.Product.Parameters) }
	parameter := func(name string, write func(w *Writer, dst []byte, m *feed.Parameter, lang int) []byte) column {
		return column{name: name, lines: parameters, write: func(w *Writer, dst []byte, it *feed.Item, i, lang int) []byte {
			return write(w, dst, &it.Product.Parameters[i], lang)
		}}
	}
	values := func(_ *Writer, it *feed.Item) int {
		n := 0
		for i := range it.Product.Parameters {
			n += len(it.Product.Parameters[i].Values)
		}
		return n
	}
	value := func(name string, write func(w *Writer, dst []byte, m *feed.Parameter, v *feed.ParameterValue, lang int) []byte) column {
		return column{name: name, lines: values, write: func(w *Writer, dst []byte, it *feed.Item, i, lang int) []byte {
			for k := range it.Product.Parameters {
				m := &it.Product.Parameters[k]
				if i < len(m.Values) {
					return write(w, dst, m, &m.Values[i], lang)
				}
				i -= len(m.Values)
			}
			return dst
		}}
	}
	return []column{
		parameter("/parameters/parameter@id", func(_ *Writer, dst []byte, m *feed.Parameter, _ int) []byte { return appendText(dst, m.ID) }),
		parameter("/parameters/parameter@type", func(_ *Writer, dst []byte, m *feed.Parameter, _ int) []byte {
			if m.Section {
				return append(dst, "section"...)
			}
			return append(dst, "parameter"...)
		}),
		parameter("/parameters/parameter@name[]", func(w *Writer, dst []byte, m *feed.Parameter, lang int) []byte {
			return appendText(dst, w.text(w.parameterNames(m), lang))
		}),
		parameter("/parameters/parameter@priority", func(_ *Writer, dst []byte, m *feed.Parameter, _ int) []byte { return appendInt(dst, m.Priority) }),
		parameter("/parameters/parameter@distinction", func(_ *Writer, dst []byte, m *feed.Parameter, _ int) []byte { return appendFlag(dst, m.Distinction) }),
		parameter("/parameters/parameter@group_distinction", func(_ *Writer, dst []byte, m *feed.Parameter, _ int) []byte {
			return appendFlag(dst, m.GroupDistinction)
		}),
		parameter("/parameters/parameter@hide", func(_ *Writer, dst []byte, m *feed.Parameter, _ int) []byte { return appendFlag(dst, m.Hide) }),
		parameter("/parameters/parameter@context_id", func(_ *Writer, dst []byte, m *feed.Parameter, _ int) []byte { return appendText(dst, m.Context) }),
		value("/parameters/parameter/value@parameter_id", func(_ *Writer, dst []byte, m *feed.Parameter, _ *feed.ParameterValue, _ int) []byte {
			return appendText(dst, m.ID)
		}),
		value("/parameters/parameter/value@value_id", func(_ *Writer, dst []byte, _ *feed.Parameter, v *feed.ParameterValue, _ int) []byte {
			return appendText(dst, v.ID)
		}),
		value("/parameters/parameter/value@name[]", func(w *Writer, dst []byte, _ *feed.Parameter, v *feed.ParameterValue, lang int) []byte {
			return appendText(dst, w.text(w.valueNames(v), lang))
		}),
		value("/parameters/parameter/value@priority", func(_ *Writer, dst []byte, _ *feed.Parameter, v *feed.ParameterValue, _ int) []byte {
			return appendInt(dst, v.Priority)
		}),
		value("/parameters/parameter/value@context_id", func(_ *Writer, dst []byte, _ *feed.Parameter, v *feed.ParameterValue, _ int) []byte {
			return appendText(dst, v.Context)
		}),
	}
}

func (w *Writer) parameterNames(m *feed.Parameter) feed.Texts {
	if w.x == nil {
		return m.Names
	}
	var e *feed.ParameterEntry
	var ok bool
	if m.Section {
		e, ok = w.x.Section(m.ID)
	} else {
		e, ok = w.x.Parameter(m.ID)
	}
	if !ok {
		return m.Names
	}
	return preferred(e.Names, m.Names)
}

func (w *Writer) valueNames(v *feed.ParameterValue) feed.Texts {
	if w.x != nil {
		if e, ok := w.x.Value(v.ID); ok {
			return preferred(e.Names, v.Names)
		}
	}
	return v.Names
}

func appendFlag(dst []byte, f feed.Flag) []byte {
	if f == feed.FlagYes {
		return append(dst, 'y')
	}
	return append(dst, 'n')
}

// bundledColumns are the components of a set.
func bundledColumns() []column {
	components := func(_ *Writer, it *feed.Item) int {
		if it.Product.Bundled == nil {
			return 0
		}
		return len(it.Product.Bundled.Components)
	}
	component := func(name string, write func(dst []byte, c *feed.Component) []byte) column {
		return column{name: name, lines: components, write: func(_ *Writer, dst []byte, it *feed.Item, i, _ int) []byte {
			return write(dst, &it.Product.Bundled.Components[i])
		}}
	}
	return []column{
		one("/bundled@type", func(w *Writer, dst []byte, it *feed.Item) []byte {
			switch {
			case components(w, it) == 0:
				return dst
			case it.Product.Bundled.Specified:
				return append(dst, "specified"...)
			}
			return append(dst, "unspecified"...)
		}),
		component("/bundled/product@id", func(dst []byte, c *feed.Component) []byte { return appendText(dst, c.ID) }),
		component("/bundled/product@quantity", func(dst []byte, c *feed.Component) []byte { return appendLoose(dst, c.Quantity) }),
		component("/bundled/product@type", func(dst []byte, c *feed.Component) []byte { return append(dst, c.Choice.String()...) }),
		// The sizes that a component may have stand in one line, separated by blanks.
		component("/bundled/product/sizes/size@code", func(dst []byte, c *feed.Component) []byte {
			for i := range c.Sizes {
				if i > 0 {
					dst = append(dst, ' ')
				}
				dst = appendText(dst, c.Sizes[i].Code)
			}
			return dst
		}),
	}
}

// appendLoose writes a quantity with the decimals that it has; one that is not
// known is 1.
func appendLoose(dst []byte, q feed.Quantity) []byte {
	if !q.Known() {
		return append(dst, '1')
	}
	v, places := q.Thousandths(), 3
	for ; places > 0 && v%10 == 0; places-- {
		v /= 10
	}
	return q.Append(dst, places)
}

// contactFields are the attributes of a contact of the responsible entity
// (IOF 8.3).
func contactFields() []struct {
	name string
	get  func(c *feed.Contact) string
} {
	return []struct {
		name string
		get  func(c *feed.Contact) string
	}{
		{"id", func(c *feed.Contact) string { return c.ID }}, {"code", func(c *feed.Contact) string { return c.Code }},
		{"name", func(c *feed.Contact) string { return c.Name }}, {"country", func(c *feed.Contact) string { return c.Country }},
		{"street", func(c *feed.Contact) string { return c.Street }}, {"number", func(c *feed.Contact) string { return c.Number }},
		{"city", func(c *feed.Contact) string { return c.City }}, {"zipcode", func(c *feed.Contact) string { return c.Zipcode }},
		{"mail", func(c *feed.Contact) string { return c.Mail }}, {"phone", func(c *feed.Contact) string { return c.Phone }},
	}
}

// responsibleColumns are the responsible entity under the GPSR.
func responsibleColumns() []column {
	var list []column
	for _, f := range contactFields() {
		list = append(list, str("/responsible_entity/producer/"+f.name, func(p *feed.Product) string {
			if p.Responsible == nil {
				return ""
			}
			return f.get(&p.Responsible.Producer)
		}))
	}
	for _, f := range contactFields() {
		list = append(list, column{name: "/responsible_entity/persons/person/" + f.name,
			lines: func(_ *Writer, it *feed.Item) int {
				if it.Product.Responsible == nil {
					return 0
				}
				return len(it.Product.Responsible.Persons)
			},
			write: func(_ *Writer, dst []byte, it *feed.Item, i, _ int) []byte {
				return appendText(dst, f.get(&it.Product.Responsible.Persons[i]))
			}})
	}
	return list
}
