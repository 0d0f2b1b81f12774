package catalog

import (
	"slices"
	"strconv"
	"strings"

	"feedmill/feed"
)

// sizes reads the list of sizes.
func (d *decoder) sizes() {
	p := &d.draft.p
	p.Sizes = p.Sizes[:0]
	for open := d.list() && d.element(d.lim.Sizes); open; open = d.another(d.lim.Sizes) || d.element(d.lim.Sizes) {
		var s *feed.Size
		p.Sizes, s = extend(p.Sizes)
		*s = feed.Size{Stock: s.Stock[:0]}
		if d.lex.Next() != '{' {
			d.wrong("an object")
			continue
		}
		at := len(p.Sizes) - 1
		o := d.enter(sizeMembers)
		d.plainSize(s, &o)
		for {
			i, ok := d.member(&o)
			if !ok {
				break
			}
			switch i {
			case zID:
				s.ID = d.id()
			case zName:
				s.Name = d.text()
			case zPanelName:
				s.PanelName = d.text()
			case zPriority:
				s.Priority = d.integer()
			case zPrice, zWholesale, zMinimal, zSRP, zWasRetail, zWasWholesale:
				d.amounts(at, priceList+i-zPrice)
			default:
				if d.sizeMember(s, i) {
					d.draft.gtins = append(d.draft.gtins, gtinOf{at, gtinStandard(s.ProducerCode)})
				}
			}
		}
	}
}

// plainSize reads what most sizes start with.
func (d *decoder) plainSize(s *feed.Size, o *object) {
	run := d.run(o, 1<<zID|1<<zName|1<<zPanelName|1<<zCode|1<<zProducerCode|1<<zExternalCode, 1<<zWeight|1<<zPriority)
	for k := range run {
		v := &run[k]
		text := d.lex.Text(v)
		switch v.Member {
		case zID:
			if s.ID = text; !isID(text) && text != "" {
				d.at(o, zID)
				s.ID = d.refuseID(text)
			}
		case zName:
			s.Name = text
		case zPanelName:
			s.PanelName = text
		case zCode:
			if s.Code = text; text == "" {
				d.at(o, zCode)
				d.refuseEmpty()
			}
		case zProducerCode: // a gtin, which would contradict it, is in no run
			s.ProducerCode = text
		case zExternalCode:
			s.ExternalCode = text
		case zWeight:
			s.Weight = feed.Grams(int64(v.Number))
		case zPriority:
			s.Priority = feed.IntOf(v.Number)
		}
	}
}

// sizeMember reads a member that sizes and products without sizes share, and
// says whether it was a GTIN.
func (d *decoder) sizeMember(s *feed.Size, i int) (gtin bool) {
	switch i {
	case zCode:
		if s.Code = d.text(); s.Code == "" && d.lex.Err() == nil {
			d.refuseEmpty()
		}
	case zGTIN:
		code := d.decimal()
		g, err := feed.ParseGTIN(code)
		switch {
		case err != nil && code != "":
			d.refuse(reason(err), "give codes that are no GTIN as producer_code")
		case s.ProducerCode != "":
			d.refuse("stands beside producer_code", "give one of the two")
		default:
			s.ProducerCode = g.String()
			return !g.IsZero()
		}
	case zProducerCode:
		code := d.text()
		if s.ProducerCode != "" {
			d.refuse("stands beside gtin", "give one of the two")
			return false
		}
		s.ProducerCode = code
	case zExternalCode:
		s.ExternalCode = d.text()
	case zWeight:
		s.Weight = d.weight()
	case zWeightNet:
		s.WeightNet = d.weight()
	case zWeightMin:
		s.WeightMin = d.weight()
	case zWeightMax:
		s.WeightMax = d.weight()
	case zStock:
		d.stock(s)
	}
	return false
}

// stock reads the quantity in the main warehouse, or a list of warehouses.
func (d *decoder) stock(s *feed.Size) {
	s.Stock = s.Stock[:0]
	switch d.lex.Next() {
	case '[':
	case '"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		s.Stock = append(s.Stock, feed.Stock{Warehouse: 1, Quantity: d.quantity()})
		return
	default:
		d.wrong("a quantity or a list of warehouses")
		return
	}
	for open := d.list() && d.element(d.lim.List); open; open = d.another(d.lim.List) || d.element(d.lim.List) {
		if d.lex.Next() != '{' {
			d.wrong("an object")
			continue
		}
		t := feed.Stock{Warehouse: 1}
		o := d.enter(stockMembers)
		run := d.run(&o, 1<<tLocationID|1<<tLocation, 1<<tWarehouse|1<<tQuantity|1<<tAvailable|1<<tPhysical)
		for k := range run {
			v := &run[k]
			switch v.Member {
			case tWarehouse:
				t.Warehouse = feed.WarehouseID(v.Number)
			case tQuantity:
				t.Quantity = feed.Pieces(int64(v.Number))
			case tAvailable:
				t.Available = feed.Pieces(int64(v.Number))
			case tPhysical:
				t.Physical = feed.Pieces(int64(v.Number))
			case tLocationID:
				t.LocationID = d.lex.Text(v)
			case tLocation:
				t.Location = d.lex.Text(v)
			}
		}
		for {
			i, ok := d.member(&o)
			if !ok {
				break
			}
			switch i {
			case tWarehouse:
				t.Warehouse = feed.WarehouseID(d.natural().Or(0))
			case tQuantity:
				t.Quantity = d.quantity()
			case tAvailable:
				t.Available = d.quantity()
			case tPhysical:
				t.Physical = d.quantity()
			case tLocationID:
				t.LocationID = d.text()
			case tLocation:
				t.Location = d.text()
			}
		}
		s.Stock = append(s.Stock, t)
	}
}

