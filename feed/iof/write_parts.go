package iof

import (
	"math"

	"feedmill/feed"
)

// appendPrice writes a price point (IOF 4.5), gross first as the published
// samples do, with all decimals of the currency.
func appendPrice(dst []byte, tag string, p feed.Price, c feed.Currency) []byte {
	dst = appendPriceStart(dst, tag, p, c)
	return append(dst, "/>"...)
}

func appendPriceStart(dst []byte, tag string, p feed.Price, c feed.Currency) []byte {
	dst = append(dst, '<')
	dst = append(dst, tag...)
	dst = append(dst, ` gross="`...)
	dst = appendAmount(dst, p.Gross, c)
	dst = append(dst, `" net="`...)
	dst = appendAmount(dst, p.Net, c)
	return append(dst, '"')
}

// pricesAt tells where the prices of the product stand in what was written.
type pricesAt struct{ from, to int }

// appendPrices writes the price, which is always there, and the points beside it;
// there is no node for one of those that there is not.
func appendPrices(dst []byte, pp *feed.PricePoints, c feed.Currency) []byte {
	dst = appendPrice(dst, "price", pp.Price, c)
	if !pp.SRP.IsZero() {
		dst = appendPrice(dst, "srp", pp.SRP, c)
	}
	if !pp.StrikethroughRetail.IsZero() {
		dst = appendPrice(dst, "strikethrough_retail_price", pp.StrikethroughRetail, c)
	}
	if !pp.StrikethroughWholesale.IsZero() {
		dst = appendPrice(dst, "strikethrough_wholesale_price", pp.StrikethroughWholesale, c)
	}
	return dst
}

// appendPromotion writes a campaign (IOF 4.6). Without a price there is none;
// a regular wholesale price stands only behind a regular retail price, as the
// schema wants.
func appendPromotion(dst []byte, m *feed.Promotion, pp *feed.PromotionPrices, c feed.Currency) []byte {
	if pp.Price.IsZero() {
		return dst
	}
	dst = append(dst, `<promotion name="`...)
	dst = appendEscaped(dst, m.Name)
	dst = append(dst, '"')
	dst = appendDateAttr(dst, ` start_date="`, m.Start)
	dst = appendDateAttr(dst, ` ending_date="`, m.End)
	dst = append(dst, '>')
	dst = appendPriceStart(dst, "price", pp.Price, c)
	if pp.NormalRetail.IsZero() {
		dst = append(dst, "/>"...)
	} else {
		dst = append(dst, '>')
		dst = appendPrice(dst, "normal_retail_price", pp.NormalRetail, c)
		if !pp.NormalWholesale.IsZero() {
			dst = appendPrice(dst, "normal_wholesale_price", pp.NormalWholesale, c)
		}
		dst = append(dst, "</price>"...)
	}
	dst = append(dst, "<shown_in_the_zone"...)
	dst = appendYesNo(dst, ` promotion="`, m.Zones.Promotion)
	dst = appendYesNo(dst, ` discount="`, m.Zones.Discount)
	dst = appendYesNo(dst, ` distinguished="`, m.Zones.Distinguished)
	dst = appendYesNo(dst, ` special="`, m.Zones.Special)
	dst = appendYesNo(dst, ` bestseller="`, m.Zones.Bestseller)
	dst = appendYesNo(dst, ` newproduct="`, m.Zones.New)
	return append(dst, "/></promotion>"...)
}

// appendDateAttr writes a date as the token that the schema wants: a blank
// between date and time becomes T.
func appendDateAttr(dst []byte, name, s string) []byte {
	start := len(dst)
	dst = append(dst, name...)
	before := len(dst)
	dst = appendNMToken(dst, s)
	if len(dst) == before {
		return dst[:start]
	}
	if len(s) > 10 && s[10] == ' ' && len(dst) == before+len(s) {
		dst[before+10] = 'T'
	}
	return append(dst, '"')
}

func appendYesNo(dst []byte, name string, f feed.Flag) []byte {
	switch f {
	case feed.FlagYes:
		dst = append(dst, name...)
		return append(dst, `yes"`...)
	case feed.FlagNo:
		dst = append(dst, name...)
		return append(dst, `no"`...)
	}
	return dst
}

