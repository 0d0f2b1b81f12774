package iof

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"feedmill/feed"
)

// Light holds the prices and stock of a light file, to be laid over the
// products of a full one. They lie in a temporary file; memory holds 16 bytes
// a product. A Light is not safe for concurrent use.
type Light struct {
	file    *os.File
	header  Header
	entries []lightEntry // sorted by id
	buf     []byte
	p       feed.Product // of the last lookup
	vat     bool         // whether light gave its VAT rate
	used    []bool
	codes   map[string]int // sizes of p by code, where there are many
}

// lightEntry says where in the temporary file a product lies.
type lightEntry struct {
	id feed.ProductID
	at int64
}

// lightPrefix is the length of a product that stands before it.
const lightPrefix = 4

// OpenLight reads a whole light file from src into a temporary file in dir, ""
// for the system's folder of such files; [Light.Close] removes it. Products may
// come in any order; of two with one id the later counts. What is wrong with
// products is reported as [Reader.Products] does, and what is left out there is
// missing here. The error is that of the reader or of the temporary file.
func OpenLight(ctx context.Context, src io.Reader, dir string, opt ReadOptions) (_ *Light, err error) {
	f, err := os.CreateTemp(dir, "light-*.spool")
	if err != nil {
		return nil, fmt.Errorf("spool light file: %w", err)
	}
	l := &Light{file: f}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	opt.Kind = feed.KindLight
	r := NewReader(src, opt)
	r.oneSided = true // the full product has the VAT rate
	out := bufio.NewWriterSize(f, 64<<10)
	at := int64(0)
	for p, err := range r.Products(ctx) {
		if err != nil {
			return nil, fmt.Errorf("spool light file: %w", err)
		}
		l.buf = appendLightProduct(append(l.buf[:0], 0, 0, 0, 0), p, r.vatKnown)
		binary.LittleEndian.PutUint32(l.buf, uint32(len(l.buf)-lightPrefix))
		if _, err := out.Write(l.buf); err != nil {
			return nil, fmt.Errorf("spool light file: %w", err)
		}
		l.entries = append(l.entries, lightEntry{p.ID, at})
		at += int64(len(l.buf))
	}
	if err := out.Flush(); err != nil {
		return nil, fmt.Errorf("spool light file: %w", err)
	}
	l.header = r.head
	slices.SortFunc(l.entries, func(a, b lightEntry) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(b.at, a.at))
	})
	before := len(l.entries)
	l.entries = slices.CompactFunc(l.entries, func(a, b lightEntry) bool { return a.id == b.id })
	if n := before - len(l.entries); n > 0 && opt.Report != nil {
		opt.Report(0, "", "products/product", strconv.Itoa(n)+" products come more than once: the last of each counts", LevelWarning)
	}
	return l, nil
}

// Close removes the temporary file.
func (l *Light) Close() error {
	if l.file == nil {
		return nil
	}
	name := l.file.Name()
	err := errors.Join(l.file.Close(), os.Remove(name))
	l.file = nil
	if err != nil {
		return fmt.Errorf("remove spooled light file: %w", err)
	}
	return nil
}

// Len gives the number of products.
func (l *Light) Len() int { return len(l.entries) }

// Header gives what the root of the light file says.
func (l *Light) Header() Header { return l.header }

// IDs calls visit with the ids in ascending order until it returns false, for
// who wants to know which products only one of the files has.
func (l *Light) IDs(visit func(feed.ProductID) bool) {
	for i := range l.entries {
		if !visit(l.entries[i].id) {
			return
		}
	}
}