func (d *decoder) attachments() {
	p := &d.draft.p
	p.Attachments = p.Attachments[:0]
	for open := d.list(); open && d.element(d.lim.List); {
		var a *feed.Attachment
		p.Attachments, a = extend(p.Attachments)
		*a = feed.Attachment{Names: a.Names[:0]}
		if d.lex.Next() == '"' {
			a.URL = d.text()
			continue
		}
		if d.lex.Next() != '{' {
			d.wrong("an address or an object")
			continue
		}
		for o := d.enter(attachmentMembers); ; {
			i, ok := d.member(&o)
			if !ok {
				break
			}
			switch i {
			case aURL:
				a.URL = d.text()
			case aName:
				a.Name = d.text()
			case aNames:
				a.Names = d.texts(a.Names)
			case aVersion:
				a.Version = d.word("full", "sample", "demo")
			case aEnable:
				a.Enable = d.word("all", "only_logged", "ordered", "wholesaler", "wholesaler_or_orderer", "wholesaler_and_ordered")
			case aFileType:
				a.FileType = d.word("image", "audio", "video", "doc", "document", "other")
			case aExtension:
				a.Extension = d.text()
			case aPriority:
				a.Priority = d.integer()
			case aDownloadLog:
				a.DownloadLog = d.flag()
			case aDownloads:
				a.Downloads = d.natural()
			case aDays:
				a.Days = d.natural()
			}
		}
	}
}

// variants reads the group that joins variants.
func (d *decoder) variants(g *feed.Group) {
	*g = feed.Group{Parameter: feed.GroupName{Names: g.Parameter.Names[:0]}, Value: feed.GroupName{Names: g.Value.Names[:0]}}
	if d.lex.Next() != '{' {
		d.wrong("an object")
		return
	}
	for o := d.enter(groupMembers); ; {
		i, ok := d.member(&o)
		if !ok {
			if g.ID == "" && d.lex.Err() == nil {
				d.refuse("has no id", "")
			}
			return
		}
		switch i {
		case gID:
			g.ID = d.id()
		case gFirst:
			g.First = d.id()
		case gFirstCode:
			g.FirstCode = d.text()
		case gFirstProducerCode:
			g.FirstProducerCode = d.text()
		case gFirstExternalCode:
			g.FirstExternalCode = d.text()
		case gExternalCode:
			g.ExternalCode = d.text()
		case gParameter:
			d.groupName(&g.Parameter)
		case gValue:
			d.groupName(&g.Value)
		}
	}
}

func (d *decoder) groupName(g *feed.GroupName) {
	if d.lex.Next() == '"' {
		g.Names = d.texts(g.Names)
		return
	}
	if d.lex.Next() != '{' {
		d.wrong("a name or an object of id and name")
		return
	}
	for o := d.enter(refMembers); ; {
		i, ok := d.member(&o)
		if !ok {
			return
		}
		if i == 0 {
			g.ID = d.id()
		} else {
			g.Names = d.texts(g.Names)
		}
	}
}

// parameterMember reads a member of a parameter other than its values.
func (d *decoder) parameterMember(q *feed.Parameter, i int) {
	switch i {
	case qID:
		q.ID = d.id()
	case qName:
		q.Names = d.texts(q.Names)
	case qSection:
		q.Section = d.boolean()
	case qPriority:
		q.Priority = d.integer()
	case qDistinction:
		q.Distinction = d.flag()
	case qGroupDistinction:
		q.GroupDistinction = d.flag()
	case qHide:
		q.Hide = d.flag()
	case qAuctionHide:
		q.AuctionHide = d.flag()
	case qContext:
		q.Context = d.context(feed.IsParameterContext, feed.ParameterContexts)
	}
}

// value reads a value of a parameter that is an object.
func (d *decoder) value(v *feed.ParameterValue) {
	for o := d.enter(valueMembers); ; {
		i, ok := d.member(&o)
		if !ok {
			return
		}
		switch i {
		case 0:
			v.ID = d.id()
		case 1:
			v.Names = d.texts(v.Names)
		case 2:
			v.Priority = d.integer()
		case 3:
			v.Context = d.context(feed.IsValueContext, feed.ValueContexts)
		}
	}
}