// imageAfter gives the image that is shown next after the one with priority
// pri at place at: images come in order of priority, an absent one being its
// place, and by place where that is equal; -1 at the end.
func imageAfter(images []feed.Image, pri int32, at int) (int32, int) {
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
	return best, bestAt
}

// inOrder says whether images stand in the order in which they are shown.
func inOrder(images []feed.Image) bool {
	for i := 1; i < len(images); i++ {
		if images[i].Priority.Or(int32(i)+1) < images[i-1].Priority.Or(int32(i)) {
			return false
		}
	}
	return true
}

// appendImages writes pictures and thumbnails (IOF 4.9). Priorities are
// numbered anew from 1 without gaps (CONSUMERS 24).
func appendImages(dst []byte, p *feed.Product) []byte {
	start := len(dst)
	dst = append(dst, "<images>"...)
	before := len(dst)
	dst = append(dst, "<large>"...)
	n := int64(0)
	if inOrder(p.Images) {
		for i := range p.Images {
			dst, n = appendLarge(dst, &p.Images[i], n)
		}
	} else {
		pri, at := int32(math.MinInt32), -1
		for range p.Images {
			pri, at = imageAfter(p.Images, pri, at)
			if at < 0 {
				break
			}
			dst, n = appendLarge(dst, &p.Images[at], n)
		}
	}
	if n == 0 {
		dst = dst[:before]
	} else {
		dst = append(dst, "</large>"...)
	}
	if hasText(p.Icon.URL) || hasText(p.AuctionIcon.URL) || hasText(p.GroupIcon.URL) {
		dst = append(dst, "<icons>"...)
		dst = appendIcon(dst, "<icon", &p.Icon)
		dst = appendIcon(dst, "<auction_icon", &p.AuctionIcon)
		dst = appendIcon(dst, "<group_icon", &p.GroupIcon)
		dst = append(dst, "</icons>"...)
	}
	if len(dst) == before {
		return dst[:start]
	}
	return append(dst, "</images>"...)
}

// imagePriority is where the priority stands in imageStart.
const imagePriority = len(`<image iaiext:priority="`)

// imageStart is what stands before the address of the first picture. Those of a
// product are mostly few, and what has a length that is known is copied without
// being looked at.
var imageStart = [imagePriority + len(`1" url="`)]byte([]byte(`<image iaiext:priority="1" url="`))

func appendLarge(dst []byte, m *feed.Image, n int64) ([]byte, int64) {
	if !hasText(m.URL) {
		return dst, n
	}
	if at := len(dst); n < 9 && cap(dst)-at >= len(imageStart) {
		dst = dst[:at+len(imageStart)]
		*(*[len(imageStart)]byte)(dst[at:]) = imageStart
		dst[at+imagePriority] += byte(n)
	} else {
		dst = append(dst, imageStart[:imagePriority]...)
		dst = feed.AppendInt(dst, n+1)
		dst = append(dst, imageStart[imagePriority+1:]...)
	}
	return appendPicture(dst, m), n + 1
}

func appendIcon(dst []byte, open string, m *feed.Image) []byte {
	if !hasText(m.URL) {
		return dst
	}
	dst = append(dst, open...)
	dst = append(dst, ` url="`...)
	return appendPicture(dst, m)
}

// appendPicture writes what all pictures have from the address on and closes the element.
func appendPicture(dst []byte, m *feed.Image) []byte {
	dst = appendEscaped(dst, m.URL)
	dst = append(dst, '"')
	dst = appendAttr(dst, ` hash="`, m.Hash)
	dst = appendAttr(dst, ` changed="`, m.Changed)
	// As appendIntAttr has it, for names that are known where they are copied.
	if v, ok := m.Width.Get(); ok {
		dst = append(dst, ` width="`...)
		dst = append(feed.AppendInt(dst, int64(v)), '"')
	}
	if v, ok := m.Height.Get(); ok {
		dst = append(dst, ` height="`...)
		dst = append(feed.AppendInt(dst, int64(v)), '"')
	}
	return append(dst, "/>"...)
}

