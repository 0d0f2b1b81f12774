package iof

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"feedmill/feed"
	"feedmill/schema/xmltok"
)

// Level is how grave something is that a reader reports.
type Level uint8

// The levels. After a warning the product is read all the same; an error
// leaves the product out.
const (
	LevelWarning Level = iota
	LevelError
)

// String gives "warning" or "error".
func (l Level) String() string {
	if l == LevelError {
		return "error"
	}
	return "warning"
}

// ReadOptions are what a [Reader] may be told. The zero value works.
type ReadOptions struct {
	// Kind is what the file is known to be, from its address say; zero lets the
	// reader find out.
	Kind feed.Kind
	// Currency and Language stand in for those that the file does not give.
	Currency feed.Currency
	Language feed.Language
	// Limits of the XML; see [xmltok.Limits] for the defaults.
	Limits xmltok.Limits
	// ProductBytes and ProductElements bound one product node and so the
	// memory of a reader; 16 MiB and 100,000.
	ProductBytes    int64
	ProductElements int64
	// Report is told what is wrong with the file and its products: the line,
	// the product's id as written ("" outside products), the place such as
	// "sizes/size/@weight", and what to know. Nil drops reports.
	Report func(line int, product, field, message string, level Level)
	// Removed is told the products that left the offer (IOF 6), in the order of
	// the file among those that [Reader.Products] yields.
	Removed func(id feed.ProductID)
}

const (
	defaultProductBytes    = 16 << 20
	defaultProductElements = 100_000
	// maxWarned bounds the memory of what was warned of once.
	maxWarned = 1000
)

// Header is what the root of an offer says (IOF 3).
type Header struct {
	Version, GeneratedBy string
	// Generated and Expires are local times of the shop, given as UTC; zero
	// when not given.
	Generated, Expires time.Time
	// Language of untagged texts and Currency of prices; zero when not given.
	Language feed.Language
	Currency feed.Currency
}

// A Reader reads full.xml, full_change….xml or light.xml product by product,
// in memory that does not grow with the file. It is written for the files that
// suppliers really send: versions 2.x and 3.0, with or without a default
// namespace, with what their schemas forbid. What it cannot make sense of is
// reported and left out; a price or VAT rate that it cannot read leaves out
// the product, because a wrong price is worse than none.
//
// A Reader reads a file once and is not safe for concurrent use.
type Reader struct {
	t    *xmltok.Reader
	opt  ReadOptions
	head Header
	kind feed.Kind
	core string // namespace of the root and so of the core elements
	err  error  // final

	begun   bool // the header was read
	pending bool // the current token is the first product's start
	inside  bool // inside products

	p        feed.Product
	id       string // of the product, as written
	vatKnown bool
	oneSided bool // a price of one side is taken without a VAT rate
	bad      bool // the product is left out
	sites    []sitePrice
	code     string // product@code_producer of 2.x files
	start    int64  // of the product, in bytes and elements
	line     int    // that the product starts in
	elements int64

	arena  arena
	langs  map[string]feed.Language
	warned map[string]struct{}
	buf    []byte
}

// NewReader makes a reader of the offer file in src. Nothing is read yet.
func NewReader(src io.Reader, opt ReadOptions) *Reader {
	if opt.ProductBytes == 0 {
		opt.ProductBytes = defaultProductBytes
	}
	if opt.ProductElements == 0 {
		opt.ProductElements = defaultProductElements
	}
	return &Reader{
		t: xmltok.NewReader(src, opt.Limits), opt: opt,
		langs: map[string]feed.Language{}, warned: map[string]struct{}{},
	}
}

// Line gives the line that the product which was yielded last starts in.
func (r *Reader) Line() int { return r.line }

// Header reads up to the first product and gives what the root says.
func (r *Reader) Header() (Header, error) {
	r.begin()
	return r.head, r.failure()
}

// Kind reads up to the first product and says what the file is: the kind of
// the options, or else light for an offer whose first product has no more than
// what light products have, and full for any other. Only the options can tell
// a change file, because its shape is that of full. Dictionaries are named,
// too, but read by [ReadDictionary].
func (r *Reader) Kind() (feed.Kind, error) {
	r.begin()
	return r.kind, r.failure()
}