// context reads a machine meaning, one of the closed lists of IOF 4.12.
func (d *decoder) context(is func(string) bool, all func() []string) string {
	s := d.raw()
	if s != "" && !is(s) {
		hint := "see the list in the format's description"
		if n := nearest(s, lower(all())); n != "" {
			hint = "did you mean " + strings.ToUpper(n) + "?"
		}
		d.refuse(quote(s)+" is not a context", hint)
		return ""
	}
	return s
}

func lower(list []string) []string {
	for i := range list {
		list[i] = strings.ToLower(list[i])
	}
	return list
}

func (d *decoder) bundled(b *feed.Bundled) {
	*b = feed.Bundled{Components: b.Components[:0]}
	if d.lex.Next() != '{' {
		d.wrong("an object")
		return
	}
	for o := d.enter(bundledMembers); ; {
		i, ok := d.member(&o)
		if !ok {
			return
		}
		if i == 0 {
			b.Specified = d.boolean()
			continue
		}
		for open := d.list(); open && d.element(d.lim.List); {
			var c *feed.Component
			b.Components, c = extend(b.Components)
			*c = feed.Component{Sizes: c.Sizes[:0]}
			if d.lex.Next() != '{' {
				d.wrong("an object")
				continue
			}
			d.component(c)
		}
	}
}

func (d *decoder) component(c *feed.Component) {
	for o := d.enter(componentMembers); ; {
		i, ok := d.member(&o)
		if !ok {
			if c.ID == "" && d.lex.Err() == nil {
				d.refuse("has no id", "name the component by its product id")
			}
			return
		}
		switch i {
		case 0:
			c.ID = d.id()
		case 1:
			c.Quantity = d.quantity()
		case 2:
			c.Choice = oneOf(d, feed.ParseComponentChoice)
		case 3:
			for open := d.list(); open && d.element(d.lim.Sizes); {
				var s feed.ComponentSize
				if d.lex.Next() != '{' {
					d.wrong("an object")
					continue
				}
				for o := d.enter(componentSizeMembers); ; {
					i, ok := d.member(&o)
					if !ok {
						break
					}
					if i == 0 {
						s.ID = d.id()
					} else {
						*[...]*string{nil, &s.Name, &s.Code, &s.ProducerCode, &s.ExternalCode}[i] = d.text()
					}
				}
				c.Sizes = append(c.Sizes, s)
			}
		}
	}
}

// responsible reads the responsible entity under the GPSR (IOF 8.3).
func (d *decoder) responsible(r *feed.ResponsibleEntity) {
	*r = feed.ResponsibleEntity{Persons: r.Persons[:0]}
	if d.lex.Next() != '{' {
		d.wrong("an object")
		return
	}
	for o := d.enter(responsibleMembers); ; {
		i, ok := d.member(&o)
		if !ok {
			return
		}
		if i == 0 {
			d.contact(&r.Producer)
			continue
		}
		for open := d.list(); open && d.element(d.lim.List); {
			r.Persons = append(r.Persons, feed.Contact{})
			d.contact(&r.Persons[len(r.Persons)-1])
		}
	}
}

func (d *decoder) contact(c *feed.Contact) {
	if d.lex.Next() != '{' {
		d.wrong("an object")
		return
	}
	for o := d.enter(contactMembers); ; {
		i, ok := d.member(&o)
		if !ok {
			return
		}
		*[...]*string{&c.ID, &c.Code, &c.Name, &c.Country, &c.Street, &c.Number, &c.City, &c.Zipcode, &c.Mail, &c.Phone}[i] = d.text()
	}
}

// attrs reads the iaiext attributes of product and sorts them by name.
func (d *decoder) attrs() {
	p := &d.draft.p
	p.Attrs = p.Attrs[:0]
	if d.lex.Next() != '{' {
		d.wrong("an object of strings")
		return
	}
	d.lex.Object()
	d.path.enter()
	for {
		name, ok := d.lex.Member()
		if !ok {
			break
		}
		d.path.last().name = name
		switch {
		case !isName(name) || d.lex.Dirty():
			d.refuse("is not the name of an attribute", "give local names without a prefix")
			d.lex.Skip()
		case len(p.Attrs) >= d.lim.List:
			d.refuse("is one attribute too many", "at most "+strconv.Itoa(d.lim.List))
			d.lex.Skip()
		default:
			p.Attrs = append(p.Attrs, feed.Attr{Name: name, Value: d.text()})
		}
	}
	d.path.leave()
	slices.SortStableFunc(p.Attrs, func(a, b feed.Attr) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(p.Attrs); i++ {
		if p.Attrs[i].Name == p.Attrs[i-1].Name {
			d.refuse(quote(p.Attrs[i].Name)+" occurs twice", "")
			return
		}
	}
}

// extensions reads verbatim iaiext elements.
func (d *decoder) extensions() {
	p := &d.draft.p
	p.Extensions = p.Extensions[:0]
	for open := d.list(); open && d.element(d.lim.List); {
		xml := d.text()
		if xml == "" {
			continue
		}
		name, err := d.xml.check(xml)
		if err != nil {
			d.refuse(reason(err), "give one well-formed element with the prefix iaiext")
			continue
		}
		p.Extensions = append(p.Extensions, feed.Extension{Name: name, XML: xml})
	}
}