// Apply lays the prices and stock that light has for p over those of p; where
// they disagree light wins (IOF 1). Sizes are matched by code, else by id. A
// size that light does not list is out of stock; one that only light lists is
// added. found is false, and p as it was, when light does not have the
// product: readers of IOF take that for out of stock (CONSUMERS 17). The error
// is of [feed.KindConflict] when the two files are in different currencies.
func (l *Light) Apply(p *feed.Product) (found bool, err error) {
	i, ok := slices.BinarySearchFunc(l.entries, p.ID, func(e lightEntry, id feed.ProductID) int { return cmp.Compare(e.id, id) })
	if !ok {
		return false, nil
	}
	if err := l.load(l.entries[i].at); err != nil {
		return false, fmt.Errorf("look up product %d in light file: %w", p.ID, err)
	}
	// A light file without a currency was read as if it had two decimals.
	if l.p.Currency != p.Currency && !(l.p.Currency.IsZero() && p.Currency.Exponent() == 2) {
		return true, feed.Errorf(feed.KindConflict, "product %d is in %s in the light file and in %s in the full one: are they of one offer?", p.ID, currencyName(l.p.Currency), currencyName(p.Currency))
	}
	if l.vat {
		p.VAT = l.p.VAT
	}
	if err := l.completePrices(p.VAT); err != nil {
		return true, err
	}
	light := &l.p.Prices
	overlay(&p.Prices.List, light.List)
	overlay(&p.Prices.SRP, light.SRP)
	overlay(&p.Prices.StrikethroughRetail, light.StrikethroughRetail)
	overlay(&p.Prices.StrikethroughWholesale, light.StrikethroughWholesale)
	l.used = append(l.used[:0], make([]bool, len(l.p.Sizes))...)
	l.indexSizes()
	for i := range p.Sizes {
		s := &p.Sizes[i]
		s.Stock = s.Stock[:0]
		j := l.find(s)
		if j < 0 {
			continue
		}
		l.used[j] = true
		own := &l.p.Sizes[j]
		s.Stock = append(s.Stock, own.Stock...)
		overlaySize(&s.Prices.List, own.Prices.List, light.List)
		overlaySize(&s.Prices.SRP, own.Prices.SRP, light.SRP)
		overlaySize(&s.Prices.StrikethroughRetail, own.Prices.StrikethroughRetail, light.StrikethroughRetail)
		overlaySize(&s.Prices.StrikethroughWholesale, own.Prices.StrikethroughWholesale, light.StrikethroughWholesale)
	}
	for j := range l.p.Sizes {
		if !l.used[j] {
			s := l.p.Sizes[j]
			s.Stock = slices.Clone(s.Stock)
			p.Sizes = append(p.Sizes, s)
		}
	}
	return true, nil
}

// completePrices gives prices of which light has one side the other by VAT.
func (l *Light) completePrices(vat feed.Percent) error {
	complete := func(p *feed.Prices) (err error) {
		for _, x := range [...]*feed.Price{&p.List, &p.SRP, &p.StrikethroughRetail, &p.StrikethroughWholesale} {
			switch {
			case x.Net.IsZero() == x.Gross.IsZero():
				continue
			case x.Net.IsZero():
				*x, err = feed.PriceFromGross(x.Gross, vat)
			default:
				*x, err = feed.PriceFromNet(x.Net, vat)
			}
			if err != nil {
				return feed.Errorf(feed.KindInvalid, "price in the light file: %v", err)
			}
		}
		return nil
	}
	if err := complete(&l.p.Prices); err != nil {
		return err
	}
	for i := range l.p.Sizes {
		if err := complete(&l.p.Sizes[i].Prices); err != nil {
			return err
		}
	}
	return nil
}

// manySizes is how many sizes are looked through one by one.
const manySizes = 32

// indexSizes makes finding quick in products that have more sizes than real
// ones do, so that time does not grow with their square.
func (l *Light) indexSizes() {
	clear(l.codes)
	if len(l.p.Sizes) <= manySizes {
		return
	}
	if l.codes == nil {
		l.codes = map[string]int{}
	}
	for j := len(l.p.Sizes) - 1; j >= 0; j-- {
		l.codes["c"+l.p.Sizes[j].Code] = j
		l.codes["i"+l.p.Sizes[j].ID] = j
	}
}

// find gives the place of a size of p among those of light, or -1.
func (l *Light) find(s *feed.Size) int {
	if len(l.p.Sizes) > manySizes {
		if j, ok := l.codes["c"+s.Code]; ok && s.Code != "" && !l.used[j] {
			return j
		}
		if j, ok := l.codes["i"+s.ID]; ok && !l.used[j] {
			return j
		}
		return -1
	}
	if s.Code != "" {
		for j := range l.p.Sizes {
			if l.p.Sizes[j].Code == s.Code && !l.used[j] {
				return j
			}
		}
	}
	for j := range l.p.Sizes {
		if l.p.Sizes[j].ID == s.ID && !l.used[j] {
			return j
		}
	}
	return -1
}

// overlay replaces a price by the one of light, if there is one.
func overlay(p *feed.Price, light feed.Price) {
	if !light.IsZero() {
		*p = light
	}
}

// overlaySize replaces a size's price by the one of light. A size for which
// light has none has the price of its product in light (IOF 5).
func overlaySize(p *feed.Price, light, product feed.Price) {
	switch {
	case !light.IsZero():
		*p = light
	case !product.IsZero():
		*p = feed.Price{}
	}
}

// load reads the product at a place of the temporary file.
func (l *Light) load(at int64) error {
	const guess = 1 << 10
	l.buf = slices.Grow(l.buf[:0], guess)[:guess]
	n, err := l.file.ReadAt(l.buf, at)
	if err != nil && err != io.EOF {
		return err
	}
	if n < lightPrefix {
		return io.ErrUnexpectedEOF
	}
	size := lightPrefix + int(binary.LittleEndian.Uint32(l.buf))
	if size > n {
		if size > 1<<30 {
			return errLightDamaged
		}
		l.buf = slices.Grow(l.buf[:0], size)[:size]
		if _, err := l.file.ReadAt(l.buf, at); err != nil {
			return err
		}
	}
	l.vat, err = readLightProduct(l.buf[lightPrefix:size], &l.p)
	return err
}

