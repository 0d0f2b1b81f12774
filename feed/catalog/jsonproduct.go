package catalog

import (
	"strconv"

	"feedmill/feed"
	"feedmill/feed/catalog/internal/jsonlex"
)

// product reads the members of a product into the draft, behind the opening
// brace. removed says that the line is a tombstone.
func (d *decoder) product(o *object) (removed bool) {
	t := &d.draft
	p := &t.p
	d.plainProduct(o)
	for {
		i, ok := d.member(o)
		if !ok {
			return removed
		}
		switch i {
		case pRecord:
			d.refuse("is not the first member", "a dictionary line starts with it")
			d.lex.Skip()
		case pID:
			d.productID()
		case pKey:
			if t.key = d.text(); t.key == "" && d.lex.Err() == nil {
				d.refuse("is empty", "")
			}
		case pRemoved:
			removed = d.boolean()
		case pType:
			p.Type = oneOf(d, feed.ParseProductType)
		case pSite:
			p.Site = d.integer()
		case pDisplayCode:
			p.DisplayCode = d.text()
		case pCodeStandard:
			p.CodeStandard = oneOf(d, feed.ParseCodeStandard)
		case pVAT:
			d.vat(d.decimal())
		case pCurrency:
			p.Currency = oneOf(d, feed.ParseCurrency)
		case pTags:
			p.Tags = p.Tags[:0]
			for open := d.list(); open && d.element(d.lim.List); {
				p.Tags = append(p.Tags, d.text())
			}
		case pProducer:
			p.Producer = d.producer()
		case pCategory:
			t.noticed.category = d.commonReference(&d.memos.categories, &p.Category)
		case pTaxonomy:
			d.reference(&p.Taxonomy)
		case pUnit:
			t.noticed.unit = d.commonReference(&d.memos.units, &p.Unit)
		case pSeries:
			d.reference(&p.Series)
		case pWarranty:
			d.warranty(&p.Warranty)
		case pURL:
			p.URL = d.text()
		case pMobileURL:
			p.MobileURL = d.text()
		case pName:
			p.Names = d.texts(p.Names)
		case pShortDesc:
			p.ShortDescs = d.texts(p.ShortDescs)
		case pLongDesc:
			p.LongDescs = d.texts(p.LongDescs)
		case pVersion:
			d.version(&p.Version)
		case pMeta:
			d.meta()
		case pPrice, pWholesale, pMinimal, pSRP, pWasRetail, pWasWholesale:
			d.amounts(-1, priceList+i-pPrice)
		case pPromotion:
			p.Promotion = &t.promotion
			d.promotion()
		case pSizeGroup:
			p.SizeGroup = d.ref()
		case pSizeList:
			p.SizeList = d.text()
		case pSizes:
			d.sizes()
		case pCode, pGTIN, pProducerCode, pExternalCode, pWeight, pWeightNet, pWeightMin, pWeightMax, pStock:
			if t.oneMember == "" {
				t.oneMember = productMembers.names[i]
			}
			if d.sizeMember(&t.one, zCode+i-pCode) {
				t.oneGTIN = true
			}
		case pImages:
			p.Images = p.Images[:0]
			for open := d.list() && d.element(d.lim.Images); open; open = d.another(d.lim.Images) || d.element(d.lim.Images) {
				p.Images = append(p.Images, feed.Image{})
				d.image(&p.Images[len(p.Images)-1])
			}
		case pIcon:
			d.image(&p.Icon)
		case pAuctionIcon:
			d.image(&p.AuctionIcon)
		case pGroupIcon:
			d.image(&p.GroupIcon)
		case pAttachments:
			d.attachments()
		case pGroup:
			p.Group = &t.group
			d.variants(&t.group)
		case pParameters:
			d.parameters()
		case pBundled:
			p.Bundled = &t.bundled
			d.bundled(&t.bundled)
		case pResponsible:
			p.Responsible = &t.responsible
			d.responsible(&t.responsible)
		case pAttrs:
			d.attrs()
		case pExtensions:
			d.extensions()
		}
	}
}

// plainProduct reads what most products start with.
func (d *decoder) plainProduct(o *object) {
	t := &d.draft
	run := d.run(o, 1<<pKey|1<<pDisplayCode, 1<<pID|1<<pSite|1<<pVAT)
	for k := range run {
		v := &run[k]
		switch v.Member {
		case pID:
			if t.hasID, t.p.ID = true, feed.ProductID(v.Number); v.Number == 0 {
				d.at(o, pID)
				d.refuseProductID(d.lex.Text(v))
			}
		case pKey:
			if t.key = d.lex.Text(v); t.key == "" {
				d.at(o, pKey)
				d.refuse("is empty", "")
			}
		case pSite:
			t.p.Site = feed.IntOf(v.Number)
		case pDisplayCode:
			t.p.DisplayCode = d.lex.Text(v)
		case pVAT:
			d.at(o, pVAT)
			d.vat(d.lex.Text(v))
		}
	}
}

