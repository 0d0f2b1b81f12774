package record

import (
	"crypto/sha256"
	"fmt"
	"unsafe"

	"feedmill/feed"
)

// The first byte of a document.
const (
	versionProduct      = 0x01
	versionDictionaries = 0x81
)

// Append appends the document of p to dst. It only reads p.
func Append(dst []byte, p *feed.Product) []byte {
	w := walker{encoding: true, out: append(dst, versionProduct)}
	product(&w, p)
	return w.out
}

// Decode reads a document into p, whose memory is used again: slices and what
// they hold. Everything in p is replaced. The strings of p alias one copy of
// data, so keeping one of them keeps all; data itself may be changed
// afterwards. The error is [ErrVersion] or [ErrDamaged], and p is then of no use.
func Decode(data []byte, p *feed.Product) error {
	var spare spares
	return decode(string(data), p, &spare)
}

// A Decoder decodes many documents, one after the other, without allocating
// anything once its product has grown to the largest of them. The zero Decoder
// is ready. It is not safe for concurrent use.
type Decoder struct{ spare spares }

// Decode is like the function [Decode], but the strings of p alias data
// itself: the caller promises that data stays as it is for as long as p or any
// string of it is in use. What pointers of p pointed to is used again, too.
func (d *Decoder) Decode(data []byte, p *feed.Product) error {
	return decode(unsafe.String(unsafe.SliceData(data), len(data)), p, &d.spare)
}

// DecodeNames reads a document as far as the names of the product: all that
// stands before them and the names are replaced in p, all else stays as it was.
// What follows is not looked at. Strings and errors are those of
// [Decoder.Decode].
func (d *Decoder) DecodeNames(data []byte, p *feed.Product) error {
	in := unsafe.String(unsafe.SliceData(data), len(data))
	if err := checkVersion(in, versionProduct); err != nil {
		return fmt.Errorf("decode names of a product: %w", err)
	}
	w := walker{in: in, pos: 1}
	named(&w, p)
	if w.err != nil {
		return fmt.Errorf("decode names of a product: %w", w.err)
	}
	return nil
}

// spares keep what pointers of earlier products pointed to.
type spares struct {
	promotion   *feed.Promotion
	group       *feed.Group
	bundled     *feed.Bundled
	responsible *feed.ResponsibleEntity
}

func decode(in string, p *feed.Product, spare *spares) error {
	if err := checkVersion(in, versionProduct); err != nil {
		return fmt.Errorf("decode product: %w", err)
	}
	w := walker{in: in, pos: 1, spare: *spare}
	product(&w, p)
	p.Listed = p.Listed[:0] // not the document's to say
	*spare = w.spare
	if err := w.finish(); err != nil {
		return fmt.Errorf("decode product: %w", err)
	}
	return nil
}

func checkVersion(in string, want byte) error {
	switch {
	case in == "":
		return fmt.Errorf("%w: it is empty", ErrDamaged)
	case in[0] == want:
		return nil
	case in[0]&0x80 != want&0x80:
		return fmt.Errorf("%w: it is a document of the other kind (first byte %#02x)", ErrDamaged, in[0])
	}
	return fmt.Errorf("%w %d (this program reads %d): was it written by a newer program?", ErrVersion, in[0]&0x7f, want&0x7f)
}

// Digest gives 16 bytes of the SHA-256 of p's document. Equal products have
// equal digests, also from one program version to the next as long as the
// document version stays.
func Digest(p *feed.Product) [16]byte { return DigestDocument(Append(nil, p)) }

// DigestDocument is [Digest] for a product whose document is at hand.
func DigestDocument(doc []byte) [16]byte {
	sum := sha256.Sum256(doc)
	return [16]byte(sum[:16])
}

// The least number of bytes that elements of lists take; a test holds the
// numbers to the truth.
const (
	minString    = 1
	minText      = 2
	minMeta      = 4
	minSize      = 13
	minStock     = 6
	minImage     = 6
	minFile      = 11
	minParameter = 7
	minValue     = 4
	minComponent = 4
	minCompSize  = 5
	minContact   = 10
	minAttr      = 2
)