// failure gives the error that ended the stream, nil for its regular end.
func (r *Reader) failure() error {
	if r.err == io.EOF {
		return nil
	}
	return r.err
}

// Products reads the products one after the other. A yielded product is valid
// until the next one is asked for; its strings stay valid, its slices do not.
// The second value is the one error that ends the stream: malformed XML
// ([feed.KindInvalid]), a limit, an error of the source, or that of ctx.
func (r *Reader) Products(ctx context.Context) iter.Seq2[*feed.Product, error] {
	return func(yield func(*feed.Product, error) bool) {
		r.begin()
		if r.err == nil && !isOffer(r.kind) {
			r.err = feed.Errorf(feed.KindInvalid, "read offer: the file is a %s file and holds no products", r.kind)
		}
		for r.err == nil {
			if err := ctx.Err(); err != nil {
				r.err = err
				break
			}
			if !r.nextProduct() {
				break
			}
			if !yield(&r.p, nil) {
				return
			}
		}
		if err := r.failure(); err != nil {
			yield(nil, err)
		}
	}
}

func isOffer(k feed.Kind) bool {
	return k == feed.KindFull || k == feed.KindFullChange || k == feed.KindLight
}

// rootKinds are the roots of the files of an offer (IOF 1).
func rootKind(local string) feed.Kind {
	switch local {
	case "offer":
		return feed.KindFull
	case "provider_description":
		return feed.KindGateway
	case "categories":
		return feed.KindCategories
	case "sizes":
		return feed.KindSizes
	case "producers":
		return feed.KindProducers
	case "units":
		return feed.KindUnits
	case "parameters":
		return feed.KindParameters
	case "stocks":
		return feed.KindStocks
	case "series":
		return feed.KindSeries
	case "warranties":
		return feed.KindWarranties
	case "preset":
		return feed.KindPreset
	}
	return 0
}

// root reads up to the start of the root element.
func (r *Reader) root() bool {
	for r.err == nil {
		kind, err := r.t.Next()
		if err != nil {
			r.fatal(err)
			return false
		}
		if kind == xmltok.StartElement {
			r.core = r.t.Name().Space
			return true
		}
	}
	return false
}

// begin reads the header and the start of the first product.
func (r *Reader) begin() {
	if r.begun {
		return
	}
	r.begun = true
	r.head.Currency, r.head.Language = r.opt.Currency, r.opt.Language
	if !r.root() {
		return
	}
	name := string(r.t.Name().Local)
	if r.kind = rootKind(name); r.kind == 0 {
		r.err = feed.Errorf(feed.KindInvalid, "read offer: the root element is <%.60s>, not one of an Internet Offer Format file", name)
		return
	}
	if r.kind != feed.KindFull {
		return
	}
	if isOffer(r.opt.Kind) {
		r.kind = r.opt.Kind
	}
	r.offerAttrs()
	if !r.findProducts() {
		r.warn("products", "the file has no products element")
		r.finish()
		return
	}
	if r.pending = r.child(); !r.pending {
		r.inside = false
		return
	}
	if r.opt.Kind == 0 && r.isLight() {
		r.kind = feed.KindLight
	}
}

// findProducts goes on to a products element under the root.
func (r *Reader) findProducts() bool {
	for r.child() {
		if r.isCore(r.t.Name()) && string(r.t.Name().Local) == "products" {
			r.inside = true
			for i := range r.t.Attrs() {
				switch a := &r.t.Attrs()[i]; string(a.Local) {
				case "currency":
					r.headCurrency(a.Value)
				case "language":
					r.headLanguage(a.Value)
				}
			}
			return true
		}
		r.unknown("offer/")
	}
	return false
}

// isLight looks at the start tag of the first product: those of light files
// carry an id and the VAT rate alone (IOF 5).
func (r *Reader) isLight() bool {
	for i := range r.t.Attrs() {
		switch a := &r.t.Attrs()[i]; {
		case isExtension(a.Name):
			return false
		case string(a.Local) != "id" && string(a.Local) != "vat":
			return false
		}
	}
	return true
}