// productID reads the id: a whole number from 1 to [feed.MaxProductID].
func (d *decoder) productID() {
	// One problem is enough: a bad id counts as given.
	d.draft.hasID = true
	if d.lex.Kind() != jsonlex.Number {
		if d.lex.Next() == '"' {
			d.refuse("is a string, not a whole number", "give identifiers that are no numbers as key")
			d.lex.Skip()
		} else {
			d.wrong("a whole number")
		}
		return
	}
	s := d.lex.Number()
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil || v < 1 || v > feed.MaxProductID {
		d.refuseProductID(s)
		return
	}
	d.draft.p.ID = feed.ProductID(v)
}

// refuseProductID reports a number that is no id; nothing is one that was reported.
func (d *decoder) refuseProductID(s string) {
	if s != "" {
		d.refuse(clip(s)+" is not an id", "ids are whole numbers from 1 to 9007199254740991; use a key for other identifiers")
	}
}

// vat takes a rate that was read as text.
func (d *decoder) vat(s string) {
	d.draft.hasVAT = true
	v, err := feed.ParsePercent(s)
	if err != nil {
		if s != "" {
			d.refuse(reason(err), hintPercentage)
		}
		return
	}
	d.draft.p.VAT = v
}

// ref reads a name, or an object of id and name.
func (d *decoder) ref() (r feed.Ref) {
	switch d.lex.Next() {
	case '"':
		r.Name = d.text()
	case '{':
		for o := d.enter(refMembers); ; {
			i, ok := d.member(&o)
			if !ok {
				return r
			}
			if i == 0 {
				r.ID = d.id()
			} else {
				r.Name = d.text()
			}
		}
	default:
		d.wrong("a name or an object of id and name")
	}
	return r
}

// reference reads a name, or an object of id and names. A plain object of texts
// would be ambiguous and is not accepted.
func (d *decoder) reference(r *feed.Reference) {
	r.ID = ""
	switch d.lex.Next() {
	case '"':
		r.Names = d.texts(r.Names)
	case '{':
		r.Names = r.Names[:0]
		for o := d.enter(refMembers); ; {
			i, ok := d.member(&o)
			if !ok {
				return
			}
			if i == 0 {
				r.ID = d.id()
			} else {
				r.Names = d.texts(r.Names)
			}
		}
	default:
		d.wrong("a name or an object of id and name")
	}
}

func (d *decoder) warranty(w *feed.WarrantyRef) {
	switch d.lex.Next() {
	case '"':
		w.Names = d.texts(w.Names)
	case '{':
		for o := d.enter(warrantyMembers); ; {
			i, ok := d.member(&o)
			if !ok {
				return
			}
			switch i {
			case 0:
				w.ID = d.id()
			case 1:
				w.Names = d.texts(w.Names)
			case 2:
				w.Kind = oneOf(d, feed.ParseWarrantyKind)
			case 3:
				w.Months = d.natural()
			}
		}
	default:
		d.wrong("a name or an object of id, name, kind and months")
	}
}

// natural is integer that refuses negative numbers.
func (d *decoder) natural() feed.Int {
	v := d.integer()
	if v.Or(0) < 0 {
		d.refuse(strconv.Itoa(int(v.Or(0)))+" is negative", "")
		return feed.Int{}
	}
	return v
}

func (d *decoder) version(v *feed.Version) {
	switch d.lex.Next() {
	case '"':
		v.Name = d.text()
	case '{':
		for o := d.enter(versionMembers); ; {
			i, ok := d.member(&o)
			if !ok {
				return
			}
			if i == 0 {
				v.Name = d.text()
			} else {
				v.Names = d.texts(v.Names)
			}
		}
	default:
		d.wrong("a label or an object of name and names")
	}
}