// appendAttachments writes files (IOF 4.10). A value outside the closed lists
// of the schema is left out. The schema wants a name child: without names it
// is the file's name, else its address.
func (w *Writer) appendAttachments(dst []byte, files []feed.Attachment) []byte {
	start := len(dst)
	dst = append(dst, "<attachments>"...)
	before := len(dst)
	for i := range files {
		f := &files[i]
		if !hasText(f.URL) {
			continue
		}
		dst = append(dst, "<file"...)
		switch f.Version {
		case "full", "sample", "demo":
			dst = appendAttr(dst, ` version="`, f.Version)
		}
		dst = append(dst, ` url="`...)
		dst = appendEscaped(dst, f.URL)
		dst = append(dst, '"')
		dst = appendAttr(dst, ` name="`, f.Name)
		dst = appendIntAttr(dst, ` priority="`, f.Priority)
		switch f.Enable {
		case "all", "only_logged", "ordered", "wholesaler", "wholesaler_or_orderer", "wholesaler_and_ordered":
			dst = appendAttr(dst, ` enable="`, f.Enable)
		}
		switch f.FileType {
		case "image", "audio", "video", "doc", "document", "other":
			dst = appendAttr(dst, ` attachment_file_type="`, f.FileType)
		}
		dst = appendAttr(dst, ` attachment_file_extension="`, f.Extension)
		dst = appendAttr(dst, ` download_log="`, flagText(f.DownloadLog))
		dst = append(dst, '>')
		named := len(dst)
		dst = w.appendTexts(dst, "name", f.Names)
		if len(dst) == named {
			name := f.Name
			if !hasText(name) {
				name = f.URL
			}
			dst = w.appendTextNode(dst, "name", w.lang.untagged, name)
		}
		_, downloads := f.Downloads.Get()
		_, days := f.Days.Get()
		if downloads || days {
			dst = append(dst, "<limitation"...)
			dst = appendIntAttr(dst, ` downloads="`, f.Downloads)
			dst = appendIntAttr(dst, ` days="`, f.Days)
			dst = append(dst, "/>"...)
		}
		dst = append(dst, "</file>"...)
	}
	if len(dst) == before {
		return dst[:start]
	}
	return append(dst, "</attachments>"...)
}

// flagText gives y, n or "".
func flagText(f feed.Flag) string {
	switch f {
	case feed.FlagYes:
		return "y"
	case feed.FlagNo:
		return "n"
	}
	return ""
}

// appendGroup writes the variant group (IOF 4.11); group_by_parameter is
// always there, because the schema wants it.
func (w *Writer) appendGroup(dst []byte, g *feed.Group) []byte {
	if !hasText(g.ID) {
		return dst
	}
	producer, external := g.FirstProducerCode, g.FirstExternalCode
	if w.dialect.SwapCodes {
		producer, external = external, producer
	}
	dst = append(dst, `<group id="`...)
	dst = appendEscaped(dst, g.ID)
	dst = append(dst, '"')
	dst = appendAttr(dst, ` first_product_id="`, g.First)
	dst = appendAttr(dst, ` iaiext:code_external="`, g.ExternalCode)
	dst = appendAttr(dst, ` iaiext:first_product_code_external="`, external)
	dst = appendAttr(dst, ` iaiext:first_product_code_producer="`, producer)
	dst = appendAttr(dst, ` iaiext:first_product_code_iai="`, g.FirstCode)
	dst = append(dst, "><group_by_parameter"...)
	dst = appendAttr(dst, ` id="`, g.Parameter.ID)
	dst = append(dst, '>')
	dst = w.appendTexts(dst, "name", g.Parameter.Names)
	start := len(dst)
	dst = append(dst, "<product_value"...)
	dst = appendAttr(dst, ` id="`, g.Value.ID)
	dst = append(dst, '>')
	before := len(dst)
	dst = w.appendTexts(dst, "name", g.Value.Names)
	if len(dst) == before && !hasText(g.Value.ID) {
		dst = dst[:start]
	} else {
		dst = append(dst, "</product_value>"...)
	}
	return append(dst, "</group_by_parameter></group>"...)
}