var errLightDamaged = errors.New("the temporary file is damaged: did another program write to it?")

// appendLightProduct writes what light knows of a product; vat says whether it
// gave the VAT rate.
func appendLightProduct(dst []byte, p *feed.Product, vat bool) []byte {
	if vat {
		dst = binary.AppendUvarint(dst, uint64(p.VAT.Millionths())+1)
	} else {
		dst = append(dst, 0)
	}
	dst = appendLightString(dst, p.Currency.String())
	dst = appendLightPrices(dst, &p.Prices)
	dst = binary.AppendUvarint(dst, uint64(len(p.Sizes)))
	for i := range p.Sizes {
		s := &p.Sizes[i]
		for _, v := range [...]string{s.ID, s.Name, s.PanelName, s.Code, s.ProducerCode, s.ExternalCode} {
			dst = appendLightString(dst, v)
		}
		for _, w := range [...]feed.Weight{s.Weight, s.WeightNet, s.WeightMin, s.WeightMax} {
			v := uint64(0)
			if w.Known() {
				v = uint64(w.Milligrams()) + 1
			}
			dst = binary.AppendUvarint(dst, v)
		}
		dst = appendLightPrices(dst, &s.Prices)
		dst = binary.AppendUvarint(dst, uint64(len(s.Stock)))
		for j := range s.Stock {
			dst = binary.AppendUvarint(dst, uint64(s.Stock[j].Warehouse))
			q, v := s.Stock[j].Quantity, uint64(0)
			switch {
			case q.Unlimited():
				v = 1
			case q.Known():
				v = uint64(q.Thousandths()) + 2
			}
			dst = binary.AppendUvarint(dst, v)
		}
	}
	return dst
}

func appendLightString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendLightPrices(dst []byte, p *feed.Prices) []byte {
	for _, x := range [...]feed.Price{p.List, p.SRP, p.StrikethroughRetail, p.StrikethroughWholesale} {
		dst = binary.AppendUvarint(dst, uint64(x.Net.Minor()))
		dst = binary.AppendUvarint(dst, uint64(x.Gross.Minor()))
	}
	return dst
}

// lightReader reads what appendLightProduct wrote.
type lightReader struct {
	b   []byte
	bad bool
}

func readLightProduct(b []byte, p *feed.Product) (vat bool, err error) {
	r := lightReader{b: b}
	p.Reset()
	if v := r.uint(); v > 0 {
		vat = true
		p.VAT, err = feed.PercentOf(int64(v - 1))
		r.check(err)
	}
	if code := r.string(); code != "" {
		p.Currency, err = feed.ParseCurrency(code)
		r.check(err)
	}
	r.prices(&p.Prices)
	for range r.count() {
		p.Sizes = grow(p.Sizes, func(s *feed.Size) { *s = feed.Size{Stock: s.Stock[:0]} })
		s := &p.Sizes[len(p.Sizes)-1]
		for _, v := range [...]*string{&s.ID, &s.Name, &s.PanelName, &s.Code, &s.ProducerCode, &s.ExternalCode} {
			*v = r.string()
		}
		for _, w := range [...]*feed.Weight{&s.Weight, &s.WeightNet, &s.WeightMin, &s.WeightMax} {
			if v := r.uint(); v > 0 {
				*w, err = feed.WeightOf(int64(v - 1))
				r.check(err)
			}
		}
		r.prices(&s.Prices)
		for range r.count() {
			t := feed.Stock{Warehouse: feed.WarehouseID(r.uint())}
			switch v := r.uint(); v {
			case 0:
			case 1:
				t.Quantity = feed.Unlimited()
			default:
				t.Quantity, err = feed.QuantityOf(int64(v - 2))
				r.check(err)
			}
			s.Stock = append(s.Stock, t)
		}
	}
	if r.bad || len(r.b) > 0 {
		return false, errLightDamaged
	}
	return vat, nil
}

func (r *lightReader) check(err error) { r.bad = r.bad || err != nil }

func (r *lightReader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count reads the length of a list, whose elements take at least two bytes each.
func (r *lightReader) count() int {
	n := r.uint()
	if n > uint64(len(r.b)/2) {
		r.bad, r.b = true, nil
		return 0
	}
	return int(n)
}

func (r *lightReader) string() string {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}

func (r *lightReader) prices(p *feed.Prices) {
	for _, x := range [...]*feed.Price{&p.List, &p.SRP, &p.StrikethroughRetail, &p.StrikethroughWholesale} {
		for _, a := range [...]*feed.Amount{&x.Net, &x.Gross} {
			var err error
			*a, err = feed.AmountOf(int64(r.uint()))
			r.check(err)
		}
	}
}