// meta reads the iaiext texts of description (IOF 8.1).
func (d *decoder) meta() {
	p := &d.draft.p
	p.Meta = p.Meta[:0]
	for open := d.list(); open && d.element(d.lim.List); {
		if d.lex.Next() != '{' {
			d.wrong("an object of name, lang, site and value")
			continue
		}
		m := feed.MetaText{Lang: d.def.Language}
		for o := d.enter(metaMembers); ; {
			i, ok := d.member(&o)
			if !ok {
				if !o.has(0) && d.lex.Err() == nil {
					d.refuse("has no name", "")
				}
				break
			}
			switch i {
			case 0:
				m.Name = d.word("auction_name", "auction_long_desc", "meta_title", "meta_description", "meta_keywords", "search_keywords")
			case 1:
				m.Lang = oneOf(d, feed.ParseLanguage)
			case 2:
				m.Site = d.text()
			case 3:
				m.Value = d.text()
			}
		}
		p.Meta = append(p.Meta, m)
	}
}

func (d *decoder) promotion() {
	m := &d.draft.promotion
	*m = feed.Promotion{}
	if d.lex.Next() != '{' {
		d.wrong("an object")
		return
	}
	for o := d.enter(promotionMembers); ; {
		i, ok := d.member(&o)
		if !ok {
			if m.Name == "" && d.lex.Err() == nil {
				d.refuse("has no name", "")
			}
			return
		}
		switch i {
		case mName:
			m.Name = d.text()
		case mStart:
			m.Start = d.date()
		case mEnd:
			m.End = d.date()
		case mPrice, mNormalRetail, mNormalWholesale:
			d.amounts(-1, pricePromotion+i-mPrice)
		case mZones:
			d.zones(&m.Zones)
		}
	}
}

// date reads a date, or a date and time, that is an NMTOKEN (IOF 4.6).
func (d *decoder) date() string {
	s := d.raw()
	if d.lex.Err() == nil && !isDate(s) {
		d.refuse(quote(s)+" is not a date", "write 2026-03-02 or 2026-03-02T08:00:00")
	}
	return s
}

func (d *decoder) zones(z *feed.Zones) {
	if d.lex.Next() != '{' {
		d.wrong("an object")
		return
	}
	for o := d.enter(zoneMembers); ; {
		i, ok := d.member(&o)
		if !ok {
			return
		}
		*[...]*feed.Flag{&z.Promotion, &z.Discount, &z.Distinguished, &z.Special, &z.Bestseller, &z.New}[i] = d.flag()
	}
}

func (d *decoder) image(m *feed.Image) {
	*m = feed.Image{}
	switch d.lex.Next() {
	case '"':
		m.URL = d.text()
	case '{':
		o := d.enter(imageMembers)
		run := d.run(&o, 1<<iURL|1<<iHash, 1<<iWidth|1<<iHeight|1<<iPriority)
		for k := range run {
			v := &run[k]
			switch v.Member {
			case iURL:
				m.URL = d.lex.Text(v)
			case iHash:
				m.Hash = d.lex.Text(v)
				d.digest(&o, m.Hash)
			case iWidth:
				m.Width = feed.IntOf(v.Number)
			case iHeight:
				m.Height = feed.IntOf(v.Number)
			case iPriority:
				m.Priority = feed.IntOf(v.Number)
			}
		}
		for {
			i, ok := d.member(&o)
			if !ok {
				if m.URL == "" && d.lex.Err() == nil {
					d.refuse("has no url", "")
				}
				return
			}
			switch i {
			case iURL:
				m.URL = d.text()
			case iHash:
				m.Hash = d.text()
				d.digest(&o, m.Hash)
			case iChanged:
				m.Changed = d.raw()
				if _, err := feed.ParseTime(m.Changed); err != nil && d.lex.Err() == nil {
					d.refuse(quote(m.Changed)+" is not a time", "write 2026-03-02 08:00:00")
				}
			case iWidth:
				m.Width = d.natural()
			case iHeight:
				m.Height = d.natural()
			case iPriority:
				m.Priority = d.integer()
			}
		}
	default:
		d.wrong("an address or an object")
	}
}

// digest refuses a hash that a file could not hold.
func (d *decoder) digest(o *object, hash string) {
	if hash != "" && !isNMTOKEN(hash) {
		d.at(o, iHash)
		d.refuse(quote(hash)+" is not a digest", "write the MD5 of the picture in hex")
	}
}

// isDate says whether s is YYYY-MM-DD, alone or with Thh:mm:ss behind it.
func isDate(s string) bool {
	if len(s) != 10 && (len(s) != 19 || s[10] != 'T') {
		return false
	}
	b := [19]byte{}
	n := copy(b[:], s)
	if n == 10 {
		copy(b[10:], " 00:00:00")
	}
	b[10] = ' '
	_, err := feed.ParseTime(string(b[:]))
	return err == nil
}