// named walks the fields of a product up to its names.
func named(w *walker, p *feed.Product) {
	if id := w.uint(uint64(p.ID)); !w.encoding {
		p.ID = feed.ProductID(id)
	}
	if t := w.byte(uint8(p.Type), uint8(feed.TypeService), "a product type"); !w.encoding {
		p.Type = feed.ProductType(t)
	}
	w.number(&p.Site)
	w.string(&p.DisplayCode)
	if s := w.byte(uint8(p.CodeStandard), uint8(feed.StandardOther), "a code standard"); !w.encoding {
		p.CodeStandard = feed.CodeStandard(s)
	}
	w.percent(&p.VAT)
	w.currency(&p.Currency)
	for i := range list(w, &p.Tags, minString) {
		w.string(&p.Tags[i])
	}

	ref(w, &p.Producer)
	reference(w, &p.Category)
	reference(w, &p.Taxonomy)
	reference(w, &p.Unit)
	reference(w, &p.Series)
	w.string(&p.Warranty.ID)
	if k := w.byte(uint8(p.Warranty.Kind), uint8(feed.WarrantyNone), "a kind of warranty"); !w.encoding {
		p.Warranty.Kind = feed.WarrantyKind(k)
	}
	w.number(&p.Warranty.Months)
	texts(w, &p.Warranty.Names)

	w.strings(&p.URL, &p.MobileURL)
	texts(w, &p.Names)
}

func product(w *walker, p *feed.Product) {
	named(w, p)
	texts(w, &p.ShortDescs)
	texts(w, &p.LongDescs)
	w.string(&p.Version.Name)
	texts(w, &p.Version.Names)
	for i := range list(w, &p.Meta, minMeta) {
		meta(w, &p.Meta[i])
	}

	prices(w, &p.Prices)
	if pointer(w, &p.Promotion, &w.spare.promotion) {
		promotion(w, p.Promotion)
	}
	ref(w, &p.SizeGroup)
	w.string(&p.SizeList)
	for i := range list(w, &p.Sizes, minSize) {
		size(w, &p.Sizes[i])
	}

	for i := range list(w, &p.Images, minImage) {
		image(w, &p.Images[i])
	}
	image(w, &p.Icon)
	image(w, &p.AuctionIcon)
	image(w, &p.GroupIcon)
	for i := range list(w, &p.Attachments, minFile) {
		attachment(w, &p.Attachments[i])
	}
	if pointer(w, &p.Group, &w.spare.group) {
		group(w, p.Group)
	}
	for i := range list(w, &p.Parameters, minParameter) {
		parameter(w, &p.Parameters[i])
	}
	if pointer(w, &p.Bundled, &w.spare.bundled) {
		bundled(w, p.Bundled)
	}
	if pointer(w, &p.Responsible, &w.spare.responsible) {
		responsible(w, p.Responsible)
	}
	for i := range list(w, &p.Attrs, minAttr) {
		attr(w, &p.Attrs[i])
	}
	for i := range list(w, &p.Extensions, minAttr) {
		extension(w, &p.Extensions[i])
	}
}

func texts(w *walker, ts *feed.Texts) {
	for i := range list(w, (*[]feed.Text)(ts), minText) {
		w.language(&(*ts)[i].Lang)
		w.string(&(*ts)[i].Value)
	}
}

func ref(w *walker, r *feed.Ref) { w.strings(&r.ID, &r.Name) }

func reference(w *walker, r *feed.Reference) {
	w.string(&r.ID)
	texts(w, &r.Names)
}

func meta(w *walker, m *feed.MetaText) {
	w.string(&m.Name)
	w.language(&m.Lang)
	w.strings(&m.Site, &m.Value)
}

func prices(w *walker, p *feed.Prices) {
	w.priceList(&p.List, &p.Wholesale, &p.Minimal, &p.SRP, &p.StrikethroughRetail, &p.StrikethroughWholesale)
}

func promotion(w *walker, p *feed.Promotion) {
	w.strings(&p.Name, &p.Start, &p.End)
	w.priceList(&p.Price, &p.NormalRetail, &p.NormalWholesale)
	z := &p.Zones
	w.flags(&z.Promotion, &z.Discount, &z.Distinguished, &z.Special, &z.Bestseller, &z.New)
}