func (r *Reader) offerAttrs() {
	for i := range r.t.Attrs() {
		a := &r.t.Attrs()[i]
		switch string(a.Local) {
		case "version":
			r.head.Version = r.trimmed(a.Value)
		case "generated_by":
			r.head.GeneratedBy = r.trimmed(a.Value)
		case "generated":
			r.head.Generated = r.time("offer/@generated", a.Value)
		case "expires":
			r.head.Expires = r.time("offer/@expires", a.Value)
		case "currency": // iaiext:currency of 2.x files
			r.headCurrency(a.Value)
		}
	}
}

func (r *Reader) headCurrency(v []byte) {
	s := strings.ToUpper(r.trimmed(v))
	if s == "" {
		return
	}
	c, err := feed.ParseCurrency(s)
	if err != nil {
		r.warn("products/@currency", err.Error())
		return
	}
	r.head.Currency = c
}

func (r *Reader) headLanguage(v []byte) {
	if l := r.language("products/@language", v); !l.IsZero() {
		r.head.Language = l
	}
}

// time reads either of the two patterns of dates (IOF 2.4).
func (r *Reader) time(field string, v []byte) time.Time {
	s := r.trimmed(v)
	if s == "" {
		return time.Time{}
	}
	plain := strings.NewReplacer(".", "-", "|", "-", "T", " ").Replace(s)
	if len(plain) > 10 && plain[10] != ' ' {
		plain = plain[:10] + " " + plain[10:]
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, plain); err == nil {
			return t.UTC()
		}
	}
	r.warn(field, fmt.Sprintf("%.40q is not a time such as 2026-03-02 01:10:00", s))
	return time.Time{}
}

// nextProduct reads the next product that is not left out.
func (r *Reader) nextProduct() bool {
	for r.err == nil {
		switch {
		case r.pending:
			r.pending = false
		case !r.inside:
			r.finish()
			return false
		case !r.child():
			r.inside = false
			if r.err == nil && r.findProducts() {
				r.warn("products", "the file has more than one products element")
			}
			continue
		}
		if r.err != nil {
			return false
		}
		if name := r.t.Name(); !r.isCore(name) || string(name.Local) != "product" {
			r.unknown("products/")
			continue
		}
		if r.product() && r.err == nil {
			return true
		}
	}
	return false
}

// finish reads the rest of the document, so that a file that was cut off does
// not pass for a shorter one.
func (r *Reader) finish() {
	for r.err == nil {
		if _, err := r.t.Next(); err != nil {
			r.fatal(err)
		}
	}
}

// fatal ends the stream.
func (r *Reader) fatal(err error) {
	var bad *xmltok.Error
	switch {
	case r.err != nil:
	case err == io.EOF:
		r.err = err
	case errors.As(err, &bad):
		r.err = &feed.Error{Kind: feed.KindInvalid, Message: "read offer", Err: err}
	default:
		r.err = fmt.Errorf("read offer: %w", err)
	}
}

// warn reports something that the product is read in spite of.
func (r *Reader) warn(field, message string) { r.report(field, message, LevelWarning) }

// reject reports why the product is left out.
func (r *Reader) reject(field, message string) {
	r.bad = true
	r.report(field, message, LevelError)
}

func (r *Reader) report(field, message string, level Level) {
	if r.opt.Report != nil {
		r.opt.Report(r.t.Pos().Line, r.id, field, message, level)
	}
}

// once says whether a name is to be warned of: only the first time.
func (r *Reader) once(name string) bool {
	if r.opt.Report == nil || len(r.warned) >= maxWarned {
		return false
	}
	if _, ok := r.warned[name]; ok {
		return false
	}
	r.warned[name] = struct{}{}
	return true
}

// unknown skips an element that the format does not know, with one warning
// for each name.
func (r *Reader) unknown(under string) {
	if name := under + r.t.Name().String(); r.once(name) {
		r.warn(name, "the element is not known and was ignored")
	}
	r.skip()
}