// appendBundled writes the composition of a set (IOF 4.13). Components carry
// no prices (CONSUMERS 12).
func (w *Writer) appendBundled(dst []byte, b *feed.Bundled) []byte {
	start := len(dst)
	if b.Specified {
		dst = append(dst, `<bundled type="specified">`...)
	} else {
		dst = append(dst, `<bundled type="unspecified">`...)
	}
	before := len(dst)
	for i := range b.Components {
		c := &b.Components[i]
		if !hasText(c.ID) {
			continue
		}
		dst = append(dst, `<product id="`...)
		dst = appendEscaped(dst, c.ID)
		dst = append(dst, `" quantity="`...)
		dst = appendLoose(dst, c.Quantity)
		dst = append(dst, `" type="`...)
		dst = append(dst, c.Choice.String()...)
		if len(c.Sizes) == 0 {
			dst = append(dst, `"/>`...)
			continue
		}
		dst = append(dst, `"><sizes>`...)
		for j := range c.Sizes {
			s := &c.Sizes[j]
			producer, external := s.ProducerCode, s.ExternalCode
			if w.dialect.SwapCodes {
				producer, external = external, producer
			}
			dst = append(dst, "<size"...)
			dst = appendAttr(dst, ` id="`, w.componentSizeID(s.ID))
			dst = appendAttr(dst, ` name="`, s.Name)
			dst = appendAttr(dst, ` iaiext:code_external="`, external)
			dst = appendAttr(dst, ` iaiext:code_producer="`, producer)
			if hasToken(s.Code) {
				dst = append(dst, ` iaiext:code="`...)
				dst = appendNMToken(dst, s.Code)
				dst = append(dst, '"')
			}
			dst = append(dst, "/>"...)
		}
		dst = append(dst, "</sizes></product>"...)
	}
	if len(dst) == before {
		return dst[:start]
	}
	return append(dst, "</bundled>"...)
}

// componentSizeID gives the size id of a component. Which group it is of is
// not known here; both spellings of the one size take the dialect's.
func (w *Writer) componentSizeID(id string) string {
	if id == "uniw" || id == "0" {
		return w.dialect.OneSizeID()
	}
	return id
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

// appendResponsible writes the responsible entity (IOF 8.3). Its children
// have no prefix and hold their values as elements. The published schema does
// not know the block; recipients under the GPSR need it all the same.
func (w *Writer) appendResponsible(dst []byte, r *feed.ResponsibleEntity) []byte {
	start := len(dst)
	dst = append(dst, "<iaiext:responsible_entity>"...)
	before := len(dst)
	dst = w.appendContact(dst, "producer", &r.Producer)
	if len(r.Persons) > 0 {
		persons := len(dst)
		dst = append(dst, "<persons>"...)
		first := len(dst)
		for i := range r.Persons {
			dst = w.appendContact(dst, "person", &r.Persons[i])
		}
		if len(dst) == first {
			dst = dst[:persons]
		} else {
			dst = append(dst, "</persons>"...)
		}
	}
	if len(dst) == before {
		return dst[:start]
	}
	return append(dst, "</iaiext:responsible_entity>"...)
}

func (w *Writer) appendContact(dst []byte, tag string, c *feed.Contact) []byte {
	start := len(dst)
	dst = append(dst, '<')
	dst = append(dst, tag...)
	dst = append(dst, '>')
	before := len(dst)
	dst = w.appendElement(dst, "id", c.ID)
	dst = w.appendElement(dst, "code", c.Code)
	dst = w.appendElement(dst, "name", c.Name)
	dst = w.appendElement(dst, "country", c.Country)
	dst = w.appendElement(dst, "street", c.Street)
	dst = w.appendElement(dst, "number", c.Number)
	dst = w.appendElement(dst, "city", c.City)
	dst = w.appendElement(dst, "zipcode", c.Zipcode)
	dst = w.appendElement(dst, "mail", c.Mail)
	dst = w.appendElement(dst, "phone", c.Phone)
	if len(dst) == before {
		return dst[:start]
	}
	dst = append(dst, "</"...)
	dst = append(dst, tag...)
	return append(dst, '>')
}

// appendElement writes an element with a text, or nothing for an empty text.
func (w *Writer) appendElement(dst []byte, tag, s string) []byte {
	if !hasText(s) {
		return dst
	}
	return w.appendTextNode(dst, tag, feed.Language{}, s)
}