func size(w *walker, s *feed.Size) {
	w.strings(&s.ID, &s.Name, &s.PanelName, &s.Code, &s.ProducerCode, &s.ExternalCode)
	w.weight(&s.Weight)
	w.weight(&s.WeightNet)
	w.weight(&s.WeightMin)
	w.weight(&s.WeightMax)
	w.number(&s.Priority)
	prices(w, &s.Prices)
	for i := range list(w, &s.Stock, minStock) {
		stock(w, &s.Stock[i])
	}
}

func stock(w *walker, s *feed.Stock) {
	n := feed.IntOf(int32(s.Warehouse))
	w.number(&n)
	if !w.encoding {
		v, ok := n.Get()
		if !ok {
			w.fail("stock without a warehouse")
		}
		s.Warehouse = feed.WarehouseID(v)
	}
	w.quantity(&s.Quantity)
	w.quantity(&s.Available)
	w.quantity(&s.Physical)
	w.strings(&s.LocationID, &s.Location)
}

func image(w *walker, i *feed.Image) {
	w.strings(&i.URL, &i.Hash, &i.Changed)
	w.number(&i.Width)
	w.number(&i.Height)
	w.number(&i.Priority)
}

func attachment(w *walker, a *feed.Attachment) {
	w.strings(&a.URL, &a.Name)
	texts(w, &a.Names)
	w.strings(&a.Version, &a.Enable, &a.FileType, &a.Extension)
	w.number(&a.Priority)
	w.flags(&a.DownloadLog)
	w.number(&a.Downloads)
	w.number(&a.Days)
}

func group(w *walker, g *feed.Group) {
	w.strings(&g.ID, &g.First, &g.FirstCode, &g.FirstProducerCode, &g.FirstExternalCode, &g.ExternalCode)
	w.string(&g.Parameter.ID)
	texts(w, &g.Parameter.Names)
	w.string(&g.Value.ID)
	texts(w, &g.Value.Names)
}

func parameter(w *walker, p *feed.Parameter) {
	w.string(&p.ID)
	texts(w, &p.Names)
	w.bool(&p.Section)
	w.number(&p.Priority)
	w.flags(&p.Distinction, &p.GroupDistinction, &p.Hide, &p.AuctionHide)
	w.string(&p.Context)
	for i := range list(w, &p.Values, minValue) {
		value(w, &p.Values[i])
	}
}

func value(w *walker, v *feed.ParameterValue) {
	w.string(&v.ID)
	texts(w, &v.Names)
	w.number(&v.Priority)
	w.string(&v.Context)
}

func bundled(w *walker, b *feed.Bundled) {
	w.bool(&b.Specified)
	for i := range list(w, &b.Components, minComponent) {
		component(w, &b.Components[i])
	}
}

func component(w *walker, c *feed.Component) {
	w.string(&c.ID)
	w.quantity(&c.Quantity)
	if v := w.byte(uint8(c.Choice), uint8(feed.ChooseDefinedSizeSeparately), "a choice of components"); !w.encoding {
		c.Choice = feed.ComponentChoice(v)
	}
	for i := range list(w, &c.Sizes, minCompSize) {
		componentSize(w, &c.Sizes[i])
	}
}

func componentSize(w *walker, s *feed.ComponentSize) {
	w.strings(&s.ID, &s.Name, &s.Code, &s.ProducerCode, &s.ExternalCode)
}

func responsible(w *walker, r *feed.ResponsibleEntity) {
	contact(w, &r.Producer)
	for i := range list(w, &r.Persons, minContact) {
		contact(w, &r.Persons[i])
	}
}

func contact(w *walker, c *feed.Contact) {
	w.strings(&c.ID, &c.Code, &c.Name, &c.Country, &c.Street, &c.Number, &c.City, &c.Zipcode, &c.Mail, &c.Phone)
}

func attr(w *walker, a *feed.Attr) { w.strings(&a.Name, &a.Value) }

func extension(w *walker, e *feed.Extension) { w.strings(&e.Name, &e.XML) }
